"""What is said in fixed words: how a device stands, what is not known, and what was not done."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sensebind.agent.corpus.answers import FIXED

_DEVICES_ZH = {
    "lamp": "灯",
    "radio": "收音机",
    "fan": "风扇",
    "door": "门",
    "thermostat": "恒温器",
}
_STATES_ZH = {"on": "开着", "off": "关着", "open": "开着", "closed": "关着"}
_VERBS = (
    r"turn|switch|put|power|shut|start|stop|open|close|lock|unlock|raise|lower|set|run|mute|dim"
    r"|activate|deactivate|pause|restart|reboot|heat|fire|boot|draw|pull|plug|unplug|empty|fill"
)
_NO_THING = (
    r"on|off|up|down|to|at|for|in|and|please|now|it|me|us|over|away|home|inside|outside|upstairs"
    r"|downstairs"
)
_THING_EN = re.compile(
    rf"\b(?:{_VERBS})\s+(?:(?:on|off|up|down|out|in)\s+)?(?:(?:the|my|our|your|that|this|an?)\s+)?"
    rf"((?:(?!(?:{_NO_THING})\b)[a-z'-]+\s*){{1,3}})(?=$|[\s,.!?])",
    re.I,
)
_THING_ZH = re.compile(
    r"(?:把|将)([一-鿿A-Za-z]{1,6}?)(?:打开|关掉|关上|关闭|开|关|拉上|拉开|调|设|启动|停|锁)"
    r"|(?:打开|开启|启动|关掉|关上|关闭|拉上|拉开|锁上|开一下|关一下)([一-鿿A-Za-z]{1,6}?)"
    r"(?:吧|一下|好吗|吗|呢|谢谢|$|[，。！？,.!?])"
)


def states_said(devices: Sequence[str], result: str, language: str) -> str:
    """Returns how devices stand: "The lamp is on.", as a tool's result has it.

    Args:
        devices: Whose state is asked for.
        result: Of the tool that reads them all: "lamp: on", or JSON.
        language: `zh`, or anything else for English.
    """
    said = []
    for name in dict.fromkeys(devices):
        found = re.search(rf"\b{name}\b\W+(\w+)", result)
        if found is None:
            return result
        if language == "zh":
            state = _STATES_ZH.get(found[1], found[1])
            said.append(f"{_DEVICES_ZH.get(name, name)}{state}。")
        else:
            said.append(f"The {name} is {found[1]}.")
    return ("" if language == "zh" else " ").join(said)


def thing_named(words: str, language: str) -> str:
    """Returns what an order names that the robot has no tool for; "" where that is not plain.

    Args:
        words: The order.
        language: `zh`, or anything else for English.
    """
    if language == "zh":
        found = _THING_ZH.search(words)
        return next((one for one in found.groups() if one), "") if found else ""
    found = _THING_EN.search(words)
    return " ".join(found[1].split()).lower() if found else ""


def device_named(words: str, language: str) -> str:
    """Returns which device of the home an order names, whatever is to be done with it.

    Args:
        words: The order.
        language: `zh`, or anything else for English.

    Returns:
        `thermostat`, `lamp`, `radio`, `fan` or `door`; "" for none.
    """
    named = thing_named(words, language)
    return next((one for one, other in _DEVICES_ZH.items() if named in (one, other)), "")


def unknown(words: str, language: str) -> str:
    """Returns "I do not know any dishwasher here.", or that the robot cannot do what words ask for.

    Args:
        words: A request of something that the robot cannot do.
        language: `zh`, or anything else for English.
    """
    named = thing_named(words, language)
    if not named:
        return FIXED["cannot"][language]
    return f"我这里没有{named}。" if language == "zh" else f"I do not know any {named} here."


def not_done(clause: str, reason: str, language: str) -> str:
    """Returns that a step was not done, and why.

    Args:
        clause: What was asked for.
        reason: Why not, as a tool or a question has it; "" for none.
        language: `zh`, or anything else for English.
    """
    shown = _shown(clause)
    why = reason.removeprefix("error:").strip().rstrip(".。!！")
    if language == "zh":
        return f"“{shown}”没有做" + (f"，{why}。" if why else "。")
    return f'I did not do "{shown}"' + (f", {why[:1].lower()}{why[1:]}." if why else ".")


def cannot_do(clause: str, language: str) -> str:
    """Returns that a step is nothing that the robot can do.

    Args:
        clause: What was asked for.
        language: `zh`, or anything else for English.
    """
    shown = _shown(clause)
    return f"“{shown}”我做不到。" if language == "zh" else f'I cannot do "{shown}".'


def _shown(clause: str) -> str:
    """A clause without marks, which would end the sentence that quotes it."""
    return re.sub(r"[\s,;.!?，；。！？]+", " ", clause).strip()
