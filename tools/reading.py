"""Text in view as a tool: signs, labels and screens, read by RapidOCR on this machine.

RapidOCR's models come in its wheel, so nothing is fetched. What is read was written by others: it
is data for the language model, never an instruction.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import cv2
import numpy as np
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel

from sensebind.errors import InputError, MissingDependencyError, SourceError, ToolError, one_line
from sensebind.perception.percept import Observation
from sensebind.tools.risk import Origin, Risk, label

TILE = 1920
"""Longest side in pixels of what is searched for text at once: in larger images the detector of
RapidOCR loses lines of 40 pixels."""
OVERLAP = 160
LEAST_SCORE = 0.5
MAX_LINES = 60
MAX_TEXT = 200  # characters of a line that the model is shown
_THREADS = 2
_TURNED = 0.9  # confidence from which a line counts as upside down
_SAME_ROW = 0.6  # of the height of the lower box that two parts of a line share


@dataclass(frozen=True, slots=True)
class Line:
    """A line of text.

    Attributes:
        text: What it says.
        score: Confidence of the reading, 0..1.
        box: Four corners (x, y) in pixels, from the top left of the text as it is read, clockwise.
        upside_down: Whether it stands on its head in the image.
    """

    text: str
    score: float
    box: tuple[tuple[float, float], ...]
    upside_down: bool = False


class TextReader:
    """Finds and reads text in images. Thread-safe; the models are loaded at the first image."""

    def __init__(self, *, least: float = LEAST_SCORE) -> None:
        """Prepare.

        Args:
            least: Least confidence of a line, 0..1.
        """
        self._least = least
        self._lock = threading.Lock()
        self._engine: Any = None

    def read(self, image: np.ndarray) -> list[Line]:
        """Return the lines in an image, in the order in which a person reads them.

        Args:
            image: uint8 [H, W, 3] RGB.

        Raises:
            InputError: It is not such an image.
            MissingDependencyError: RapidOCR is not installed.
            ToolError: RapidOCR fails.
        """
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise InputError(f"text is read in uint8 [H, W, 3], not {image.dtype} {image.shape}")
        with self._lock:
            self._engine = self._engine or _engine()
            try:
                return in_order(list(self._lines(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))))
            except (RuntimeError, ValueError, cv2.error) as error:
                raise ToolError(f"the text cannot be read: {one_line(error)}") from error

    def _lines(self, image: np.ndarray) -> Iterator[Line]:
        for box in self._boxes(image)[:MAX_LINES]:
            crop = _straightened(image, box)
            turned = self._engine(crop, use_det=False, use_cls=True, use_rec=False).cls_res
            angle, sure = turned[0] if turned else ("", 0.0)
            upside_down = angle == "180" and float(sure) >= _TURNED
            if upside_down:
                crop, box = cv2.rotate(crop, cv2.ROTATE_180), np.roll(box, 2, axis=0)
            read = self._engine(crop, use_det=False, use_cls=False, use_rec=True)
            for text, score in zip(read.txts or (), read.scores or (), strict=False):
                if text.strip() and score >= self._least:
                    corners = tuple((round(float(x), 1), round(float(y), 1)) for x, y in box)
                    yield Line(text.strip(), round(float(score), 3), corners, upside_down)

    def _boxes(self, image: np.ndarray) -> list[np.ndarray]:
        """Corners [4, 2] of the lines; parts of one that lie in several tiles are joined."""
        found: list[tuple[int, np.ndarray]] = []
        height, width = image.shape[:2]
        for number, (left, top, right, bottom) in enumerate(tiles(width, height)):
            tile = image[top:bottom, left:right]
            boxes = self._engine(tile, use_det=True, use_cls=False, use_rec=False).boxes
            corner = np.array([left, top], np.float32)
            for box in () if boxes is None else boxes:
                found.append((number, np.asarray(box, np.float32) + corner))
        return joined(found)


def _engine() -> Any:
    try:
        from rapidocr import RapidOCR  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise MissingDependencyError(
            "reading text needs RapidOCR: pip install 'sensebind[ocr]'"
        ) from error
    return RapidOCR(
        params={
            "Global.log_level": "critical",
            "EngineConfig.onnxruntime.intra_op_num_threads": _THREADS,
            "EngineConfig.onnxruntime.inter_op_num_threads": 1,
        }
    )


def tiles(width: int, height: int) -> list[tuple[int, int, int, int]]:
    """Return left, top, right and bottom of the parts in which an image is searched."""
    return [
        (left, top, right, bottom)
        for top, bottom in _spans(height)
        for left, right in _spans(width)
    ]


def _spans(length: int) -> list[tuple[int, int]]:
    if length <= TILE:
        return [(0, length)]
    count = -(-(length - OVERLAP) // (TILE - OVERLAP))
    size = -(-(length + OVERLAP * (count - 1)) // count)
    begins = [round(index * (length - size) / (count - 1)) for index in range(count)]
    return [(begin, begin + size) for begin in begins]


def joined(found: Sequence[tuple[int, np.ndarray]]) -> list[np.ndarray]:
    """Join the boxes of different tiles that are parts, or copies, of one line.

    Args:
        found: Number of the tile, and corners [4, 2] in the image.

    Returns:
        Corners [4, 2], from the top left clockwise.
    """
    groups: list[list[tuple[int, np.ndarray]]] = []
    for one in found:
        touched = [group for group in groups if any(_one_line(one, other) for other in group)]
        merged = [one, *(member for group in touched for member in group)]
        groups = [group for group in groups if not any(group is other for other in touched)]
        groups.append(merged)
    boxes = []
    for group in groups:
        if len(group) == 1:
            boxes.append(group[0][1])
            continue
        points = np.concatenate([box for _, box in group])
        boxes.append(_clockwise(cv2.boxPoints(cv2.minAreaRect(points))))
    return boxes


def _one_line(one: tuple[int, np.ndarray], other: tuple[int, np.ndarray]) -> bool:
    if one[0] == other[0]:
        return False  # the detector has parted them itself
    (left, top), (right, bottom) = one[1].min(axis=0), one[1].max(axis=0)
    (left2, top2), (right2, bottom2) = other[1].min(axis=0), other[1].max(axis=0)
    shared = min(bottom, bottom2) - max(top, top2)
    beside = min(right, right2) - max(left, left2)
    return beside > 0 and shared >= _SAME_ROW * min(bottom - top, bottom2 - top2)


def _clockwise(box: np.ndarray) -> np.ndarray:
    """Corners [4, 2] from the top left, clockwise."""
    middle = box.mean(axis=0)
    around = np.argsort(np.arctan2(box[:, 1] - middle[1], box[:, 0] - middle[0]))
    ordered = box[around].astype(np.float32)
    return np.roll(ordered, -int(ordered.sum(axis=1).argmin()), axis=0)


def _straightened(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The part of an image within four corners, as an upright rectangle."""
    across = max(np.linalg.norm(box[1] - box[0]), np.linalg.norm(box[2] - box[3]))
    down = max(np.linalg.norm(box[3] - box[0]), np.linalg.norm(box[2] - box[1]))
    width, height = max(round(float(across)), 1), max(round(float(down)), 1)
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    turn = cv2.getPerspectiveTransform(box.astype(np.float32), corners)
    crop = cv2.warpPerspective(
        image, turn, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    # A column of text is turned to a row, as RapidOCR does.
    return cv2.rotate(crop, cv2.ROTATE_90_COUNTERCLOCKWISE) if height >= 1.5 * width else crop


def in_order(lines: Sequence[Line]) -> list[Line]:
    """Return lines from top to bottom and left to right, as they are read.

    Lines that stand on their head are read with the image turned around.
    """
    ordered: list[Line] = []
    for turned in (False, True):
        some = [one for one in lines if one.upside_down is turned]
        sign = -1.0 if turned else 1.0
        rows: list[list[Line]] = []
        for one in sorted(some, key=lambda line: sign * _middle(line)[1]):
            if rows and abs(_middle(one)[1] - _middle(rows[-1][0])[1]) < _height(one) / 2:
                rows[-1].append(one)
            else:
                rows.append([one])
        for row in rows:
            ordered += sorted(row, key=lambda line: sign * _middle(line)[0])
    return ordered


def _middle(line: Line) -> tuple[float, float]:
    x, y = np.mean(line.box, axis=0)
    return float(x), float(y)


def _height(line: Line) -> float:
    box = np.array(line.box)
    return float(np.linalg.norm(box[3] - box[0]))


class _Nothing(BaseModel):
    """No arguments."""


def reading_tool(
    reader: TextReader, frame: Callable[[], Observation], *, max_age: float = 1.0
) -> BaseTool:
    """Return the `read` tool, which reads all text on the newest frame.

    Args:
        reader: What reads.
        frame: Where the newest frame comes from.
        max_age: Seconds after which a frame is too old to answer from.
    """

    def read() -> tuple[str, dict[str, Any]]:
        try:
            observation = frame()
        except SourceError as error:
            raise ToolException(f"there is no picture: {error}") from error
        age = time.monotonic() - observation.monotonic
        if age > max_age:
            raise ToolException(f"the newest picture is {age:.1f} s old")
        try:
            found = reader.read(observation.data)
        except (ToolError, InputError) as error:
            raise ToolException(str(error)) from error
        told = "; ".join(repr(_short(one.text)) for one in found) or "no text"
        return told, {
            "reference": observation.reference,
            "age_ms": round(age * 1000, 1),
            "lines": [asdict(one) for one in found],
        }

    return StructuredTool.from_function(
        read,
        name="read",
        description="Reads the text in view: what a sign, a label or a screen says.",
        args_schema=_Nothing,
        response_format="content_and_artifact",
        metadata=label(Risk.OBSERVE, origin=Origin.OUTSIDE),
        handle_tool_error=lambda error: f"error: {error}",
    )


def _short(text: str) -> str:
    return text if len(text) <= MAX_TEXT else text[: MAX_TEXT - 1] + "…"
