"""What is asked for that only observes, and tasks of two and three steps."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping

from sensebind.agent.corpus.phrasing import utterance
from sensebind.agent.reader.actions import ORDERS
from sensebind.agent.training.reader.language import Language, filled, lines_of, suiting
from sensebind.agent.training.reader.phrases import DO, Example, Phrase

INTENTS: Mapping[str, str] = {
    "time": "clock",
    "thermostat_get": "thermostat_get",
    "count": "count",
    "where": "where",
    "watch": "watch",
    "recall": "recall",
    "see": "see",
    "hear": "hear",
    "scan": "scan",
    "all": "all",
    "color": "color",
}
"""Intents of the dialog grammar, and what the reader calls them."""
_STATED = {
    "en": re.compile(
        r"^(?:is|isn't|are (?:you|we) sure|so|do you know (?:if|whether)"
        r"|is it (?:true|correct) that"
        r"|tell me (?:if|whether)|(?:please )?check (?:if|whether)|find out (?:if|whether)"
        r"|i(?:'m not sure| wonder| want to know|'d like to know| need to know) (?:if|whether)"
        r"|any idea (?:if|whether)) \{d\}(?: is)?(?: still)? \{state\}"
        r"|^\{d\} (?:is )?\{state\}(?:,|\?)|^what's the (?:state|status) of \{d\}"
        r"|^what (?:state|condition) is \{d\} in"
    ),
    "zh": re.compile(
        r"^(?:看看|看一下|检查一下|告诉我|我想知道|不知道|你知道)?\{d\}(?:现在|还)?(?:是不是|是)?"
        r"\{state\}(?:吗|没有|没)?$|^\{d\}(?:的状态|是什么状态)$"
    ),
}
"""Frames of questions that ask how a device stands now."""
_FAMILIES = {
    "lamp": r"lamp|light|bulb|灯",
    "radio": r"radio|music|stereo|收音机|音乐|广播",
    "fan": r"\bfan|ventilat|扇",
    "door": r"door|gate|门",
}
_EARLIER = re.compile(r"been|was|were|did|yesterday|earlier|刚才|昨|我|你.*了")


def state_of(phrase: Phrase) -> dict[str, int]:
    """What is asked by a question for the state of a phrase's device."""
    family = phrase.action.split("_")[0]
    if family in _FAMILIES:
        return {f"{family}_state": DO}
    return {"thermostat_get": DO} if family == "thermostat" else {}


def question(tongue: Language, phrase: Phrase, rng: random.Random) -> Example:
    """A question around an order; one that asks how a device stands is labelled so."""
    frame = suiting(tongue, "question", phrase, rng)
    levels = state_of(phrase) if _STATED[tongue.lang].search(frame) else {}
    return Example(tongue.fill_in(frame, rng, phrase), "question", levels)


def state(tongue: Language, rng: random.Random) -> Example:
    """A question for the state of a device of the robot, or of one that it lacks."""
    if rng.random() < 0.2:
        phrase = tongue.unknown_phrase(rng)
        while not phrase.state:  # which then names no device of the robot
            phrase = tongue.unknown_phrase(rng)
    else:
        ways = [name for name in ORDERS if name.split("_")[0] in _FAMILIES]
        phrase = tongue.phrase(rng, rng.choice(ways))
    frame = suiting(tongue, "state_of", phrase, rng)
    return Example(tongue.fill_in(frame, rng, phrase), "question", state_of(phrase))


def count_any(tongue: Language, rng: random.Random) -> Example:
    """How many things of no kind there are."""
    text = tongue.fill_in(tongue.frame("count_any", rng), rng)
    return Example(text, "question", {"count_any": DO})


def perceived(tongue: Language, rng: random.Random, intent: str = "") -> Example:
    """A question for what the robot perceives, reads or remembers, or a watch."""
    intent = intent or rng.choice(tuple(INTENTS))
    said = utterance("train", intent, tongue.lang, rng, dressed=False, noisy=False)
    category = "request" if intent == "watch" else "question"
    return Example(said.text, category, {INTENTS[intent]: DO})


def stated(text: str) -> dict[str, int]:
    """What the dialog grammar's questions for a state ask, by their words."""
    if _EARLIER.search(text):
        return {}
    named = [name for name, words in _FAMILIES.items() if re.search(words, text)]
    return {f"{named[0]}_state": DO} if len(named) == 1 else {}


def asked(tongue: Language, rng: random.Random) -> Example:
    """Anything that only observes."""
    draw = rng.random()
    if draw < 0.4:
        return state(tongue, rng)
    if draw < 0.55:
        return count_any(tongue, rng)
    return perceived(tongue, rng)


# --- several steps -------------------------------------------------------------------------------

_JOINS = {
    "en": (
        " and ",
        " and ",
        ", and ",
        " and then ",
        ", then ",
        ", and then ",
        ". ",
        ". Then ",
        ". After that ",
        ", after that ",
        "; ",
        ", ",
        ". Also ",
        ", also ",
        " and also ",
        ". Next, ",
        " and afterwards ",
        ", and after that ",
    ),
    "zh": (
        "，然后",
        "，再",
        "，接着",
        "，",
        "，",
        "。",
        "，并且",
        "，另外",
        "，顺便",
        "，之后",
        "，同时",
        "，还有",
        "。然后",
        "，完了",
        "，随后",
        "，再帮我",
        "；",
    ),
}
_LAST = {
    "en": (
        ", and ",
        " and ",
        " and finally ",
        ", and finally ",
        ", then ",
        ". Finally ",
        ". ",
        ", ",
    ),
    "zh": ("，最后", "，最后再", "，再", "，然后", "，", "。最后"),
}
_FIRST = {
    "en": (
        "first ",
        "first, ",
        "please ",
        "hey, ",
        "ok, ",
        "could you ",
        "can you ",
        "i want you to ",
    ),
    "zh": ("先", "首先", "请", "请先", "帮我", "麻烦你", "你先"),
}


def _part(tongue: Language, rng: random.Random, taken: set[str]) -> Example:
    """One step in few words, of something that no step before was about."""
    for _ in range(20):
        draw = rng.random()
        if draw < 0.55:
            phrase = tongue.phrase(rng)
            if phrase.action.startswith("it_"):
                continue
            text = phrase.bare if rng.random() < 0.08 else phrase.forms["vp"]
            one = Example(text, "order", {phrase.action: DO})
        elif draw < 0.88:
            one = asked(tongue, rng)
        else:
            one = Example(tongue.unknown_phrase(rng).forms["vp"], "request")
        about = {name.split("_")[0] for name in one.levels} or {"unknown"}
        if not about & taken:
            taken |= about
            return one
    return Example("stop" if tongue.lang == "en" else "停", "talk")


def task(tongue: Language, rng: random.Random) -> Example:
    """Two or three steps: orders, questions, and what the robot cannot do."""
    count = 2 if rng.random() < 0.62 else 3
    taken: set[str] = set()
    parts = [_part(tongue, rng, taken) for _ in range(count)]
    levels: dict[str, int] = {}
    for one in parts:
        levels |= one.levels
    text = parts[0].text
    orders = parts[0].category == "order"
    if orders and rng.random() < 0.25:
        text = rng.choice(_FIRST[tongue.lang]) + text
    for at, one in enumerate(parts[1:], 2):
        last = at == count and count == 3
        text += rng.choice((_LAST if last else _JOINS)[tongue.lang]) + one.text
    acts = any(one.category == "order" for one in parts)
    category = "order" if acts else parts[0].category
    return Example(text, category, levels)


def shared(tongue: Language, rng: random.Random) -> Example:
    """One verb for two devices: "turn off the lamp and the radio"."""
    first, second = rng.sample(("lamp", "radio", "fan"), 2)
    frame = tongue.frame("shared", rng)
    if tongue.lang == "en":
        way, back = rng.choice((("on", "off"), ("off", "on")))
    else:
        way, back = ("off", "on") if "关" in frame else ("on", "off")
    one, other = tongue.phrase(rng, f"{first}_on"), tongue.phrase(rng, f"{second}_on")
    fill = {
        "d": lambda: one.device,
        "e": lambda: other.device,
        "way": lambda: way,
        "back": lambda: back,
    }
    both = way if "{back}" not in frame else back
    text = filled(frame, fill)
    if rng.random() < 0.3:
        text = rng.choice(_FIRST[tongue.lang]) + text
    return Example(text, "order", {f"{first}_{way}": DO, f"{second}_{both}": DO})


def told_after(tongue: Language, rng: random.Random) -> Example:
    """A report of two doings, the second without its subject: "he opened the door and …"."""
    a, b = tongue.phrase(rng), tongue.phrase(rng)
    text = tongue.fill_in(rng.choice(lines_of(_DID[tongue.lang])), rng, a)
    fill = {"second": lambda: b.forms["vp"], "secondpast": lambda: b.forms["vpast"]}
    return Example(filled(text.replace("<", "{").replace(">", "}"), fill), "report")


_DID = {
    "en": """{who} {vpast} and <secondpast>
{who} {vpast} and then <secondpast>
{who} {vpast}, then <secondpast>
{who} {vpast} before {he} <secondpast>
first {who} {vpast}, and then {he} <secondpast>
yesterday {who} {vpast} and <secondpast>
i {vpast} and <secondpast>
i {vpast}, and then i <secondpast>
after {who} {vpast}, {he} <secondpast>
you {vpast} and <secondpast>
we {vpast} and then <secondpast>
by the time i came home {who} {vpast} and <secondpast>
{who} wanted to {vp} and to <second>
{who} used to {vp} and <second>
the other day {who} {vpast}
back then we {vpast}
two hours ago {who} {vpast}
this morning {who} {vpast}, as always
it took {who} an hour to {vp}
{who} managed to {vp} in the end
{who} nearly {vpast}
i almost {vpast}
{who} was just about to {vp} when it rang
last week {who} {vpast} twice
{who} had to {vp}
i had just {vpp} when {who} <secondpast>
{who} {vpast} instead of me
at noon {who} {vpast}
{who} {vpast} on the way out
earlier on {who} {vpast}""",
    "zh": """{who}{vp}了，又<second>了
{who}{vp}了，然后<second>了
{who}先{vp}，再<second>了
{who}刚才{vp}了，又<second>了
昨天{who}{vp}，还<second>了
我{vp}了，也<second>了
我先{vp}，然后<second>，都做完了
{who}一边{vp}一边<second>
你刚才{vp}了，又<second>了
{who}不但{vp}了，还<second>了
{who}{vp}以后就<second>了
上午{who}{vp}了
{who}终于{vp}了
{who}上周{vp}过
去年{who}{vp}过
当时{who}正要{vp}
{who}差点{vp}
{who}试着{vp}，没成功
{who}每次回家都{vp}
两个小时前{who}{vp}了
今天早上{who}{vp}了
我刚刚才{vp}
{who}出门前{vp}了
那天{who}{vp}以后就走了
{who}以前常常{vp}""",
}
