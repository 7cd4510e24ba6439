"""Who speaks, who interrupts, and what a spoken stop does."""

import threading
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from fixtures.scripted_voice import (
    SILENT,
    SPEAKING,
    STOP,
    BeepSpeaker,
    HeldLoudspeaker,
    LevelActivity,
    LevelSpotter,
    Robot,
    ScriptedEar,
    WordsRecogniser,
    utterance,
)

from sensebind.agent.approval.requests import Request
from sensebind.agent.events import ApprovalNeeded
from sensebind.agent.voice import conversation as module
from sensebind.agent.voice.conversation import NOT_UNDERSTOOD, STOPPED, Conversation, Options
from sensebind.agent.voice.mouth import Mouth
from sensebind.agent.voice.parts import Echo, Parts
from sensebind.agent.voice.phrases import Phrases
from sensebind.agent.voice.webrtc import NoEcho
from sensebind.errors import SenseBindError, ToolError

DOOR = Request("door_open", {}, id="d1")
DRIVE = Request("drive", {"metres": 1.0}, id="m1")
PHRASES = Phrases(
    [
        {"name": "door_open", "risk": "change", "schema": {}},
        {"name": "drive", "risk": "move", "schema": {}},
    ],
    streams=["camera", "microphone"],
    spoken=frozenset({"door_open"}),
)


class Pauses:
    """Pauses streams."""

    def __init__(self) -> None:
        self.paused: frozenset[str] = frozenset()

    def pause(self, name: str) -> frozenset[str]:
        self.paused |= {name}
        return self.paused


class Talk:
    """A conversation with scripted parts; `run` gives it what is heard.

    Attributes:
        shown: Who said what.
    """

    def __init__(
        self,
        sentences: Sequence[str],
        robot: Robot | None = None,
        echo: Echo | None = None,
        **options: Any,
    ):
        self.robot = robot or Robot()
        self.speaker, self.loudspeaker = BeepSpeaker(), HeldLoudspeaker()
        self.shown: list[tuple[str, str]] = []
        self.pauses = Pauses()
        hearing = LevelActivity(), WordsRecogniser(sentences), LevelSpotter()
        parts = Parts(*hearing, self.speaker, echo or NoEcho())
        self.mouth = Mouth(self.speaker, self.loudspeaker)
        self.conversation = Conversation(
            self.robot,
            parts,
            self.mouth,
            PHRASES,
            options=Options(sounds=frozenset({"microphone"}), **options),
            show=lambda who, what: self.shown.append((who, what)),
            pausing=self.pauses,
        )

    def run(self, *steps: Sequence[float] | Callable[[], object]) -> None:
        flat = [one for step in steps for one in ([step] if callable(step) else step)]
        with self.mouth:
            self.conversation.run(ScriptedEar(flat))

    def until_idle(self) -> None:
        """A step: wait until what was said is answered."""
        while not self.conversation._is_quiet():
            threading.Event().wait(0.01)

    def playing(self) -> None:
        """A step: wait until the robot speaks."""
        assert self.loudspeaker.playing.wait(60)


def test_a_question_is_answered_aloud() -> None:
    talk = Talk(["what do you see"], Robot({"what do you see": ["I see a d", "og. It barks."]}))
    talk.run(utterance())
    assert talk.robot.asked == ["what do you see"]
    assert talk.speaker.said == ["I see a dog.", "It barks."]
    assert talk.shown == [("you", "what do you see"), ("robot", "I see a dog. It barks.")]
    assert talk.robot.cuts == [] and len(talk.conversation.first_sounds) == 1


def test_what_is_not_understood_is_asked_back_twice_and_never_acts() -> None:
    talk = Talk([])
    talk.run(*[step for _ in range(4) for step in (utterance(), talk.until_idle)])
    assert talk.robot.asked == [] and talk.speaker.said == [NOT_UNDERSTOOD] * 2
    assert talk.shown.count(("note", "not understood")) == 4


def test_speaking_cuts_the_answer_and_cancels_its_turn() -> None:
    robot = Robot({"tell": ["One two three four. "]})
    robot.hold = True  # it still thinks of more
    talk = Talk(["tell", "next"], robot)
    talk.loudspeaker.open.clear()

    def let_go() -> None:
        talk.loudspeaker.open.set()
        robot.hold = False

    talk.run(utterance(), talk.playing, [SPEAKING] * 10, let_go, [SILENT] * 60)
    assert robot.asked == ["tell", "next"] and robot.cancels == 1
    assert robot.cuts == [("turn 1", "")] or robot.cuts == [("turn 1", "One")]
    assert talk.speaker.said == ["One two three four.", "You said next."]
    assert len(talk.conversation.interruptions) == 1


def test_an_answer_that_is_whole_is_cut_too_while_it_is_spoken() -> None:
    talk = Talk(["tell", "next"], Robot({"tell": ["One two three four. ", "Five six."]}))
    talk.loudspeaker.open.clear()
    talk.run(
        utterance(),
        talk.playing,
        [SPEAKING] * 10,
        talk.loudspeaker.open.set,
        [SILENT] * 60,
    )
    [(turn, said)] = talk.robot.cuts
    assert turn == "turn 1" and said in ("", "One")
    assert "Five six." not in talk.speaker.said


def test_what_is_cancelled_interrupts_nothing_and_a_stop_in_it_is_heard() -> None:
    class Everything:
        """Cancels all that is heard."""

        cancelling = False

        def without(self, heard: np.ndarray, played: np.ndarray) -> np.ndarray:
            return np.zeros_like(heard) if self.cancelling else heard

    echo = Everything()
    talk = Talk(["tell", "next"], Robot({"tell": ["One two three four. "]}), echo=echo)
    talk.loudspeaker.open.clear()
    talk.run(
        utterance(),
        talk.playing,
        lambda: setattr(echo, "cancelling", True),
        [SPEAKING] * 10,
        [STOP] * 3,
        lambda: talk.robot.stopped.wait(60),
        talk.loudspeaker.open.set,
    )
    assert talk.robot.asked == ["tell"] and talk.conversation.interruptions == []
    assert talk.robot.stops == ["the stop word was heard"]


def test_without_barge_in_what_is_said_meanwhile_is_not_heard() -> None:
    talk = Talk(["tell", "next"], Robot({"tell": ["One two."]}), barge_in=False)
    talk.loudspeaker.open.clear()
    talk.run(utterance(), talk.playing, utterance(), talk.loudspeaker.open.set)
    assert talk.robot.asked == ["tell"] and talk.robot.cuts == []
    assert talk.speaker.said == ["One two."]


def test_the_stop_word_stops_while_the_robot_speaks_and_without_voice_activity() -> None:
    class Deaf(LevelActivity):
        def add(self, block: object) -> float:
            return 0.0

    talk = Talk(["tell"], Robot({"tell": ["One two three."]}))
    talk.loudspeaker.open.clear()

    def no_voice_any_more() -> None:
        talk.conversation._turns._activity = Deaf()

    talk.run(
        utterance(),
        talk.playing,
        no_voice_any_more,
        [STOP] * 5,
        lambda: talk.robot.stopped.wait(60),
        talk.loudspeaker.open.set,
    )
    assert talk.robot.stops == ["the stop word was heard"]
    assert talk.speaker.said[-1] == STOPPED and "stop" not in STOPPED.casefold()
    assert talk.robot.cuts[0][0] == "turn 1"


def test_a_stop_that_is_recognised_and_not_spotted_stops() -> None:
    talk = Talk(["please halt"])
    talk.run(utterance(), lambda: talk.robot.stopped.wait(60))
    assert talk.robot.stops == ["the user said so"] and talk.robot.asked == []


def test_a_stop_that_the_robot_does_not_take_is_said() -> None:
    class Stubborn(Robot):
        def stop(self, reason: str) -> None:
            super().stop(reason)
            raise ToolError("the base is silent")

    talk = Talk([], Stubborn())
    talk.run([SPEAKING] * 5, [STOP] * 3, lambda: talk.robot.stopped.wait(60), [SILENT] * 60)
    assert "the base is silent" in talk.speaker.said[-1]


def asking(*requests: Request) -> Robot:
    return Robot({"open the door": [ApprovalNeeded(requests)], "drive": [ApprovalNeeded(requests)]})


def test_a_spoken_yes_with_its_verb_approves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sensebind.agent.voice.decisions.QUIET_SECONDS", -60.0
    )  # blocks come at once
    talk = Talk(["open the door", "yes open the door"], asking(DOOR))
    talk.run(utterance(), talk.until_idle, utterance())
    assert [(one.kind, one.request, one.spoken) for one in talk.robot.decided] == [
        ("approve", "d1", True)
    ]
    assert "yes, open the door" in talk.speaker.said[0]
    assert talk.speaker.said[1] == "It is approve."


def test_a_yes_too_soon_approves_nothing() -> None:
    talk = Talk(["open the door", "yes open the door"], asking(DOOR))
    talk.run(utterance(), talk.until_idle, [SPEAKING] * 10, [SILENT] * 60)
    assert talk.robot.decided == [] and talk.robot.asked == ["open the door"]
    assert "too soon" in talk.speaker.said[-1]


def test_a_movement_is_not_approved_aloud(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "sensebind.agent.voice.decisions.QUIET_SECONDS", -60.0
    )  # blocks come at once
    talk = Talk(["drive", "yes drive", "no"], asking(DRIVE))
    talk.run(utterance(), talk.until_idle, utterance(), talk.until_idle, utterance())
    assert [one.kind for one in talk.robot.decided] == ["reject"]
    assert "at the page or the terminal" in talk.speaker.said[0]


def test_a_typed_yes_approves_a_movement() -> None:
    talk = Talk(["drive"], asking(DRIVE))
    talk.run(utterance(), talk.until_idle, lambda: talk.conversation.typed("y"))
    assert [(one.kind, one.spoken) for one in talk.robot.decided] == [("approve", False)]


def test_a_stream_is_paused_by_voice() -> None:
    talk = Talk(["pause the camera"])
    talk.run(utterance())
    assert talk.pauses.paused == {"camera"} and talk.robot.asked == []
    assert "camera is off" in talk.speaker.said[0]


def test_while_the_microphone_is_paused_nobody_is_listened_to(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_PAUSES_SEEN", 0.0)
    talk = Talk(["what do you see"])
    talk.pauses.pause("microphone")
    talk.run(utterance(), [STOP] * 3, talk.conversation.end, [SILENT])
    assert talk.robot.asked == [] and talk.robot.stops == []
    assert ("note", "the microphone is paused") in talk.shown


def test_a_turn_that_fails_is_said() -> None:
    class Broken(Robot):
        def turn(self, text: str) -> Any:
            raise SenseBindError("the robot went away")

    talk = Talk(["what do you see"], Broken())
    talk.run(utterance())
    assert talk.speaker.said == ["That went wrong: the robot went away"]


def test_a_watch_speaks_up() -> None:
    talk = Talk([])
    talk.run(lambda: talk.conversation.remark("I hear a dog."))
    assert talk.speaker.said == ["I hear a dog."]
