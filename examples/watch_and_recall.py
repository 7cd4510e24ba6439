"""A robot visits three homes, watches for a dog, and remembers what it saw. Time is simulated.

python examples/watch_and_recall.py
"""

import time
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.robot.watch_runner import sentence
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder
from sensebind.memory.retriever import EpisodeRetriever
from sensebind.memory.watches import Watch, Watcher
from sensebind.perception.encoders.imagebind import SenseEncoder
from sensebind.perception.percept import Modality, Observation, Percept, PerceptHeader
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.synthesis import RATE

HOMES = [(("plant", "green"), False), (("ball", "red"), "dog"), (("chair", "blue"), False)]
STAY, STEP = 4.0, 0.5  # seconds
BEGIN = time.time_ns() - int(STAY * len(HOMES) * 1e9)


def perceive(encoder: SenseEncoder, modality: Modality, data: np.ndarray, now: float) -> Percept:
    """Does what a worker does: encodes, and says from where and when."""
    stream, rate = ("microphone", RATE) if modality is Modality.AUDIO else ("camera", 0)
    at = BEGIN + int(now * 1e9)
    vector = encoder.encode(Observation(data, stream, modality, at, now, 0, stream, rate))
    header = PerceptHeader(
        stream=stream,
        modality=modality,
        sequence=0,
        captured_at=at,
        published_at=at,
        monotonic=now,
        shape=(encoder.width,),
        model=encoder.digest,
        present=vector is not None,
    )
    return Percept(header, np.zeros(encoder.width, np.float32) if vector is None else vector)


def live(recorder: Recorder, watcher: Watcher) -> None:
    """Spends a few seconds in each home."""
    directory = imagebind_directory(default_checkpoint())
    sight = SenseEncoder.from_pretrained(directory, Modality.VISION)
    hearing = SenseEncoder.from_pretrained(directory, Modality.AUDIO)
    now = 0.0
    for number, (main_thing, sound) in enumerate(HOMES):
        scene = sample_scene(10_000_100 + number, main=main_thing, sounding=sound)
        with SimHome(scene) as home:
            home.step(2.0)
            for _ in range(int(STAY / STEP)):
                home.step(STEP)
                now += STEP
                for percept in (
                    perceive(sight, Modality.VISION, home.camera(), now),
                    perceive(hearing, Modality.AUDIO, home.microphone(2.0), now),
                ):
                    recorder.record(percept)
                    watcher(percept)


def main() -> None:
    embedder = Embedder(default_checkpoint())
    words = np.stack([embedder.text(f"a {kind}") for kind in ("ball", "cat", "piano", "plant")])
    watcher = Watcher(lambda alert: print("watch:", sentence(alert)), words=words)
    watcher.put([Watch("a dog", embedder.text("a dog"), modality="audio")])
    with TemporaryDirectory() as folder:
        recorder = Recorder(Path(folder) / "memory.db")
        live(recorder, watcher)
        recorder.stop()
        with EpisodeMemory(Path(folder) / "memory.db") as memory:
            retriever = EpisodeRetriever(memory=memory, embed=embedder.text, k=1)
            print("a red ball:", retriever.invoke("a red ball")[0].page_content)
            dog = retriever.invoke("a dog", sense="hearing", when="last")[0]
            print("the last dog:", dog.page_content)


if __name__ == "__main__":
    main()
