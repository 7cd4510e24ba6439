"""The examples run, offline, as their first lines say."""

import runpy
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name: str, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> None:
    monkeypatch.setattr(sys, "argv", [name, *arguments])
    monkeypatch.syspath_prepend(str(EXAMPLES))
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("chat.py", ["> what do you see?", "> what do you hear?", "> is anything near you?"]),
        ("own_llm.py", ["I have read: [camera sees", "what is there?"]),
        ("own_graph.py", ["human: what do you see?", "ai: ", "human: 你看到什么？"]),
        ("own_tool.py", ["Done: fern got 0.5 l.", "started water", "finished water"]),
    ],
)
def test_an_example_runs(
    name: str, told: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run(name, monkeypatch)
    said = capsys.readouterr().out
    for words in told:
        assert words in said


@pytest.mark.slow
def test_detector_and_api(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run("detector_and_api.py", monkeypatch, "turn on the lamp")
    said = capsys.readouterr().out
    assert "(approved: lamp_on)" in said and "[lamp_on {}] lamp on" in said
