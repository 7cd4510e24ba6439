"""Two clauses, of which both, one or none is an order."""

from __future__ import annotations

import random

from sensebind.agent.reader.actions import ACTIONS
from sensebind.agent.training.reader.asked import question
from sensebind.agent.training.reader.language import NEEDS_DEVICE, Language, framed
from sensebind.agent.training.reader.phrases import ASK, DO, Example, Phrase

CATEGORY_OF = {
    "negation": "forbidden",
    "question": "question",
    "report": "report",
    "condition": "condition",
    "hypothetical": "hypothetical",
    "quotation": "quotation",
}
"""Of the frames that make an order none."""
_ENGLISH_AND = (
    " and ",
    ", and ",
    " and then ",
    ", then ",
    ". ",
    ", ",
    " and also ",
    "; ",
    " and please ",
    ". Then ",
    ", also ",
    ". And ",
)
_ENGLISH_BUT = (" but ", ", but ", ". But ", ", only ", ". ", " - but ", "; ", ", just ")
_CHINESE_AND = (
    "，然后",
    "，再",
    "，",
    "。",
    "，并且",
    "，还有",
    "，同时",
    "然后",
    "再",
    "，顺便",
    "，接着",
    "，也",
    "，之后",
)
_CHINESE_BUT = ("，但是", "，不过", "，但", "，只是", "，", "。", "，可是", "但")


def _short(tongue: Language, phrase: Phrase, rng: random.Random) -> str:
    """An order in few words."""
    frames = (
        (
            "{vp}",
            "{vp}",
            "{vp}",
            "please {vp}",
            "{vp} please",
            "can you {vp}",
            "could you {vp}",
            "just {vp}",
            "i want you to {vp}",
        )
        if tongue.lang == "en"
        else ("{vp}", "{vp}", "{vp}", "请{vp}", "帮我{vp}", "{vp}吧", "能不能{vp}")
    )
    return tongue.fill_in(rng.choice(frames), rng, phrase)


_SHORT_NOT = {
    "en": (
        "don't {vp}",
        "do not {vp}",
        "please don't {vp}",
        "never {vp}",
        "leave {d} alone",
        "leave {d} as it is",
        "{d} stays as it is",
        "don't touch {d}",
        "not {d}",
        "you don't need to {vp}",
        "no need to {vp}",
        "{d} can stay the way it is",
        "don't you dare {vp}",
        "without {ving}",
        "i don't want you to {vp}",
        "leave {d}",
        "{d} stays {unstate}",
        "leave {d} {unstate}",
        "keep your hands off {d}",
        "forget about {d}",
        "not a word about {d}",
        "do nothing with {d}",
        "{d} is fine",
        "hold off on {ving}",
        "avoid {ving}",
        "don't {vp} yet",
        "{d} should stay {unstate}",
    ),
    "zh": (
        "别{vp}",
        "不要{vp}",
        "不用{vp}",
        "先别{vp}",
        "不必{vp}",
        "{d}不用管",
        "别碰{d}",
        "别动{d}",
        "{d}不要动",
        "{d}就那样吧",
        "{d}留着",
        "不用管{d}",
        "千万别{vp}",
        "{d}别{vp0}",
        "{d}不用{vp0}",
        "{d}先别{vp0}",
        "{d}保持原样",
        "不许{vp}",
        "暂时不{vp}",
    ),
}
_UNSTATE = {
    "lamp_on": "off",
    "lamp_off": "on",
    "radio_on": "off",
    "radio_off": "on",
    "fan_on": "off",
    "fan_off": "on",
    "door_open": "closed",
    "door_close": "open",
    "thermostat_set": "where it is",
}


def _not(tongue: Language, phrase: Phrase, rng: random.Random) -> str:
    for _ in range(40):
        frame = rng.choice(_SHORT_NOT[tongue.lang])
        if NEEDS_DEVICE.search(frame) and not phrase.device:
            continue
        if "{unstate}" in frame:
            if phrase.action not in _UNSTATE:
                continue
            frame = frame.replace("{unstate}", _UNSTATE[phrase.action])
        if "{vp0}" in frame and not phrase.vp0:
            continue
        return tongue.fill_in(frame, rng, phrase)
    return tongue.fill_in("don't {vp}" if tongue.lang == "en" else "别{vp}", rng, phrase)


def _two(tongue: Language, rng: random.Random) -> tuple[Phrase, Phrase]:
    """Two phrases of different devices."""
    first = tongue.phrase(rng)
    while True:
        second = tongue.phrase(rng)
        if second.action.split("_")[0] != first.action.split("_")[0]:
            return first, second


def clauses(tongue: Language, rng: random.Random) -> Example:
    """Two clauses, of which both, one or none is an order."""
    en = tongue.lang == "en"
    both, but = (_ENGLISH_AND, _ENGLISH_BUT) if en else (_CHINESE_AND, _CHINESE_BUT)
    a, b = _two(tongue, rng)
    unknown = tongue.unknown_phrase(rng)
    do_a, do_b = {a.action: DO}, {b.action: DO}
    short_a, _, short_u = (_short(tongue, one, rng) for one in (a, b, unknown))
    kind = rng.choices(range(12), (14, 12, 12, 10, 12, 9, 7, 7, 6, 10, 6, 5))[0]
    join = rng.choice(both)
    match kind:
        case 0:  # one, and not the other
            negated = _not(tongue, b if rng.random() < 0.75 else unknown, rng)
            return Example(f"{short_a}{rng.choice((*but, *both))}{negated}", "order", do_a)
        case 1:  # not the one, but the other
            negated = _not(tongue, b if rng.random() < 0.75 else unknown, rng)
            return Example(f"{negated}{rng.choice(but)}{short_a}", "order", do_a)
        case 2:  # one that it can do, and one that it cannot
            pair = (
                [short_a, unknown.forms["vp"]] if rng.random() < 0.6 else [short_u, a.forms["vp"]]
            )
            return Example(join.join(pair), "order", do_a)
        case 3:
            return Example(f"{short_a}{join}{b.forms['vp']}", "order", do_a | do_b)
        case 4:  # "open the door but not the window"
            if not a.device:
                a = tongue.phrase(rng, rng.choice(("lamp_on", "door_open", "radio_off", "fan_on")))
            other = b.device or unknown.device
            if rng.random() < 0.5:
                name = tongue.grammar.sample("unknown", rng)
                other = f"the {name}" if en else name
            head = _short(tongue, a, rng)
            if rng.random() < 0.35:  # "turn on the lamp and the dishwasher"
                names = f"{head} and {other}" if en else f"{head}和{other}"
                if b.device == other and a.action.split("_")[1] in ("on", "off"):
                    family = b.action.split("_")[0]
                    same = f"{family}_{a.action.split('_')[1]}"
                    more = {same: DO} if same in ACTIONS else {}
                    return Example(names, "order", {a.action: DO} | more)
                return Example(names, "order", {a.action: DO})
            nots = (
                (
                    " but not {o}",
                    ", not {o}",
                    " and not {o}",
                    ", but leave {o}",
                    ", {o} not",
                    " only, not {o}",
                    " but leave {o} alone",
                    " without {o}",
                    " except {o}",
                )
                if en
                else (
                    "，不是{o}",
                    "，不要动{o}",
                    "，别管{o}",
                    "，{o}不用",
                    "，但{o}别动",
                    "，而不是{o}",
                    "，{o}就算了",
                    "就行，{o}不要",
                )
            )
            return Example(head + rng.choice(nots).format(o=other), "order", {a.action: DO})
        case 5:  # instead of
            given = b if rng.random() < 0.8 else unknown
            if en:
                frame = rng.choice(
                    (
                        f"instead of {given.forms['ving']}, {short_a}",
                        f"{short_a} instead of {given.forms['ving']}",
                        f"rather than {given.forms['ving']}, {short_a}",
                        f"{short_a} rather than {given.forms['ving']}",
                        f"{short_a}, not {given.forms['ving']}",
                        f"i said {a.forms['vp']}, not {given.forms['vp']}",
                        f"don't {given.forms['vp']}, {a.forms['vp']} instead",
                        f"{given.forms['vp']}? no, {a.forms['vp']}",
                        f"{given.forms['vp']}, no wait, {a.forms['vp']}",
                    )
                )
            else:
                frame = rng.choice(
                    (
                        f"与其{given.forms['vp']}，不如{a.forms['vp']}",
                        f"不要{given.forms['vp']}，而是{a.forms['vp']}",
                        f"别{given.forms['vp']}了，改成{a.forms['vp']}",
                        f"我说的是{a.forms['vp']}，不是{given.forms['vp']}",
                        f"{given.forms['vp']}，不对，{a.forms['vp']}",
                        f"先不{given.forms['vp']}，{a.forms['vp']}就行",
                    )
                )
            return Example(frame, "order", do_a)
        case 6:  # neither
            if en:
                frame = rng.choice(
                    (
                        f"neither {a.forms['vp']} nor {b.forms['vp']}",
                        f"don't {a.forms['vp']} or {b.forms['vp']}",
                        f"don't {a.forms['vp']} and don't {b.forms['vp']}",
                        f"don't {a.forms['vp']}, and don't {b.forms['vp']} either",
                        f"{_not(tongue, a, rng)} and {_not(tongue, b, rng)}",
                        f"{_not(tongue, a, rng)}. {_not(tongue, b, rng)}",
                        f"{_not(tongue, a, rng)}, {_not(tongue, unknown, rng)}",
                        f"you should neither {a.forms['vp']} nor {b.forms['vp']}",
                        f"without {a.forms['ving']} or {b.forms['ving']}",
                    )
                )
            else:
                frame = rng.choice(
                    (
                        f"不要{a.forms['vp']}也不要{b.forms['vp']}",
                        f"别{a.forms['vp']}，也别{b.forms['vp']}",
                        f"{_not(tongue, a, rng)}，{_not(tongue, b, rng)}",
                        f"既不要{a.forms['vp']}，也不要{b.forms['vp']}",
                        f"{_not(tongue, a, rng)}，也{_not(tongue, b, rng)}",
                        f"{_not(tongue, a, rng)}，{_not(tongue, unknown, rng)}",
                    )
                )
            return Example(frame, "forbidden")
        case 7:  # either
            if en:
                frame = rng.choice(
                    (
                        f"should i {a.forms['vp']} or {b.forms['vp']}",
                        f"shall we {a.forms['vp']} or {b.forms['vp']}",
                        f"do you want to {a.forms['vp']} or {b.forms['vp']}",
                        f"what is better, to {a.forms['vp']} or to {b.forms['vp']}",
                        f"would you rather {a.forms['vp']} or {b.forms['vp']}",
                        f"did you {a.forms['vp']} or {b.forms['vp']}",
                        f"is it better to {a.forms['vp']} or {b.forms['vp']}",
                    )
                )
                if rng.random() < 0.3:
                    levels = {a.action: ASK, b.action: ASK}
                    return Example(
                        rng.choice(
                            (
                                f"either {a.forms['vp']} or {b.forms['vp']}",
                                f"{a.forms['vp']} or {b.forms['vp']}",
                                f"{a.forms['vp']}, or maybe {b.forms['vp']}",
                            )
                        ),
                        "hint",
                        levels,
                    )
            else:
                frame = rng.choice(
                    (
                        f"{a.forms['vp']}还是{b.forms['vp']}",
                        f"我该{a.forms['vp']}还是{b.forms['vp']}",
                        f"要{a.forms['vp']}还是{b.forms['vp']}",
                        f"你是想{a.forms['vp']}还是{b.forms['vp']}",
                        f"{a.forms['vp']}好还是{b.forms['vp']}好",
                    )
                )
                if rng.random() < 0.3:
                    levels = {a.action: ASK, b.action: ASK}
                    return Example(f"{a.forms['vp']}或者{b.forms['vp']}", "hint", levels)
            return Example(frame, "question")
        case 8:  # nothing that it can do
            return Example(f"{short_u}{join}{tongue.unknown_phrase(rng).forms['vp']}", "request")
        case 9:  # now the one, the other under a condition or later
            late = framed(tongue, "condition", b, rng)
            if rng.random() < 0.6:
                return Example(f"{short_a}{join}{late}", "order", do_a)
            back = rng.choice(
                (". ", ". For now ", ", but for now ", ", but now ", ", right now ")
                if en
                else ("。现在", "，但是现在", "，现在先", "。")
            )
            return Example(f"{late}{back}{short_a}", "order", do_a)
        case 10:  # a report or a question, and an order
            name = rng.choice(("report", "question"))
            levels = dict(do_a)
            if name == "question":
                asking = question(tongue, b, rng)
                other, levels = asking.text, levels | dict(asking.levels)
            else:
                other = framed(tongue, name, b, rng)
            mark = "? " if name == "question" else ". "
            if not en:
                mark = "？" if name == "question" else "。"
            if rng.random() < 0.6:
                return Example(f"{other}{mark}{short_a}", "order", levels)
            return Example(f"{short_a}{'. ' if en else '。'}{other}", "order", levels)
        case _:  # two conditions, or two reports
            name = rng.choice(("condition", "report", "negation", "hypothetical"))
            first, second = framed(tongue, name, a, rng), framed(tongue, name, b, rng)
            return Example(f"{first}{join}{second}", CATEGORY_OF[name])
