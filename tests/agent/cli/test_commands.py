"""How commands are offered: groups, completion, and arguments that are refused at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.waiting import PATIENCE

from sensebind.agent.cli import GROUPS, main
from sensebind.agent.cli.chaos import Trouble
from sensebind.agent.robot.chaos import KINDS
from sensebind.agent.threads import Dialogs

_SLOW = ("torch", "transformers", "langchain", "langchain_core", "mujoco", "faiss", "scipy", "cv2")


def help_of(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    return capsys.readouterr().out


def test_help_lists_every_command_under_its_title(capsys: pytest.CaptureFixture[str]) -> None:
    text = help_of(capsys)
    places = [text.index(f"{title}:\n") for title in GROUPS]
    assert places == sorted(places)
    for (title, members), end in zip(GROUPS.items(), [*places[1:], len(text)], strict=True):
        section = text[text.index(f"{title}:\n") : end]
        listed = [line.split()[0] for line in section.splitlines() if line.startswith("  ")]
        assert [name for name in listed if name in members] == list(members)


def complete(*words: str, home: Path) -> list[str]:
    env = {
        **os.environ,
        "XDG_DATA_HOME": str(home),
        "_SENSEBIND_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(words),
        "COMP_CWORD": str(len(words) - 1),
    }
    command = [sys.executable, "-m", "sensebind"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_tab_completes_commands_choices_and_dialogs(tmp_path: Path) -> None:
    with Dialogs(tmp_path / "sensebind" / "dialogs.sqlite") as kept:
        kept.add("kitchen", "1", {"user": "hi"})
        kept.add("garden", "1", {"user": "hi"})
    assert complete("sensebind", "th", home=tmp_path) == ["threads"]
    assert complete("sensebind", "chaos", "x.yaml", "--only", "", home=tmp_path) == list(KINDS)
    assert complete("sensebind", "threads", "show", "k", home=tmp_path) == ["kitchen"]


def test_troubles_of_the_command_are_those_that_there_are() -> None:
    assert [one.value for one in Trouble] == list(KINDS)


REFUSED = {
    "ask x --image /nowhere.png": "/nowhere.png: there is no such file",
    "ask x --weight smell=1": "--weight",
    "ask x --checkpoint /nowhere": "/nowhere",
    "recall x --db /nowhere.sqlite": "no memory at",
    "watch --db /nowhere.sqlite": "no memory at",
    "record a.mcap": "nothing to record",
    "record a.mcap camera": "name the stream",
    "replay /nowhere.mcap": "does not exist",
    "imagine a.png": "give something to imagine",
    "imagine a.doc --text dog": "pictures end in",
    "imagine a.png --text dog --side 7": "multiple of 8",
    "models inspect /nowhere": "no directory",
    "eval simhome --utterances /nowhere.json": "cannot be read",
    "demo --script /nowhere.txt": "cannot be read",
    "demo --checkpoint /nowhere": "/nowhere",
    "chat /nowhere.yaml": "cannot be read",
    "mcp /nowhere.yaml": "cannot be read",
    "run /nowhere.yaml": "cannot be read",
    "top /nowhere.yaml": "cannot be read",
    "chaos /nowhere.yaml": "cannot be read",
    "train llama --minutes -1": "--minutes",
}

_ALL = """
import io, json, sys
from contextlib import redirect_stderr
from sensebind.agent.cli import main
told = {}
for line in json.load(sys.stdin):
    with redirect_stderr(io.StringIO()) as err:
        try:
            main(line.split())
        except SystemExit as end:
            told[line] = [end.code, err.getvalue()]
    slow = [name for name in SLOW if name in sys.modules]
    if slow:
        sys.exit(f"{line} imported {slow}")
print(json.dumps(told))
"""


def test_arguments_are_refused_before_anything_slow_is_imported(tmp_path: Path) -> None:
    import json

    code = f"SLOW = {_SLOW!r}\n{_ALL}"
    done = subprocess.run(
        [sys.executable, "-c", code],
        input=json.dumps([*REFUSED, "--help", "threads list"]),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        cwd=tmp_path,
        env={**os.environ, "XDG_DATA_HOME": str(tmp_path)},
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    for line, message in REFUSED.items():
        exit_code, error = told[line]
        assert exit_code == 2 and message in error, (line, error)
        assert len(error.strip().splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("ask", "x", "--image", "a.png", "--image", "b.png"),
        ("ask", "x", "--text", "a", "--text", "b"),
        ("recall", "--db", "{memory}", "--audio", "a.wav", "--audio", "b.wav"),
        ("ask", "x", "--weight", "image=1", "--weight", "sight=2"),
    ],
)
def test_an_input_that_is_given_twice_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    memory = tmp_path / "memory.sqlite"
    memory.touch()
    with pytest.raises(SystemExit) as ended:
        main([one.format(memory=memory) for one in arguments])
    assert ended.value.code == 2
    error = capsys.readouterr().err
    assert "was given 2 times" in error or "there is a weight" in error
