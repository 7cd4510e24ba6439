"""Every `sensebind …` of README and docs is one that the command line takes."""

import re
from pathlib import Path

import pytest
from fixtures.doc_blocks import Block, Command, check_command, commands, commands_of, written_out

from sensebind.agent.cli import main

ROOT = Path(__file__).parents[1]
FOUND = commands()
RUN = {
    "--version": "sensebind 0",  # "0+unknown" where the package is not installed
    "pull": "imagebind-llm",
    "keys new": "own.key",
    "config schema": '"properties"',
    "config check rover.yaml": "rover.yaml",
    "calibrate --print-board board.pdf": "board.pdf",
}
"""Commands of the docs that are quick and need nothing but a robot's file, and what they print."""


@pytest.mark.parametrize("page", sorted({one.where.partition(":")[0] for one in FOUND}))
def test_every_command_of_a_page_is_taken(page: str) -> None:
    wrong = []
    for one in FOUND:
        if one.where.startswith(f"{page}:"):
            for words in written_out(one.text):
                try:
                    check_command(words, whole=one.whole)
                except AssertionError as error:
                    wrong.append(f"{one.where}: sensebind {one.text}: {error}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("juggle", "no command 'juggle'"),
        ("keys burn", "no command 'burn' in `sensebind keys`"),
        ("ask x --nose", "--nose"),
        ("ask x y", "y"),
        ("ask", "question"),
        ("demo --seed red", "--seed"),
        ("chaos robot.yaml --only nonsense", "nonsense"),
    ],
)
def test_a_command_that_is_not_taken_would_be_found(text: str, why: str) -> None:
    with pytest.raises(AssertionError, match=f"(?i){re.escape(why)}"):
        check_command(text.split(), whole=True)


def test_commands_are_found_in_blocks() -> None:
    text = (
        "sensebind init rover   looks for devices\n"
        'robot$ sensebind watch rover.yaml "a  # dog"     # speaks up\n'
        "sensebind eval simhome [--n N]\n"
        "sensebind stop ROBOT\n"
        "make test\n"
    )
    assert list(commands_of(Block("a.md", 5, "", text))) == [
        Command("a.md:5", "init rover", True),
        Command("a.md:6", 'watch rover.yaml "a  # dog"', True),
        Command("a.md:7", "eval simhome [--n N]", False),
        Command("a.md:8", "stop ROBOT", False),
    ]
    assert not list(commands_of(Block("a.md", 5, "yaml", text)))


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("demo [--seed N] [--json] …", ["demo --seed 1 --json"]),
        ("keys new | allow, proxy", ["keys new", "keys allow", "proxy"]),
        ("threads list | show NAME", ["threads list", "threads show NAME"]),
        ("chat [--images | --no-images]", ["chat --images", "chat --no-images"]),
        ('recall r "a, b", watch r', ["recall r a, b", "watch r"]),
        ("adapt X [--injection attention|block]", ["adapt X --injection attention"]),
    ],
)
def test_a_synopsis_is_written_out(text: str, lines: list[str]) -> None:
    assert [" ".join(words) for words in written_out(text)] == lines


@pytest.mark.parametrize("text", RUN)
def test_a_quick_command_runs(
    text: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert text in {one.text for one in FOUND}, "the docs do not have it any more"
    for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rover.yaml").write_text("streams: {camera: {source: 'camera:0'}}\n")
    with pytest.raises(SystemExit) as ended:
        main(text.split())
    said = capsys.readouterr()
    assert ended.value.code == 0, said.err
    assert RUN[text] in said.out + said.err
