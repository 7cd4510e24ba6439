"""What the robot asks a person where it must not act: in the person's language."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from langchain_core.tools import BaseTool

from sensebind.agent.corpus import chinese
from sensebind.agent.corpus.answers import switched
from sensebind.agent.grounding.parameters import Admitted, Lack, Parameter, as_json
from sensebind.agent.grounding.units import Dimension

_VERBS = frozenset(
    {"set", "get", "put", "turn", "switch", "change", "adjust", "control", "update", "on", "off"}
)
_ZH_DEVICES = {
    "lamp": "灯",
    "radio": "收音机",
    "fan": "风扇",
    "door": "门",
    "thermostat": "恒温器",
}


def lacking(tool: BaseTool, parameter: Parameter, found: Admitted, language: str) -> str:
    """Returns the question for a number that the words do not give.

    Args:
        tool: What would be called.
        parameter: That lacks a number.
        found: Why there is none.
        language: `zh`, or anything else for English.
    """
    values = [_number(one) for one in found.refused]
    match found.lack:
        case Lack.OUT_OF_RANGE:
            return _range(tool, parameter, language)
        case Lack.NOT_IN_STEPS:
            return _steps(tool, parameter, language)
        case Lack.AMBIGUOUS if len(values) == 2:
            unit = _unit(parameter, language)
            if language == "zh":
                return f"{values[0]}还是{values[1]}{unit}？"
            return f"{values[0]} or {values[1]}{f' {unit}' if unit else ''}?"
    return _how_many(parameter, language)


def _number(value: Any) -> str:
    return f"{as_json(value):g}"


def _unit(parameter: Parameter, language: str) -> str:
    if parameter.unit is None:
        return ""
    return parameter.unit.chinese if language == "zh" else parameter.unit.english


def _how_many(parameter: Parameter, language: str) -> str:
    unit, word = _unit(parameter, language), parameter.name.replace("_", " ")
    sets = parameter.unit is not None and parameter.unit.dimension is Dimension.TEMPERATURE
    if language == "zh":
        return f"要调到多少{unit}？" if sets else f"多少{unit}？" if unit else f"{word}要多少？"
    if not unit:
        return f"Which {word}?"
    return f"To how many {unit}?" if sets else f"How many {unit}?"


def _range(tool: BaseTool, parameter: Parameter, language: str) -> str:
    """ "The thermostat takes 10 to 30 degrees." / "I can drive 6 metres at most." """
    unit, low, high = _unit(parameter, language), parameter.low, parameter.high
    device = _device(tool)
    if low is not None and high is not None and low == -high:
        if language == "zh":
            return f"一次最多{_number(high)}{unit}。"
        return f"{_number(high)} {unit or parameter.name} are the most at one time."
    if parameter.choices:
        bounds = ", ".join(_number(one) for one in parameter.choices)
    elif low is not None and high is not None:
        bounds = f"{_number(low)}{'到' if language == 'zh' else ' to '}{_number(high)}"
    elif high is not None:
        bounds = f"最多{_number(high)}" if language == "zh" else f"at most {_number(high)}"
    else:
        least = "" if low is None else _number(low)
        bounds = f"最少{least}" if language == "zh" else f"at least {least}"
    if language == "zh":
        return f"{_ZH_DEVICES.get(device, device or parameter.name)}只能是{bounds}{unit}。"
    subject = f"The {device}" if device else parameter.name.replace("_", " ").capitalize()
    return f"{subject} takes {bounds}{f' {unit}' if unit else ''}."


def _steps(tool: BaseTool, parameter: Parameter, language: str) -> str:
    unit = _unit(parameter, language)
    if parameter.choices:
        return _range(tool, parameter, language)
    if parameter.step == 1:
        if language == "zh":
            return f"我只能用整{unit or '数'}，要多少{unit}？"
        return f"I can only take whole {unit or 'numbers'}: how many?"
    step = _number(parameter.step or 0)
    if language == "zh":
        return f"我只能以{step}{unit}为一档，要多少{unit}？"
    return f"I can only take steps of {step}{f' {unit}' if unit else ''}: how many?"


def _device(tool: BaseTool) -> str:
    """What a tool's name says that it acts on: "thermostat" of `thermostat_set`."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", tool.name).replace("_", " ").replace("-", " ")
    words = [one for one in spaced.lower().split() if one not in _VERBS]
    return " ".join(words) if len(words) < len(spaced.split()) else ""


def should_i(tool: BaseTool, arguments: Mapping[str, Any], language: str) -> str:
    """Returns "Should I open the door?" for a call, from the tool's own description.

    Args:
        tool: What would be called.
        arguments: With what.
        language: `zh`, or anything else for English.
    """
    if language == "zh":
        return _should_i_zh(tool, arguments)
    said = _first_sentence(tool.description)
    if not said or len(said) > 90:
        said = f"use {tool.name.replace('_', ' ')}"
    given = ", ".join(f"{name}: {value}" for name, value in arguments.items())
    return f"Should I {_imperative(said)}{f' ({given})' if given else ''}?"


def _first_sentence(description: str) -> str:
    plain = " ".join(description.split())
    return re.split(r"[.;:!?](?:\s|$)|\n", plain, maxsplit=1)[0].strip()


def _imperative(said: str) -> str:
    """ "Turns on the spot" as "turn on the spot"; what is imperative already stays."""
    first, _, rest = said.partition(" ")
    word = first if first.isupper() and len(first) > 1 else first[:1].lower() + first[1:]
    if re.fullmatch(r"[a-z]+(?:ches|shes|sses|xes|zes|oes)", word):
        word = word[:-2]
    elif re.fullmatch(r"[a-z]+[^aeious]ies", word):
        word = f"{word[:-3]}y"
    elif re.fullmatch(r"[a-z]{2,}[^s\W]s", word):
        word = word[:-1]
    return f"{word} {rest}".strip()


def _should_i_zh(tool: BaseTool, arguments: Mapping[str, Any]) -> str:
    name = tool.name
    try:
        done = switched(name, "zh")
    except KeyError:
        done = ""
    if done:
        return f"要{done.removesuffix('。').removesuffix('了')}吗？"
    number = next((one for one in arguments.values() if isinstance(one, int | float)), None)
    kind = str(arguments.get("kind") or "")
    if name == "approach" and kind:
        return f"要我到{chinese.NOUNS.get(kind, (kind,))[0]}那里去吗？"
    if name == "thermostat_set" and number is not None:
        return f"要我把温度调到{number:g}度吗？"
    if name == "drive" and number is not None:
        return f"要我{'后退' if number < 0 else '前进'}{abs(number):g}米吗？"
    if name == "turn" and number is not None:
        return f"要我向{'右' if number < 0 else '左'}转{abs(number):g}度吗？"
    given = "，".join(f"{key}：{value}" for key, value in arguments.items())
    said = _first_sentence(tool.description)
    return f"要我执行{name}吗？（{said}{'；' if given else ''}{given}）"
