"""The judges of held-out sentences, and the sets played by the whole agent on lines of our own."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from sensebind.agent.evaluation import understanding
from sensebind.agent.evaluation.understanding_homes import FIRST_SEED, composed
from sensebind.agent.evaluation.understanding_judges import (
    Done,
    denies,
    fits,
    judge_foreign,
    judge_number,
    judge_order,
    judge_silence,
)
from sensebind.agent.evaluation.understanding_rows import wilson
from sensebind.agent.evaluation.understanding_sets import (
    Acts,
    Call,
    Calls,
    Foreign,
    MustNotAct,
    Number,
    PlainOrder,
    Relative,
    Wanted,
    read_set,
    ways,
)
from sensebind.agent.events import CallRecord, TurnRecord
from sensebind.errors import InputError
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome

ACTING = frozenset({"drive", "turn", "lamp_on", "thermostat_set"})


def done(
    *made: tuple[str, dict[str, Any]],
    says: str = "",
    asked: Sequence[tuple[str, dict[str, Any]]] = (),
    approvals: int = 0,
    result: str = "",
) -> Done:
    record = TurnRecord("", assistant=says)
    calls = tuple(CallRecord(name, arguments, result) for name, arguments in made)
    return Done(record, calls, tuple(CallRecord(*one) for one in asked), approvals)


def test_calls_fit_by_value_and_by_words() -> None:
    def call(name: str, **arguments: Any) -> CallRecord:
        return CallRecord(name, arguments)

    assert fits(call("drive", metres=1), Call("drive", {"metres": 1.0}), {})
    assert not fits(call("drive", metres=1.1), Call("drive", {"metres": 1.0}), {})
    assert not fits(call("turn", metres=1), Call("drive", {"metres": 1.0}), {})
    assert fits(call("turn", degrees=-180), Call("turn", {"degrees": 180}), {})
    assert not fits(call("turn", degrees=-90), Call("turn", {"degrees": 90}), {})
    assert fits(call("say", text=" Hello there."), Call("say", {"text": "hello  There"}), {})
    either = Call("say", {"text": "a", "to": {"any_of": [None, "Bob"]}})
    assert fits(call("say", text="a"), either, {})
    assert fits(call("say", text="a", to="bob"), either, {})
    assert not fits(call("say", text="a", to="Eve"), either, {})
    more = call("say", text="a", loud=False)
    assert fits(more, Call("say", {"text": "a"}), {"say": {"loud": False}})
    assert not fits(more, Call("say", {"text": "a"}), {})
    assert list(ways({"a": {"any_of": [1, None]}})) == [{"a": 1}, {}]


def test_what_must_not_act_may_ask() -> None:
    line = MustNotAct("1", "en", "", "two_clauses", Acts([Call("turn", {"degrees": 90})], []))
    assert judge_silence(line, done(), ACTING).right
    assert judge_silence(line, done(("turn", {"degrees": 90})), ACTING).right
    assert judge_silence(line, done(("clock", {})), ACTING).right
    wrong = judge_silence(line, done(("turn", {"degrees": 45})), ACTING)
    assert (wrong.right, wrong.acted) == (False, ("turn(degrees=45)",))
    asked = judge_silence(line, done(asked=[("lamp_on", {})]), ACTING)
    assert (asked.right, asked.asked) == (True, True)


def test_orders_are_done_exactly() -> None:
    line = PlainOrder("1", "en", "", "drive", True, Calls([Call("drive", {"metres": 2})]))
    assert judge_order(line, done(("drive", {"metres": 2})), ACTING, {}).right
    asked = judge_order(line, done(("drive", {"metres": 2}), approvals=1), ACTING, {})
    assert (asked.right, asked.unasked) == (True, False)
    other = judge_order(line, done(("drive", {"metres": 1})), ACTING, {})
    assert (other.right, other.number, other.acted) == (False, True, ())
    wrong = judge_order(line, done(("lamp_on", {})), ACTING, {})
    assert (wrong.why, wrong.acted) == ("wrong tool", ("lamp_on()",))
    assert judge_order(line, done(says="How far?"), ACTING, {}).why == "not done"
    stop = PlainOrder("2", "en", "stop right there", "stop", False, Calls([Call("stop", {})]))
    assert judge_order(stop, done(says="Stopped."), ACTING, {}).right


def test_numbers_are_exact_or_asked_about() -> None:
    call = Number("1", "en", "", "cm", Wanted("call", [Call("drive", {"metres": 0.3})]))
    assert judge_number(call, done(("drive", {"metres": 0.3})), ACTING, {}).right
    assert judge_number(call, done(("drive", {"metres": 3})), ACTING, {}).number
    wanted = Wanted("ask", [], "out_of_range", ["drive"])
    asks = Number("2", "en", "", "out_of_range", wanted)
    assert judge_number(asks, done(says="6 metres are the most."), ACTING, {}).right
    assert judge_number(asks, done(says="How far?"), ACTING, {}).right
    assert not judge_number(asks, done(says="I drove."), ACTING, {}).right
    assert judge_number(asks, done(("drive", {"metres": 6})), ACTING, {}).number
    way = Relative("thermostat_get", "thermostat_set", "temperature", 2)
    relative = Number("3", "en", "", "relative", Wanted("ask", [], "relative", [], way))
    read = ("thermostat_get", {}), ("thermostat_set", {"temperature": 21})
    assert judge_number(relative, done(*read, result="thermostat 19"), ACTING, {}).right
    assert not judge_number(relative, done(*read, result="thermostat 18"), ACTING, {}).right


def test_foreign_tools_are_called_or_refused() -> None:
    fit = Foreign("1", "en", "", "real_fit", "x", Calls([Call("a", {"n": 1})]))
    none = Foreign("2", "en", "", "real_none", "x", Calls([], "cannot"))
    assert judge_foreign(fit, done(("a", {"n": 1})), {}).right
    arguments = judge_foreign(fit, done(("a", {"n": 2})), {})
    assert (arguments.why, arguments.acted) == ("other arguments", ())
    assert judge_foreign(fit, done(("b", {})), {}).acted == ("b()",)
    assert judge_foreign(none, done(says="I am sorry, I cannot do that."), {}).right
    assert judge_foreign(none, done(says="我做不到。"), {}).right
    assert not judge_foreign(none, done(says="Done."), {}).right
    assert not judge_foreign(none, done(("a", {}), says="I cannot do that."), {}).right


def test_denials() -> None:
    for said in ("I could not do that: no.", "I do not see a dog.", "我没看到狗。", "做不到"):
        assert denies(said), said
    for said in ("I turned the lamp on.", "我把灯打开了。", "I am at the ball."):
        assert not denies(said), said


def test_intervals() -> None:
    # R. G. Newcombe, Statistics in Medicine 17 (1998), table I: 81 of 263 by Wilson's method
    low, high = wilson(81, 263)
    assert (round(low, 4), round(high, 4)) == (0.2553, 0.3662)
    assert wilson(0, 10)[0] == 0
    assert wilson(0, 0) == (0, 1)


def test_homes_are_as_their_line_says() -> None:
    for kinds in ([], ["ball"], ["dog", "chair"]):
        with SimHome(composed(FIRST_SEED, kinds)) as home:
            home.step(0.1)
            assert sorted(one.kind for one in truth(home).visible) == sorted(kinds)


LINES: dict[str, dict[str, Any]] = {
    "must_not_act": {"category": "thanks", "expected": {"acts": [], "never": []}},
    "plain_orders": {
        "category": "drive",
        "approved": False,
        "expected": {"calls": [{"tool": "drive", "arguments": {"metres": 0.5}}]},
    },
    "numbers": {
        "category": "out_of_range",
        "expected": {"outcome": "ask", "reason": "out_of_range", "never": ["thermostat_set"]},
    },
    "phrasings": {
        "category": "time",
        "expected": {"calls": [{"tool": "clock", "arguments": {}}]},
    },
    "foreign_tools": {
        "category": "real_none",
        "set": "pump",
        "expected": {"calls": [], "about": "cannot"},
    },
    "tasks_of_steps": {
        "category": "moves",
        "possible": True,
        "setup": {
            "in_view": [],
            "not_in_view": [],
            "devices": {
                **{"lamp": "off", "radio": "off", "fan": "off"},
                **{"door": "closed", "thermostat": 20},
            },
            "free_metres": 1.5,
        },
        "expected": {
            "steps": [{"tool": "drive", "arguments": {"metres": 0.5}, "possible": True}],
            "final": {
                "devices": {
                    **{"lamp": "off", "radio": "off", "fan": "off"},
                    **{"door": "closed", "thermostat": 20},
                },
                "robot": {"moved": 0.5},
            },
            "report": [{"about": "done"}],
        },
    },
}
TEXTS = {
    "must_not_act": "thank you",
    "plain_orders": "drive forward half a metre",
    "numbers": "set the thermostat to 60 degrees",
    "phrasings": "what time is it?",
    "foreign_tools": "good morning",
    "tasks_of_steps": "drive forward half a metre",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, line in LINES.items():
        whole = {"id": f"{name}-1", "language": "en", "text": TEXTS[name], **line}
        (tmp_path / f"{name}.jsonl").write_text(json.dumps(whole) + "\n", encoding="utf-8")
    tool = {"name": "pump_on", "description": "Turns on the pump.", "inputSchema": {}}
    tool["inputSchema"] = {"type": "object", "properties": {}}
    pump = {"id": "pump", "origin": "invented", "tools": [tool]}
    (tmp_path / "foreign_tool_sets").mkdir()
    (tmp_path / "foreign_tool_sets" / "pump.json").write_text(json.dumps(pump), encoding="utf-8")
    return tmp_path


def test_all_sets_are_played(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    understanding.run(folder=folder, as_json_form=True)
    printed = json.loads(capsys.readouterr().out)
    rows = {row["name"]: row["value"] for row in printed["rows"]}
    assert rows["must_not_act: wrongly acted"] == 0
    assert rows["plain_orders: all, after a yes"] == 1
    assert rows["numbers: tool and number exact"] == 1
    assert rows["numbers: acted with another number"] == 0
    assert rows["phrasings: right"] == 1
    assert rows["foreign_tools: wrongly acted"] == 0
    assert rows["tasks_of_steps: possible ones done"] == 1
    assert rows["tasks_of_steps: acting without approval"] == 0
    assert "half a metre" not in json.dumps(printed)


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        understanding.run(folder=tmp_path / "nowhere")
    with pytest.raises(InputError, match="there is no set 'many'"):
        understanding.run(folder=tmp_path, sets=["many"])
    with pytest.raises(InputError, match=r"numbers\.jsonl cannot be read"):
        read_set(tmp_path, "numbers", Number)
    (tmp_path / "numbers.jsonl").write_text('{"id": 1}\n')
    with pytest.raises(InputError, match=r"numbers\.jsonl, line 1"):
        read_set(tmp_path, "numbers", Number)
