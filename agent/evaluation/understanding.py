"""`sensebind eval understanding`: held-out sentences for the whole agent, in simulated time.

Each sentence begins a dialog of its own with the robot that `eval agent` uses, and what it does is
judged as the README of tests/data/understanding says. Nothing here prints a sentence unless it is
asked to: whoever writes phrasings or rules must not read them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from langchain_core.tools import BaseTool, StructuredTool
from rich.console import Console
from rich.progress import Progress

from sensebind.agent.approval import Decision
from sensebind.agent.approval.rates import Rates
from sensebind.agent.assistant import Assistant, Finished
from sensebind.agent.evaluation.agent_checks import sample_of
from sensebind.agent.evaluation.agent_harness import Parts, Stage, on_stage
from sensebind.agent.evaluation.reading import is_chinese, numbers_in
from sensebind.agent.evaluation.understanding_homes import FIRST_SEED, composed
from sensebind.agent.evaluation.understanding_judges import (
    Done,
    Judgement,
    fits,
    judge_foreign,
    judge_number,
    judge_order,
    judge_silence,
)
from sensebind.agent.evaluation.understanding_rows import Outcome, show_results
from sensebind.agent.evaluation.understanding_sets import (
    SETS,
    Foreign,
    Line,
    MustNotAct,
    Number,
    Phrasing,
    PlainOrder,
    Steps,
    read_set,
    read_tool_set,
)
from sensebind.agent.evaluation.understanding_steps import MAX_QUESTIONS, play_steps
from sensebind.agent.evaluation.utterances import right_after_tool, right_text, suits
from sensebind.agent.events import TurnRecord
from sensebind.checkpoints import default_checkpoint
from sensebind.errors import InputError
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.scene import Scene
from sensebind.tools.risk import ACTING, Risk, label, risk_of

FOLDER = Path(__file__).resolve().parents[2] / "tests" / "data" / "understanding"
"""Where the sets lie in the source tree; a wheel does not hold them."""
_SEEN = 2.5  # seconds that the robot perceives before it is spoken to
_HOMES = 200  # homes that are looked at for one that suits a question


def run(
    *,
    sets: Sequence[str] = (),
    folder: Path | None = None,
    limit: int | None = None,
    as_json_form: bool = False,
    show: bool = False,
    checkpoint: Path | None = None,
) -> int:
    """Plays the sets and prints a table for each.

    Args:
        sets: Names of sets; all by default.
        folder: Where they lie; those of the source tree by default.
        limit: Play that many lines of each set, spread evenly over it.
        as_json_form: Print one JSON object.
        show: Print the sentences of those that are wrong, too.
        checkpoint: Directory of the weights; the embedded ones by default.

    Returns:
        0, or 1 when a row is below its bar.

    Raises:
        SenseBindError: The checkpoint or the sets cannot be used.
    """
    where = folder or FOLDER
    if not where.is_dir():
        raise InputError(
            f"{where} is not a folder: the held-out sets lie in tests/data/understanding of the "
            "source tree, and not in the wheel; name the folder with --folder"
        )
    names = list(sets) or list(SETS)
    if unknown := [name for name in names if name not in SETS]:
        raise InputError(f"there is no set {unknown[0]!r}; there are: {', '.join(SETS)}")
    lines = {name: _spread(read_set(where, name, SETS[name]), limit) for name in names}
    torch.set_num_threads(1)  # the models are small, and results do not depend on the machine
    results: dict[str, list[Outcome]] = {}
    with (
        Parts(checkpoint or default_checkpoint()) as parts,
        Progress(console=Console(stderr=True), disable=as_json_form) as progress,
    ):
        for name, chosen in lines.items():
            tracked = progress.add_task(name, total=len(chosen))
            results[name] = []
            for outcome in play(parts, name, chosen, where):
                results[name].append(outcome)
                progress.advance(tracked)
    return show_results(results, as_json_form=as_json_form, show=show)


def _spread(lines: list[Any], limit: int | None) -> list[tuple[int, Any]]:
    """Every line with its number, or `limit` of them, evenly spread."""
    numbered = list(enumerate(lines))
    if limit is None or limit >= len(lines):
        return numbered
    return [numbered[at * len(lines) // limit] for at in range(limit)]


# --- playing -------------------------------------------------------------------------------------


def play(
    parts: Parts, name: str, lines: Sequence[tuple[int, Any]], folder: Path
) -> Iterator[Outcome]:
    """Plays lines of a set, each in a dialog of its own.

    Args:
        parts: What all of them share.
        name: Of the set.
        lines: With their numbers.
        folder: Where lists of foreign tools lie.
    """
    one: dict[str, Callable[[int, Any], Outcome]] = {
        "must_not_act": partial(_silence, parts),
        "plain_orders": partial(_order, parts),
        "numbers": partial(_number, parts),
        "phrasings": partial(_phrasing, parts),
        "foreign_tools": partial(_foreign, parts, folder),
        "tasks_of_steps": partial(_steps, parts),
    }
    for number, line in lines:
        yield one[name](number, line)


@contextmanager
def _in_home(parts: Parts, scene: Scene) -> Iterator[Stage]:
    with on_stage(parts) as stage:
        stage.enter(scene)
        stage.live(_SEEN)
        yield stage


def _calls_of(record: TurnRecord) -> Done:
    """What a turn did or wants to do, before a person answers."""
    unsure = {one.call: one.question for one in record.pending if one.question}
    asked = [(one.tool, one.arguments) for one in record.pending if one.call in unsure]
    made, questions = [], []
    for call in record.tool_calls:
        only_asked = (call.name, call.arguments) in asked and not call.decision
        (questions if only_asked else made).append(call)
    return Done(record, tuple(made), tuple(questions))


def _approving(record: TurnRecord, decide: Callable[[], TurnRecord]) -> Done:
    """What a turn did once a person has said yes to all that it asks about."""
    approvals, unsure = 0, False
    for _ in range(MAX_QUESTIONS):
        if not record.pending:
            break
        approvals += 1
        unsure |= any(one.question for one in record.pending)
        record = decide()
    calls = tuple(record.tool_calls)
    return Done(record, calls, (), approvals) if not unsure else Done(record, (), calls, approvals)


def _outcome(line: Line, done: Done, judged: Judgement, **more: Any) -> Outcome:
    calls = tuple(
        f"{one.name}{json.dumps(one.arguments, ensure_ascii=False)}"
        for one in done.record.tool_calls
    )
    return Outcome(
        line.id,
        line.category,
        line.language,
        judged,
        calls,
        text=line.text,
        answer=done.record.assistant or done.record.error,
        **more,
    )


def _acting(tools: Sequence[BaseTool]) -> frozenset[str]:
    return frozenset(one.name for one in tools if risk_of(one) in ACTING)


def _defaults(tools: Sequence[BaseTool]) -> dict[str, dict[str, Any]]:
    """The defaults that tools' schemas name, by tool and argument."""
    found: dict[str, dict[str, Any]] = {}
    for tool in tools:
        schema = tool.tool_call_schema
        described = schema if isinstance(schema, dict) else schema.model_json_schema()
        properties = described.get("properties") or {}
        found[tool.name] = {
            name: one["default"]
            for name, one in properties.items()
            if isinstance(one, dict) and "default" in one
        }
    return found


def _silence(parts: Parts, number: int, line: MustNotAct) -> Outcome:
    with _in_home(parts, sample_scene(FIRST_SEED + number)) as stage:
        done = _calls_of(stage.ask(line.text))
        return _outcome(line, done, judge_silence(line, done, _acting(stage.tools)))


def _order(parts: Parts, number: int, line: PlainOrder) -> Outcome:
    kinds = [one.arguments["kind"] for one in line.expected.calls if one.tool == "approach"]
    scene = composed(FIRST_SEED + number, [one for one in kinds if isinstance(one, str)], hall=True)
    with _in_home(parts, scene) as stage:
        done = _approving(stage.ask(line.text), partial(stage.decide, approve=True))
        judged = judge_order(line, done, _acting(stage.tools), _defaults(stage.tools))
        return _outcome(line, done, judged, approved=line.approved)


def _number(parts: Parts, number: int, line: Number) -> Outcome:
    with _in_home(parts, composed(FIRST_SEED + number, hall=True)) as stage:
        done = _approving(stage.ask(line.text), partial(stage.decide, approve=True))
        judged = judge_number(line, done, _acting(stage.tools), _defaults(stage.tools))
        return _outcome(line, done, judged)


def _phrasing(parts: Parts, number: int, line: Phrasing) -> Outcome:
    intent = line.category
    kinds = [one.arguments.get("kind") for one in line.expected.calls if one.tool == "approach"]
    with _in_home(parts, _suiting(intent, number, kinds)) as stage:
        scene = sample_of(stage.home)
        done = _approving(stage.ask(line.text), partial(stage.decide, approve=True))
        record, made = done.record, [*done.made, *done.questions]
        wanted, defaults = line.expected.calls, _defaults(stage.tools)
        if wanted:
            right = len(made) == len(wanted) and all(
                map(partial(fits, defaults=defaults), made, wanted)
            )
            result = made[-1].result if made else ""
            good = right and _result_said(intent, line.text, record.assistant, result)
            why = "" if good else "other calls" if not right else "the result is not said"
        elif made:
            good, why = False, "a tool was called"
        else:
            good = _answers(line, record.assistant, scene)
            why = "" if good else "wrong answer"
        return _outcome(line, done, Judgement(good, why, asked=bool(done.questions)))


def _result_said(intent: str, text: str, answer: str, result: str) -> bool:
    if intent in ("time", "thermostat_get"):  # which are what they are at this moment
        said = re.findall(r"\d{1,2}:\d{2}" if intent == "time" else r"\d+", result)
        return is_chinese(text) == is_chinese(answer) and any(one in answer for one in said)
    try:
        return right_after_tool(intent, text, answer, result)
    except (ValueError, IndexError):  # a tool that failed said something else
        return False


def _answers(line: Phrasing, answer: str, scene: Any) -> bool:
    if line.expected.about == "count_any":
        right = len(scene.visible) in numbers_in(answer) or (
            not scene.visible and ("nothing" in answer.lower() or "没" in answer)
        )
        return is_chinese(answer) == is_chinese(line.text) and (
            right or any(mark in answer for mark in "?？")
        )
    return right_text(line.expected.about, line.text, answer, scene)


def _suiting(intent: str, number: int, kinds: Sequence[Any]) -> Scene:
    """A home in which what is asked about can be answered."""
    if named := [one for one in kinds if isinstance(one, str)]:
        return composed(FIRST_SEED + number, named)
    if intent.startswith("turn"):
        return composed(FIRST_SEED + number, hall=True)
    for step in range(_HOMES):
        scene = sample_scene(FIRST_SEED + _HOMES * number + step)
        with SimHome(scene) as home:
            home.step(_SEEN)
            if suits(intent, sample_of(home)):
                return scene
    raise InputError(f"no home suits {intent}")


def _foreign(parts: Parts, folder: Path, _number: int, line: Foreign) -> Outcome:
    tools = [_foreign_tool(one) for one in read_tool_set(folder, line.set).tools]
    with Assistant(parts.chat, tools, robot=Rates()) as assistant:
        record = _last(assistant.turn(line.text))
        decide = partial(_decided, assistant)
        done = _approving(record, decide)
        return _outcome(line, done, judge_foreign(line, done, _defaults(tools)))


def _foreign_tool(one: Any) -> BaseTool:
    def done(**_: Any) -> str:
        return "done"

    return StructuredTool.from_function(
        done,
        name=one.name,
        description=one.description,
        args_schema=one.input_schema,
        infer_schema=False,
        metadata=label(Risk.CHANGE),
    )


def _decided(assistant: Assistant) -> TurnRecord:
    return _last(assistant.decide([Decision("approve") for _ in assistant.pending()]))


def _last(events: Any) -> TurnRecord:
    for event in events:
        if isinstance(event, Finished):
            return event.record
    raise AssertionError("a turn ends with Finished")


def _steps(parts: Parts, number: int, line: Steps) -> Outcome:
    played = play_steps(parts, line, number)
    good = played.done if line.possible else played.reported
    judged = Judgement(good, played.why or ("" if good else "not done"))
    return Outcome(
        line.id,
        line.category,
        line.language,
        judged,
        played.calls,
        line.possible,
        played,
        line.text,
    )
