"""`read`: text in view, in tiles, upside down, in order."""

from __future__ import annotations

import importlib.util
import time
from itertools import pairwise

import cv2
import numpy as np
import pytest

from sensebind.errors import InputError, MissingDependencyError, SourceError
from sensebind.perception.percept import Modality, Observation
from sensebind.tools.reading import (
    OVERLAP,
    TILE,
    Line,
    TextReader,
    in_order,
    joined,
    reading_tool,
    tiles,
)
from sensebind.tools.risk import Origin, Risk, origin_of, risk_of

needs_ocr = pytest.mark.skipif(
    importlib.util.find_spec("rapidocr") is None, reason="pip install 'sensebind[ocr]'"
)


def sign(width: int, height: int, *lines: tuple[str, int, int], size: int = 30) -> np.ndarray:
    image = np.full((height, width, 3), 232, np.uint8)
    for text, x, y in lines:
        font, thick = cv2.FONT_HERSHEY_SIMPLEX, max(size // 12, 1)
        cv2.putText(image, text, (x, y), font, size / 22, (20, 20, 20), thick, cv2.LINE_AA)
    return image


def box(left: float, top: float, right: float, bottom: float) -> np.ndarray:
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]], np.float32)


def line(text: str, corners: np.ndarray, turned: bool = False) -> Line:
    return Line(text, 1.0, tuple((float(x), float(y)) for x, y in corners), turned)


@pytest.mark.parametrize(
    "size", [(640, 480), (1920, 1080), (2000, 1500), (4000, 3000), (9000, 100)]
)
def test_tiles_cover_the_image_and_overlap(size: tuple[int, int]) -> None:
    covered = np.zeros(size[::-1], np.uint8)
    found = tiles(*size)
    for left, top, right, bottom in found:
        assert 0 <= left < right <= size[0] and 0 <= top < bottom <= size[1]
        assert max(right - left, bottom - top) <= TILE
        covered[top:bottom, left:right] += 1
    assert covered.min() == 1
    if size[0] > TILE:  # a line at a seam is whole, or its parts overlap
        rows = [one for one in found if one[1] == 0]
        assert all(a[2] - b[0] >= OVERLAP for a, b in pairwise(rows))


def test_parts_of_a_line_in_two_tiles_are_one() -> None:
    left, right = box(100, 50, 1280, 90), box(1150, 52, 1700, 92)
    below = box(100, 120, 600, 160)
    [one, other] = sorted(joined([(0, left), (1, right), (0, below)]), key=lambda b: b[0][1])
    assert np.allclose(one.min(axis=0), (100, 50), atol=3)
    assert np.allclose(one.max(axis=0), (1700, 92), atol=3)
    assert np.array_equal(other, below)
    # Two words of one tile that the detector has parted stay two.
    assert len(joined([(0, left), (0, right)])) == 2


def test_lines_come_as_they_are_read() -> None:
    rows = [
        line("left", box(10, 10, 90, 40)),
        line("right", box(120, 14, 200, 44)),
        line("below", box(10, 60, 90, 90)),
    ]
    assert [one.text for one in in_order(rows[::-1])] == ["left", "right", "below"]
    # The same sign on its head: what is read first stands at the bottom right.
    turned = [
        line(one.text, np.roll(210 - np.array(one.box), 0, axis=0), turned=True) for one in rows
    ]
    assert [one.text for one in in_order(turned)] == ["left", "right", "below"]


def test_the_tool_brings_words_of_others_and_only_observes() -> None:
    tool = reading_tool(TextReader(), lambda: observation(np.zeros((4, 4, 3), np.uint8)))
    assert risk_of(tool) is Risk.OBSERVE
    assert origin_of(tool) is Origin.OUTSIDE


def observation(image: np.ndarray, age: float = 0.0) -> Observation:
    now = time.monotonic() - age
    return Observation(image, "camera", Modality.VISION, 1, now, 0, "camera")


def test_an_old_picture_and_none_are_refused() -> None:
    def none() -> Observation:
        raise SourceError("nothing has come from camera yet")

    image = np.zeros((4, 4, 3), np.uint8)
    old = reading_tool(TextReader(), lambda: observation(image, 5.0))
    assert "5.0 s old" in old.invoke({})
    assert "nothing has come" in reading_tool(TextReader(), none).invoke({})


@pytest.mark.parametrize("wrong", [np.zeros((4, 4), np.uint8), np.zeros((4, 4, 3), np.float32)])
def test_what_is_no_image_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(InputError, match="text is read in uint8"):
        TextReader().read(wrong)


def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "rapidocr", None)
    with pytest.raises(MissingDependencyError, match=r"sensebind\[ocr\]"):
        TextReader().read(np.zeros((64, 64, 3), np.uint8))


@needs_ocr
@pytest.mark.extended
def test_signs_are_read_with_their_places() -> None:
    image = sign(640, 480, ("EMERGENCY EXIT", 60, 120), ("Push the bar to open", 60, 200))
    reader = TextReader()
    upright, turned = reader.read(image), reader.read(np.rot90(image, 2).copy())
    for found in (upright, turned):
        assert [one.text for one in found] == ["EMERGENCY EXIT", "Push the bar to open"]
    assert [one.upside_down for one in upright + turned] == [False, False, True, True]
    assert np.allclose(upright[0].box[0], (60, 90), atol=12)
    # Corners begin where the text does, which is at the bottom right of what stands on its head.
    assert np.allclose(turned[0].box[0], (640 - 60, 480 - 90), atol=12)
    assert reader.read(np.full((120, 160, 3), 128, np.uint8)) == []


@needs_ocr
@pytest.mark.extended
def test_a_line_of_forty_pixels_is_read_in_large_images_and_across_a_seam() -> None:
    text = "meeting at 14:05 in room 7"
    for width, height, x in ((1920, 1080, 700), (2000, 1500, 700)):
        assert tiles(width, height)[0][2] == width or x < tiles(width, height)[0][2]
        found = TextReader().read(sign(width, height, (text, x, height // 2), size=40))
        assert [one.text for one in found] == [text]


@needs_ocr
@pytest.mark.extended
def test_the_tool_says_what_the_sign_says() -> None:
    image = sign(640, 480, ("STOP", 200, 200), size=60)
    tool = reading_tool(TextReader(), lambda: observation(image))
    call = {"type": "tool_call", "id": "1", "name": "read", "args": {}}
    answer = tool.invoke(call)
    assert answer.content == "'STOP'"
    assert answer.artifact["lines"][0]["text"] == "STOP"
    assert len(answer.artifact["lines"][0]["box"]) == 4
