"""A row that cannot be sent costs its own answer, and not those that follow."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.waiting import PATIENCE

from sensebind.errors import InputError
from sensebind.perception.frames.service import FrameClient, FrameServer
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.percept import Modality, Observation


def picture(at: int, **changes: Any) -> Observation:
    fields: dict[str, Any] = {"stream": "camera", "modality": Modality.VISION, "sequence": 1}
    fields |= {"captured_at": at, "monotonic": 0.0, "frame_id": "c"} | changes
    return Observation(np.zeros((8, 8, 3), np.uint8), **fields)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("sequence = -1", "sequence"),
        ("frame_id = '" + "x" * 300 + "'", "frame_id"),
        ("rate = 2147483648", "rate"),
        ("modality = 'smell'", "damaged"),
        ("media = '" + "x" * 65 + "'", "media"),
    ],
)
def test_a_bad_row_does_not_end_the_service(tmp_path: Path, change: str, words: str) -> None:
    with (
        FrameStore(tmp_path / "frames") as store,
        FrameServer(store, f"ipc://{tmp_path}/f") as server,
        FrameClient(server.endpoint, timeout=PATIENCE) as client,
    ):
        bad, good = store.put(picture(1)), store.put(picture(2))
        with sqlite3.connect(tmp_path / "frames" / "camera.frames") as file:
            file.execute(f"UPDATE frames SET {change} WHERE captured_at = 1")
        for _ in range(2):
            with pytest.raises(InputError, match=words) as error:
                client.get(bad)
            assert "\n" not in str(error.value)
            assert client.get(good).captured_at == 2
        assert (server.counts.served, server.counts.refused) == (2, 2)
