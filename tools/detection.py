"""Object detection as a tool: what is where on the newest frame."""

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import torch
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field, create_model
from transformers import AutoImageProcessor, AutoModelForObjectDetection
from transformers.utils import logging as transformers_logging

from sensebind.errors import CheckpointError, InputError, SourceError
from sensebind.perception.percept import Observation

FrameProvider = Callable[[], Observation]
"""Gives the newest frame (uint8 [H, W, 3] RGB), or raises SourceError."""

NEAR_HEIGHT = 0.25  # a box at least this share of the frame's height is called near
MAX_TOLD = 8  # places told to the model; the artifact holds all


@dataclass(frozen=True, slots=True)
class Detection:
    """One thing found in a frame.

    Attributes:
        label: Class name.
        score: Confidence, 0..1.
        box: Corners x0, y0, x1, y1 in pixels of the frame.
    """

    label: str
    score: float
    box: tuple[float, float, float, float]

    def place(self, width: int, height: int) -> str:
        """Says where it is, e.g. `left near`, in a frame of this size in pixels."""
        centre = (self.box[0] + self.box[2]) / 2 / width
        side = "left" if centre < 1 / 3 else "right" if centre > 2 / 3 else "middle"
        near = (self.box[3] - self.box[1]) / height >= NEAR_HEIGHT
        return f"{side} {'near' if near else 'far'}"


class Detector:
    """Any transformers object-detection checkpoint."""

    def __init__(self, model: Any, processor: Any, threshold: float) -> None:
        self._model = model
        self._processor = processor
        self.threshold = threshold
        self.labels: tuple[str, ...] = tuple(
            str(model.config.id2label[i]) for i in sorted(model.config.id2label)
        )

    @classmethod
    def from_pretrained(cls, directory: str | Path, *, threshold: float = 0.5) -> "Detector":
        """Loads a checkpoint in the Hugging Face layout.

        Args:
            directory: Holds config.json, model.safetensors, preprocessor_config.json.
            threshold: Least confidence of a detection, 0..1.

        Raises:
            CheckpointError: The directory is missing, damaged, or not an object detector.
        """
        path = Path(directory)
        if not (path / "config.json").is_file():
            raise CheckpointError(
                f"no detector at {path} (config.json is missing): train one with "
                "`sensebind train detector`"
            )
        shown = transformers_logging.is_progress_bar_enabled()
        transformers_logging.disable_progress_bar()
        try:
            model, report = AutoModelForObjectDetection.from_pretrained(
                path, dtype=torch.float32, local_files_only=True, output_loading_info=True
            )
            processor = AutoImageProcessor.from_pretrained(
                path, local_files_only=True, backend="pil"
            )
        except (OSError, ValueError, KeyError, RuntimeError, ImportError) as error:
            reason = str(error).strip().splitlines()[0] if str(error).strip() else repr(error)
            raise CheckpointError(f"the detector at {path} cannot be loaded: {reason}") from error
        finally:
            if shown:
                transformers_logging.enable_progress_bar()
        missing = sorted(report["missing_keys"])
        if missing:
            raise CheckpointError(
                f"the detector at {path} lacks {len(missing)} tensors, e.g. {missing[0]}"
            )
        return cls(model.eval(), processor, threshold)

    @torch.inference_mode()
    def detect_batch(
        self, images: Sequence[np.ndarray], threshold: float | None = None
    ) -> list[list[Detection]]:
        """Finds things in several frames.

        Args:
            images: Frames, uint8 [H, W, 3] RGB.
            threshold: Least confidence; the detector's own by default.

        Returns:
            Per frame its detections, most confident first.

        Raises:
            InputError: A frame is not a uint8 RGB picture.
        """
        for image in images:
            if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
                raise InputError(
                    f"a frame must be uint8 [H, W, 3], got {image.dtype} {list(image.shape)}"
                )
        inputs = self._processor(images=list(images), return_tensors="pt")
        outputs = self._model(**inputs)
        found = self._processor.post_process_object_detection(
            outputs,
            threshold=self.threshold if threshold is None else threshold,
            target_sizes=[image.shape[:2] for image in images],
        )
        names = self._model.config.id2label
        batches: list[list[Detection]] = []
        for one in found:
            rows = zip(
                one["scores"].tolist(), one["labels"].tolist(), one["boxes"].tolist(), strict=True
            )
            batches.append(
                sorted(
                    (Detection(str(names[label]), score, tuple(box)) for score, label, box in rows),
                    key=lambda detection: -detection.score,
                )
            )
        return batches

    def detect(self, image: np.ndarray, threshold: float | None = None) -> list[Detection]:
        """Finds things in one frame; see `detect_batch`."""
        return self.detect_batch([image], threshold)[0]


def describe(kind: str, detections: Sequence[Detection], width: int, height: int) -> str:
    """Returns what the model is told: `2 ball: left near, right far`, or `0 ball`.

    Things are listed from left to right.
    """
    if not detections:
        return f"0 {kind}"
    ordered = sorted(detections, key=lambda detection: detection.box[0] + detection.box[2])
    places = ", ".join(one.place(width, height) for one in ordered[:MAX_TOLD])
    return f"{len(detections)} {kind}: {places}"


def detect_tool(detector: Detector, frame: FrameProvider, *, max_age: float = 1.0) -> BaseTool:
    """Returns the `detect` tool, which counts and places one kind of thing on the newest frame.

    Args:
        detector: What finds things.
        frame: Where the newest frame comes from.
        max_age: Seconds after which a frame is too old to answer from.
    """
    kinds: Any = StrEnum("Kind", {name: name for name in detector.labels})
    arguments: type[BaseModel] = create_model(
        "Detect", kind=(kinds, Field(description="What to look for."))
    )

    def detect(kind: str) -> tuple[str, dict[str, Any]]:
        try:
            observation = frame()
        except SourceError as error:
            raise ToolException(f"there is no picture: {error}") from error
        age = time.monotonic() - observation.monotonic
        if age > max_age:
            raise ToolException(f"the newest picture is {age:.1f} s old")
        image = observation.data
        height, width = image.shape[:2]
        found = detector.detect(image)
        wanted = [one for one in found if one.label == str(kind)]
        return describe(str(kind), wanted, width, height), {
            "reference": observation.reference,
            "age_ms": round(age * 1000, 1),
            "detections": [asdict(one) for one in found],
        }

    return StructuredTool.from_function(
        detect,
        name="detect",
        description="Counts the things of one kind in view and says where they are.",
        args_schema=arguments,
        response_format="content_and_artifact",
        handle_tool_error=lambda error: f"error: {error}",
        handle_validation_error="error: this kind of thing is unknown to the detector",
    )
