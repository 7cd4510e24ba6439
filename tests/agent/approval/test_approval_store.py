"""An approval is for one call, is used once, and ends with a stop; rates belong to the robot."""

import asyncio
import multiprocessing
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import StructuredTool

from sensebind.agent.approval import Approvals, Decision, NotWaiting, Policy, Request
from sensebind.agent.approval.audit import read_audit
from sensebind.agent.approval.rates import Rates
from sensebind.agent.assistant import Assistant, CallRecord
from sensebind.agent.events import Finished, TurnRecord
from sensebind.errors import InputError, SenseBindError, StorageError
from sensebind.tools.cancellation import turn_event
from sensebind.tools.motion import Motion, motion_tools
from sensebind.tools.risk import Risk, label

sys.path.insert(0, str(Path(__file__).parents[2]))
from fixtures.scripted_chat import ScriptedChat, calls

MOVE = Policy(approved=frozenset({"move"}))


class Base:
    """What moves, and remembers how far."""

    def __init__(self, run: Callable[[float], str] | None = None) -> None:
        self.moves: list[float] = []
        self._run = run
        self.tool = StructuredTool.from_function(
            self.move, name="move", description="Drives.", metadata=label(Risk.MOVE)
        )

    def move(self, metres: float) -> str:
        if self._run is not None:
            said = self._run(metres)
            self.moves.append(metres)
            return said
        self.moves.append(metres)
        return f"moved {metres} m"


def as_said(messages: list[BaseMessage]) -> AIMessage:
    """Moves as far as the user says: "0.5 1.0" are two calls."""
    last = messages[-1]
    if isinstance(last, ToolMessage):
        results = [str(one.text) for one in messages if isinstance(one, ToolMessage)]
        return AIMessage(" | ".join(results))
    return calls(*[("move", {"metres": float(word)}) for word in str(last.text).split()])


def dialog(base: Base, **options: Any) -> Assistant:
    return Assistant(ScriptedChat(script=as_said), [base.tool], **options)


def decided(assistant: Assistant, *decisions: Decision) -> TurnRecord:
    return list(assistant.decide(decisions))[-1].record  # type: ignore[union-attr]


# --- which call ----------------------------------------------------------------------------------


def test_a_decision_is_for_the_call_that_was_shown(tmp_path: Path) -> None:
    file, base = tmp_path / "dialogs.sqlite", Base()
    with dialog(base, dialogs=file) as first, dialog(base, dialogs=file) as second:
        first.ask("0.1")
        [shown] = second.pending()
        first.ask("3.0")
        for decision in (Decision("approve"), Decision("approve", request=shown.id)):
            with pytest.raises(NotWaiting):
                decided(second, decision)
        assert base.moves == []
        [now] = second.pending()
        assert now.arguments == {"metres": 3.0} and now.id != shown.id
        assert decided(second, Decision("approve", request=now.id)).assistant == "moved 3.0 m"
        with pytest.raises(NotWaiting):  # and once only
            decided(first, Decision("approve", request=now.id))
    assert base.moves == [3.0]


def test_of_two_that_approve_at_once_one_succeeds(tmp_path: Path) -> None:
    file, base = tmp_path / "dialogs.sqlite", Base()
    with dialog(base, dialogs=file) as asked:
        asked.ask("0.5")
        [request] = asked.pending()
        gate, raised = threading.Barrier(6), []

        def approve() -> None:
            with dialog(base, dialogs=file) as mine:
                mine.pending()
                gate.wait(30)
                try:
                    decided(mine, Decision("approve", request=request.id))
                except SenseBindError as error:
                    raised.append(error)

        threads = [threading.Thread(target=approve) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
    assert base.moves == [0.5] and len(raised) == 5


def _take(file: str, gate: Any, taken: Any) -> None:
    approvals = Approvals(file)
    gate.wait(60)
    taken.put(approvals.start("thread", "1", "move", {"metres": 1.0}))


def test_an_approval_is_taken_by_one_process(tmp_path: Path) -> None:
    file = str(tmp_path / "dialogs.sqlite")
    request = Request.of({"name": "move", "args": {"metres": 1.0}, "id": "1"}, 0, "c")
    approvals = Approvals(file)
    assert approvals.waiting("thread", [request]) == [request]
    approvals.decide("thread", [(request, request.arguments)])
    assert not approvals.start("thread", "1", "move", {"metres": 3.0})  # another call
    context = multiprocessing.get_context("fork")
    gate, taken = context.Barrier(3), context.Queue()
    processes = [context.Process(target=_take, args=(file, gate, taken)) for _ in range(3)]
    for process in processes:
        process.start()
    assert sorted(taken.get(timeout=60) for _ in processes) == [False, False, True]
    for process in processes:
        process.join(60)


@pytest.mark.parametrize(
    "bad",
    [
        Decision("edit"),
        Decision("aprove"),
        Decision("edit", {"metres": 1.0, "fast": True}),
        Decision("edit", {"metres": "1.0"}),
        Decision("edit", {}),
        Decision("edit", {"metres": True}),
        Decision("edit", {"metres": float("nan")}),
        Decision("approve", request="another"),
    ],
)
def test_one_invalid_decision_and_nothing_has_happened(tmp_path: Path, bad: Decision) -> None:
    base, log = Base(), tmp_path / "audit.jsonl"
    with dialog(base, audit=log) as one:
        one.ask("1.0 2.0")
        with pytest.raises(InputError):
            decided(one, Decision("approve"), bad)
        assert len(one.pending()) == 2 and base.moves == []
        assert [record["event"] for record in read_audit(log)] == ["requested"] * 2
        record = decided(one, Decision("approve"), Decision("edit", {"metres": 0.5}))
    assert base.moves == [1.0, 0.5] and not record.error
    assert [call.decision for call in record.tool_calls] == ["approve", "edit"]


def test_an_approver_that_fails_leaves_everything_waiting() -> None:
    base = Base()

    def person(_: Request) -> Decision:
        raise OSError("the line is dead")

    one = dialog(base, approve=person)
    record = one.ask("1.0")
    assert "the line is dead" in record.error and len(record.pending) == 1
    assert decided(one, Decision("approve")).assistant == "moved 1.0 m"


# --- stop ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ["method", "text", "text of another process", "aturn"])
def test_a_stop_rejects_what_waits(tmp_path: Path, how: str) -> None:
    file, log, base, halted = tmp_path / "d.sqlite", tmp_path / "a.jsonl", Base(), []
    options: dict[str, Any] = {"dialogs": file, "stop": lambda: halted.append(how), "audit": log}
    with dialog(base, **options) as one, dialog(base, **options) as other:
        one.ask("1.0")
        [request] = one.pending()
        if how == "method":
            one.stop("a button")
        elif how == "aturn":
            assert asyncio.run(one.aask("别动！")).assistant == "Stopped."
        else:
            stopped = (one if how == "text" else other).ask("Don’t move!")
            assert stopped.assistant == "Stopped." and not stopped.error
        assert one.pending() == other.pending() == [] and halted[-1] == how
        for late in (one, other):
            with pytest.raises(InputError):
                decided(late, Decision("approve", request=request.id))
        assert base.moves == []
        assert one.ask("0.2").pending  # the dialog goes on
    stops = [record for record in read_audit(log) if record["event"] == "stopped"]
    assert stops[0]["rejected"] == 1


@pytest.mark.parametrize("text", ["stop now", "please stop", "wait", "emergency stop", "停下来"])
def test_a_stop_during_a_turn_is_no_second_turn(text: str) -> None:
    begun, halted = threading.Event(), threading.Event()

    def drive(_: float) -> str:
        event = turn_event()
        assert event is not None
        begun.set()
        return "stopped" if event.wait(20) and halted.wait(20) else "drove to the end"

    base = Base(drive)
    one = dialog(base, policy=MOVE, stop=halted.set)
    records: list[TurnRecord] = []
    thread = threading.Thread(target=lambda: records.append(one.ask("1.0")))
    thread.start()
    assert begun.wait(20)
    assert one.ask(text).assistant == "Stopped."
    thread.join(20)
    assert records[0].cancelled and halted.is_set()


def test_what_is_said_after_a_stop_is_asked_once_the_turn_has_ended() -> None:
    begun = threading.Event()

    def drive(_: float) -> str:
        event = turn_event()
        assert event is not None
        begun.set()
        event.wait(20)
        time.sleep(0.2)
        return "stopped"

    base, heard = Base(drive), []

    def script(messages: list[BaseMessage]) -> AIMessage:
        if "radio" in str(messages[-1].text):
            heard.append(str(messages[-1].text))
            return AIMessage("the radio is off")
        return as_said(messages)

    one = Assistant(ScriptedChat(script=script), [base.tool], policy=MOVE)
    thread = threading.Thread(target=lambda: one.ask("1.0"))
    thread.start()
    assert begun.wait(20)
    assert one.ask("stop the radio").assistant == "the radio is off"
    thread.join(20)
    assert heard == ["stop the radio"] and base.moves == [1.0]


def test_a_base_that_does_not_take_the_stop_is_reported_and_the_rest_is_stopped(
    tmp_path: Path,
) -> None:
    def dead() -> None:
        raise OSError("no link")

    base, log = Base(), tmp_path / "audit.jsonl"
    with dialog(base, stop=dead, audit=log) as one:
        one.ask("1.0")
        record = one.ask("stop")
        assert "did not take the stop: no link" in record.error and one.pending() == []
    assert read_audit(log)[-1]["failure"] == "no link"


def test_a_stop_ends_what_settles_before_a_turn() -> None:
    base, settling = Base(), threading.Event()

    def settle(cancelled: threading.Event) -> None:
        settling.set()
        assert cancelled.wait(20)

    one = dialog(base, policy=MOVE, settle=settle)
    records: list[TurnRecord] = []
    thread = threading.Thread(target=lambda: records.append(one.ask("1.0")))
    thread.start()
    assert settling.wait(20)
    one.stop()
    thread.join(20)
    assert records[0].cancelled and base.moves == []


# --- order, and what ran once --------------------------------------------------------------------


def test_two_approved_movements_run_one_after_the_other() -> None:
    moving = threading.Lock()

    def drive(metres: float) -> str:
        assert moving.acquire(blocking=False)
        time.sleep(0.3 if metres == 1.0 else 0.0)
        moving.release()
        return f"moved {metres} m"

    for _ in range(3):
        base = Base(drive)
        one = dialog(base)
        one.ask("1.0 2.0 3.0")
        record = decided(one, *[Decision("approve")] * 3)
        assert base.moves == [1.0, 2.0, 3.0] and not any(c.failed for c in record.tool_calls)


def test_a_movement_after_one_that_failed_says_why_it_did_not_run() -> None:
    def drive(metres: float) -> str:
        if metres == 1.0:
            time.sleep(0.1)
            raise OSError("blocked")
        return f"moved {metres} m"

    base = Base(drive)
    record = dialog(base, policy=MOVE).ask("1.0 2.0")
    assert base.moves == []
    assert "the movement before it failed" in record.tool_calls[1].result


@pytest.mark.parametrize(("wall", "made"), [(0.4, ["drive"]), (9.0, ["drive", "turn"])])
def test_a_movement_after_one_that_was_blocked_does_not_run(wall: float, made: list[str]) -> None:
    wheels = Wheels(wall=wall)
    tools = motion_tools(Motion(wheels))

    def script(messages: list[BaseMessage]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage("done")
        return calls(("drive", {"metres": 1.0}), ("turn", {"degrees": 90}))

    one = Assistant(
        ScriptedChat(script=script), tools, policy=Policy(approved=frozenset({"drive", "turn"}))
    )
    drive, turn = one.ask("a metre ahead, then left").tool_calls
    assert wheels.made == made
    if len(made) == 1:
        # what the model reads stays as it was trained: a movement that ended early is no error
        assert drive.result == "drove 0.4 m, blocked" and not drive.failed
        assert turn.failed and "the movement before it failed" in turn.result


class Wheels:
    """A base in front of a wall."""

    guards_itself = True

    def __init__(self, wall: float) -> None:
        self.made: list[str] = []
        self._wall = wall
        self._at = [0.0, 0.0, 0.0]

    def drive(self, metres: float) -> float:
        self.made.append("drive")
        moved = min(metres, self._wall)
        self._at[0] += moved
        return moved

    def turn(self, radians: float) -> float:
        self.made.append("turn")
        self._at[2] += radians
        return radians

    def pose(self) -> tuple[float, float, float]:
        return self._at[0], self._at[1], self._at[2]

    def stop(self) -> None:
        pass


def test_a_rejected_movement_does_not_hold_up_the_next() -> None:
    base = Base()
    one = dialog(base)
    one.ask("1.0 2.0")
    began = time.monotonic()
    decided(one, Decision("reject"), Decision("approve"))
    assert base.moves == [2.0] and time.monotonic() - began < 4


@pytest.mark.parametrize("end", ["closed", "interrupted"])
def test_what_ran_is_not_run_again_when_a_parallel_call_does_not_end(
    tmp_path: Path, end: str
) -> None:
    base, freed = Base(), threading.Event()

    def camera() -> str:
        """Looks."""
        freed.wait(5)
        if end == "interrupted":
            raise KeyboardInterrupt
        return "a picture"

    look = StructuredTool.from_function(
        camera, name="camera", description="Looks.", metadata=label(Risk.OBSERVE)
    )

    def script(messages: list[BaseMessage]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage) or str(messages[-1].text) == "again":
            return AIMessage(f"{len(messages)} messages")
        return calls(("move", {"metres": 1.0}), ("camera", {}))

    file = tmp_path / "dialogs.sqlite"
    chat = ScriptedChat(script=script)
    with Assistant(chat, [base.tool, look], policy=MOVE, dialogs=file) as one:
        events = one.turn("go 1 metre")
        while not isinstance(next(events), CallRecord):
            pass
        freed.set()
        if end == "closed":
            events.close()
        else:
            with pytest.raises(KeyboardInterrupt):
                list(events)
        assert one.history.messages() == []
    with Assistant(chat, [base.tool, look], policy=MOVE, dialogs=file) as two:
        assert two.ask("again").assistant == "2 messages"  # the instructions, and this one
    assert base.moves == [1.0]


# --- rates ---------------------------------------------------------------------------------------


def test_rates_belong_to_the_robot_not_to_a_dialog(tmp_path: Path) -> None:
    base = Base()
    policy = Policy(approved=frozenset({"move"}), rates={Risk.MOVE: 5})
    for number in range(8):
        with dialog(base, policy=policy, thread=str(number), robot=tmp_path) as one:
            record = one.ask("0.1")
    assert len(base.moves) == 5 and "more than 5 calls a minute" in record.assistant
    with dialog(base, policy=policy, robot=tmp_path / "another") as other:
        other.ask("0.1")
    assert len(base.moves) == 6


def test_by_default_all_dialogs_of_a_user_share_one_robot() -> None:
    base = Base()
    policy = Policy(approved=frozenset({"move"}), rates={Risk.MOVE: 2})
    for _ in range(4):
        with dialog(base, policy=policy) as one:
            one.ask("0.1")
    assert len(base.moves) == 2


def _count(directory: str, taken: Any) -> None:
    taken.put(sum(Rates(directory).take("move", 30) for _ in range(20)))


def test_processes_count_together(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    taken = context.Queue()
    processes = [context.Process(target=_count, args=(str(tmp_path), taken)) for _ in range(3)]
    for process in processes:
        process.start()
    assert sum(taken.get(timeout=60) for _ in processes) == 30
    for process in processes:
        process.join(60)


def test_the_clock_is_that_of_the_boot(tmp_path: Path) -> None:
    now, boot = [100.0], ["first"]
    one = Rates(tmp_path, now=lambda: now[0], boot=lambda: boot[0])
    assert [one.take("move", 2) for _ in range(3)] == [True, True, False]
    now[0] = 159.0
    assert not one.take("move", 2)
    now[0] = 160.5
    assert one.take("move", 2)
    boot[0] = "second"
    now[0] = 1.0
    assert [one.take("move", 2) for _ in range(3)] == [True, True, False]


def test_what_cannot_be_counted_does_not_move(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    base = Base()
    record = dialog(base, policy=MOVE, robot=tmp_path / "file").ask("1.0")
    assert "cannot be counted" in record.assistant and base.moves == []
    with pytest.raises(StorageError):
        Rates(tmp_path / "file").take("move", 1)


def test_requests_are_told_apart() -> None:
    call = {"name": "move", "args": {"metres": 1.0}, "id": "1"}
    one = Request.of(call, 0, "c")
    others = [
        Request.of({**call, "id": "2"}, 0, "c"),
        Request.of(call, 1, "c"),
        Request.of(call, 0, "d"),
        Request.of({**call, "args": {"metres": 1.5}}, 0, "c"),
        Request.of({**call, "name": "m"}, 0, "c"),
    ]
    assert len({one.id, *(other.id for other in others)}) == 6


def test_what_a_stop_rejected_never_waits_again(tmp_path: Path) -> None:
    approvals = Approvals(tmp_path / "dialogs.sqlite")
    request = Request("drive", {"metres": 1.0}, "call#0:digest:checkpoint", "call")
    assert approvals.waiting("kitchen", [request]) == [request]
    approvals.reject("kitchen")
    for number in range(1100):  # of other dialogs, so that old rows are removed
        approvals.waiting("garden", [Request("drive", {}, f"call#{number}", f"call-{number}")])
    assert [approvals.waiting("kitchen", [request]) for _ in range(3)] == [[], [], []]
    approvals.close()


def test_a_stop_counts_for_what_was_said_before_it_and_waits_for_its_turn() -> None:
    looking, seen, opened = threading.Event(), threading.Event(), []

    def look() -> str:
        """Looks, whatever becomes of its turn."""
        looking.set()
        assert seen.wait(20)
        return "a ball"

    def open_door() -> str:
        """Opens the door."""
        opened.append(1)
        return "open"

    def script(messages: list[BaseMessage]) -> AIMessage:
        last = messages[-1]
        if isinstance(last, ToolMessage):
            return AIMessage("done")
        return calls(("open_door" if "door" in str(last.text) else "look", {}))

    tools = [
        StructuredTool.from_function(look, metadata=label(Risk.OBSERVE)),
        StructuredTool.from_function(open_door, metadata=label(Risk.CHANGE)),
    ]
    policy = Policy(approved=frozenset({"open_door"}))
    assistant = Assistant(ScriptedChat(script=script), tools, policy=policy, robot=Rates())
    records: list[TurnRecord] = []
    first = threading.Thread(target=lambda: assistant.ask("look"))
    first.start()
    assert looking.wait(20)
    events = assistant.turn("stop, and then open the door")
    second = threading.Thread(
        target=lambda: records.extend(e.record for e in events if isinstance(e, Finished))
    )
    second.start()
    time.sleep(0.3)  # it waits for the first turn, whose tool does not end yet
    assistant.stop("a test")
    seen.set()
    first.join(20)
    second.join(20)
    assert opened == [] and records[0].cancelled
    assert assistant.ask("open the door").tool_calls[0].result == "open" and opened == [1]
