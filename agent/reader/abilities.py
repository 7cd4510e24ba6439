"""Questions for what the robot can do: "are you able to open a door?" is answered, and no order.

Which words ask so, their form says; that they are a question, and what is asked about, the reader's
network. Whether it can be done, the tools say that the robot has.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence, Set

from langchain_core.tools import BaseTool

from sensebind.agent.reader.actions import ORDERS, TOOLS_OF
from sensebind.agent.reader.own_tools import best_call, text_of
from sensebind.agent.reader.said import unknown
from sensebind.agent.reader.segments import Read
from sensebind.agent.reader.weights import Calibration

_CLEAR = 0.5  # probability from which an action is read
_FRAMES = (
    re.compile(
        r"^\W*(?:so |and |hey |robot )*(?:are you (?:able|capable)(?: to| of)|do you know how to"
        r"|is it (?:possible for|within) you(?: to)?|have you (?:got )?(?:the ability|a way) to"
        r"|would you (?:be able|know how) to)"
        r" (?P<doing>.+?)(?: (?:if (?:i|we) .*|at all|by yourself|yourself|on your own))?\W*$",
        re.I,
    ),
    re.compile(
        r"^(?:请问|那|那么)?(?:你|机器人)(?:会不会|会|懂得?|知不知道怎么|知道怎么|有没有办法"
        r"|有办法|有本事|有能力)(?:自己)?(?P<doing>[^，。；]+?)(?:吗|么)?[？?]*$"
    ),
)
_CAN = (
    re.compile(
        r"^\W*(?:so |and |hey |robot )*(?:can|could) you (?:even |actually |really )*"
        r"(?P<doing>.+?)(?: (?:if (?:i|we) .*|at all|by yourself|yourself|on your own))?\W*$",
        re.I,
    ),
    re.compile(
        r"^(?:请问|那|那么)?(?:你|机器人)(?:能不能|能|可以|可不可以)(?:自己)?"
        r"(?P<doing>[^，。；]+?)(?:吗|么)?[？?]*$"
    ),
)
"""As orders are put politely, too: only what the network reads as a question is one."""
_GENERAL = re.compile(
    r"^\W*(?:so |and |hey |robot )*(?:can|could) you [a-z]+(?: (?:on|off|up|down|around))?"
    r" (?!this|us|his|its)[a-z]+(?<![su])s(?: (?:on|off|up|down))?\W*\?*$",
    re.I,
)
_MOVES = (
    re.compile(
        r"(?:drive|go|move|roll|walk|travel|turn|spin|rotate|pivot|swivel|reverse|advance|back up"
        r"|step|steer|ride)"
        r"(?: (?:for|back)wards?| back| ahead| left| right| around| round| about| sideways"
        r"| in reverse| straight(?: on)?| up| (?:counter|anti)?-?clockwise"
        r"| to (?:the|your) (?:left|right|side)| in (?:a )?circles?| on the spot| in place"
        r"| and| or| also| even)*",
        re.I,
    ),
    re.compile(
        r"[也在原地自己向往朝前后左右上下侧边面方转走开退拐移动行驶进倒掉调头身弯旋直车逆顺时针着]+"
    ),
)
"""A movement of the robot that is only named: how far, where to and for whom is not said."""
_PUTS_ZH = re.compile(r"能不能|可不可以|[吗么][？?]*$")
ABLE = {"en": "Yes, I can do that.", "zh": "可以，我能做到。"}


def doing_asked(words: str, *, plainly: bool = False) -> str:
    """Returns what words may ask the robot's ability for: "open a door"; "" where they do not.

    Args:
        words: What a person says.
        plainly: Leave out forms in which orders are put as well.
    """
    text = " ".join(words.split())
    for frame in _FRAMES if plainly else (*_FRAMES, *_CAN):
        if found := frame.match(text):
            return base_of(found["doing"].strip())
    return ""


def base_of(doing: str) -> str:
    """Returns "opening doors" as "open doors"; words that begin with no doing as they are.

    Args:
        doing: What is done.
    """
    verb, _, rest = doing.partition(" ")
    if not re.fullmatch(r"[a-z]{2,}ing", verb, re.I):
        return doing
    stem = verb[:-3]
    double = len(stem) > 2 and stem[-1] == stem[-2] and stem[-1] not in "ls"
    return f"{stem[:-1] if double else stem} {rest}".strip()


def in_general(words: str) -> bool:
    """Whether words ask about things in general: "can you open doors?" orders no door to be opened.

    Args:
        words: What a person says.
    """
    return _GENERAL.match(" ".join(words.split())) is not None


def asks_or_orders(words: str) -> bool:
    """Whether words may ask for an ability as well as order a movement: "can you go backwards?".

    What says more than the movement ("a bit", 一点, 请) is an order that is put politely.

    Args:
        words: What a person says, in simplified characters.
    """
    text = " ".join(words.split())
    english, chinese = (frame.match(text) for frame in _CAN)
    if english is not None:
        return _MOVES[0].fullmatch(english["doing"].strip()) is not None
    if chinese is None or _PUTS_ZH.search(text) is None:
        return False
    return _MOVES[1].fullmatch(chinese["doing"].strip()) is not None


def ability_said(
    words: str,
    known: Set[str],
    own: Sequence[BaseTool],
    speech: str,
    read: Callable[[str], Read],
    limits: Calibration,
) -> str:
    """Returns the answer to a question for what the robot can do; "" for other questions.

    Args:
        words: A question.
        known: Names of the robot's acting tools that the network knows.
        own: Its other tools.
        speech: `en` or `zh`.
        read: Reads a text.
        limits: How scores are read.
    """
    if not (doing := doing_asked(words)):
        return ""
    scores = read(doing)
    meant = [name for name in ORDERS if scores.act.get(name, 0.0) >= _CLEAR]
    if any(known & set(TOOLS_OF[name]) for name in meant):
        return ABLE[speech]
    if own and not doing_asked(words, plainly=True):
        return ""  # "can you list the files?" asks for the files
    best, _ = best_call(doing, [text_of(tool) for tool in own]) if own else (None, None)
    if best is not None and best.score >= limits.fits:
        return ABLE[speech]
    requested = scores.category.get("request", 0.0) >= limits.order
    return unknown(doing, speech) if requested or meant else ""
