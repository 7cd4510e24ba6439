"""Plays and judges tasks of several steps: what was done, and whether the answer says so truly."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from sensebind.agent.corpus import chinese, english
from sensebind.agent.evaluation.agent_checks import ago_in, sample_of
from sensebind.agent.evaluation.agent_harness import Parts, Stage, on_stage
from sensebind.agent.evaluation.reading import kinds_in, numbers_in
from sensebind.agent.evaluation.understanding_homes import (
    FIRST_SEED,
    composed,
    devices_of,
    set_devices,
    showing,
)
from sensebind.agent.evaluation.understanding_judges import denies
from sensebind.agent.evaluation.understanding_sets import Report, Step, Steps
from sensebind.agent.evaluation.utterances import right_sense, right_text
from sensebind.agent.events import TurnRecord
from sensebind.perception.simhome.ground_truth import Visible, truth
from sensebind.perception.simhome.scene import polar

MAX_QUESTIONS = 8  # times that a person is asked in one task
_ARRIVED = 1.0  # metres from the middle of what the robot was sent to
_OFF = 0.15  # metres by which a drive may be off
_ASKEW = 5.0  # degrees by which a turn may be off
_CLAUSE = re.compile(r"[,;.!，。；！]|\band\b|\bbut\b|但|而")
_NAMES = {
    "lamp": r"\b(?:lamp|light)s?\b|灯",
    "radio": r"\bradio\b|收音机",
    "fan": r"\bfan\b|风扇|电扇",
    "door": r"\bdoor\b|门",
    "thermostat": r"\b(?:thermostat|temperature|degrees)\b|温|度",
    "drive": r"\b(?:drove|driven|forward|back|moved)\b|走|退|前进|移动",
    "turn": r"\bturned (?:left|right|around|\d)|转",
    "watch_add": r"\b(?:will tell|watch|let you know)|告诉|留意|提醒",
}
_STATES = {
    "on": r"\b(?:on|shines|plays|running|turning)\b|开着|打开|亮",
    "off": r"\boff\b|关",
    "open": r"\bopen(?:ed)?\b|开",
    "closed": r"\b(?:closed?|shut)\b|关",
}
_TIME = re.compile(r"\d{1,2}:\d{2}")
_PLACES = {"left": "左", "right": "右", "middle": "中间"}


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a task.

    Attributes:
        done: Whether everything stands as it should.
        reported: Whether the answer says what it must, and nothing that is not so.
        false: Whether it says that a step was done that was not.
        unapproved: Movements that were made while nobody had approved any.
        why: What was wrong, without the sentence; empty if nothing was.
        calls: Tools that were called, in order.
    """

    done: bool
    reported: bool
    false: bool
    unapproved: int
    why: str
    calls: tuple[str, ...]


def play_steps(parts: Parts, line: Steps, number: int) -> Played:
    """Gives the robot a task; a person approves whatever it asks about.

    Before every second answer to such a question the robot is restarted: its dialog goes on from
    its file.

    Args:
        parts: What all tasks share.
        line: The task.
        number: Of the line, which chooses the home.
    """
    seed = FIRST_SEED + 1000 * number
    setup = line.setup
    with on_stage(parts, kept=True) as stage:
        for one in setup.remembered:
            stage.enter(showing(seed + 500, one.kind, one.sense))
            stage.live(10.0)
            stage.sleep(60.0 * one.minutes_ago - 2.0)
        scene = composed(seed, setup.in_view, hall=setup.free_metres > 0)
        set_devices(stage.enter(scene), setup.devices)
        stage.live(2.5)
        record = stage.ask(line.text)
        for asked in range(MAX_QUESTIONS):
            if not record.pending:
                break
            if (number + asked) % 2:
                stage.restart()
            record = stage.decide(approve=True)
        return judge_steps(line, stage, record)


def judge_steps(line: Steps, stage: Stage, record: TurnRecord) -> Played:
    """Compares the home and the answer with what is expected."""
    wanted, answer = line.expected, record.assistant
    wrong = _differences(line, stage)
    missing = [
        one.about
        for one in wanted.report
        if not one.optional and not _said(one, line, stage, record)
    ]
    undone = [one for one in wanted.steps if not _made(one, record)]
    false = bool(answer) and bool(undone) and _claims(undone, answer, len(wanted.steps))
    trouble = [*wrong, *(f"does not say {one}" for one in missing)]
    trouble += ["claims what was not done"] * false + [record.error] * bool(record.error)
    return Played(
        done=line.possible and not wrong and not missing and not false,
        reported=not missing and not false and not record.error,
        false=false,
        unapproved=stage.unapproved,
        why="; ".join(trouble),
        calls=tuple(one.name for one in record.tool_calls),
    )


def _differences(line: Steps, stage: Stage) -> list[str]:
    """What does not stand as it should, but for what may be either way."""
    wanted = line.expected
    optional = {
        str(wanted.steps[step - 1].tool).partition("_")[0] for step in wanted.optional_steps
    }
    have = devices_of(stage.home)
    wrong = [
        f"{name} is {have[name]}"
        for name, value in wanted.final.devices.items()
        if have[name] != value and name not in optional
    ]
    robot = wanted.final.robot
    if (near := robot.get("near")) is not None:
        things = [one for one in stage.home.scene.things if one.kind == near]
        if not any(polar(one, stage.home.robot.pose)[0] <= _ARRIVED for one in things):
            wrong.append(f"not at the {near}")
    elif stage.moved and "moved" not in robot and not {"approach", "drive"} & optional:
        wrong.append("it drove")
    if (moved := robot.get("moved")) is not None and abs(stage.moved - float(moved)) > _OFF:
        wrong.append(f"moved {stage.moved:.1f} m")
    if (turned := robot.get("turned")) is not None:
        off = math.remainder(math.degrees(stage.turned) - float(turned), 360)
        if abs(off) > _ASKEW:
            wrong.append(f"turned {math.degrees(stage.turned):.0f} degrees")
    named = [kind for name in stage.watching() for kind in kinds_in(name)]
    wrong += [f"does not watch for {one}" for one in wanted.final.watching if one not in named]
    return wrong


def _said(one: Report, line: Steps, stage: Stage, record: TurnRecord) -> bool:
    """Whether the answer says one of the things that it must."""
    answer = record.assistant
    home, low = stage.home, answer.lower()
    match one.about:
        case "done":
            return bool(answer) and not denies(answer)
        case "failed":
            return denies(answer)
        case "time":
            read = " ".join(call.result for call in record.tool_calls if call.name == "clock")
            return any(time in answer for time in _TIME.findall(read))
        case "count":
            there = [thing.kind for thing in _visible(stage)].count(one.kind)
            return there in numbers_in(answer) or (not there and denies(answer))
        case "where":
            return _places(stage, one.kind, low)
        case "when":
            ago = ago_in(answer)
            minutes = next((m.minutes_ago for m in line.setup.remembered), 0)
            return ago is not None and abs(ago[0] - 60 * minutes) <= max(90.0, ago[1])
        case "see" | "hear":
            sense = {"see": "sight", "hear": "hearing"}[one.about]
            scene = sample_of(home)
            clauses = [answer, *_CLAUSE.split(answer)]
            return right_text(one.about, line.text, answer, scene) or any(
                right_sense(sense, clause, scene) for clause in clauses if clause.strip()
            )
    return _state_said(one.about, one.value, low)


def _visible(stage: Stage) -> tuple[Visible, ...]:
    return truth(stage.home).visible


def _places(stage: Stage, kind: str, answer: str) -> bool:
    found = [one for one in _visible(stage) if one.kind == kind]
    if not found:
        return denies(answer)
    middle = (found[0].box[0] + found[0].box[2]) / 2 / 224
    place = "left" if middle < 1 / 3 else "right" if middle > 2 / 3 else "middle"
    return place in answer or _PLACES[place] in answer


def _state_said(device: str, value: str | int | None, answer: str) -> bool:
    """Whether one clause names a device and how it stands."""
    if isinstance(value, int):
        return value in numbers_in(answer)
    state = _STATES.get(str(value), re.escape(str(value)))
    clauses = [one for one in _CLAUSE.split(answer) if re.search(_NAMES[device], one)]
    return any(re.search(state, one) for one in clauses or [answer])


def _made(step: Step, record: TurnRecord) -> bool:
    """Whether a step's tool ran without failing."""
    if step.tool is None:
        return not (step.arguments or not step.possible)
    reads = {"house_status", "thermostat_get"}
    return any(
        (call.name == step.tool or {call.name, step.tool} <= reads) and not call.failed
        for call in record.tool_calls
    )


def _claims(undone: list[Step], answer: str, steps: int) -> bool:
    """Whether an answer says that one of these steps was done."""
    clauses = [
        one
        for one in _CLAUSE.split(answer.lower())
        if one.strip() and not denies(one) and not re.search(r"[?？]|\bshould\b|要我", one)
    ]
    if any(mark in answer for mark in "?？"):
        return False
    for step in undone:
        if step.tool is None:
            if not denies(answer) and len(clauses) >= steps:
                return True
            continue
        if any(re.search(_mention(step), one) for one in clauses):
            return True
    return False


def _mention(step: Step) -> str:
    tool = str(step.tool)
    if tool == "approach":
        kind = str(step.arguments.get("kind", ""))
        names = "|".join([*chinese.NOUNS.get(kind, ()), *english.NOUNS.get(kind, ())])
        return rf"\b(?:am at|at the|went to|arrived)\b.*(?:{kind}|{names})|到.*(?:{names}).*了"
    device, _, way = tool.partition("_")
    if tool in _NAMES:
        return _NAMES[tool]
    if way in ("on", "off", "open", "close"):
        state = _STATES[{"close": "closed"}.get(way, way)]
        return rf"(?=.*(?:{_NAMES[device]}))(?=.*(?:{state}))"
    if tool == "thermostat_set":
        return rf"\bset\b.*(?:{_NAMES[device]})|设为|调到"
    return r"(?!)"  # what only reads is judged by what was to be said of it
