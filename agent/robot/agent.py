"""The agent of a robot: its language model, memory, tools and dialogs, on top of its streams."""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch
from langchain_core.language_models import BaseChatModel
from langchain_core.tools import BaseTool

from sensebind.agent.approval import Decision, Request
from sensebind.agent.approval.audit import AuditLog
from sensebind.agent.approval.rates import Rates
from sensebind.agent.assistant import Assistant, Events
from sensebind.agent.conditioning.awareness import Awareness
from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.conditioning.gaps import GapWatch
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.factory import make_llm
from sensebind.agent.reader.teach_words import TeachWords
from sensebind.agent.robot.completion import Said, complete
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.control_messages import Poses
from sensebind.agent.robot.dialogs import RobotDialogs
from sensebind.agent.robot.explaining import explain
from sensebind.agent.robot.following import Followers
from sensebind.agent.robot.forgetting import forget, note_dialogs
from sensebind.agent.robot.looking import Looking
from sensebind.agent.robot.memory import Remembering, open_memory
from sensebind.agent.robot.motion import DrivingProcess
from sensebind.agent.robot.policy import check_unasked, policy_of, warn_of_unknown_names
from sensebind.agent.robot.relayed_call import RelayedCall, SightAlone
from sensebind.agent.robot.sections import LlmConfig
from sensebind.agent.robot.senses import Senses, WordsOnDemand, in_words, senses_for
from sensebind.agent.robot.settling import Settling
from sensebind.agent.robot.simhome import HomeProcess
from sensebind.agent.robot.teaching import taught_names
from sensebind.agent.robot.tools import ToolContext, make_tools
from sensebind.agent.robot.watch_runner import Say
from sensebind.agent.robot.whereabouts import (
    followed,
    followed_by_base,
    followed_by_file,
    poses_since,
    track_of,
)
from sensebind.agent.threads import Dialogs
from sensebind.errors import (
    ConfigurationError,
    InputError,
    ToolError,
    one_line,
)
from sensebind.memory.taught import TaughtNames
from sensebind.perception.frames.store import FrameStore
from sensebind.perception.modality import Modality
from sensebind.perception.storage.spans import Span
from sensebind.perception.workers.supervisor import Supervisor, WorkerState
from sensebind.tools.arguments import check_arguments
from sensebind.tools.motion import MotionEvent
from sensebind.tools.motion.priority import give_way
from sensebind.tools.perceive import perceive_tool
from sensebind.tools.risk import ACTING, Risk, risk_of

START_SECONDS = 60.0
_BEHIND_DRIVING = 1  # nice values of the language model's thread; encoders have more


class RobotAgent:
    """Talks about what a robot perceives, and acts for it. A context manager.

    Several clients may talk with it, each in a thread of its own; language model, memory, tools,
    policy and audit log are the robot's.

    Attributes:
        awareness: The newest percepts.
        tools: What the language model may call.
        memory: What was perceived before; None if the robot keeps no memory.
        names: What it was taught by showing.
        looking: What those who look at the robot are shown.
    """

    def __init__(
        self,
        config: RobotConfig,
        supervisor: Supervisor,
        *,
        home: HomeProcess | None = None,
        frames: FrameStore | None = None,
        say: Say | None = None,
        transient: bool = False,
        dialogs: Path | None = None,
        paused: frozenset[str] = frozenset(),
    ) -> None:
        """Prepare; entering starts.

        Args:
            config: The robot's file; `llm:` is given.
            supervisor: Runs the workers.
            home: The simulated home, where the robot is in one.
            frames: Where frames are kept.
            say: Speaks when a watch fires, in a thread of its own.
            transient: Keep neither dialogs, memory nor audit log, except in files that are named.
            dialogs: SQLite file of the dialogs; in the robot's state directory by default.
            paused: Names on the bus of the streams that are paused at the start.
        """
        self._config = config
        self._supervisor = supervisor
        self._home = home
        self._frames = frames
        self._say = say
        self._transient = transient
        self._dialogs = dialogs
        self._stack = ExitStack()
        self._audit: AuditLog | None = None
        self._held: frozenset[str] = frozenset()  # streams that are paused
        self._driving = DrivingProcess(paused)
        self._embedder = Embedder(config.weights)
        self.memory: Remembering | None = None
        self.tools: list[BaseTool] = []
        self.awareness: Awareness
        self.looking: Looking
        self._talks: RobotDialogs
        self.names: TaughtNames

    def __enter__(self) -> Self:
        """Load the language model and connect to the streams.

        Raises:
            SenseBindError: Something cannot start; nothing is left running.
        """
        with self._stack:
            self._start()
            self._stack = self._stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def followers(self) -> Followers:
        """Who sees what happens in all turns."""
        return self._talks.followers

    @property
    def driving_pid(self) -> int:
        """Id of the process that drives the base; 0 without one."""
        return self._driving.pid

    @property
    def remembering(self) -> Remembering:
        """The robot's memory.

        Raises:
            InputError: It keeps none.
        """
        if self.memory is None:
            raise InputError("this robot keeps no memory: add `memory: {}` to its file")
        return self.memory

    # --- talking --------------------------------------------------------------------------------

    def turn(
        self,
        text: str,
        media: Sequence[Mapping[str, Any]] = (),
        *,
        thread: str = "",
        history: Sequence[Mapping[str, Any]] | None = None,
    ) -> Events:
        """Take one turn, once the last one's changes are perceived; see `Assistant.turn`.

        A text that is a stop stops the robot, whichever dialog it is said in: who stands next to it
        does not know whose movement it is.

        Args:
            text: What is said.
            media: Content blocks that come with it.
            thread: Name of the dialog.
            history: What was said before, of a dialog that its client keeps; see `guests.py`.

        Raises:
            InputError: A call of a dialog that its client keeps waits for a person.
        """
        return self._talks.turn(text, media, thread, history)

    def decide(self, decisions: Sequence[Decision], *, thread: str = "") -> Events:
        """Go on with a turn that waits for approval; see `Assistant.decide`."""
        return self._talks.decide(decisions, thread)

    def waiting(self) -> dict[str, list[Request]]:
        """Return the calls of all dialogs that wait for a person, by name of the dialog."""
        return self._talks.waiting()

    def act(self, tool: str, arguments: Mapping[str, Any], *, thread: str) -> Events:
        """Make a call for a program, as if a model had made it; see `relayed_call.py`.

        Args:
            tool: A tool that acts.
            arguments: As its schema says.
            thread: Name of a dialog of its own, which goes on when a person has decided.

        Raises:
            InputError: There is no such tool, or it does not take these arguments.
        """
        found = next((o for o in self.tools if o.name == tool and risk_of(o) in ACTING), None)
        if found is None:
            raise InputError(f"no tool that acts is called {tool!r}")
        check_arguments(found, arguments)
        relay = RelayedCall(tool=tool, arguments=dict(arguments))
        return self._talks.relay(relay, SightAlone(self.awareness), thread, f"call {tool}")

    def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        tools: Sequence[Mapping[str, Any]],
        choice: str,
        cancelled: threading.Event,
    ) -> Generator[str | Said, None, None]:
        """Let the language model answer a client that has tools of its own; see `completion.py`."""
        return complete(self._chat, self._senses, messages, tools, choice, cancelled)

    def explain(self, reference: str) -> dict[str, Any]:
        """Return how a kept percept came into the answers given under it; see `explaining.py`.

        Args:
            reference: `frame:<stream>@<ns>`, as records of turns have it.

        Raises:
            InputError: The frame is not kept, or cannot be explained.
        """
        if self._frames is None:
            raise InputError("this robot keeps no frames: what it perceived cannot be looked at")
        frame = self._frames.get(reference)
        return explain(frame, self._embedder, self.looking.words, self._chat)

    def embed(self, items: Sequence[Mapping[str, Any]]) -> tuple[str, list[np.ndarray]]:
        """Embed texts and media in the space of the percepts; see `Embedder.block`.

        Returns:
            Digest of the encoder, and float32 [D] for each.

        Raises:
            InputError: One of them cannot be embedded.
        """
        return self._embedder.model, [self._embedder.block(one) for one in items]

    def assistant(self, thread: str = "") -> Assistant:
        """Return the dialog of a thread, with the robot's tools, policy and senses."""
        return self._talks.get(thread)

    def _new_dialog(
        self,
        name: str,
        kept: Dialogs | None,
        *,
        chat: BaseChatModel | None = None,
        senses: Senses = None,
        grounded: bool = True,
    ) -> Assistant:
        return Assistant(
            chat or self._chat,
            self.tools,
            senses or self._senses,
            gaps=self._gaps,
            thread=name,
            dialogs=kept,
            policy=self._policy,
            audit=self._audit,
            stop=self._stop_moving,
            settle=self._settling.settle,
            robot=self._rates,
            hold=self._why_not_move,
            middleware=[TeachWords()],
            grounded=grounded,
        )

    def poses(self, since: float | None) -> Poses:
        """Return where the robot was of late.

        Args:
            since: `Poses.until` of the answer before; None returns no poses, and where to go on.
        """
        return Poses(None) if self._track is None else poses_since(self._track, since)

    def stop(self, reason: str = "") -> None:
        """Stop what moves, every turn that runs, and reject what waits for approval.

        Args:
            reason: Who or what asked for it, for the audit log.

        Raises:
            SenseBindError: The base did not take the stop, or it could not be recorded.
        """
        self._talks.stop(reason)

    def hold(self, paused: frozenset[str]) -> None:
        """Let go of streams that are about to be paused: what relies on them stops first.

        Args:
            paused: Names on the bus of all that are paused.

        Raises:
            SenseBindError: The base did not take the stop; the streams are let go all the same, and
                the lidar of the driving process is closed.
        """
        new, self._held = paused - self._held, paused
        try:
            if new and self._relied_on(new):
                self.stop(f"paused: {', '.join(sorted(new))}")
        finally:
            self.awareness.mute(paused)
            self._driving.hold(paused)

    def _relied_on(self, streams: frozenset[str]) -> list[str]:
        """The streams among these that a movement relies on: those that see what is in the way."""
        modalities = self._config.modalities
        return sorted(one for one in streams if modalities.get(one, "") != Modality.AUDIO.value)

    def _why_not_move(self) -> str:
        relied = self._relied_on(self._held)
        return f"{' and '.join(relied)} paused: the robot does not move blind" if relied else ""

    def forget(self, spans: Sequence[Span], *, dry: bool = False) -> dict[str, int]:
        """Forget what was perceived and said in some spans of time; see `forgetting.forget`.

        Args:
            spans: What goes.
            dry: Count alone, and change nothing.

        Returns:
            How many of what.

        Raises:
            SenseBindError: A turn is running, or a store cannot be written.
        """
        memory = self.memory
        if not dry:
            self._talks.forget_guests()

        def erase_memory(spans: Sequence[Span]) -> dict[str, int]:
            found = memory.recorder.erase(spans, dry=dry) if memory is not None else {}
            if memory is not None and not dry:
                memory.memory.prune()
            return found

        try:
            return forget(
                self._config,
                spans,
                dry=dry,
                memory=erase_memory,
                dialogs=self._kept_dialogs,
                audit=self._audit,
            )
        finally:  # what was erased before an error is erased
            if not dry:
                self.followers.publish("", "forgotten", None)

    def begin_to_end(self) -> None:
        """Have what moves stand, and its process end, without waiting for it."""
        self._driving.begin_to_end()

    @cached_property
    def observing(self) -> list[BaseTool]:
        """The tools that only observe, and `perceive`, for other agents."""
        words = WordsOnDemand(lambda: in_words(self._senses, self._config, self.awareness))
        return [perceive_tool(words), *(t for t in self.tools if risk_of(t) is Risk.OBSERVE)]

    def await_senses(self, seconds: float = START_SECONDS) -> list[str]:
        """Wait until every stream has a fresh percept.

        Returns:
            Streams that still have none.

        Raises:
            ConfigurationError: A stream cannot run, or none of them has come up.
        """
        deadline = time.monotonic() + seconds
        while not self.awareness.wait(0.2):
            status = self._supervisor.status().values()
            for one in status:
                if one.state is WorkerState.FAILED:
                    raise ConfigurationError(f"{one.stream}: {one.detail}")
            paused = {one.stream for one in status if one.state is WorkerState.PAUSED}
            over = {one.stream for one in status if one.state is WorkerState.ENDED}
            rest = [s for s in self.awareness.report() if s not in over | paused]
            if (over or paused) and self.awareness.wait(0, rest):
                return sorted(over)  # nothing more will come from them
            if time.monotonic() > deadline:
                missing = [s for s in rest if not self.awareness.wait(0, [s])]
                if missing and len(missing) == len(self.awareness.report()):
                    states = ", ".join(f"{one.stream} {one.state}" for one in status)
                    raise ConfigurationError(f"no stream came up: {states}")
                return missing
        self._gaps.take()  # what happened before the first question is not a gap
        return []

    # --- starting -------------------------------------------------------------------------------

    def _start(self) -> None:
        config, stack = self._config, self._stack
        assert config.llm is not None
        self.names = taught_names(config)
        # Encoders and language model share the machine: half of it for the language model.
        torch.set_num_threads(max(1, (os.cpu_count() or 2) // 2))
        self._chat = make_llm(_located(config, config.llm), **config.llm.options)
        ours = self._chat if isinstance(self._chat, ChatSenseBind) else None
        self._gaps = GapWatch()
        listeners: list[Callable[..., None]] = [self._gaps]
        track = track_of(config) if config.memory is not None else None
        if track is not None:
            self._supervisor.lost = lambda: track.lost
            if not followed_by_base(config):  # before the first percept is remembered
                stack.enter_context(followed(config, track, None, self._home))
        self._track = track
        if config.memory is not None:
            file = config.memory_file
            if self._transient and config.memory.file is None:
                folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="sensebind-"))
                file = Path(folder) / "memory.sqlite"
            remembering = open_memory(
                file, config, self._embedder, self.names, chat=ours, say=self._say, track=track
            )
            self.memory = stack.enter_context(remembering)
            listeners.append(self.memory)
        self.awareness = stack.enter_context(
            Awareness(
                self._supervisor.endpoints,
                config.modalities,
                listeners=listeners,
                frames=self._frames.get if self._frames is not None else None,
                names=self._name_of,
            )
        )
        if ours is not None:
            _ = ours.llm  # read the weights now, and not with the first question
        self._senses = senses_for(self._chat, config, self.awareness, self._frames)
        context = ToolContext(
            config,
            self.awareness,
            self.memory,
            self._home,
            stack,
            report=self._note_stop,
            driving=self._driving,
            names=self.names,
            track=None if followed_by_file(config) else track,  # nobody goes where that was made
        )
        self.tools = make_tools(context)
        if track is not None and followed_by_base(config):
            stack.enter_context(followed(config, track, context.motion, self._home))
        self.looking = Looking(context)
        give_way(_BEHIND_DRIVING)  # from here on, in this thread: the language model
        acting = frozenset(tool.name for tool in self.tools if risk_of(tool) in ACTING)
        self._settling = Settling(self.awareness, config.modalities, acting)
        self._policy = policy_of(config)
        check_unasked(self._policy, self.tools)
        warn_of_unknown_names(config, self.tools)
        keep = not self._transient
        state = config.state_directory
        if keep:
            state.mkdir(parents=True, exist_ok=True, mode=0o700)
        if keep and self._dialogs is not None:  # so that it can be forgotten
            note_dialogs(config, self._dialogs)
        dialogs = self._dialogs or (state / "dialogs.sqlite" if keep else None)
        self._kept_dialogs = stack.enter_context(Dialogs(dialogs)) if dialogs else None
        self._rates = Rates(state) if keep else Rates()
        stack.callback(self._rates.close)
        if keep:
            self._audit = AuditLog(state / "audit.jsonl")
            stack.callback(self._audit.close)
        self._talks = stack.enter_context(
            RobotDialogs(
                self._new_dialog,
                self._stop_moving,
                self._settling.took,
                self._kept_dialogs,
                self._audit,
            )
        )

    def _name_of(self, modality: str, embedding: np.ndarray) -> str:
        found = self.names.match(modality, embedding)
        return found.name if found is not None else ""

    # --- stopping -------------------------------------------------------------------------------

    def _stop_moving(self) -> None:
        """Send a stop to everything that moves, also after one that did not take it.

        Raises:
            ToolError: Something did not take it, whatever it raised.
        """
        failures: list[str] = []
        for tool in self.tools:
            if risk_of(tool) is not Risk.STOP:
                continue
            call = {"type": "tool_call", "id": "stop", "name": tool.name, "args": {}}
            try:
                answer = tool.invoke(call)
            except Exception as error:  # a base of somebody's own raises what it likes
                failures.append(one_line(error))
                continue
            if answer.status == "error":  # as a model would be answered
                failures.append(str(answer.text))
        if failures:
            raise ToolError("; ".join(failures))

    def _note_stop(self, event: MotionEvent) -> None:
        """Write what became of a stop to the audit log."""
        if self._audit is not None:
            fields = asdict(event)
            self._audit.write(fields.pop("kind"), **fields)


def _located(config: RobotConfig, llm: LlmConfig) -> str:
    """Return a model's name with the path of a checkpoint relative to the robot's file."""
    if not llm.ours:
        return llm.model
    if not llm.place and llm.provider == "sensebind":
        return f"sensebind:{config.weights}"
    return f"{llm.provider}:{config.resolve(Path(llm.place))}"
