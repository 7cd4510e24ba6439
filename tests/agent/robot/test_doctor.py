"""`sensebind doctor rover.yaml` opens what the file names."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest
from fixtures.openai_server import OpenAIServer, openai_server
from fixtures.ports import free_port
from fixtures.tiny_detectors import grounding_dino, rt_detr_v2

from sensebind.agent.robot import doctor_llm, doctor_robot
from sensebind.agent.robot.checks import Verdict
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.config_file import read_config
from sensebind.agent.robot.doctor_llm import sent_away
from sensebind.agent.robot.doctor_robot import examine_robot
from sensebind.agent.robot.teaching import space_id
from sensebind.memory.episode_store import EpisodeStore

STREAMS = "streams: {lidar: {source: 'cloud:clouds'}}\n"

Found = dict[str, tuple[Verdict, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    (tmp_path / "clouds").mkdir()
    np.save(tmp_path / "clouds" / "0.npy", np.ones((5, 3), np.float32))
    return tmp_path


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAIServer]:
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    with openai_server() as one:
        monkeypatch.setenv("OPENAI_BASE_URL", one.url)
        yield one


def examined(folder: Path, text: str, *, llm: bool = True) -> Found:
    file = folder / "rover.yaml"
    file.write_text(text)
    found = examine_robot(read_config(file), llm=llm)
    return {one.name: (one.verdict, one.found, one.mend) for one in found}


def test_a_sample_of_each_stream_is_read(folder: Path) -> None:
    found = examined(folder, STREAMS)
    verdict, what, _ = found["stream lidar"]
    assert verdict is Verdict.OK and what.startswith("point 5 x 3, ") and what.endswith(" s old")


def test_images_that_do_not_fit_the_calibration_are_bad(folder: Path) -> None:
    video = cv2.VideoWriter(
        str(folder / "video.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 10.0, (64, 36)
    )
    for _ in range(3):
        video.write(np.zeros((36, 64, 3), np.uint8))
    video.release()
    text = (
        "streams: {camera: {source: 'video:video.avi', mount: {xyz: [0, 0, 1]},\n"
        "  intrinsics: {fx: 60, fy: 60, cx: 40, cy: 30, width: 80, height: 60}}}\n"
    )
    verdict, what, mend = examined(folder, text)["stream camera"]
    assert verdict is Verdict.BAD and mend
    assert "80 x 60 pixels, and these have 64 x 36, another aspect ratio" in what
    fits = text.replace("cy: 30, width: 80, height: 60", "cy: 22, width: 80, height: 45")
    assert examined(folder, fits)["stream camera"][0] is Verdict.OK


def test_a_stream_that_gives_nothing_says_why_and_what_to_do(folder: Path) -> None:
    (folder / "clouds" / "0.npy").write_bytes(b"not a cloud")
    verdict, what, mend = examined(folder, STREAMS)["stream lidar"]
    assert verdict is Verdict.BAD and "0.npy" in what and "\n" not in what and mend


def test_a_simulated_home_is_started_and_its_streams_are_read(folder: Path) -> None:
    home = "streams: {camera: {source: simhome}, microphone: {source: simhome}}\n"
    found = examined(folder, home + "simhome: {seed: 3, port: 0}\ntools: [house]\n")
    assert found["simhome"][0] is Verdict.OK
    assert found["stream camera"][1].startswith("vision 224 x 224 x 3, ")
    assert found["stream microphone"][1].startswith("audio ")
    assert found["tool house"][0] is Verdict.OK and "tools: " in found["tool house"][1]


def test_a_home_that_cannot_start_is_said_to_need_another_port(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_robot, "OPEN_SECONDS", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        home = f"streams: {{camera: {{source: simhome}}}}\nsimhome: {{port: {port}}}\n"
        found = examined(folder, home + "tools: [house]\n")
    assert found["simhome"][0] is Verdict.BAD and str(port) in found["simhome"][1]
    assert found["stream camera"][0] is found["tool house"][0] is Verdict.BAD


def test_what_the_weights_need_is_compared_with_the_memory(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    verdict, what, mend = examined(folder, STREAMS)["checkpoint"]
    assert (verdict, mend) == (Verdict.OK, "")
    assert what.startswith("needs 0.25 GB of memory (0.25 GB for 1 encoder process, 0.00")

    def memory(available: int, total: int) -> Verdict:
        values = psutil.virtual_memory()._replace(available=available, total=total)
        monkeypatch.setattr(psutil, "virtual_memory", lambda: values)
        return examined(folder, STREAMS + "llm: sensebind\n", llm=False)["checkpoint"][0]

    assert memory(10**9, 2 * 10**9) is Verdict.OK  # 0.6 GB and 0.25 GB and 15 MB
    assert memory(5 * 10**8, 2 * 10**9) is Verdict.WARNING
    assert memory(4 * 10**8, 8 * 10**8) is Verdict.BAD


def test_a_checkpoint_that_is_not_there_is_bad(folder: Path) -> None:
    verdict, what, mend = examined(folder, STREAMS + "checkpoint: none\n")["checkpoint"]
    assert verdict is Verdict.BAD and "none is not there" in what and "pull" in mend


def test_memory_and_dialogs_must_be_writable(folder: Path) -> None:
    found = examined(folder, STREAMS + "memory: {}\nllm: sensebind\n", llm=False)
    assert found["memory file"][0] is found["dialogs and log"][0] is Verdict.OK
    assert "memory" not in found and not (folder / "state").exists()  # nothing was made

    memory = STREAMS + "memory: {file: memory.sqlite, max_mb: 1000000000}\n"
    with EpisodeStore(folder / "memory.sqlite"):
        pass
    found = examined(folder, memory)
    assert found["memory"][0] is Verdict.OK and found["memory"][1].endswith(", 0 episodes")
    assert found["memory file"][0] is Verdict.WARNING and "max_mb" in found["memory file"][2]

    (folder / "memory.sqlite").write_bytes(b"something else" * 100)
    assert examined(folder, memory)["memory"][0] is Verdict.BAD


def test_a_folder_that_cannot_be_written_is_bad(folder: Path) -> None:
    memory = STREAMS + "memory: {file: /proc/none/memory.sqlite}\n"
    verdict, what, mend = examined(folder, memory)["memory file"]
    assert verdict is Verdict.BAD and "/proc cannot be written" in what and "/proc" in mend


def test_another_language_model_is_asked_for_one_token(folder: Path, server: OpenAIServer) -> None:
    verdict, what, _ = examined(folder, STREAMS + "llm: 'openai:m'\n")["language model"]
    assert verdict is Verdict.OK and what.startswith("openai:m answered in ")
    assert "asking cost " in what
    [asked] = server.asked
    assert asked.get("max_completion_tokens", asked.get("max_tokens")) == 1


def test_without_permission_nobody_is_asked(folder: Path, server: OpenAIServer) -> None:
    found = examined(folder, STREAMS + "llm: 'openai:m'\n", llm=False)["language model"]
    assert found == (Verdict.OK, "openai:m, not asked (--no-llm)", "") and not server.asked


@pytest.mark.parametrize(
    ("status", "expected"), [(401, Verdict.BAD), (404, Verdict.BAD), (429, Verdict.WARNING)]
)
def test_what_a_server_answers_is_reported(
    folder: Path, server: OpenAIServer, status: int, expected: Verdict
) -> None:
    server.status, server.failures = status, 10
    verdict, what, mend = examined(folder, STREAMS + "llm: 'openai:m'\n")["language model"]
    assert verdict is expected and f"HTTP {status}" in what and mend


def test_a_language_model_that_cannot_be_reached_or_paid_is_bad(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    found = examined(folder, STREAMS + "llm: 'openai:gpt-5'\n")["language model"]
    assert found == (Verdict.BAD, "OPENAI_API_KEY is not set", "export OPENAI_API_KEY=…")
    url = f"http://127.0.0.1:{free_port()}/v1"
    options = f"{{base_url: '{url}', api_key: none}}"
    found = examined(folder, STREAMS + f"llm: {{model: 'openai:m', options: {options}}}\n")
    assert found["language model"][0] is Verdict.BAD and "reached" in found["language model"][1]


def test_a_server_that_says_nothing_is_given_up(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(doctor_llm, "ANSWER_SECONDS", 1.0)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/v1"
        options = f"{{base_url: '{url}', api_key: none}}"
        found = examined(folder, STREAMS + f"llm: {{model: 'openai:m', options: {options}}}\n")
    verdict, what, _ = found["language model"]
    assert (verdict, what) == (Verdict.WARNING, "no token within 1 s")


def test_our_own_language_model_is_loaded_and_answers(folder: Path) -> None:
    verdict, what, _ = examined(folder, STREAMS + "llm: sensebind\n")["language model"]
    assert (
        verdict is Verdict.OK and what.startswith("sensebind answered in ") and "cost" not in what
    )
    (folder / "none").mkdir()
    verdict, what, mend = examined(folder, STREAMS + "llm: 'sensebind:none'\n")["language model"]
    assert verdict is Verdict.BAD and "none at" in what and "pull" in mend


def test_detectors_are_loaded_and_look_at_an_image(folder: Path) -> None:
    rt_detr_v2(folder / "fixed")
    grounding_dino(folder / "words")
    tools = "tools: [clock, codes, detect: {checkpoint: fixed}, find: {checkpoint: words}]\n"
    found = examined(folder, STREAMS + tools)
    assert found["tool clock"][0] is found["tool codes"][0] is Verdict.OK
    assert found["tool detect"][1].startswith("2 kinds of objects, ")
    assert found["tool find"][0] is Verdict.OK and found["tool find"][1].endswith("one frame")
    (folder / "fixed" / "model.safetensors").write_bytes(b"damaged")
    verdict, what, mend = examined(folder, STREAMS + tools)["tool detect"]
    assert verdict is Verdict.BAD and "fixed" in what and mend


DOCUMENT = {
    "openapi": "3.0.0",
    "info": {"title": "lamp", "version": "1"},
    "paths": {
        "/lamp": {
            "get": {
                "operationId": "get_lamp",
                "security": [{"token": []}],
                "responses": {"200": {"description": "its state"}},
            }
        }
    },
    "components": {"securitySchemes": {"token": {"type": "http", "scheme": "bearer"}}},
}


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("auth: {token: 'env:LAMP'}", "1 tool: get_lamp"),
        ("auth: {token: 'env:NO_LAMP'}", "NO_LAMP is not set"),
        ("allow: [put_lamp], auth: {token: 'env:LAMP'}", "no operation put_lamp"),
        ("allow: [get_lamp]", "needs token"),
        ("document: none.json", "none.json"),
    ],
)
def test_api_documents_are_read(
    folder: Path, monkeypatch: pytest.MonkeyPatch, said: str, expected: str
) -> None:
    monkeypatch.setenv("LAMP", "secret")
    (folder / "lamp.json").write_text(json.dumps(DOCUMENT))
    document = "" if said.startswith("document") else "document: lamp.json, "
    tool = f"{{openapi: {{{document}base_url: 'http://127.0.0.1:1', {said}}}}}"
    verdict, what, _ = examined(folder, STREAMS + f"tools: [{tool}]\n")["tool openapi"]
    assert expected in what and "secret" not in what
    assert verdict is (Verdict.OK if expected.startswith("1 tool") else Verdict.BAD)


SERVER = """
import asyncio
from langchain_core.tools import tool
from sensebind.tools.mcp_server import mcp_server, offered, serve_stdio
from sensebind.tools.risk import Risk, labelled

@tool
def weigh(kind: str) -> str:
    '''Weighs an object.'''
    return "3 kg"

asyncio.run(serve_stdio(mcp_server(offered([labelled(weigh, Risk.OBSERVE)]))))
"""


def test_servers_are_started_and_asked_for_their_tools(folder: Path) -> None:
    (folder / "server.py").write_text(SERVER)

    def tool(script: str) -> str:
        command = f"command: {sys.executable}, args: [{folder / script}]"
        return f"tools: [mcp: {{servers: {{shop: {{transport: stdio, {command}}}}}}}]\n"

    found = examined(folder, STREAMS + tool("server.py"))["tool mcp"]
    assert found == (Verdict.OK, "1 tool: shop_weigh", "")
    assert examined(folder, STREAMS + tool("none.py"))["tool mcp"][0] is Verdict.BAD


def test_functions_of_the_user_are_imported_and_not_called(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(folder)
    (folder / "arm_of_mine.py").write_text("def make(context): raise SystemExit\nLENGTH = 3\n")
    (folder / "arm_that_breaks.py").write_text("1 / 0\n")

    def found(factory: str) -> tuple[Verdict, str]:
        checks = examined(folder, STREAMS + f"tools: [python: '{factory}']\n")
        return checks["tool python"][:2]

    assert found("arm_of_mine:make")[0] is Verdict.OK
    assert found("arm_of_mine:LENGTH") == (Verdict.BAD, "arm_of_mine:LENGTH is not a function")
    assert found("arm_of_mine:none") == (Verdict.BAD, "arm_of_mine has no none")
    assert found("no_such_module:make")[0] is Verdict.BAD
    verdict, what = found("arm_that_breaks:make")
    assert verdict is Verdict.BAD and what.startswith("ZeroDivisionError: ")


def test_a_robot_that_does_not_answer_is_bad(folder: Path) -> None:
    config = read_config(_written(folder))
    config.control_socket.parent.mkdir(parents=True)
    config.control_socket.touch()
    verdicts = {one.name: one.verdict for one in examine_robot(config, llm=False)}
    assert verdicts["robot"] is Verdict.BAD and "stream lidar" not in verdicts


def _written(folder: Path) -> Path:
    file = folder / "rover.yaml"
    file.write_text(STREAMS + "llm: sensebind\n")
    return file


@pytest.mark.parametrize(
    ("llm", "goes", "says"),
    [
        ("sensebind", False, "none"),
        ("'ollama:llama3.2'", False, "none"),
        ("{model: 'openai:x', options: {base_url: 'http://localhost:8000/v1'}}", False, "none"),
        ("{model: 'openai:x', options: {base_url: 'http://[::1]:8000/v1'}}", False, "none"),
        ("'openai:gpt-5'", True, "with every question openai gets the dialog so far"),
        ("{model: 'openai:gpt-5', images: true, audio: true}", True, "in words, images, sounds,"),
        ("{model: 'openai:gpt-5', images: false}", True, "in words, and results of tools"),
        ("{model: 'ollama:x', options: {base_url: 'http://10.0.0.9:11434'}}", True, "10.0.0.9"),
    ],
)
def test_which_data_leave_the_machine(folder: Path, llm: str, goes: bool, says: str) -> None:
    section = read_config_of(folder, f"llm: {llm}\n").llm
    assert section is not None
    check = sent_away(section)
    assert (check.verdict is Verdict.WARNING) == goes and says in check.found


def read_config_of(folder: Path, more: str) -> RobotConfig:
    file = folder / "rover.yaml"
    file.write_text(STREAMS + more)
    return read_config(file)


def test_encoders_and_their_spaces_are_named(folder: Path) -> None:
    verdict, what, _ = examined(folder, STREAMS)["encoder imagebind"]
    weights = read_config(folder / "rover.yaml").weights
    assert verdict is Verdict.OK and what == f"of lidar; space {space_id(weights)}"
    verdict, what, mend = examined(folder, "encoder: clip:none\n" + STREAMS)[
        f"encoder clip:{folder}/none"
    ]
    assert verdict is Verdict.BAD and "config.json is missing" in what and mend
