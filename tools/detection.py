"""Object detection as a tool: what is where on the newest frame."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from logging import CRITICAL
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field, create_model
from transformers import (
    AutoImageProcessor,
    AutoModelForObjectDetection,
    AutoModelForZeroShotObjectDetection,
    AutoProcessor,
)
from transformers.utils import logging as transformers_logging

from sensebind.errors import CheckpointError, InputError, ToolError, one_line
from sensebind.perception.checkpoint_json import (
    check_bounds,
    check_depth,
    check_sides,
    read_object,
)
from sensebind.perception.tensor_files import TensorFile, all_finite, directory_files
from sensebind.tools.base import MAX_AGE, Frame, FrameProvider, make_tool, newest_frame
from sensebind.tools.ranging import Position, Ranging
from sensebind.tools.risk import Origin, Risk, label

NEAR_HEIGHT = 0.25  # a box at least this share of the frame's height is called near
# Chosen on 250 development homes: of kinds in view 94 % are counted right, of others 97 %.
THRESHOLD = 0.3  # confidence of a detection that is reported, unless said otherwise
SAME, SAME_PLACE = 0.5, 0.7  # overlap of boxes of one name that are one thing; of several names
MUCH_LESS = 0.6  # share of another one's confidence below which a name is let go
MAX_TOLD = 8  # places reported to the model; the artifact holds all


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
    """Any transformers object-detection checkpoint.

    Attributes:
        threshold: Least confidence of a detection, 0..1.
        labels: Names of the classes that the checkpoint knows, in the order of their ids.
    """

    def __init__(self, model: Any, processor: Any, threshold: float) -> None:
        self._model = model
        self._processor = processor
        self.threshold = threshold
        self.labels: tuple[str, ...] = tuple(
            str(model.config.id2label[i]) for i in sorted(model.config.id2label)
        )

    @classmethod
    def from_pretrained(cls, directory: str | Path, *, threshold: float = THRESHOLD) -> "Detector":
        """Loads a checkpoint in the Hugging Face layout.

        Args:
            directory: Holds config.json, model.safetensors, preprocessor_config.json.
            threshold: Least confidence of a detection, 0..1.

        Raises:
            CheckpointError: The directory is missing, damaged, or not an object detector.
        """
        model, processor = _load(
            Path(directory), AutoModelForObjectDetection, AutoImageProcessor, backend="pil"
        )
        return cls(model, processor, threshold)

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
            _check(image)
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


def distinct(detections: Sequence[Detection]) -> list[Detection]:
    """Leaves one box for each thing, most confident first.

    Detectors without suppression of their own (RT-DETR) find a thing twice now and then, and give
    one box several names. Boxes of one name that cover each other are one thing; a name is let go
    where another one is much surer.
    """
    kept: list[Detection] = []
    for one in sorted(detections, key=lambda detection: -detection.score):
        if not any(_outdone(one, other) for other in kept):
            kept.append(one)
    return kept


def _outdone(one: Detection, other: Detection) -> bool:
    """Whether a surer detection is of the same thing."""
    overlap = _overlap(one.box, other.box)
    if one.label == other.label:
        return overlap > SAME
    return overlap > SAME_PLACE and one.score < MUCH_LESS * other.score


def _overlap(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    """Intersection over union of two boxes."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (a, b)]
    return both / (sum(areas) - both)


def describe(kind: str, detections: Sequence[Detection], width: int, height: int) -> str:
    """Returns what the model reads: `2 ball: left near, right far`, or `0 ball`.

    Things are listed from left to right.
    """
    if not detections:
        return f"0 {kind}"
    ordered = sorted(detections, key=lambda detection: detection.box[0] + detection.box[2])
    places = ", ".join(one.place(width, height) for one in ordered[:MAX_TOLD])
    return f"{len(detections)} {kind}: {places}"


def _report(
    kind: str,
    wanted: Sequence[Detection],
    found: Sequence[Detection],
    frame: Frame,
    ranging: Ranging | None,
) -> tuple[str, dict[str, Any]]:
    """What the model reads, and everything that was found."""
    height, width = frame.image.shape[:2]
    wanted = sorted(wanted, key=lambda one: one.box[0] + one.box[2])
    positions: list[Position | None] = [None] * len(wanted)
    if ranging is not None:
        positions = ranging.positions([one.box for one in wanted], width, height)
    told = describe(kind, wanted, width, height)
    known = [f"{position}" for position in positions[:MAX_TOLD] if position is not None]
    if known:
        told += f"; seen from the robot: {'; '.join(known)}"
    return told, {
        "reference": frame.reference,
        "age_ms": frame.age_ms,
        "detections": [asdict(one) for one in found],
        "positions": [None if one is None else asdict(one) for one in positions],
    }


def detect_tool(
    detector: Detector,
    frame: FrameProvider,
    *,
    max_age: float = MAX_AGE,
    ranging: Ranging | None = None,
) -> BaseTool:
    """Returns the `detect` tool, which counts and places one kind of thing on the newest frame.

    Args:
        detector: What finds things.
        frame: Where the newest frame comes from.
        max_age: Seconds after which a frame is too old to answer from.
        ranging: Locates objects in the robot's frame, too.
    """
    kinds: Any = StrEnum("Kind", {name: name for name in detector.labels})
    arguments: type[BaseModel] = create_model(
        "Detect", kind=(kinds, Field(description="What to look for."))
    )

    def detect(kind: str) -> tuple[str, dict[str, Any]]:
        newest = newest_frame(frame, max_age)
        found = distinct(detector.detect(newest.image))
        wanted = [one for one in found if one.label == str(kind)]
        return _report(str(kind), wanted, found, newest, ranging)

    return make_tool(
        detect,
        "Counts the things of one kind in view and says where they are.",
        arguments=arguments,
        metadata=label(Risk.OBSERVE, origin=Origin.ROBOT),
        wrong_arguments="this kind of thing is unknown to the detector",
    )


class Where(StrEnum):
    """Parts of the picture."""

    ANYWHERE = "anywhere"
    LEFT = "left"
    MIDDLE = "middle"
    RIGHT = "right"


class _Find(BaseModel):
    """What to look for, and where."""

    what: str = Field(min_length=1, max_length=60, description="A thing, in a few words.")
    where: Where = Field(Where.ANYWHERE, description="Part of the picture.")


def find_tool(
    detector: "ZeroShotDetector",
    frame: FrameProvider,
    *,
    max_age: float = MAX_AGE,
    ranging: Ranging | None = None,
) -> BaseTool:
    """Returns a `detect` tool that takes any words, for zero-shot detectors; see `detect_tool`."""

    def detect(what: str, where: Where = Where.ANYWHERE) -> tuple[str, dict[str, Any]]:
        newest = newest_frame(frame, max_age)
        found = distinct(detector.detect(newest.image, [what]))
        height, width = newest.image.shape[:2]
        wanted = [
            one
            for one in found
            if where is Where.ANYWHERE or one.place(width, height).startswith(where.value)
        ]
        return _report(what, wanted, found, newest, ranging)

    return make_tool(
        detect,
        "Looks for anything that is named in a few words, and says where it is.",
        arguments=_Find,
        metadata=label(Risk.OBSERVE, origin=Origin.ROBOT),
    )


def locator(
    detector: Detector, frame: FrameProvider, ranging: Ranging, *, max_age: float = MAX_AGE
) -> Callable[[str], tuple[float, float]]:
    """Returns what locates the nearest object of a kind: metres ahead and to the left.

    It raises ToolError when there is none in view, or the lidar does not reach it.
    """

    def locate(kind: str) -> tuple[float, float]:
        image = newest_frame(frame, max_age).image
        found = distinct(detector.detect(image))
        boxes = [one.box for one in found if one.label == kind]
        if not boxes:
            raise ToolError(f"no {kind} in view")
        height, width = image.shape[:2]
        known = [one for one in ranging.positions(boxes, width, height) if one is not None]
        if not known:
            raise ToolError(f"it is not known how far away the {kind} is")
        nearest = min(known, key=lambda one: one.distance)
        return nearest.ahead, nearest.left

    return locate


def draw(image: np.ndarray, detections: Sequence[Detection]) -> np.ndarray:
    """Returns a copy of a picture, uint8 [H, W, 3] RGB, with boxes and names drawn in it."""
    drawn = image.copy()
    for one in detections:
        x0, y0, x1, y1 = (round(edge) for edge in one.box)
        cv2.rectangle(drawn, (x0, y0), (x1, y1), (255, 60, 0), 1)
        text = f"{one.label} {one.score:.2f}"
        cv2.putText(drawn, text, (x0, max(y0 - 3, 8)), cv2.FONT_HERSHEY_PLAIN, 0.8, (255, 60, 0))
    return drawn


class ZeroShotDetector:
    """Any transformers zero-shot object-detection checkpoint (OWL-ViT, Grounding DINO, …).

    Attributes:
        threshold: Least confidence of a detection, 0..1.
    """

    def __init__(self, model: Any, processor: Any, threshold: float) -> None:
        self._model = model
        self._processor = processor
        self.threshold = threshold

    @classmethod
    def from_pretrained(
        cls, directory: str | Path, *, threshold: float = 0.2
    ) -> "ZeroShotDetector":
        """Loads a checkpoint in the Hugging Face layout.

        Args:
            directory: Holds config.json, model.safetensors and the processor's files.
            threshold: Least confidence of a detection, 0..1.

        Raises:
            CheckpointError: The directory is missing, damaged, or no such detector.
        """
        model, processor = _load(
            Path(directory), AutoModelForZeroShotObjectDetection, AutoProcessor
        )
        return cls(model, processor, threshold)

    @torch.inference_mode()
    def detect(self, image: np.ndarray, what: Sequence[str]) -> list[Detection]:
        """Finds what is named, most confident first.

        Args:
            image: uint8 [H, W, 3] RGB.
            what: Things, in a few words each.

        Raises:
            InputError: The frame is not a uint8 RGB picture, or nothing is named.
        """
        _check(image)
        if not what:
            raise InputError("a zero-shot detector needs words for what to find")
        names = [f"{word.strip().lower().rstrip('.')}" for word in what]
        # Grounding DINO reads phrases that end in a full stop; OWL-ViT reads them as they are.
        texts: Any = [names]
        if self._model.config.model_type in ("grounding-dino", "mm-grounding-dino"):
            texts = [" ".join(f"{name}." for name in names)]
        inputs = self._processor(images=image, text=texts, return_tensors="pt")
        outputs = self._model(**inputs)
        arguments: dict[str, Any] = {
            "threshold": self.threshold,
            "target_sizes": [image.shape[:2]],
        }
        if isinstance(texts[0], str):
            arguments["input_ids"] = inputs["input_ids"]
        else:
            arguments["text_labels"] = [names]
        [found] = self._processor.post_process_grounded_object_detection(outputs, **arguments)
        labels = found.get("text_labels") or found["labels"]
        rows = zip(found["scores"].tolist(), labels, found["boxes"].tolist(), strict=True)
        return sorted(
            (Detection(str(name), float(score), tuple(box)) for score, name, box in rows),
            key=lambda one: -one.score,
        )


def _check(image: np.ndarray) -> None:
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise InputError(f"a frame must be uint8 [H, W, 3], got {image.dtype} {list(image.shape)}")


def _load(path: Path, model_class: Any, processor_class: Any, **options: Any) -> tuple[Any, Any]:
    """Loads a detector and its processor; every tensor must be there."""
    if not (path / "config.json").is_file():
        raise CheckpointError(
            f"no detector at {path} (config.json is missing): train one with "
            "`sensebind train detector`"
        )
    try:
        fields = read_object(path / "config.json")
        check_bounds(fields)
        files = [TensorFile(one) for one in directory_files(path)]
        check_depth(fields, sum(len(one.shapes) for one in files))
        check_sides(path / "preprocessor_config.json")
    except (ValueError, CheckpointError) as error:
        raise CheckpointError(f"the detector at {path} cannot be loaded: {error}") from error
    shown = transformers_logging.is_progress_bar_enabled()
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.disable_progress_bar()
    # What matters is an error here, in one line, and not a table.
    transformers_logging.set_verbosity(CRITICAL)
    # Nothing in the folder is run: no Python file that its configuration names, no pickle.
    safe: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
    try:
        model, report = model_class.from_pretrained(
            path, dtype=torch.float32, use_safetensors=True, output_loading_info=True, **safe
        )
        processor = processor_class.from_pretrained(path, **safe, **options)
    except Exception as error:  # whatever the library makes of what anybody wrote
        raise CheckpointError(
            f"the detector at {path} cannot be loaded: {one_line(error)}"
        ) from error
    finally:
        transformers_logging.set_verbosity(verbosity)
        if shown:
            transformers_logging.enable_progress_bar()
    for name, tensor in model.named_parameters():
        if not all_finite(tensor.detach()):
            raise CheckpointError(f"the detector at {path}: {name} holds NaN or infinity")
    missing = sorted(report["missing_keys"])
    if missing:
        raise CheckpointError(
            f"the detector at {path} lacks {len(missing)} tensors, e.g. {missing[0]}"
        )
    return model.eval(), processor
