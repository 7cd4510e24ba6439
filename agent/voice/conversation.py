"""A conversation aloud: who listens, who speaks, who interrupts, and what a spoken stop does.

Two threads: one hears (stop word, voice activity, recognition), one talks with the robot and waits
for its mouth, so that the first never waits for a language model. What stops or cancels runs in
threads of its own, so that hearing never waits for it either.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from typing import Protocol

from sensebind.agent.approval.requests import Decision, Request
from sensebind.agent.events import (
    ApprovalNeeded,
    CallRecord,
    CallStarted,
    Finished,
    TextPiece,
    TurnRecord,
)
from sensebind.agent.stop_words import is_stop, says_more
from sensebind.agent.turns import Events
from sensebind.agent.voice.decisions import QUIET_SECONDS, decision_of, question_of
from sensebind.agent.voice.microphones import Block, Ear
from sensebind.agent.voice.mouth import Mouth
from sensebind.agent.voice.own_voice import OwnVoice
from sensebind.agent.voice.parts import Parts
from sensebind.agent.voice.phrases import Phrases
from sensebind.agent.voice.sentences import Sentences
from sensebind.agent.voice.turn_taking import Began, Ended, TurnTaking
from sensebind.errors import SenseBindError, one_line
from sensebind.printable import printable_call

STOPPED = "I stand still."
"""What is said to a stop. It must not hold the stop word, which the robot would hear."""
NOT_UNDERSTOOD = "I did not understand that. Please say it again."
_PAUSED = "The {0} is off now. Turn it on at the page, or at a terminal."
_TOO_SOON = "That came too soon after my own words. Please say it again in two seconds."
_ASKS = 2  # times in a row that the robot asks back; then it waits until it understands again
_SHORTEST = 0.25  # seconds of speech that are asked about; what is shorter was a cough
_MOST_WAITING = 4  # utterances that wait for the robot
_NOTHING = 3.0  # seconds without any sound after which that is said
_PAUSES_SEEN = 0.5  # seconds between two looks at what is paused
_JOIN = 5.0

Show = Callable[[str, str], None]
"""Takes who says something ("you", "robot", "note"), and what."""


class Partner(Protocol):
    """The robot's side of the conversation; may be called from any thread."""

    def turn(self, text: str, /) -> Events:
        """Take one turn."""
        ...

    def decide(self, decisions: Sequence[Decision], /) -> Events:
        """Go on with a turn that waits for approval."""
        ...

    def stop(self, reason: str, /) -> None:
        """Stop what moves and every turn, and reject what waits."""
        ...

    def cancel(self) -> None:
        """End the turn that runs."""
        ...

    def cut(self, turn: str, said: str, /) -> None:
        """Keep of a turn's answer what was heard of it."""
        ...


class Pausing(Protocol):
    """Pauses streams; see `sensebind.agent.robot.pausing`."""

    @property
    def paused(self) -> frozenset[str]:
        """The streams that are paused."""
        ...

    def pause(self, name: str, /) -> frozenset[str]:
        """Pause a stream; return all that are paused."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """How a conversation goes.

    Attributes:
        endpoint: Seconds of silence after a whole sentence.
        endpoint_part: Seconds of silence after anything else.
        barge_in: Whether speaking interrupts the robot.
        sounds: Names of the streams that hear: while one is paused, nobody is listened to.
    """

    endpoint: float = 0.4
    endpoint_part: float = 1.0
    barge_in: bool = True
    sounds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class _Remark:
    """What the robot says of its own accord."""

    said: str


class Conversation:
    """Talks with people for a robot.

    Attributes:
        first_sounds: Seconds from the last sound of each question to the first one of its answer.
        stops: Monotonic times at which the stop word was spotted.
        interruptions: Monotonic times at which somebody interrupted the robot.
    """

    def __init__(
        self,
        robot: Partner,
        parts: Parts,
        mouth: Mouth,
        phrases: Phrases,
        *,
        options: Options | None = None,
        show: Show = lambda _who, _what: None,
        pausing: Pausing | None = None,
    ) -> None:
        """Prepare.

        Args:
            robot: Who answers.
            parts: Hear and understand.
            mouth: Speaks; entered by the caller.
            phrases: What may be said to the robot.
            options: How it goes.
            show: Is shown what is said, from any thread.
            pausing: What "pause the camera" goes to; None where nothing can be paused.
        """
        self._robot = robot
        self._parts = parts
        self._mouth = mouth
        self._own_voice = OwnVoice(parts.echo, mouth.played)
        self._phrases = phrases
        self._options = options or Options()
        self._show = show
        self._pausing = pausing
        self._turns = TurnTaking(
            parts.activity,
            parts.recogniser,
            self._options.endpoint,
            self._options.endpoint_part,
        )
        self._inbox: queue.Queue[Ended | str | _Remark | None] = queue.Queue(_MOST_WAITING)
        self._working = threading.Event()  # from an utterance until the robot has answered it
        self._cut_off = threading.Event()  # somebody spoke, or said stop, since the turn began
        self._waiting: list[Request] = []
        self._asked_back = 0
        self._stopped_at = float("-inf")
        self._looked_at = float("-inf")
        self._deaf = False
        self._acts: list[threading.Thread] = []
        self._fault: BaseException | None = None
        self._nothing_since = float("inf")
        self._ending = threading.Event()
        self.first_sounds: list[float] = []
        self.stops: list[float] = []
        self.interruptions: list[float] = []

    # --- hearing --------------------------------------------------------------------------------

    def run(self, ear: Ear) -> None:
        """Talk until what is heard is over and answered, or `end` is called.

        Args:
            ear: Where sound comes from; entered by the caller.

        Raises:
            SenseBindError: What is heard cannot be heard any more.
        """
        talking = threading.Thread(target=self._talk, name="voice", daemon=True)
        talking.start()
        try:
            for block in ear.blocks():
                if self._ending.is_set() or not talking.is_alive():
                    break
                self._look_at_pauses()
                self._note_silence(block is None and not self._deaf)
                if block is None or self._deaf:
                    continue
                self._hear(block)
                if ear.over and self._is_quiet():
                    break
        finally:
            self._ending.set()
            self._mouth.cut()
            if self._working.is_set():
                self._act(self._robot.cancel)
            self._put(None)
            for one in (talking, *self._acts):
                one.join(_JOIN)
        if self._fault is not None:
            raise self._fault

    def end(self) -> None:
        """End `run`, from any thread."""
        self._ending.set()

    def typed(self, line: str) -> None:
        """Take a line that a person typed as if it had been said; it may approve any call.

        Args:
            line: In words; a stop stops at once.
        """
        if is_stop(line):
            self._stop_now("typed")
            if not says_more(line):
                return
        self._put(line)

    def remark(self, said: str) -> None:
        """Say something of the robot's own accord, such as what a watch has noticed."""
        self._put(_Remark(said))

    def _hear(self, block: Block) -> None:
        if self._parts.spotter.add(block.samples):
            self._show("note", "the stop word was heard")
            self._stop_now("the stop word was heard")
        speaking = self._mouth.speaking
        if speaking and not self._options.barge_in:
            if self._turns.listening:
                self._turns.reset()
            return
        for what in self._turns.add(self._own_voice.without(block)):
            if isinstance(what, Began):
                if speaking or self._working.is_set():
                    self._interrupt()
            else:
                self._put(what)

    def _is_quiet(self) -> bool:
        """Whether nobody speaks, nothing is worked on, and nothing waits to be."""
        return not (
            self._turns.listening
            or self._inbox.unfinished_tasks
            or self._mouth.speaking
            or any(one.is_alive() for one in self._acts)
        )

    def _look_at_pauses(self) -> None:
        """While the microphone is paused, nobody is listened to."""
        now = time.monotonic()
        if self._pausing is None or now < self._looked_at + _PAUSES_SEEN:
            return
        self._looked_at = now
        try:
            deaf = bool(self._options.sounds & self._pausing.paused)
        except SenseBindError as error:
            self._show("note", one_line(error))
            deaf = True  # nobody knows: then nobody is listened to
        if deaf != self._deaf:
            self._deaf = deaf
            self._turns.reset()
            self._show("note", f"the microphone is {'paused' if deaf else 'open'}")

    def _note_silence(self, nothing: bool) -> None:
        """Say once where nothing comes from the microphone, not even silence."""
        now = time.monotonic()
        if not nothing:
            if self._nothing_since == float("-inf"):
                self._show("note", "the microphone is heard again")
            self._nothing_since = float("inf")
        elif self._nothing_since == float("inf"):
            self._nothing_since = now
        elif self._nothing_since > float("-inf") and now - self._nothing_since > _NOTHING:
            self._nothing_since = float("-inf")
            self._show("note", "nothing comes from the microphone: see sensebind top")

    def _interrupt(self) -> None:
        """Somebody speaks while the robot does, or while it works on an answer."""
        self.interruptions.append(time.monotonic())
        self._cut_off.set()
        self._mouth.cut()
        if self._working.is_set():
            self._act(self._robot.cancel)

    def _stop_now(self, reason: str) -> None:
        self._stopped_at = time.monotonic()
        self.stops.append(self._stopped_at)
        self._cut_off.set()
        self._mouth.cut()

        def stop() -> None:
            try:
                self._robot.stop(reason)
                said = STOPPED
            except SenseBindError as error:
                said = f"I could not be brought to a halt: {error}"
                self._show("note", one_line(error))
            self._waiting = []
            self._mouth.say(self._mouth.begin(), said)

        self._act(stop)

    def _act(self, what: Callable[[], None]) -> None:
        """Do something in a thread of its own: nothing that is heard waits for it."""

        def run() -> None:
            try:
                what()
            except SenseBindError as error:
                self._show("note", one_line(error))

        thread = threading.Thread(target=run, name="voice-act", daemon=True)
        self._acts = [one for one in self._acts if one.is_alive()]
        self._acts.append(thread)
        thread.start()

    def _put(self, what: Ended | str | _Remark | None) -> None:
        try:
            self._inbox.put_nowait(what)
        except queue.Full:
            if what is None:
                self._inbox.get_nowait()
                self._put(None)
            else:
                self._show("note", "not listened to: the robot has not answered what was said yet")

    # --- talking --------------------------------------------------------------------------------

    def _talk(self) -> None:
        try:
            self._answer_all()
        except BaseException as error:  # `run` must not go on hearing for nobody
            self._fault = error

    def _answer_all(self) -> None:
        while (item := self._inbox.get()) is not None and not self._ending.is_set():
            self._working.set()
            self._cut_off.clear()
            try:
                if isinstance(item, _Remark):
                    self._say(item.said)
                elif isinstance(item, str):
                    self._typed(item)
                else:
                    self._heard(item)
            except SenseBindError as error:
                self._show("note", one_line(error))
                self._say(f"That went wrong: {error}")
            finally:
                self._working.clear()
                self._inbox.task_done()

    def _heard(self, what: Ended) -> None:
        """Act on an utterance."""
        text = what.heard.text
        if not text:
            self._ask_back(what)
            return
        self._asked_back = 0
        if self._stopped_at >= what.began_at and not is_stop(text):
            self._show("note", f"not acted on, as a stop was heard in it: {text}")
            return
        self._show("you", text)
        if stream := self._phrases.paused_by(text):  # which is a stop as well, by its first word
            self._pause(stream)
            return
        if is_stop(text):
            if self._stopped_at < what.began_at:
                self._stop_now("the user said so")
            if not says_more(text):
                return
        if self._waiting:
            quiet = what.began_at - self._mouth.ended_at
            decided = decision_of(text, quiet, self._waiting, self._phrases)
            if decided is not None:
                self._decide(decided)
                return
            if text.split()[0] == "yes":  # it approves nothing, and is no question either
                self._say(
                    _TOO_SOON
                    if quiet < QUIET_SECONDS
                    else question_of(self._waiting, self._phrases)
                )
                return
        elif text.split()[0] == "yes":
            self._say("Nothing waits for a yes.")
            return
        self._take(self._robot.turn(text), what.spoke_until)

    def _typed(self, line: str) -> None:
        """Act on a line that was typed: a plain yes approves, as at any terminal."""
        self._show("you", line)
        word = line.casefold().strip(" .!。！")
        if self._waiting and word in ("y", "yes", "n", "no", "是", "好", "不"):
            kind = "approve" if word in ("y", "yes", "是", "好") else "reject"
            self._decide([Decision(kind, request=one.id) for one in self._waiting])
            return
        self._take(self._robot.turn(line), time.monotonic())

    def _ask_back(self, what: Ended) -> None:
        if what.seconds < _SHORTEST or self._stopped_at >= what.began_at:
            return
        self._show("note", "not understood")
        if self._asked_back < _ASKS:
            self._asked_back += 1
            self._say(NOT_UNDERSTOOD)

    def _pause(self, stream: str) -> None:
        if self._pausing is None:
            self._say("Nothing can be paused here.")
            return
        self._say(_PAUSED.format(stream))  # before: what is closed cannot be said to be open
        self._pausing.pause(stream)
        self._looked_at = float("-inf")
        self._show("note", f"paused: {stream}")

    def _decide(self, decisions: Sequence[Decision]) -> None:
        self._waiting = []
        self._take(self._robot.decide(decisions), time.monotonic())

    def _take(self, events: Events, asked_at: float) -> None:
        """Speak a turn's answer as it comes; keep of it what was heard."""
        answer = self._mouth.begin()
        if self._cut_off.is_set():  # before there was anything to cut
            self._mouth.cut()
        self._waiting = []
        record, sentences = TurnRecord(""), Sentences()
        spoken = False
        with closing(events):
            for event in events:
                match event:
                    case TextPiece():
                        for one in sentences.add(event.text):
                            spoken = True
                            self._mouth.say(answer, one)
                    case CallStarted():
                        self._show("call", printable_call(event.name, event.arguments))
                    case CallRecord() if event.failed:
                        self._show("note", event.result)
                    case ApprovalNeeded():
                        self._waiting = list(event.requests)
                    case Finished():
                        record = event.record
                if self._ending.is_set():
                    return
        for one in sentences.rest():
            spoken = True
            self._mouth.say(answer, one)
        if not spoken and record.assistant and not record.cancelled:
            self._mouth.say(answer, record.assistant)
        if record.assistant:
            self._show("robot", record.assistant)
        if record.error and not record.cancelled:
            self._show("note", record.error)
            self._mouth.say(answer, "I could not answer that.")
        if self._waiting and not self._cut_off.is_set():
            question = question_of(self._waiting, self._phrases)
            for request in self._waiting:
                self._show("waits", printable_call(request.tool, request.arguments))
            self._show("robot", question)
            self._mouth.say(answer, question)
        self._mouth.wait(answer)
        if answer.first_sound_at < float("inf"):
            self.first_sounds.append(answer.first_sound_at - asked_at)
        said = " ".join(answer.said)
        if answer.cut and not self._waiting:
            self._show("note", f"cut after: {said}" if said else "cut before a word")
            self._robot.cut(record.id, said)

    def _say(self, text: str) -> None:
        """Say something that is not of a turn."""
        self._show("robot", text)
        answer = self._mouth.begin()
        self._mouth.say(answer, text)
        self._mouth.wait(answer)
