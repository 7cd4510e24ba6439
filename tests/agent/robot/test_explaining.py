"""What is said of a sense in an answer is what the encoder, the cache and the gates computed."""

import numpy as np
import pytest
import torch

from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.conditioning.tagging import Tagger, vocabulary
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.robot.explaining import explain
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import InputError
from sensebind.perception.frames.codecs import MEDIA, compress
from sensebind.perception.frames.store import Frame
from sensebind.perception.percept import Modality, Observation

pytestmark = pytest.mark.slow
RATE = 16_000


def frame(modality: Modality, data: np.ndarray, rate: int = 0) -> Frame:
    observation = Observation(data, "s", modality, 1, 0.0, 1, "", rate)
    return Frame("s", 1, modality, 1, "", rate, MEDIA[modality], compress(observation))


@pytest.fixture(scope="module")
def parts() -> tuple[Embedder, Tagger, ChatSenseBind]:
    weights = default_checkpoint()
    return (
        Embedder(weights),
        Tagger(weights, vocabulary(weights)),
        ChatSenseBind(model=str(weights)),
    )


def bell() -> np.ndarray:
    time = np.arange(2 * RATE) / RATE
    tones = [np.sin(2 * np.pi * hertz * time) for hertz in (880, 1760, 2640)]
    return (0.2 * np.sum(tones, axis=0) * np.exp(-2 * time)).astype(np.float32)


def test_a_sound_has_neighbours_that_make_its_embedding(parts) -> None:
    embedder, words, chat = parts
    heard = frame(Modality.AUDIO, bell(), RATE)
    found = explain(heard, embedder, words, chat)
    assert found["sense"] == "hearing" and len(found["neighbours"]) == 10
    similarities = [one["similarity"] for one in found["neighbours"]]
    assert similarities == sorted(similarities, reverse=True)
    assert sum(one["share"] for one in found["neighbours"]) == pytest.approx(1, abs=1e-3)
    assert all(one["word"] in words.words for one in found["neighbours"])
    blended = embedder.blended("audio", heard.decode(), RATE)
    raw = embedder._media.embed("audio", heard.decode(), RATE)
    mean = sum(share * vector for _, share, vector in blended.neighbours)
    expected = 0.5 * raw + 0.5 * mean / np.linalg.norm(mean)
    assert blended.embedding == pytest.approx(expected / np.linalg.norm(expected), abs=1e-3)


def test_the_gate_and_what_is_added_are_the_models_own(parts) -> None:
    embedder, words, chat = parts
    pixels = np.random.default_rng(0).integers(0, 255, (96, 96, 3), np.uint8)
    seen = frame(Modality.VISION, pixels)
    found = explain(seen, embedder, words, chat)
    assert found["sense"] == "sight" and found["neighbours"] == []  # images go in as they are
    model, slot = chat.llm.model, chat.llm.senses.index("sight")
    gates = model.adapter.gates[:, slot].detach().tanh().abs().mean()
    assert found["gate"] == pytest.approx(float(gates), abs=1e-3)
    embedding = torch.zeros(1, 1, len(chat.llm.senses), chat.llm.bind_dim)
    embedding[0, 0, slot] = torch.from_numpy(embedder.blended("vision", seen.decode(), 0).embedding)
    present = torch.arange(len(chat.llm.senses)) == slot
    with torch.inference_mode():
        dtype = model.adapter.prefix.dtype
        vectors = model.injection(embedding.to(dtype), present[None, None])[0, 0].float()
    assert found["added"] == pytest.approx(float(vectors.norm(dim=1).mean()), rel=1e-2)


def test_what_is_not_explained_is_refused(parts) -> None:
    with pytest.raises(InputError, match="a sweep"):
        explain(frame(Modality.POINT, np.ones((9, 3), np.float32)), *parts)
    with pytest.raises(InputError, match="nothing to perceive"):
        explain(frame(Modality.AUDIO, np.zeros(2 * RATE, np.float32), RATE), *parts)
