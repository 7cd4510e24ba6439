"""Whole dialogs: one to five turns under changing conditions, with tools and follow-ups."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from sensebind.agent.corpus import acts, answers
from sensebind.agent.corpus.answers import Facts
from sensebind.agent.corpus.conditions import (
    ALONE,
    Pool,
    TurnCondition,
    changed_condition,
    fresh_condition,
)
from sensebind.agent.corpus.grammar import Split
from sensebind.agent.corpus.phrasing import TEMPERATURES, utterance

MAX_TURNS = 5
LONG = 0.02  # share of dialogs that go on for up to twice as long
StepKind = Literal["call", "tool", "say"]


@dataclass(frozen=True, slots=True)
class Turn:
    """One question and all that follows it.

    Attributes:
        user: What the person types.
        intent: Intent of the grammar.
        lang: Language of question and answer.
        condition: What is perceived in this turn.
        steps: ("call", JSON), ("tool", result) and ("say", answer), in order.
    """

    user: str
    intent: str
    lang: str
    condition: TurnCondition
    steps: tuple[tuple[StepKind, str], ...]


@dataclass(slots=True)
class _State:
    """What a dialog has come to, for follow-ups."""

    lang: str
    turns: list[Turn] = field(default_factory=list)
    told: list[tuple[str, Facts]] = field(default_factory=list)  # answers about senses, in order
    kind: str | None = None  # the thing "it" stands for
    via: str = ""  # the sense or tool it was last mentioned by
    device: str | None = None  # lamp, radio, fan or door
    asked_degrees: bool = False
    degrees: int | None = None


SWITCHES = (
    "lamp_on",
    "lamp_off",
    "radio_on",
    "radio_off",
    "fan_on",
    "fan_off",
    "door_open",
    "door_close",
)
# How often each intent is asked where nothing has gone before; sums to about 140.
PLAIN: dict[str, float] = {
    "see": 9,
    "hear": 6,
    "scan": 6,
    "all": 6,
    "color": 4.5,
    "color_kind": 5.5,
    "see_is": 4,
    "see_color": 2,
    "hear_is": 3,
    "scan_is": 2.5,
    "count": 6,
    "where": 5.5,
    "thermostat_set": 4,
    "thermostat_get": 3,
    "thermostat_vague": 1.2,
    "time": 3.5,
    "greeting": 1.2,
    "thanks": 1.2,
    "bye": 0.7,
    "who": 1.6,
    "abilities": 1.4,
    "cannot": 5.5,
    "state": 0.8,
    "unknown": 0.5,
    "two": 0.8,
    "approach": 4,
    "turn_left": 0.9,
    "turn_right": 0.9,
    "turn_around": 0.8,
    "drive_ahead": 1.2,
    "drive_back": 0.9,
    "stop": 0.7,
    "recall_hear": 7,
    "recall_see": 7,
    "watch_hear": 2.5,
    "watch_see": 3,
    "watch_scan": 1,
} | dict.fromkeys(SWITCHES, 3.3)

ERRORS = (
    "no answer within 3 s",
    "cannot reach the server: connection refused",
    "no answer within 2 s",
    "cannot reach the server: timed out",
    "there is no picture: no frame yet",
    "the newest picture is 12.0 s old",
    "there is no picture",
    "the newest picture is 4.5 s old",
    "the door is blocked",
    "the radio is broken",
    "the lamp is broken",
    "the fan is stuck",
    "refused (422): input should be less than or equal to 30",
    "refused (503): the house is busy",
    "refused (500): internal server error",
    "refused (404): not found",
    "refused (403): forbidden",
    "this kind of thing is unknown to the detector",
    "the house does not answer",
    "timed out",
    "not allowed",
    "something went wrong",
    "the clock is not set",
    "no power",
    "unknown device",
    "you did not allow it",
    "you did not allow it",
    "you did not allow it",
    "no ball in view",
    "something is in the way, 0.4 m before the place",
    "the robot is moving already",
    "4.2 m are too far for one movement: 3 m",
    "nothing of this kind is in view",
    "cancelled",
    "the tool is not available",
    "not permitted",
    "the request was denied",
    "server error",
)


def sample_dialog(
    rng: random.Random,
    pool: Pool,
    *,
    split: Split = "train",
    lang: str | None = None,
    turns: int | None = None,
    first: str | None = None,
    alone: float = ALONE,
    dressed: bool = False,
) -> list[Turn]:
    """Samples one dialog.

    Args:
        rng: Source of all choices.
        pool: Where conditions come from.
        split: Which phrasings.
        lang: "en" or "zh"; random (and sometimes switching) if left out.
        turns: How many turns; mostly 1 to 5 at random if left out.
        first: Intent of the first turn; random if left out.
        alone: Share of conditions with one sense at most.
        dressed: Keep capitals and end marks, which the chat template takes away.
    """
    state = _State(lang or ("en" if rng.random() < 0.58 else "zh"))
    if turns is None:
        turns = rng.choices(range(1, MAX_TURNS + 1), (40, 26, 16, 10, 8))[0]
        if rng.random() < LONG:
            turns = rng.randint(MAX_TURNS + 1, 2 * MAX_TURNS)
    condition = fresh_condition(rng, pool, alone)
    for number in range(turns):
        if number and rng.random() < 0.55:
            condition = changed_condition(condition, rng, pool, alone)
        if number and lang is None and rng.random() < 0.07:
            state.lang = "zh" if state.lang == "en" else "en"
        intent = first if first and not number else _next_intent(state, rng)
        state.turns.append(_turn(state, intent, condition, split, rng, dressed))
    return state.turns


def _next_intent(state: _State, rng: random.Random) -> str:
    """A plain intent, or a follow-up that the dialog so far gives sense to."""
    if state.asked_degrees and rng.random() < 0.85:
        return "give_temp"
    if not state.turns or rng.random() < 0.5:
        return rng.choices(list(PLAIN), list(PLAIN.values()))[0]
    choices: dict[str, float] = {"and_see": 2, "and_hear": 2, "and_scan": 2}
    choices |= {"before_see": 0.8, "before_hear": 0.8, "before_scan": 0.8}
    if state.told:
        choices |= {"again": 4, "before": 1.5}
        if state.told[-1][0] != "all":
            choices[f"before_{state.told[-1][0]}"] = 2
    if state.kind:
        choices |= {"it_color": 4, "it_count": 3, "it_where": 3, "it_approach": 2}
        if state.via == "color":
            choices["also_color"] = 2
        if state.via == "detect":
            choices["also_kind"] = 2
    if state.device == "door":
        choices |= {"it_open": 2, "it_close": 2}
    elif state.device:
        choices |= {
            "it_on": 2.5,
            "it_off": 2.5,
            "also_lamp": 0.8,
            "also_radio": 0.8,
            "also_fan": 0.8,
        }
    if state.degrees is not None:
        choices["temp_again"] = 3
    return rng.choices(list(choices), list(choices.values()))[0]


def _turn(
    state: _State,
    intent: str,
    condition: TurnCondition,
    split: Split,
    rng: random.Random,
    dressed: bool,
) -> Turn:
    facts, lang = condition.facts, state.lang
    if intent == "two":
        return _two_commands(state, condition, split, rng, dressed)
    asked = utterance(split, intent, lang, rng, wish=_wish(intent, facts, rng), dressed=dressed)
    state.asked_degrees = intent == "thermostat_vague"
    steps = _steps(state, intent, asked.slots, facts, rng)
    return Turn(asked.text, intent, lang, condition, tuple(steps))


def _wish(intent: str, facts: Facts, rng: random.Random) -> dict[str, str]:
    """Makes questions about kinds and colours fit the facts in half of the cases."""
    wish: dict[str, str] = {}
    if rng.random() < 0.45:
        return wish
    if intent in ("see_is", "color_kind", "count", "where", "also_color", "see_color", "approach"):
        if facts.sight:
            wish["kind"], wish["color"] = rng.choice(facts.sight)
            if intent == "see_color" and rng.random() < 0.3:
                del wish["kind"]
    elif intent == "hear_is" and facts.hearing:
        wish["kind"] = facts.hearing
    elif intent == "scan_is" and facts.scan:
        wish["kind"] = facts.scan
    elif intent == "color" and facts.sight:
        wish["color"] = facts.sight[0][1]
    return wish


Steps = list[tuple[StepKind, str]]


def _steps(
    state: _State, intent: str, slots: dict[str, str] | object, facts: Facts, rng: random.Random
) -> Steps:
    lang = state.lang
    given: dict[str, str] = dict(slots)  # type: ignore[call-overload]
    kind, hue = given.get("kind"), given.get("color")
    if intent.startswith("and_"):
        intent = intent.removeprefix("and_")
    if intent == "again":
        intent = state.told[-1][0] if state.told else "see"
    if intent in answers.SENSES or intent == "all":
        return _tell(state, intent, facts)
    if intent.startswith("before"):
        return [("say", _before(state, intent.removeprefix("before").strip("_")))]
    if intent == "color":
        if facts.sight:
            state.kind, state.via = facts.sight[0][0], "color"
        return [("say", answers.color(facts, lang))]
    if intent in ("color_kind", "also_color") and kind:
        state.kind, state.via = kind, "color"
        return [("say", answers.color_of(facts, kind, lang))]
    if intent == "it_color":
        return [("say", _color_of_it(state, facts))]
    if intent in ("see_is", "see_color"):
        if facts.sight:
            state.kind, state.via = facts.sight[0][0], "see"
        state.told.append(("see", facts))
        return [("say", answers.see_is(facts, lang, kind, hue))]
    if intent == "hear_is" and kind:
        if facts.hearing:
            state.kind, state.via = facts.hearing, "hear"
        state.told.append(("hear", facts))
        return [("say", answers.hear_is(facts, lang, kind))]
    if intent == "scan_is" and kind:
        if facts.scan:
            state.kind, state.via = facts.scan, "scan"
        state.told.append(("scan", facts))
        return [("say", answers.scan_is(facts, lang, kind))]
    if intent in ("count", "where", "it_count", "it_where", "also_kind"):
        kind = kind or state.kind
        if kind is None:
            return [("say", answers.FIXED["which"][lang])]
        place = intent in ("where", "it_where")
        return _detect(state, kind, place, facts, rng)
    if intent in ("approach", "it_approach"):
        return _approach(state, kind or state.kind, rng)
    if intent in acts.MOVES:
        tool, arguments, _ = acts.MOVES[intent]
        return _call(tool, arguments, *acts.moved(intent, lang, rng), lang, rng)
    if intent.startswith(("recall_", "watch_")) and kind:
        return _remember(state, intent, kind, hue, rng)
    if intent.startswith(("it_", "also_")):
        return _device_follow_up(state, intent, rng)
    if intent in SWITCHES:
        return _switch(state, intent, rng)
    if intent in ("thermostat_set", "give_temp", "temp_again"):
        degrees = int(given["temp"])
        state.degrees, state.device = degrees, None
        return _call(
            "thermostat_set",
            {"temperature": degrees},
            f"thermostat {degrees}",
            answers.thermostat_set(degrees, lang),
            lang,
            rng,
        )
    if intent == "thermostat_get":
        degrees = rng.choice(TEMPERATURES)
        said = answers.thermostat_get(degrees, lang)
        return _call("thermostat_get", {}, f"thermostat {degrees}", said, lang, rng)
    if intent == "time":
        clock = f"{rng.randrange(24):02d}:{rng.randrange(60):02d}"
        return _call("clock", {}, clock, answers.time(clock, lang), lang, rng)
    return [("say", answers.FIXED[intent][lang])]


def _tell(state: _State, intent: str, facts: Facts) -> Steps:
    if intent == "all":
        state.kind = facts.sight[0][0] if facts.sight else state.kind
        state.via = "see"
        state.told.append(("all", facts))
        return [("say", answers.everything(facts, state.lang))]
    named = {
        "see": facts.sight[0][0] if facts.sight else None,
        "hear": facts.hearing,
        "scan": facts.scan,
    }[intent]
    if named:
        state.kind, state.via = named, intent
    state.told.append((intent, facts))
    return [("say", answers.SENSES[intent](facts, state.lang))]


def _before(state: _State, sense: str) -> str:
    """What was told about a sense, the time before the last one (or the last, if only one)."""
    if not sense:
        sense = state.told[-1][0] if state.told else ""
        sense = "see" if sense == "all" else sense
    told = [facts for name, facts in state.told if name in (sense, "all")]
    if not told or sense not in answers.SENSES:
        return answers.FIXED["forgotten"][state.lang]
    return answers.SENSES[sense](told[-2] if len(told) > 1 else told[-1], state.lang, past=True)


def _color_of_it(state: _State, facts: Facts) -> str:
    kind, lang = state.kind, state.lang
    if kind is None:
        return answers.color(facts, lang)
    for seen, hue in facts.sight:
        if seen == kind:
            return answers.color(Facts(((seen, hue),)), lang)
    if state.via == "hear":
        return answers.FIXED["only_heard"][lang]
    if state.via == "scan":
        return answers.FIXED["only_scanned"][lang]
    return answers.color(facts, lang) if facts.sight else answers.FIXED["only_scanned"][lang]


def _detect(state: _State, kind: str, place: bool, facts: Facts, rng: random.Random) -> Steps:
    lang = state.lang
    state.kind, state.via = kind, "detect"
    number = rng.choices(range(6), (22, 40, 20, 10, 5, 3))[0]
    if facts.sight and facts.sight[0][0] == kind and rng.random() < 0.8:
        number = max(number, 1)
    places = sorted(rng.choices(("left", "middle", "right"), k=number))
    listed = ", ".join(f"{one} {rng.choice(('near', 'far'))}" for one in places)
    result = f"{number} {kind}" + (f": {listed}" if places else "")
    said = answers.where(kind, places, lang) if place else answers.count(kind, number, lang)
    return _call("detect", {"kind": kind}, result, said, lang, rng)


def _approach(state: _State, kind: str | None, rng: random.Random) -> Steps:
    lang = state.lang
    if kind is None:
        return [("say", answers.FIXED["which"][lang])]
    state.kind, state.via = kind, "approach"
    place = f"arrived at ({rng.uniform(-3, 3):.1f}, {rng.uniform(-3, 3):.1f})"
    return _call("approach", {"kind": kind}, place, answers.approached(kind, lang), lang, rng)


def _remember(
    state: _State, intent: str, kind: str, hue: str | None, rng: random.Random
) -> Steps:  # what was perceived before, or is to be watched for
    tool, sense = intent.split("_")
    asked: dict[str, str | float] = {"what": acts.named(kind, hue), "sense": acts.SENSE_OF[sense]}
    if tool == "watch":
        told = acts.watched(sense, kind, hue, state.lang)
        return _call("watch_add", asked, *told, state.lang, rng)
    told = acts.recalled(sense, kind, hue, state.lang, rng)
    return _call("recall", asked | {"when": "last"}, *told, state.lang, rng)


def _switch(state: _State, tool: str, rng: random.Random) -> Steps:
    device, action = tool.split("_")
    state.device, state.degrees = device, None
    result = f"{device} {'closed' if action == 'close' else action}"
    return _call(tool, {}, result, answers.switched(tool, state.lang), state.lang, rng)


def _device_follow_up(state: _State, intent: str, rng: random.Random) -> Steps:
    action = intent.split("_")[1]
    if intent.startswith("also_"):
        last = next(
            (
                json.loads(text)["name"]
                for turn in reversed(state.turns)
                for kind, text in turn.steps
                if kind == "call"
            ),
            "lamp_on",
        )
        return _switch(state, f"{action}_{'off' if last.endswith('_off') else 'on'}", rng)
    if state.device is None:
        return [("say", answers.FIXED["which"][state.lang])]
    return _switch(state, f"{state.device}_{action}", rng)


def _two_commands(
    state: _State, condition: TurnCondition, split: Split, rng: random.Random, dressed: bool
) -> Turn:
    """ "turn on the lamp and open the door": one call after the other."""
    first, second = rng.sample(SWITCHES, 2)
    while first.split("_")[0] == second.split("_")[0]:
        first, second = rng.sample(SWITCHES, 2)
    texts = [
        utterance(split, tool, state.lang, rng, dressed=False).text for tool in (first, second)
    ]
    joint = rng.choice(
        (" and ", " and then ", " then ") if state.lang == "en" else (" ", " 然后", "再")
    )
    steps: Steps = []
    for tool in (first, second):
        steps += _switch(state, tool, rng)[:2]
    said = (" " if state.lang == "en" else "").join(
        answers.switched(tool, state.lang) for tool in (first, second)
    )
    steps.append(("say", said))
    return Turn(joint.join(texts), "two", state.lang, condition, tuple(steps))


def call_json(tool: str, arguments: Mapping[str, str | float]) -> str:
    """A call as the small model writes it: compact JSON."""
    return json.dumps({"name": tool, "arguments": arguments}, separators=(",", ":"))


def _call(
    tool: str,
    arguments: Mapping[str, str | float],
    result: str,
    said: str,
    lang: str,
    rng: random.Random,
) -> Steps:
    if rng.random() < 0.05:
        error = rng.choice(ERRORS)
        result, said = f"error: {error}", answers.failed(error, lang)
    return [("call", call_json(tool, arguments)), ("tool", result), ("say", said)]
