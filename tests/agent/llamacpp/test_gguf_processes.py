"""Two processes read one GGUF file, each under what it perceives; a killed one leaves nothing."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gguf_pairs import Pair

pytestmark = pytest.mark.extended

TALK = """
import json, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
import torch
torch.set_num_threads(1)
from gguf_pairs import known, opened, tokens
session = opened(Path(sys.argv[2])).theirs()
condition = known(session)[int(sys.argv[3])]
ids = tokens(20)
for turn in sys.stdin:
    said = list(session.stream(ids, [condition] * 20, max_new_tokens=30, exact=True))
    print(json.dumps(said), flush=True)
"""


class Talker:
    """A process that answers the same question whenever it is asked."""

    def __init__(self, file: Path, condition: int, folder: Path) -> None:
        folder.mkdir()
        self.process = subprocess.Popen(
            [sys.executable, "-c", TALK, str(Path(__file__).parent), str(file), str(condition)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"TMPDIR": str(folder)},
        )

    def ask(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def answer(self) -> list[int]:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def end(self) -> None:
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.close()
        self.process.wait(30)
        self.process.stdout.close()


def digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def test_two_processes_perceive_their_own(make_pair: Callable[..., Pair], tmp_path: Path) -> None:
    file = make_pair().file.path
    before = digest(file)
    first, second = (Talker(file, which, tmp_path / f"tmp{which}") for which in range(2))
    try:
        alone = []
        for one in (first, second):
            one.ask()
            alone.append(one.answer())
        assert alone[0] != alone[1]
        for _ in range(5):  # at once
            first.ask()
            second.ask()
            assert [first.answer(), second.answer()] == alone
        # Killed between two turns, with its condition still in force.
        first.process.send_signal(signal.SIGKILL)
        first.process.wait(30)
        second.ask()
        assert second.answer() == alone[1]
        again = Talker(file, 0, tmp_path / "tmp2")
        again.ask()
        assert again.answer() == alone[0]
        again.end()
        assert digest(file) == before
        assert not [one for folder in tmp_path.glob("tmp*") for one in folder.rglob("*.gguf")]
        assert sorted(one.name for one in file.parent.iterdir() if "gguf" in one.name) == [
            file.name
        ]
    finally:
        for one in (first, second):
            one.end()
