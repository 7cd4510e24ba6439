"""The command line and the rows that all benchmarks share."""

import importlib.util
import json
import re
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import pytest

from sensebind.errors import InputError

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module")
def report() -> ModuleType:
    spec = importlib.util.spec_from_file_location("report", BENCHMARKS / "report.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["report"] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


def run(report: ModuleType, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    parser = report.Parser("Measures how well numbers are counted.\n\n  Second line.")
    parser.amount("--times", 20, 3, "counts")

    def measure(options: Namespace) -> Sequence[object]:
        if options.times == 13:
            raise InputError("thirteen brings bad luck")
        return [
            report.AtMost("counted wrong", options.times - 3, 17, options.times),
            report.Row("counted", options.times, None, 1),
            report.Row("time of ever", float("inf"), None, 0),
        ]

    monkeypatch.setattr(sys, "argv", ["count.py", *arguments])
    return report.run(parser, measure)


def test_the_quick_form_has_other_amounts(
    report: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for arguments, times in ((), 20), (("--quick",), 3), (("--quick", "--times", "7"), 7):
        assert run(report, monkeypatch, *arguments, "--json") == 0
        found = json.loads(capsys.readouterr().out)
        assert found["ok"] and found["rows"][1]["value"] == times
        assert found["rows"][0] == {
            "name": "counted wrong",
            "value": times - 3,
            "bar": 17,
            "n": times,
        }
        assert found["rows"][2]["value"] is None


def test_a_bar_that_is_missed_is_told(
    report: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(report, monkeypatch, "--times", "21") == 1
    rows = [line for line in capsys.readouterr().out.splitlines() if "counted" in line]
    assert "missed: at most 17" in rows[0] and "18.000" in rows[0]
    assert "at least" not in rows[1]


def test_what_cannot_be_measured_is_one_line(
    report: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(report, monkeypatch, "--times", "13") == 2
    assert capsys.readouterr().err == "error: thirteen brings bad luck\n"
    with pytest.raises(SystemExit):
        run(report, monkeypatch, "--times", "0")
    assert "--times must be more than 0" in capsys.readouterr().err


def test_help_tells_all(
    report: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        run(report, monkeypatch, "--help")
    text = capsys.readouterr().out
    assert "  Second line." in text and "counts; 20, or 3 with --quick" in text


@pytest.mark.parametrize("path", sorted(BENCHMARKS.glob("*.py")), ids=lambda path: path.stem)
def test_make_bench_runs_what_has_the_form_of_a_benchmark(path: Path) -> None:
    makefile = (BENCHMARKS.parent / "Makefile").read_text("utf-8")
    [parts] = re.findall(r"^BENCH_PARTS := ([^#\n]*)", makefile, flags=re.MULTILINE)
    text = path.read_text("utf-8")
    if f"benchmarks/{path.name}" in parts.split():
        assert "Parser(__doc__)" not in text
    else:
        assert "parser = Parser(__doc__)\n" in text and "return run(" in text
        assert text.endswith('\n\nif __name__ == "__main__":\n    sys.exit(main())\n')
