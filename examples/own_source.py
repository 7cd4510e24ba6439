"""A source of your own: pictures from a folder, as if a camera had taken them.

Give a worker its import path, and it runs in a process of its own:

    WorkerSpec(
        stream="camera",
        modality=Modality.VISION,
        source=FactorySpec(factory="own_source:FolderCamera", arguments={"folder": "pictures"}),
        checkpoint=imagebind_directory(default_checkpoint()),
    )
"""

import time
from pathlib import Path
from typing import Self

import cv2

from sensebind.errors import SourceError
from sensebind.perception.percept import Modality, Observation


class FolderCamera:
    """Each picture of a folder once, in order of name."""

    modality = Modality.VISION
    dropped = 0

    def __init__(self, folder: str, stream: str = "camera") -> None:
        self.stream = stream
        self._folder = Path(folder)
        self._paths: list[Path] = []
        self._sequence = 0

    def __enter__(self) -> Self:
        self._paths = sorted(self._folder.glob("*.jpg"))
        if not self._paths:
            raise SourceError(f"no *.jpg in {self._folder}: put pictures there")
        return self

    def __exit__(self, *_: object) -> None:
        self._paths.clear()

    def read(self, timeout: float = 5.0) -> Observation:
        if not self._paths:
            raise SourceError(f"all pictures of {self._folder} have been read")
        path = self._paths.pop(0)
        pixels = cv2.imread(str(path))
        if pixels is None:
            raise SourceError(f"{path} is no picture")
        self._sequence += 1
        return Observation(
            data=cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB),
            stream=self.stream,
            modality=self.modality,
            captured_at=time.time_ns(),
            monotonic=time.monotonic(),
            sequence=self._sequence,
            frame_id="camera_optical",
        )

    def read_latest(self, max_age: float, timeout: float = 0.0) -> Observation:
        return self.read(timeout)


if __name__ == "__main__":
    import sys

    with FolderCamera(sys.argv[1]) as camera:
        observation = camera.read()
        print(observation.stream, observation.sequence, observation.data.shape)
