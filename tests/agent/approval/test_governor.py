"""What acts is approved, limited, logged, and dies with its turn."""

import random
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fixtures.scripted_chat import ScriptedChat, calls, calls_once
from fixtures.waiting import PATIENCE
from langchain_core.messages import AIMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool, tool

from sensebind.agent.approval import Decision, Governor, Policy, Request
from sensebind.agent.approval.audit import AuditLog, read_audit
from sensebind.agent.assistant import ApprovalNeeded, Assistant, Finished
from sensebind.errors import InputError, StorageError
from sensebind.tools.cancellation import cancellable, turn_event
from sensebind.tools.risk import Risk, label, labelled, risk_of


class Door:
    """Something that can be opened, and remembers by whom."""

    def __init__(self, risk: Risk = Risk.CHANGE) -> None:
        self.opened: list[int] = []
        self.tool = StructuredTool.from_function(
            self.open, name="open", description="Opens.", metadata=label(risk)
        )

    def open(self, angle: int) -> str:
        self.opened.append(angle)
        return f"opened by {angle}"


def dialog(door: Door, **options: Any) -> Assistant:
    return Assistant(ScriptedChat(script=calls_once("open", angle=30)), [door.tool], **options)


# --- approval ------------------------------------------------------------------------------------


def test_who_was_asked_may_read_what_waits_after_it_was_decided() -> None:
    """A client's thread reads the end of the turn that asked while another's decision runs."""
    with dialog(Door()) as one:
        asked = list(one.turn("open the door to 30"))[-1]
        decided = list(one.decide([Decision("approve")]))[-1]
        assert isinstance(asked, Finished) and isinstance(decided, Finished)
        assert [call.tool for call in asked.record.pending] == ["open"]
        assert asked.record.assistant == "" and decided.record.pending == []
        assert decided.record.assistant == "done: opened by 30"


def test_nothing_runs_before_a_person_has_approved_it(tmp_path: Path) -> None:
    door = Door()
    with dialog(door, audit=tmp_path / "audit.jsonl") as one:
        events = list(one.turn("open the door to 30"))
        assert events[-2] == ApprovalNeeded((Request("open", {"angle": 30}),))
        assert one.pending() == [Request("open", {"angle": 30})] and door.opened == []
        with pytest.raises(InputError, match="2 decisions for 1"):
            list(one.decide([Decision("approve")] * 2))
        last = list(one.decide([Decision("approve")]))[-1]
        assert isinstance(last, Finished)
        assert last.record.assistant == "done: opened by 30" and door.opened == [30]
        assert last.record.tool_calls[0].decision == "approve" and one.pending() == []
    events_told = [record["event"] for record in read_audit(tmp_path / "audit.jsonl")]
    assert events_told == ["requested", "approved", "started", "finished"]


@pytest.mark.parametrize(
    ("decision", "opened", "told"),
    [
        (Decision("approve"), [30], "opened by 30"),
        (Decision("edit", {"angle": 5}), [5], "opened by 5"),
        (Decision("reject", reason="it is cold"), [], "it is cold"),
    ],
)
def test_approve_edit_and_reject(decision: Decision, opened: list[int], told: str) -> None:
    door = Door()
    asked: list[Request] = []

    def person(request: Request) -> Decision:
        asked.append(request)
        return decision

    record = dialog(door, approve=person).ask("open the door to 30")
    assert asked == [Request("open", {"angle": 30})]
    assert door.opened == opened and told in record.assistant
    assert record.tool_calls[0].failed == (decision.kind == "reject")


@pytest.mark.parametrize("ids", [("1", "1"), ("", ""), (None, None)])
def test_approved_calls_run_whatever_ids_their_model_gave_them(
    ids: tuple[str | None, str | None], tmp_path: Path
) -> None:
    """Servers of other models repeat ids or leave them out; so does this one in its second turn."""

    def script(messages: list[Any]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            results = [one.text for one in messages if isinstance(one, ToolMessage)]
            return AIMessage(" | ".join(results[-2:]))
        angle = int(str(messages[-1].text).split()[0])
        made = [
            {"name": "open", "args": {"angle": angle + n}, "id": one} for n, one in enumerate(ids)
        ]
        return AIMessage("", tool_calls=made)

    door = Door()
    with Assistant(
        ScriptedChat(script=script),
        [door.tool],
        approve=lambda _: Decision("approve"),
        audit=tmp_path / "audit.jsonl",
    ) as one:
        for angle in (10, 20):
            record = one.ask(f"{angle} {angle + 1}")
            assert record.assistant == f"opened by {angle} | opened by {angle + 1}"
            assert [call.decision for call in record.tool_calls] == ["approve"] * 2
    assert sorted(door.opened) == [10, 11, 20, 21]
    audited = [record["event"] for record in read_audit(tmp_path / "audit.jsonl")]
    assert [audited.count(event) for event in ("approved", "started", "finished")] == [4, 4, 4]


def test_a_waiting_turn_survives_its_process(tmp_path: Path) -> None:
    file = tmp_path / "dialogs.sqlite"
    with dialog(Door(), dialogs=file) as first:
        assert first.ask("open the door to 30").pending
    door = Door()
    with dialog(door, dialogs=file) as second:
        assert second.pending() == [Request("open", {"angle": 30})]
        last = list(second.decide([Decision("approve")]))[-1]
        assert isinstance(last, Finished) and last.record.user == "open the door to 30"
        assert door.opened == [30]


def test_asking_something_else_rejects_what_waits() -> None:
    door = Door()
    one = dialog(door)
    one.ask("open the door to 30")
    assert one.ask("open it to 30 again").pending and door.opened == []
    assert len(one.pending()) == 1
    assert [m.type for m in one.history.messages()] == ["human", "ai"]


def test_a_policy_may_approve_for_good_and_forbid() -> None:
    door = Door()
    assert dialog(door, policy=Policy(approved=frozenset({"open"}))).ask("open 30").assistant == (
        "done: opened by 30"
    )
    record = dialog(door, policy=Policy(forbidden=frozenset({"open"}))).ask("open 30")
    assert record.assistant == "done: error: open is forbidden here" and door.opened == [30]


def test_a_tool_without_a_risk_class_must_be_approved() -> None:
    @tool
    def unknown() -> str:
        """Does who knows what."""
        return "done"

    assert risk_of(unknown) is Risk.CHANGE and Policy().asks(unknown)
    assert not Policy().asks(labelled(unknown, Risk.OBSERVE))


# --- the governor --------------------------------------------------------------------------------


def governed(one: Governor, name: str = "open", run: Callable[[], str] = lambda: "ok", **args: Any):
    call = {"name": name, "args": args, "id": "1"}
    request = SimpleNamespace(tool_call=call, runtime=SimpleNamespace(config={}))

    def handler(_: Any) -> ToolMessage:
        return ToolMessage(run(), tool_call_id="1")

    return str(one.wrap_tool_call(request, handler).content)


def tools_of(risk: Risk) -> list[BaseTool]:
    return [Door(risk).tool]


def test_rates_are_kept() -> None:
    now = [0.0]
    one = Governor(Policy(rates={Risk.CHANGE: 2}), tools_of(Risk.CHANGE), now=lambda: now[0])
    assert [governed(one, n=n)[:5] for n in range(3)] == ["ok", "ok", "error"]
    now[0] = 61.0
    assert governed(one, n=4) == "ok"


def test_the_same_call_over_and_over_is_a_loop() -> None:
    one = Governor(Policy(), tools_of(Risk.OBSERVE))
    assert [governed(one, n=1) for _ in range(2)] == ["ok", "ok"]
    assert "was called 2 times with these arguments" in governed(one, n=1)
    assert governed(one, n=2) == "ok"
    one.new_turn()
    assert governed(one, n=1) == "ok"


def test_the_robot_does_not_move_blind() -> None:
    age = [0.2]
    one = Governor(Policy(max_sight_age=1.0), tools_of(Risk.MOVE), sight_age=lambda: age[0])
    assert governed(one) == "ok"
    age[0] = 3.0
    assert "3.0 s old: the robot does not move blind" in governed(one, n=1)


def test_actions_exclude_each_other() -> None:
    one = Governor(Policy(), tools_of(Risk.MOVE))
    inside = governed(one, run=lambda: governed(one, n=2), n=1)
    assert inside == "error: another action is under way"
    assert governed(one, n=3) == "ok"


def test_no_record_no_action(tmp_path: Path) -> None:
    log = AuditLog(tmp_path / "audit.jsonl")
    one = Governor(Policy(), tools_of(Risk.CHANGE), audit=log)
    log.close()
    ran: list[int] = []
    with pytest.raises(StorageError):  # the refusal cannot be written either
        governed(one, run=lambda: str(ran.append(1)))
    assert ran == []


def test_a_cancelled_turn_starts_nothing() -> None:
    one, turn = Governor(Policy(), tools_of(Risk.OBSERVE)), threading.Event()
    with cancellable(turn):
        assert governed(one) == "ok"
        one.cancel(turn)
        assert governed(one, n=1) == "error: cancelled"


def test_a_stop_while_the_log_is_written_still_counts(tmp_path: Path) -> None:
    turn, ran = threading.Event(), []

    class SlowDisk(AuditLog):
        def write(self, event: str, **fields: Any) -> None:
            super().write(event, **fields)
            if event == "started":
                one.cancel(turn)

    log = SlowDisk(tmp_path / "audit.jsonl")
    one = Governor(Policy(), tools_of(Risk.CHANGE), audit=log)
    with cancellable(turn):
        assert governed(one, run=lambda: str(ran.append(1))) == "error: cancelled"
    assert ran == []
    assert [record["event"] for record in read_audit(log.path)] == ["started", "cancelled"]
    log.close()


# --- whole turns ---------------------------------------------------------------------------------


def test_no_tool_of_an_interrupted_turn_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    random.seed(5)
    late: list[float] = []
    ended: list[float] = [0.0]
    looked: dict[int, float] = {}  # when a thread looked last whether the turn goes on
    really = Governor._check_running

    def check(governor: Governor) -> None:
        looked[threading.get_ident()] = time.monotonic()
        really(governor)

    monkeypatch.setattr(Governor, "_check_running", check)

    @tool
    def work(n: int) -> str:
        """Works."""
        event = turn_event()
        assert event is not None
        admitted = looked.pop(threading.get_ident())
        if event.is_set() and ended[0] and admitted > ended[0]:
            late.append(admitted - ended[0])
        return "worked"

    def script(messages: list[Any]) -> AIMessage:
        return calls(("work", {"n": len(messages)}))

    one = Assistant(
        ScriptedChat(script=script, delay=0.001),
        [labelled(work, Risk.OBSERVE)],
        policy=Policy(rates={}),
    )
    interrupted = 0
    for _ in range(20):
        ended[0] = 0.0
        records = []
        thread = threading.Thread(target=lambda: records.append(one.ask("work")))  # noqa: B023
        thread.start()
        time.sleep(random.uniform(0.0, 0.05))
        one.cancel()
        ended[0] = time.monotonic()
        thread.join(PATIENCE)
        interrupted += records[0].cancelled
    assert interrupted and not late


def test_saying_stop_cancels_what_runs_and_stops_the_robot() -> None:
    halted: list[float] = []
    begun = threading.Event()

    def wait() -> str:
        event = turn_event()
        assert event is not None
        begun.set()
        event.wait(20)
        return "stopped"

    waiting = StructuredTool.from_function(
        wait, name="wait", description="Waits.", metadata=label(Risk.OBSERVE)
    )
    one = Assistant(
        ScriptedChat(script=calls_once("wait")), [waiting], stop=lambda: halted.append(1.0)
    )
    records = []
    thread = threading.Thread(target=lambda: records.append(one.ask("watch the door")))
    thread.start()
    assert begun.wait(20)
    assert one.ask("Stop!").assistant == "Stopped."
    thread.join(20)
    assert halted == [1.0] and records[0].cancelled


def test_one_turn_at_a_time() -> None:
    one = Assistant(ScriptedChat(script=lambda _: AIMessage("hi")))
    events = one.turn("hello")
    next(events)
    with pytest.raises(InputError, match="is running"):
        one.ask("hello?")
    list(events)
    assert one.ask("hello").assistant == "hi"


def test_a_decision_waits_for_the_end_of_the_turn_that_asked() -> None:
    """The request is seen before its turn has let go of the dialog."""
    door = Door()
    one = dialog(door)
    events = one.turn("open the door to 30")
    asked = next(event for event in events if isinstance(event, ApprovalNeeded))
    decision = Decision("approve", request=asked.requests[0].id)
    said: list[object] = []
    deciding = threading.Thread(target=lambda: said.extend(one.decide([decision])))
    deciding.start()
    deciding.join(0.2)
    assert deciding.is_alive() and not door.opened
    list(events)
    deciding.join(PATIENCE)
    assert door.opened == [30] and isinstance(said[-1], Finished)


def test_a_malformed_call_is_asked_again_once() -> None:
    bad = {"name": "open", "args": "{", "id": "1", "error": "no JSON", "type": "invalid_tool_call"}
    asked: list[str] = []

    def script(messages: list[Any]) -> AIMessage:
        asked.append(str(messages[-1].text))
        return AIMessage("", invalid_tool_calls=[bad])  # type: ignore[list-item]

    record = Assistant(ScriptedChat(script=script)).ask("open")
    assert len(asked) == 2 and asked[1] == "error: malformed call: no JSON"
    assert record.error == "the model made a call that is not valid"


# --- the log -------------------------------------------------------------------------------------


def test_the_log_is_only_added_to_and_survives_half_a_line(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "audit.jsonl"
    for n in range(2):
        log = AuditLog(path)
        log.write("started", tool="open", n=n, result="x" * 5000)
        log.close()
    with path.open("a") as file:
        file.write('{"event": "half')
    log = AuditLog(path)
    log.write("finished", tool="open")
    log.close()
    assert [r["event"] for r in read_audit(path)] == ["started", "started", "damaged", "finished"]
    assert len(read_audit(path)[0]["result"]) == 1000
    assert path.stat().st_mode & 0o077 == 0
    with pytest.raises(StorageError, match="cannot be written"):
        AuditLog(tmp_path)
