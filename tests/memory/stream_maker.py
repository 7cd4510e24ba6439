"""Makes percept streams whose episodes are known."""

from collections.abc import Iterable, Iterator

import numpy as np

from sensebind.perception.percept import Modality, Percept, PerceptHeader, observation_reference

DIM = 32
BEGIN = 1_763_700_000_000_000_000  # ns
MODEL = "abc123def456"
MODALITIES = {"camera": Modality.VISION, "microphone": Modality.AUDIO, "lidar": Modality.POINT}


def thing(number: int, dim: int = DIM) -> np.ndarray:
    """The direction in which a thing lies, float32 [dim]; two are nearly orthogonal."""
    return unit(np.random.default_rng([number, 77]).standard_normal(dim))


def unit(vector: np.ndarray) -> np.ndarray:
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def near(vector: np.ndarray, seed: int, noise: float = 0.05) -> np.ndarray:
    """A vector close to another: at a cosine distance of about dim × noise² / 2."""
    return unit(vector + noise * np.random.default_rng(seed).standard_normal(len(vector)))


def percept(
    seconds: float,
    embedding: np.ndarray | None,
    stream: str = "camera",
    *,
    model: str = MODEL,
    wall: int = 0,
    payload: bytes | None = None,
) -> Percept:
    """A percept captured `seconds` after `BEGIN`; None perceived nothing.

    `wall`: what the wall clock is off by, ns.
    """
    captured = BEGIN + int(seconds * 1e9) + wall
    present = embedding is not None
    vector = np.zeros(DIM, np.float32) if embedding is None else embedding
    header = PerceptHeader(
        stream=stream,
        modality=MODALITIES[stream],
        sequence=int(seconds * 1000),
        captured_at=captured,
        published_at=captured,
        monotonic=1000.0 + seconds,
        shape=(len(vector),),
        model=model,
        observation=observation_reference(stream, captured),
        present=present,
    )
    return Percept(header, vector, payload)


def stream_of(
    plan: Iterable[tuple[int, int]], stream: str = "camera", rate: float = 5.0, start: float = 0.0
) -> Iterator[Percept]:
    """A stream that perceives thing `a` for `n` percepts, for each (a, n) of a plan."""
    index = 0
    for number, count in plan:
        for _ in range(count):
            yield percept(start + index / rate, near(thing(number), index), stream)
            index += 1
