"""Turns that end at any moment between parallel results: the dialog opens, and nothing is lost."""

import asyncio
import itertools
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from fixtures.scripted_chat import ScriptedChat, calls
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.approval import Policy
from sensebind.agent.approval.audit import read_audit
from sensebind.agent.assistant import Assistant, CallRecord
from sensebind.agent.threads import Dialogs
from sensebind.tools.risk import Risk, label

NAMES = ("move", "camera", "lamp")
RISKS = {"move": Risk.MOVE, "camera": Risk.OBSERVE, "lamp": Risk.CHANGE}
GO = "go 0 1 2"  # what the calls say
POLICY = Policy(approved=frozenset(NAMES), rates={})


class Ending:
    """One turn with parallel calls, and how it ends."""

    def __init__(self, rng: random.Random, folder: Path) -> None:
        self.file, self.audit = folder / "dialogs.sqlite", folder / "audit.jsonl"
        self.names = NAMES[: rng.choice([2, 3])]
        self.delays = {name: rng.uniform(0, 0.02) for name in self.names}
        self.how = rng.choice(["closed", "cancelled", "raised", "stopped"])
        self.culprit = rng.choice(self.names)
        kinds: list[Callable[[], BaseException]] = [
            KeyboardInterrupt,
            lambda: SystemExit(3),
            lambda: RuntimeError("unplugged"),
        ]
        self.error = rng.choice(kinds)() if self.how == "raised" else None
        self.after = rng.randrange(7)  # events, or steps of a stopwatch
        self.moment = rng.uniform(0, 0.06)
        self.completed: list[tuple[str, str]] = []

    def __repr__(self) -> str:
        when = f"after {self.after} events or {self.moment:.3f} s"
        return f"{self.how} {self.error!r} by {self.culprit} {when} {self.delays}"

    def tools(self) -> list[BaseTool]:
        def of(name: str) -> Callable[..., str]:
            def act(n: int) -> str:
                time.sleep(self.delays[name])
                if self.error is not None and name == self.culprit:
                    raise self.error
                self.completed.append((name, f"{name} {n} is done"))
                return f"{name} {n} is done"

            return act

        return [
            StructuredTool.from_function(
                of(name), name=name, description=name, metadata=label(RISKS[name])
            )
            for name in self.names
        ]

    def script(self, messages: list[BaseMessage]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage) or messages[-1].text != GO:
            return AIMessage(f"{len(messages)} messages")
        return calls(*((name, {"n": n}) for n, name in enumerate(self.names)))

    def open(self) -> Assistant:
        return Assistant(
            ScriptedChat(script=self.script),
            self.tools(),
            policy=POLICY,
            dialogs=self.file,
            audit=self.audit,
        )

    def end(self, assistant: Assistant) -> None:
        """Take the turn, and end it."""
        match self.how:
            case "closed":
                events = assistant.turn(GO)
                for _ in itertools.islice(events, self.after):
                    pass
                events.close()
            case "cancelled":
                asyncio.run(self._cancelled(assistant))
            case "stopped":
                timer = threading.Timer(self.moment, assistant.stop)
                timer.start()
                assistant.ask(GO)
                timer.join()
            case _:
                assistant.ask(GO)

    async def _cancelled(self, assistant: Assistant) -> None:
        async def show() -> None:
            async for _ in assistant.aturn(GO):
                pass

        task = asyncio.create_task(show())
        await asyncio.sleep(self.moment)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def check(ending: Ending) -> None:
    with ending.open() as one:
        assert one.ask("hello").assistant
        before = [(m.type, str(m.text)) for m in one.history.messages()]
        try:
            ending.end(one)
        except (KeyboardInterrupt, SystemExit) as error:
            assert error is ending.error  # nothing hides why it ended
        assert len(one.history.messages()) == len(settled(one.history.messages()))
    done, told = list(ending.completed), len(ending.completed)
    with ending.open() as two:  # as the next process does
        messages = two.history.messages()
        assert settled(messages) == messages
        assert [(m.type, str(m.text)) for m in messages][: len(before)] == before
        again = two.ask("again")
        assert not again.error and again.assistant
    assert len(ending.completed) == told, "a call ran again"
    with Dialogs(ending.file) as dialogs:
        kept = [
            (call["name"], call["result"])
            for turn in dialogs.turns("default")
            for call in turn["tool_calls"]
            if not call["failed"]
        ]
        [states] = dialogs._turns.execute("SELECT count(*) FROM checkpoints").fetchone()
    finished = [
        (one["tool"], one["result"])
        for one in read_audit(ending.audit)
        if one["event"] == "finished"
    ]
    assert sorted(kept) == sorted(finished) == sorted(done)
    assert states == 1


def settled(messages: list[BaseMessage]) -> list[Any]:
    """The dialog up to the first call that has no result."""
    results = {m.tool_call_id for m in messages if isinstance(m, ToolMessage)}
    for index, message in enumerate(messages):
        made = message.tool_calls if isinstance(message, AIMessage) else []
        if not {call["id"] for call in made} <= results:
            return messages[:index]
    return messages


@pytest.mark.parametrize("seed", range(10))
def test_a_dialog_opens_however_its_last_turn_ended(seed: int, tmp_path: Path) -> None:
    ending = Ending(random.Random(seed), tmp_path)
    check(ending)


@pytest.mark.extended
def test_two_hundred_dialogs_open(tmp_path: Path) -> None:
    faults = []
    for seed in range(200):
        folder = tmp_path / str(seed)
        folder.mkdir()
        ending = Ending(random.Random(1000 + seed), folder)
        try:
            check(ending)
        except Exception as error:  # all of them are of interest, not the first
            faults.append(f"{seed} {ending}: {type(error).__name__}: {error}")
    assert not faults, f"{len(faults)} of 200:\n" + "\n".join(faults[:20])


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(3)])
def test_what_was_done_is_kept_and_the_cause_is_not_hidden(
    error: BaseException, tmp_path: Path
) -> None:
    ending = Ending(random.Random(0), tmp_path)
    ending.names, ending.how, ending.error, ending.culprit = NAMES[:2], "raised", error, "camera"
    ending.delays = {"move": 0.0, "camera": 0.1}
    with ending.open() as one, pytest.raises(type(error)):
        one.ask(GO)
    with Dialogs(ending.file) as dialogs:
        [turn] = dialogs.turns("default")
    assert turn["error"].startswith("cut off: ")
    assert [(c["name"], c["result"]) for c in turn["tool_calls"]] == [("move", "move 0 is done")]


def test_a_result_that_was_shown_is_kept_when_the_reader_goes(tmp_path: Path) -> None:
    ending = Ending(random.Random(0), tmp_path)
    ending.names, ending.how, ending.error = NAMES[:2], "closed", None
    ending.delays = {"move": 0.0, "camera": 0.3}
    with ending.open() as one:
        events = one.turn(GO)
        shown = next(event for event in events if isinstance(event, CallRecord))
        events.close()
    with ending.open() as two:
        assert two.history.messages() == []
        assert two.ask("again").assistant == "2 messages"
    with Dialogs(ending.file) as dialogs:
        results = [
            call["result"] for turn in dialogs.turns("default") for call in turn["tool_calls"]
        ]
    assert shown.result in results
