"""The process that holds the microphone mixes channels as files are mixed."""

import io
import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sensebind.perception.sources import capture

RATE = 16_000
TONE = (0.5 * np.sin(2 * np.pi * 440 * np.arange(800) / RATE)).astype(np.float32)


class Card:
    """A sound card that gives one block, in the place of the module sounddevice."""

    PortAudioError = OSError

    def __init__(self, block: np.ndarray, offered: int) -> None:
        self.block, self.offered, self.asked = block, offered, 0

    def query_devices(self, *_: object) -> dict[str, Any]:
        return {"max_input_channels": self.offered, "default_samplerate": RATE, "name": "card"}

    def InputStream(self, *, channels: int, callback: Any, **_: object) -> Any:
        self.asked = channels
        callback(self.block[:, :channels], 800, None, SimpleNamespace(input_overflow=False))
        looks = iter([True, False])

        class Stream:
            latency = 0.0
            active = property(lambda _: next(looks))
            __enter__ = lambda self: self  # noqa: E731
            __exit__ = lambda *_: None  # noqa: E731

        return Stream()


def heard(card: Card) -> np.ndarray:
    out = io.BytesIO()
    capture._capture(card, "default", RATE, out)
    line, _, rest = out.getvalue().partition(b"\n")
    assert json.loads(line)["rate"] == RATE
    return np.frombuffer(rest, np.float32, offset=capture.BLOCK.size)


@pytest.mark.parametrize(
    "channels",
    [[TONE], [TONE, -TONE], [0 * TONE, TONE], [0 * TONE] * 5 + [TONE]],
    ids=["mono", "inverted", "right", "sixth"],
)
def test_a_tone_is_heard_on_whichever_channel_it_is(channels: list[np.ndarray]) -> None:
    card = Card(np.stack(channels, 1), len(channels))
    np.testing.assert_allclose(heard(card), TONE, atol=1e-6)


def test_of_a_sound_server_only_two_channels_are_opened() -> None:
    card = Card(np.stack([TONE] * 64, 1), 64)
    np.testing.assert_allclose(heard(card), TONE, atol=1e-6)
    assert card.asked == 2
