"""Calls of acting and remembering tools in dialogs: approach, turn, drive, recall, watch_add."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

from sensebind.agent.corpus import answers
from sensebind.agent.corpus.answers import Facts, Named
from sensebind.agent.corpus.phrasing import article
from sensebind.perception.simhome.catalog import COLORS, KINDS, SOUNDING_KINDS

# Intent to tool, arguments and what the tool tells when nothing is in the way.
MOVES: dict[str, tuple[str, dict[str, float], str]] = {
    "turn_left": ("turn", {"degrees": 90}, "turned 90.0 degrees"),
    "turn_right": ("turn", {"degrees": -90}, "turned -90.0 degrees"),
    "turn_around": ("turn", {"degrees": 180}, "turned 180.0 degrees"),
    "drive_ahead": ("drive", {"metres": 0.5}, "drove 0.5 m"),
    "drive_back": ("drive", {"metres": -0.5}, "drove -0.5 m"),
    "stop": ("stop", {}, "stopped"),
}
SENSE_OF = {"see": "sight", "hear": "hearing", "scan": "scan"}
_STREAMS = {"see": "camera", "hear": "microphone"}
_VERBS = {"see": "seen", "hear": "heard"}
_UNITS = tuple(answers.UNITS_ZH)
BLOCKED = 0.08  # share of movements that something stops
BRIEF = 0.5  # share of what `recall` tells without how and when: copying is learned from these


def named(kind: str, color: str | None) -> str:
    """What a tool is asked to look for: "a red ball"."""
    return f"{article(color)} {kind}" if color else article(kind)


def moved(intent: str, lang: str, rng: random.Random) -> tuple[str, str]:
    """What the tool of a movement tells, and the answer."""
    _, arguments, result = MOVES[intent]
    if arguments and rng.random() < BLOCKED:
        verb, number, *unit = result.split(" ")
        part = float(number) * rng.random() * 0.9
        return f"{verb} {part:.1f} {' '.join(unit)}, blocked", answers.FIXED["blocked"][lang]
    return result, answers.FIXED[intent][lang]


def recalled(
    sense: str, kind: str, color: str | None, lang: str, rng: random.Random
) -> tuple[str, str]:
    """What `recall` tells of one to three episodes, and the answer from the first that fits."""
    if rng.random() < 0.08:
        return "nothing is remembered", answers.forgotten(sense, kind, lang)
    brief = rng.random() < BRIEF
    count = rng.choices((1, 2, 3), (14, 3, 3) if brief else (5, 2, 4))[0]
    fits = 0 if rng.random() < 0.8 else -1
    lines, said = [], answers.forgotten(sense, kind, lang)
    end = datetime(2026, 1, 1) + timedelta(seconds=rng.randrange(30_000_000))
    for place in range(count):
        number, unit = _ago(rng)
        ago = f"{number} {unit}{'s' * (number != 1)} ago" if number else "just now"
        begin = end - timedelta(seconds=rng.randrange(1, 90))
        here = place == fits or (fits == 0 and rng.random() < 0.6)
        how = (
            f" ({_VERBS[sense]} by {_STREAMS[sense]}, {begin:%H:%M:%S} to {end:%H:%M:%S}, "
            f"similarity {rng.uniform(0.1, 0.9):.2f})"
        )
        described = _described(sense, kind, color, here, rng)
        lines.append(f"{ago}: {described}{'' if brief else how}")
        if place == fits:
            said = answers.recalled(sense, kind, color, number, unit, lang)
        end = begin - timedelta(seconds=rng.randrange(5, 900))
    return "\n".join(lines), said


def watched(sense: str, kind: str, color: str | None, lang: str) -> tuple[str, str]:
    """What `watch_add` tells, and the answer."""
    what = named(kind, color)
    return f"watching for {what} by {SENSE_OF[sense]}", answers.watched(sense, kind, color, lang)


def _ago(rng: random.Random) -> tuple[int, str]:
    """A number of units; 0 is "just now". The number says nothing about the unit."""
    if rng.random() < 0.2:
        return 0, ""
    return rng.randrange(1, 60), rng.choice(_UNITS)


def _described(
    sense: str, kind: str, color: str | None, fits: bool, rng: random.Random
) -> str:  # as our own model says of an episode, in English
    if sense == "hear":
        others = [one for one in SOUNDING_KINDS if one != kind]
        heard = kind if fits else rng.choice((None, *others))
        return answers.hear(Facts(hearing=heard), "en")
    things = [_other(kind, rng) for _ in range(rng.choice((0, 1, 1, 2)))]
    if fits:
        shown: Named = (kind, color or rng.choice(tuple(COLORS)))
        things = [shown, *things[:1]]
        rng.shuffle(things)
    elif color and rng.random() < 0.4:  # the same kind in another colour
        things[:1] = [(kind, rng.choice([one for one in COLORS if one != color]))]
    return answers.see(Facts(sight=tuple(things)), "en")


def _other(kind: str, rng: random.Random) -> Named:
    return rng.choice([one for one in KINDS if one != kind]), rng.choice(tuple(COLORS))
