"""Units of measurement: those that people say, and the one that a tool's parameter is in."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction


class Dimension(StrEnum):
    """What a number measures."""

    LENGTH = "length"
    ANGLE = "angle"
    TEMPERATURE = "temperature"
    TIME = "time"
    SHARE = "share"


@dataclass(frozen=True, slots=True)
class Unit:
    """A unit as a linear function of its dimension's base (metre, degree, Celsius, second, %).

    Attributes:
        dimension: What it measures; None for what no table knows.
        factor: Base units in one of it.
        offset: Base units at its zero.
        english: What a number of it is called.
        chinese: The same in Chinese.
        exact: Whether people mean the number as it is converted. What is said in feet or radians
            is not meant to a millimetre, and may be rounded to a step of the parameter.
    """

    dimension: Dimension
    factor: Fraction
    offset: Fraction = Fraction(0)
    english: str = ""
    chinese: str = ""
    exact: bool = True


METRE = Unit(Dimension.LENGTH, Fraction(1), english="metres", chinese="米")
DEGREE = Unit(Dimension.ANGLE, Fraction(1), english="degrees", chinese="度")
CELSIUS = Unit(Dimension.TEMPERATURE, Fraction(1), english="degrees", chinese="度")
SECOND = Unit(Dimension.TIME, Fraction(1), english="seconds", chinese="秒")
PERCENT = Unit(Dimension.SHARE, Fraction(1), english="percent", chinese="%")
_RADIAN = Fraction(180 / math.pi).limit_denominator(10**12)
_UNITS: tuple[tuple[str, str, Unit], ...] = (
    # words in English (regular expressions), in Chinese, and what they mean
    (r"metres?|meters?|mtrs?|ms?", "米|公尺", METRE),
    (
        r"centimet(?:re|er)s?|cms?",
        "厘米|公分|釐米",
        Unit(Dimension.LENGTH, Fraction(1, 100), english="centimetres", chinese="厘米"),
    ),
    (
        r"decimet(?:re|er)s?|dm",
        "分米",
        Unit(Dimension.LENGTH, Fraction(1, 10), english="decimetres", chinese="分米"),
    ),
    (
        r"millimet(?:re|er)s?|mms?",
        "毫米",
        Unit(Dimension.LENGTH, Fraction(1, 1000), english="millimetres", chinese="毫米"),
    ),
    (
        r"kilomet(?:re|er)s?|kms?",
        "千米|公里",
        Unit(Dimension.LENGTH, Fraction(1000), english="kilometres", chinese="公里"),
    ),
    (
        r"feet|foot|ft|'",
        "英尺",
        Unit(Dimension.LENGTH, Fraction(3048, 10**4), english="feet", chinese="英尺", exact=False),
    ),
    (
        r"inch(?:es)?|\"",
        "英寸",
        Unit(Dimension.LENGTH, Fraction(254, 10**4), english="inches", chinese="英寸", exact=False),
    ),
    (
        r"yards?|yds?",
        "码",
        Unit(Dimension.LENGTH, Fraction(9144, 10**4), english="yards", chinese="码", exact=False),
    ),
    (
        r"rad(?:ian)?s?",
        "弧度",
        Unit(Dimension.ANGLE, _RADIAN, english="radians", chinese="弧度", exact=False),
    ),
    (
        r"(?:full |complete |whole )?(?:turns?|rotations?|revolutions?|circles?|spins?)",
        "圈|周",
        Unit(Dimension.ANGLE, Fraction(360), english="turns", chinese="圈"),
    ),
    (
        r"degrees? celsius|degrees? centigrade|celsius|centigrade|°c|(?:deg )?c",
        "摄氏度",
        CELSIUS,
    ),
    (
        r"degrees? fahrenheit|fahrenheit|°f|(?:deg )?f",
        "华氏度",
        Unit(
            Dimension.TEMPERATURE,
            Fraction(5, 9),
            Fraction(-160, 9),
            "degrees Fahrenheit",
            "华氏度",
            exact=False,
        ),
    ),
    (r"degrees?|degs?|°", "度", DEGREE),  # of an angle, or of the thermometer
    (r"seconds?|secs?|s", "秒钟?", SECOND),
    (
        r"minutes?|mins?",
        "分钟?",
        Unit(Dimension.TIME, Fraction(60), english="minutes", chinese="分钟"),
    ),
    (
        r"hours?|hrs?|h",
        "个?小时|个?钟头",
        Unit(Dimension.TIME, Fraction(3600), english="hours", chinese="小时"),
    ),
    (
        r"days?",
        "天",
        Unit(Dimension.TIME, Fraction(86400), english="days", chinese="天"),
    ),
    (r"percent|per cent|%", "%", PERCENT),
    (r"$^", "成", Unit(Dimension.SHARE, Fraction(10), english="tenths", chinese="成")),
)
_GAP = r"[ -]?(?:of )?(?:an? )?"
_SAID = [
    (re.compile(rf"{_GAP}(?:(?:{english})(?![a-z])|(?:{chinese}))"), unit)
    for english, chinese, unit in sorted(
        _UNITS, key=lambda one: -max(len(word) for word in one[1].split("|"))
    )
]
_FAHRENHEIT_ZH = re.compile(r"华氏(?:温度)?(?:零下)?$")
_CELSIUS_ZH = re.compile(r"摄氏(?:温度)?(?:零下)?$")


def unit_after(text: str, at: int) -> tuple[Unit, int] | None:
    """Returns the unit that follows a number, and where it ends; None if none does.

    Args:
        text: In its normal form.
        at: Where the number ends.
    """
    best: tuple[Unit, int] | None = None
    for pattern, unit in _SAID:
        found = pattern.match(text, at)
        if found and found.end() > at and (best is None or found.end() > best[1]):
            best = unit, found.end()
    return best


def unit_before(text: str, at: int) -> Unit | None:
    """Returns the scale of a temperature that stands before its number, as in 华氏七十度."""
    before = text[max(0, at - 8) : at]
    if _FAHRENHEIT_ZH.search(before):
        return next(unit for _, chinese, unit in _UNITS if chinese == "华氏度")
    return CELSIUS if _CELSIUS_ZH.search(before) else None


_NAMED: tuple[tuple[str, str], ...] = (
    (r"fahrenheit", r"华氏度"),
    (r"celsius|temperature", r"摄氏度"),
    (r"centimet(?:re|er)s?|cm", r"厘米|公分|釐米"),
    (r"millimet(?:re|er)s?|mm", r"毫米"),
    (r"kilomet(?:re|er)s?|km", r"千米|公里"),
    (r"met(?:re|er)s?|m", r"米|公尺"),
    (r"feet|foot|ft", r"英尺"),
    (r"inch(?:es)?", r"英寸"),
    (r"radians?|rad", r"弧度"),
    (r"degrees?|deg|angle|heading|bearing|azimuth|yaw", r"度"),
    (r"minutes?|mins?", r"分钟?"),
    (r"hours?|hrs?", r"个?小时|个?钟头"),
    (r"days?", r"天"),
    (r"seconds?|secs?", r"秒钟?"),
    (r"percent(?:age)?|per cent|%", r"%"),
)


def unit_of(name: str, description: str = "") -> Unit | None:
    """Returns the unit of a tool's parameter, as its name or its description says it.

    Args:
        name: Of the parameter, such as `metres`, `duration_s` or `angleDeg`.
        description: What the schema says of it.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).replace("_", " ").replace("-", " ").lower()
    # "temperature: Degrees Celsius" is no angle, so both are read for each unit in turn.
    for words in (f"{spaced} {description.lower()}",):
        for english, chinese in _NAMED:
            if re.search(rf"(?<![a-z°])(?:{english})(?![a-z])", words) or re.search(chinese, words):
                return next(unit for _, known, unit in _UNITS if known == chinese)
    return None


def compatible(said: Unit | None, wanted: Unit | None) -> bool:
    """Whether a number with one unit (None: none was said) may be meant for another."""
    if said is None or wanted is None or said.dimension is wanted.dimension:
        return True
    return said is DEGREE and wanted.dimension is Dimension.TEMPERATURE


def converted(value: Fraction, said: Unit | None, wanted: Unit | None) -> Fraction:
    """Returns a number in the unit that is wanted; as it is where either has none.

    Args:
        value: As it was said.
        said: The unit that was said.
        wanted: That of the parameter, `compatible` with it.
    """
    if said is None or wanted is None:
        return value
    if said is DEGREE and wanted.dimension is Dimension.TEMPERATURE:
        said = wanted if wanted.english.endswith("Fahrenheit") else CELSIUS
    return (value * said.factor + said.offset - wanted.offset) / wanted.factor
