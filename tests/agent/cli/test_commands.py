"""How commands are offered: groups, completion, and arguments that are refused at once."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from fixtures.waiting import PATIENCE

from sensebind.agent.cli import main
from sensebind.agent.cli.chaos import Trouble
from sensebind.agent.cli.commands import GROUPS
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
    "ask x --thread kitchen": "--thread is for a dialog with a running robot",
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


ROVER = """\
name: rover
cache: {k: 5}
streams:
  camera:
    source: {source: "camera:0", width: 640}
    mount: {xyz: [0.12, 0, 0.62], rpy: [0, 0.15, 0]}
    intrinsics: {fx: 186.4, fy: 186.4, cx: 111.5, cy: 111.5, width: 224, height: 224}
  rear: {source: "video:clip.mp4", loop: true, frame: rear_link, calibration: rear.yaml}
  microphone: {source: "microphone:default"}
  lidar: {source: "velodyne:2368", mount: {xyz: [0, 0, 0.5]}}
  played: {source: "replay:run.mcap", modality: vision}
  sound: {source: "audio:sound.wav"}
  swept: {source: "cloud:clouds", modality: point}
  bagged: {source: {source: "bag:run.mcap", topic: /points}, modality: point, mount: {}}
  network: {source: "zenoh:/image", modality: vision}
bus: {listen: "", frames: ""}
frames: {max_mb: 256}
metrics: {port: 0}
rerun: {file: out.rrd}
foxglove: {port: 0}
ros: {publish: [tags, log]}
simhome: {camera: {xyz: [0.1, 0, 0.6]}}
llm: {model: "openai:gpt-5-mini", images: true}
memory: {max_days: 3}
watches: ["a dog", {what: "a fire", sense: sight}]
tools:
  - clock
  - detect: {places: true}
  - find: {checkpoint: dino}
  - codes: {sizes: {qr: 0.1}}
  - read
  - recall
  - watch
  - teach
  - house
  - openapi: {document: house.json, allow: [lamp_on]}
  - mcp: {servers: {files: {command: ls, transport: stdio}}}
  - python: "house.tools:make"
motion:
  class: "house.base:Wheels"
  footprint: {front: 0.3, back: 0.2, half_width: 0.2}
  lidar: "velodyne:2369"
policy: {approved: [lamp_on], fence: [-1, -1, 1, 1], max_distance: 0.5, rates: {move: 3}}
voice: {words: {rover: R OW V ER}}
urdf: robot.urdf
pose: "zenoh:/odom"
"""
"""Every section of a robot's file, and sources that are devices, files and topics."""
REAR = """\
image_width: 640
image_height: 480
camera_matrix: {rows: 3, cols: 3, data: [500.0, 0, 320, 0, 500, 240, 0, 0, 1]}
distortion_model: plumb_bob
distortion_coefficients: {rows: 1, cols: 5, data: [0.1, 0.01, 0, 0, 0]}
"""
URDF = """\
<robot name="rover">
  <link name="base_link"/><link name="rear_link"/>
  <joint name="rear" type="fixed">
    <parent link="base_link"/><child link="rear_link"/><origin xyz="-0.2 0 0.4" rpy="0 0 3.14"/>
  </joint>
</robot>
"""
_CHECK = """
import sys
from sensebind.agent.cli import main
try:
    main(["config", "check", sys.argv[1]])
except SystemExit as end:
    assert end.code == 0, end.code
print(sorted(set(SLOW) & set(sys.modules)))
"""


def test_a_robots_file_is_checked_without_what_computes(tmp_path: Path) -> None:
    from sensebind.agent.robot.config_file import read_config

    for name in ("clip.mp4", "sound.wav", "run.mcap", "house.json"):
        (tmp_path / name).touch()
    for name in ("clouds", "dino"):
        (tmp_path / name).mkdir()
    (tmp_path / "rear.yaml").write_text(REAR)
    (tmp_path / "robot.urdf").write_text(URDF)
    file = tmp_path / "rover.yaml"
    file.write_text(ROVER)
    config = read_config(file)
    assert [name for name, given in config if not given] == ["checkpoint"]  # nothing is left out
    slow = (*_SLOW, "av", "msgspec", "numpy", "rosbags", "zmq")
    done = subprocess.run(
        [sys.executable, "-c", f"SLOW = {slow!r}\n{_CHECK}", str(file)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    checked, imported = done.stdout.splitlines()
    assert checked.startswith(f"{file}: 9 streams: ") and imported == "[]"


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
