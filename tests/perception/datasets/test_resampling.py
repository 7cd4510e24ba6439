"""Frames of a fixed rate: the newest sample that is not later, never one from the future."""

from pathlib import Path

import numpy as np
import pytest
from fixtures.timed_recordings import heard, perceived, seen, write
from hypothesis import given, settings
from hypothesis import strategies as st

from sensebind.errors import InputError
from sensebind.perception.datasets.resampling import EpisodeFrames
from sensebind.perception.frames.recording import Recording


def frames_of(file: Path, fps: int = 10, streams: tuple[str, ...] = ()) -> EpisodeFrames:
    return EpisodeFrames(Recording(file), fps, streams)


def levels(frames: EpisodeFrames) -> list[int]:
    return [int(frame.samples["images.camera"].values.max()) for frame in frames]


def test_a_frame_has_the_newest_image_that_is_not_later(tmp_path: Path) -> None:
    entries = [(0.0, seen(10)), (0.09, seen(20)), (0.2, seen(30)), (0.55, seen(40))]
    frames = frames_of(write(tmp_path / "r.mcap", entries))
    assert levels(frames) == [10, 20, 30, 30, 30, 30]  # at 0.0, 0.1 … 0.5
    assert frames.waited == 0.0


@settings(max_examples=10, deadline=None)
@given(steps=st.lists(st.integers(1, 400), min_size=1, max_size=12), fps=st.integers(1, 60))
def test_no_frame_shows_what_came_later(
    tmp_path_factory: pytest.TempPathFactory, steps: list[int], fps: int
) -> None:
    times = [0.0, *np.cumsum(steps) / 1000]
    entries = [(float(at), seen(10 * number + 5)) for number, at in enumerate(times)]
    folder = tmp_path_factory.mktemp("steps")
    found = list(frames_of(write(folder / "r.mcap", entries), fps))
    start = found[0].at
    stamps = [one.at for one in Recording(folder / "r.mcap")]
    expected = [max(i for i, at in enumerate(stamps) if at <= frame.at) for frame in found]
    shown = [int(frame.samples["images.camera"].values.max() - 5) // 10 for frame in found]
    assert shown == expected
    assert start + len(found) / fps > stamps[-1] >= found[-1].at


def test_frames_begin_where_every_column_has_a_sample(tmp_path: Path) -> None:
    entries = [(0.0, seen(10)), (0.5, perceived(1)), (0.7, seen(20)), (0.9, perceived(2))]
    frames = frames_of(write(tmp_path / "r.mcap", entries))
    assert frames.columns == ["images.camera", "embeddings.microphone"]
    found = list(frames)
    assert frames.waited == pytest.approx(0.5)
    assert levels(frames) == [10, 10, 20, 20, 20]
    ages = [frame.at - frame.samples["embeddings.microphone"].at for frame in found]
    assert ages == pytest.approx([0.0, 0.1, 0.2, 0.3, 0.0], abs=1e-6)


def test_an_unchanged_percept_says_that_its_image_still_is(tmp_path: Path) -> None:
    entries = [
        (0.0, seen(10)),
        (0.0, perceived(0, "camera")),
        (0.5, perceived(0, "camera", unchanged=True)),
    ]
    *_, last = frames_of(write(tmp_path / "r.mcap", entries))
    assert last.at - last.samples["images.camera"].at == pytest.approx(0.0, abs=1e-6)


def test_what_has_no_column_is_named(tmp_path: Path) -> None:
    entries = [(0.0, seen(1)), (0.1, heard()), (0.2, seen(2, "rear"))]
    file = write(tmp_path / "r.mcap", entries)
    assert frames_of(file).left_out == ["sound of microphone"]
    some = frames_of(file, streams=("camera",))
    assert some.columns == ["images.camera"]
    assert some.left_out == ["stream microphone", "stream rear"]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([(0.0, seen(1)), (0.2, seen(1, side=(16, 16)))], "a column has one shape"),
        ([(0.0, perceived(1)), (0.2, perceived(1, model="xyz"))], "two spaces are not mixed"),
        ([(0.0, perceived(1)), (0.2, perceived(1, width=8))], "a column has one shape"),
        ([(0.0, seen(1)), (4000.0, seen(1))], "a gap of 4000 s after 0.0 s"),
    ],
)
def test_what_does_not_fit_is_refused(tmp_path: Path, entries: list, message: str) -> None:
    with pytest.raises(InputError, match=message):
        list(frames_of(write(tmp_path / "r.mcap", entries)))


@pytest.mark.parametrize(
    ("entries", "streams", "message"),
    [
        ([(0.0, heard())], (), "nothing to export"),
        ([(0.0, seen(1))], ("rear",), "has no stream 'rear'; it has camera"),
        ([], (), "holds no observations"),
    ],
)
def test_what_cannot_be_exported_is_refused_at_once(
    tmp_path: Path, entries: list, streams: tuple[str, ...], message: str
) -> None:
    file = write(tmp_path / "r.mcap", entries)
    with pytest.raises(InputError, match=message):
        frames_of(file, streams=streams)
