"""The command line: one-line errors, exit codes, and a whole demo on a random checkpoint."""

import json
import os
import signal
import socket
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest
import soundfile
from fixtures.tiny_checkpoint import tiny_checkpoint
from fixtures.waiting import PATIENCE, until

from sensebind.agent.cli import main
from sensebind.agent.cli.inputs import parse_weights
from sensebind.errors import InputError

SENSEBIND = [sys.executable, "-m", "sensebind"]


@lru_cache(maxsize=1)
def checkpoint() -> str:
    return str(tiny_checkpoint(Path(mkdtemp(prefix="sensebind-tiny-"))))


@pytest.fixture(scope="module", autouse=True)
def built() -> None:
    """Builds it before output is captured."""
    checkpoint()


def run(*arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*SENSEBIND, *arguments], capture_output=True, text=True, timeout=240, **options
    )


def fails(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    """Runs in this process; returns the one line of the error."""
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    printed = capsys.readouterr()
    assert caught.value.code == 2, printed
    lines = printed.err.strip().splitlines()
    assert len(lines) == 1 and lines[0].startswith("error: "), printed.err
    assert printed.out == ""
    return lines[0]


def ask(*arguments: str) -> tuple[str, ...]:
    return ("ask", "--checkpoint", checkpoint(), *arguments)


def test_help_is_quick_to_import() -> None:
    code = "import sensebind.agent.cli, sys; print(sorted({'torch', 'mujoco', 'faiss', "
    code += "'transformers', 'langchain', 'zmq'} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=PATIENCE
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_version_and_help(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--version"], ["--help"], ["demo", "--help"], ["eval", "simhome", "--help"]):
        with pytest.raises(SystemExit) as caught:
            main(arguments)
        assert caught.value.code == 0
    assert "sensebind 0." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--bogus",), "No such option"),
        (("fly",), "No such command"),
        (("demo", "--seed", "x"), "--seed"),
        (("demo", "--seed", "-1"), "--seed"),
        (("demo", "--house-port", "99999"), "--house-port"),
        (("demo", "--checkpoint", "/nowhere"), "/nowhere"),
        (("demo", "--script", "/nowhere/script.txt"), "cannot be read"),
        (("ask",), "Missing argument"),
        (("ask", "hi", "--checkpoint", "/nowhere"), "/nowhere"),
        (("eval", "simhome", "--n", "0"), "--n"),
        (("eval", "simhome", "--utterances", "/nowhere.json"), "cannot be read"),
        (("train", "llama", "--output", "/proc/nowhere"), "cannot be written"),
    ],
)
def test_bad_flags_and_paths(
    capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    assert message in fails(capsys, *arguments)


@pytest.mark.parametrize(
    ("option", "name", "content"),
    [
        ("--image", "missing.png", None),
        ("--image", "empty.png", b""),
        ("--image", "text.png", b"this is not a picture"),
        ("--audio", "empty.wav", b""),
        ("--audio", "text.wav", b"this is not a sound"),
        ("--points", "empty.npy", b""),
        ("--points", "text.ply", b"ply nonsense"),
        ("--points", "cloud.docx", b"zip"),
    ],
)
def test_bad_files_are_one_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, option: str, name: str, content: bytes
) -> None:
    file = tmp_path / name
    if content is not None:
        file.write_bytes(content)
    assert name in fails(capsys, *ask("what?", option, str(file)))


def test_nan_clouds_short_sounds_and_silence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    cloud = tmp_path / "nan.npy"
    np.save(cloud, np.full((100, 3), np.nan, np.float32))
    fails(capsys, *ask("what?", "--points", str(cloud)))
    tick, silence = tmp_path / "tick.wav", tmp_path / "silence.wav"
    soundfile.write(tick, 0.1 * np.random.default_rng(0).normal(size=1600), 16000)
    soundfile.write(silence, np.zeros(32000), 16000)
    states = {}
    for file in (tick, silence):
        with pytest.raises(SystemExit) as caught:
            main([*ask("what?", "--audio", str(file), "--json")])
        assert caught.value.code == 0
        states[file.name] = json.loads(capsys.readouterr().out)["percepts"][0]["state"]
    assert states == {"tick.wav": "present", "silence.wav": "nothing"}


def test_ask_answers_about_all_senses(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    import cv2

    rng = np.random.default_rng(0)
    image, sound, cloud = tmp_path / "a.png", tmp_path / "b.wav", tmp_path / "c.npy"
    cv2.imwrite(str(image), rng.integers(0, 255, (50, 60, 3), np.uint8))
    soundfile.write(sound, 0.1 * rng.normal(size=32000), 16000)
    np.save(cloud, (rng.normal(size=(500, 3)) * 0.2 + [1.2, 0, -0.2]).astype(np.float32))
    files = ("--image", str(image), "--audio", str(sound), "--points", str(cloud))
    answers = []
    for weight in ("audio=1", "audio=0"):
        with pytest.raises(SystemExit) as caught:
            main([*ask("what?", *files, "--weight", weight, "--json")])
        assert caught.value.code == 0
        answers.append(json.loads(capsys.readouterr().out))
    assert [p["sense"] for p in answers[0]["percepts"]] == ["sight", "hearing", "scan"]
    assert answers[0]["assistant"] != answers[1]["assistant"]


def test_weights_are_read() -> None:
    assert parse_weights(["audio=0.5", "image=2"]) == {"audio": 0.5, "vision": 2.0}
    for bad in ("audio", "audio=x", "smell=1", "audio=-1", "audio=inf", "=1"):
        with pytest.raises(InputError, match="--weight"):
            parse_weights([bad])


def test_demo_reads_a_script_from_standard_input() -> None:
    done = run(
        "demo",
        "--json",
        "--seed",
        "3",
        "--checkpoint",
        checkpoint(),
        input="what do you see?\n\n# a remark\n/wait 0.1\n你听到什么？\n",
    )
    assert done.returncode == 0, done.stderr
    turns = [json.loads(line) for line in done.stdout.splitlines()]
    assert [turn["user"] for turn in turns] == ["what do you see?", "你听到什么？"]
    for turn in turns:
        assert {p["stream"] for p in turn["percepts"]} == {"camera", "microphone", "lidar"}
        assert all(p["age_ms"] is not None for p in turn["percepts"])
        assert turn["first_token_ms"] > 0 and turn["error"] == ""
    assert "Traceback" not in done.stderr


def test_demo_keeps_its_memory_in_the_file_that_is_named(tmp_path: Path) -> None:
    memory = tmp_path / "memory.sqlite"
    options = ("--seed", "3", "--memory", str(memory), "--checkpoint", checkpoint())
    done = run("demo", *options, input="/wait 1\n")
    assert done.returncode == 0, done.stderr
    found = run("recall", "--db", str(memory), "--when", "last", "--no-describe", "--json")
    assert json.loads(found.stdout)["found"], found.stderr


def test_demo_names_a_port_in_use() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run("demo", "--house-port", port, "--checkpoint", checkpoint(), input="")
    assert done.returncode == 2
    assert done.stderr.strip().splitlines()[-1].startswith("error: ") and port in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_ends_in_order_on_signals(number: signal.Signals) -> None:
    process = subprocess.Popen(
        [*SENSEBIND, "demo", "--json", "--checkpoint", checkpoint()],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdin and process.stdout
    process.stdin.write("what do you see?\n")
    process.stdin.flush()
    assert json.loads(process.stdout.readline())["user"] == "what do you see?"
    process.send_signal(number)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0 and "Traceback" not in errors, errors
    until(lambda: not _group(process.pid))  # no process is left behind


def _group(leader: int) -> list[int]:
    """Processes of the session that `leader` began."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                if os.getsid(int(entry.name)) == leader:
                    found.append(int(entry.name))
            except ProcessLookupError:
                continue
    return found
