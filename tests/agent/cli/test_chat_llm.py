"""`sensebind chat --llm openai:…`: what it exits with, and what it says of a server in trouble."""

import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.openai_server import OpenAIServer, openai_server, picture
from fixtures.ports import free_port
from PIL import Image

from sensebind.agent.cli import main


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with openai_server() as one:
        monkeypatch.setenv("OPENAI_BASE_URL", one.url)
        yield one


def chat(
    questions: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *options: str
) -> int | str | None:
    monkeypatch.setattr("sys.stdin", io.StringIO(questions))
    with pytest.raises(SystemExit) as ended:
        main(["chat", "--dialogs", str(tmp_path / "dialogs.sqlite"), *options])
    return ended.value.code


def test_a_file_is_shown(
    server: OpenAIServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    Image.new("RGB", (40, 30), (220, 20, 20)).save(tmp_path / "red.png")
    script = f"/show {tmp_path / 'red.png'}\nwhat is this?\n"
    code = chat(script, tmp_path, monkeypatch, "--llm", "openai:m", "--images", "--json")
    out, errors = capsys.readouterr()
    assert (code, errors) == (0, "") and json.loads(out)["assistant"] == "I see a ball."
    assert not server.refused
    assert picture(server.asked[0]["messages"][-1]["content"][1]).shape == (30, 40, 3)


def test_brain_is_the_old_name_of_llm(
    server: OpenAIServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert chat("hello\n", tmp_path, monkeypatch, "--brain", "openai:m", "--json") == 0
    out, errors = capsys.readouterr()
    assert json.loads(out)["assistant"] == "I see a ball."
    assert errors == "warning: --brain is now called --llm\n"


def test_without_a_server_a_script_ends_at_once(
    server: OpenAIServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"http://127.0.0.1:{free_port()}/v1")
    assert chat("hello\nand?\n", tmp_path, monkeypatch, "--llm", "openai:m") == 2
    out, errors = capsys.readouterr()
    assert errors.startswith("error: the language model m cannot be reached")
    assert errors.count("\n") == 1 and "error" not in out


def test_a_server_that_fails_is_reported_once_and_asked_again(
    server: OpenAIServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.status, server.failures = 429, 2
    assert chat("hello\nand?\n", tmp_path, monkeypatch, "--llm", "openai:m") == 0
    out, errors = capsys.readouterr()
    assert out.count("error:") == 1 and "HTTP 429" in out and "I see a ball." in out
    assert errors == ""


def test_a_key_that_is_not_set_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    assert chat("hello\n", tmp_path, monkeypatch, "--llm", "openai:m") == 2
    out, errors = capsys.readouterr()
    assert out == "" and errors.count("\n") == 1 and "OPENAI_API_KEY is not set" in errors
