"""The memory wired to a real bus; watches that speak and run tools; the commands."""

# pyright: reportCallIssue=false

import json
import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fixtures.scripted_chat import ScriptedChat, calls_once
from fixtures.tiny_checkpoint import tiny_language_model
from fixtures.waiting import until
from langchain_core.tools import BaseTool, StructuredTool, tool

from sensebind.agent.assistant import Assistant
from sensebind.agent.cli import main
from sensebind.agent.conditioning.awareness import Awareness
from sensebind.agent.events import TextPiece
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.robot.memory import Remembering, RememberingOptions, describer
from sensebind.agent.robot.watch_runner import ToolAction, WatchKeeper, sentence
from sensebind.errors import InputError, ToolError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.episodes import Episode, Moment
from sensebind.memory.watch_store import WatchBook
from sensebind.memory.watches import Alert, Watch, WatchSettings
from sensebind.perception.bus.pubsub import Publisher
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.percept import Modality, Percept, PerceptHeader
from sensebind.tools.risk import Risk, label

AXES = np.eye(4, dtype=np.float32)
TEXTS = {"a dog": 0, "a bell": 1}
STREAMS = {"microphone": "audio"}


class Words:
    """Embeds two texts; stands for an `Embedder` without weights."""

    model = "m"

    def text(self, text: str) -> np.ndarray:
        if text not in TEXTS:
            raise InputError(f"no word for {text}")
        return AXES[TEXTS[text]]


def heard(axis: int) -> Percept:
    header = PerceptHeader(
        stream="microphone",
        modality=Modality.AUDIO,
        sequence=0,
        captured_at=time.time_ns(),
        published_at=0,
        monotonic=time.monotonic(),
        shape=(4,),
        model="m",
    )
    return Percept(header, AXES[axis])


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "memory.db"


def test_from_the_bus_to_the_answer_of_a_tool(path: Path, tmp_path: Path) -> None:
    """Percepts come over a real bus; a watch added by a tool speaks; recall tells when it was."""
    said: list[str] = []
    words: Any = Words()
    options = RememberingOptions(
        path, words=("a dog", "a bell"), watches=WatchSettings(cooldown=0, confirm=1)
    )
    with (
        Publisher(f"ipc://{tmp_path}/microphone", "microphone") as publisher,
        Remembering(
            options,
            words,
            describe=lambda modality, _: f"{modality}: a bell",
            say=lambda text, _: said.append(text),
        ) as remembering,
        Awareness({"microphone": publisher.endpoint}, STREAMS, [remembering]) as awareness,
    ):
        tools = {t.name: t for t in remembering.tools(awareness, STREAMS)}
        assert list(tools) == ["recall", "watch_add", "watch_list", "watch_remove", "listen"]
        tools["watch_add"].invoke({"what": "a bell", "sense": "hearing"})

        def play(axis: int, done: Callable[[], object]) -> None:
            def step() -> object:
                publisher.publish(heard(axis))
                time.sleep(0.02)
                return done()

            until(step)

        play(0, lambda: remembering.recorder.counts.percepts > 5)
        time.sleep(1.2)  # the list of watches is read anew once a second
        play(1, lambda: said)
        assert said == ["I hear a bell"]
        rung = time.monotonic() + 3.0  # long enough for an episode of its own
        play(1, lambda: time.monotonic() > rung)
        play(0, lambda: remembering.recorder.counts.episodes >= 2)
        text = tools["recall"].invoke({"what": "a bell", "when": "last", "sense": "hearing"})
        when = r"(just now|\d+ seconds ago)"  # a busy machine takes its time
        assert re.match(rf"{when}: audio: a bell \(heard by microphone, ", text)
        assert "audio: a bell" in tools["listen"].invoke({})
    with EpisodeStore(path) as store:
        assert len(store) == 3 and not store.open_episodes()
        [alert] = WatchBook(store).alerts()
        assert (alert.watch, alert.outcome) == ("a bell", "said: I hear a bell")


@tool
def lamp_on(level: int = 1) -> str:
    """Turns on the lamp."""
    if level > 5:
        raise ToolError("it cannot be that bright")
    return f"lamp at {level}"


def alert(action: str, name: str = "a dog", modality: str = "audio") -> Alert:
    watch = Watch(name, AXES[0], "m", modality, action)
    return Alert(watch, "microphone", 5, "frame:microphone@5", 0.9, 0.5)


@pytest.fixture
def keeper(path: Path) -> Iterator[WatchKeeper]:
    permitted: list[BaseTool] = [lamp_on]
    keeper = WatchKeeper(path, lambda *_: None, tools=permitted)
    yield keeper
    keeper.stop()


def test_a_watch_runs_the_tools_that_are_permitted_and_no_others(keeper: WatchKeeper) -> None:
    assert keeper.act(alert('lamp_on {"level": 3}')) == "ran lamp_on: lamp at 3"
    assert keeper.act(alert("drive")) == "refused: drive is not permitted for watches"
    assert keeper.act(alert('lamp_on {"level": 9}')) == "failed: it cannot be that bright"
    assert keeper.act(alert('lamp_on {"level": "high"}')).startswith("failed: ValidationError")
    assert keeper.act(alert("lamp_on {")).startswith("failed: 'lamp_on {' is no tool")
    assert [one.outcome.split(":")[0] for one in keeper.book.alerts()] == [
        "ran lamp_on",
        "refused",
        "failed",
        "failed",
        "failed",
    ]


def test_a_voice_that_fails_ends_nothing(path: Path) -> None:
    def broken(_text: str, _alert: Alert) -> None:
        raise RuntimeError("no loudspeaker")

    keeper = WatchKeeper(path, broken)
    assert keeper.act(alert("")) == "failed: RuntimeError: no loudspeaker"
    keeper.stop()


@pytest.mark.parametrize(
    ("name", "modality", "said"),
    [
        ("a dog", "audio", "I hear a dog"),
        ("dog", "vision", "I see a dog"),
        ("orange ball", "point", "I notice an orange ball"),
        ("the bell", "", "I perceive the bell"),
    ],
)
def test_what_is_said(name: str, modality: str, said: str) -> None:
    assert sentence(alert("", name, modality)) == said


def test_actions_are_read() -> None:
    assert ToolAction.parse("lamp_on") == ToolAction(tool="lamp_on")
    assert ToolAction.parse('a {"b": [1]}').arguments == {"b": [1]}
    for bad in ("", "lamp on", "lamp_on [1]", "lamp_on {", "rm -rf /"):
        with pytest.raises(InputError, match="no tool with arguments"):
            ToolAction.parse(bad)


def test_what_a_tool_has_described_is_no_part_of_the_answer(tmp_path: Path) -> None:
    chat = ChatSenseBind(model=str(tiny_language_model(tmp_path)))
    describe, told = describer(chat), []

    def look() -> str:
        told.append(describe("audio", np.ones(16, np.float32)))
        return told[-1]

    tool = StructuredTool.from_function(
        look, name="look", description="Looks.", metadata=label(Risk.OBSERVE)
    )
    one = Assistant(ScriptedChat(script=calls_once("look")), [tool])
    events = list(one.turn("what was that?"))
    assert told[0] and not [event for event in events if isinstance(event, TextPiece)]


# --- commands --------------------------------------------------------------------------------


@pytest.fixture
def recorded(path: Path) -> Path:
    now = time.time_ns()
    with EpisodeStore(path) as store:
        for number in range(3):
            at = now - number * 60 * 10**9
            moment = Moment(at, f"frame:microphone@{at}", AXES[number])
            store.put(Episode("microphone", "audio", "m", at, at, 1, (moment,)))
        WatchBook(store).add(Watch("a dog", AXES[0], "m", "audio"))
    return path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    with pytest.raises(SystemExit) as caught:
        main(list(arguments))
    printed = capsys.readouterr()
    code = int(caught.value.code or 0)
    return code, printed.out if code == 0 else printed.out + printed.err


def robot_of(memory: Path) -> str:
    """A robot's file that names a memory."""
    file = memory.with_name("rover.yaml")
    file.write_text(f"streams: {{eye: {{source: 'camera:0'}}}}\nmemory: {{file: {memory.name}}}\n")
    return str(file)


def test_the_older_form_works_with_one_line_of_warning(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recall = ("recall", "--when", "last", "--no-describe", "--json")
    for command, key in ((recall, "found"), (("watch", "--json"), "watches")):
        with pytest.raises(SystemExit) as caught:
            main([*command, "--db", str(recorded)])
        printed = capsys.readouterr()
        assert caught.value.code == 0 and json.loads(printed.out)[key]
        [warning] = printed.err.splitlines()
        assert f"write `sensebind {command[0]} rover.yaml" in warning


def test_a_robot_without_a_memory_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "rover.yaml"
    for more, words in (
        ("", "keeps no memory: add `memory: {}`"),
        ("memory: {}\n", "no memory at"),
    ):
        file.write_text("name: never-run\nstreams: {eye: {source: 'camera:0'}}\n" + more)
        code, out = run(capsys, "recall", str(file), "a dog")
        assert code == 2 and words in out and len(out.strip().splitlines()) == 1, out


def test_recall_by_time(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rover = robot_of(recorded)
    code, out = run(capsys, "recall", rover, "--when", "last", "--no-describe", "--json")
    [first, *others] = json.loads(out)["found"]
    assert code == 0 and len(others) == 2
    assert first["reference"].startswith("frame:microphone@") and first["similarity"] is None
    assert first["at"] > others[0]["at"] > others[1]["at"]
    code, out = run(capsys, "recall", rover, "--sense", "sight", "--no-describe")
    assert (code, out) == (0, "nothing like that is remembered\n")


def test_watches_are_listed_and_removed(recorded: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "watch", robot_of(recorded)) == (0, "a dog · hearing\n")
    code, out = run(capsys, "watch", robot_of(recorded), "--remove", "a dog", "--json")
    assert code == 0 and json.loads(out) == {"watches": []}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("recall", "--db", "none.db"), "no memory at none.db"),
        (("recall", "ROBOT", "--when", "whenever"), "no time that can be read"),
        (("recall", "ROBOT", "--when", "last", "--since", "9"), "not both"),
        (("recall", "ROBOT", "--image", "none.png"), "there is no such file"),
        (("recall", "ROBOT", "--sense", "smell"), "no sense 'smell'"),
        (("recall", "ROBOT", "--radius", "2"), "give --near, too"),
        (("recall", "ROBOT", "--near", "1, 2", "--radius", "0"), "0 m around a place"),
        (("recall", "ROBOT", "--when", "last", "--after", "9"), "not both"),
        (("watch", "ROBOT", "--remove", "a cat"), "there is no watch 'a cat'"),
        (("watch", "ROBOT", "a dog", "--run", "x {"), "no tool with arguments"),
        (("watch",), "name the robot first"),
        (("recall", "a dog"), 'name the robot first, such as sensebind recall rover.yaml "a dog"'),
        (("recall", "ROBOT", "a dog", "--db", "none.db"), "not both"),
        (("recall", "none.yaml", "a dog"), "none.yaml"),
    ],
)
def test_bad_commands_end_in_one_line(
    recorded: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str
) -> None:
    given = [
        str(recorded) if one == "DB" else robot_of(recorded) if one == "ROBOT" else one
        for one in arguments
    ]
    code, out = run(capsys, *given)
    assert code == 2 and message in out and len(out.strip().splitlines()) == 1, out


def test_what_another_encoder_recorded_is_searched_by_time_only(
    recorded: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The shipped encoder is not the one that recorded these."""
    code, out = run(capsys, "recall", robot_of(recorded), "a dog", "--no-describe")
    assert code == 2 and "recorded with encoder m" in out


def test_a_memory_recorded_with_the_shipped_encoder_is_asked_in_words(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from sensebind.agent.conditioning.embedder import Embedder
    from sensebind.checkpoints import default_checkpoint

    embedder, now = Embedder(default_checkpoint()), time.time_ns()
    with EpisodeStore(path) as store:
        for number, text in enumerate(("a dog", "a red ball", "a piano")):
            at = now - number * 10**9
            there = Pose(3.0 * number, -1.0, 0.0)
            moment = Moment(at, f"frame:camera@{at}", embedder.text(text), there)
            store.put(Episode("camera", "vision", embedder.model, at, at, 1, (moment,)))
    code, out = run(capsys, "recall", robot_of(path), "a red ball", "-n", "1", "--json")
    [found] = json.loads(out)["found"]
    assert code == 0 and found["at"] == now - 10**9 and found["similarity"] > 0.99
    assert found["description"]  # what our own model says of it
    assert found["pose"] == {"x": 3.0, "y": -1.0, "yaw": 0.0, "frame": "map"}
    assert " from (3.0, -1.0), " in found["sentence"]
    plain = ("--no-describe", "--json", "-n", "1")
    for near in ("3, -1", "a red ball"):
        code, out = run(capsys, "recall", robot_of(path), "--near", near, "--radius", "1", *plain)
        assert [one["at"] for one in json.loads(out)["found"]] == [found["at"]]
    after = ("--after", "1 minute ago", "--near", "within 1 m of 0, -1")
    code, out = run(capsys, "recall", robot_of(path), "a red ball", *after, *plain)
    [dog] = json.loads(out)["found"]
    assert code == 0 and dog["at"] == now  # the best of what was there
    with EpisodeStore(path) as store:
        assert len(store) == 3
        [ball] = [e for e in store.within(0, 2**62) if e.started_at == now - 10**9]
        assert ball.description == found["description"]  # asked once, kept
