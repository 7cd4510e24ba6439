"""Writes numbers, signs and units out in words, before they are spoken.

eSpeak drops the minus before most numbers and reads "m/s" as letters; other speakers have faults of
their own. So no speaker is given anything but words.
"""

from __future__ import annotations

import re
import unicodedata
from fractions import Fraction

from sensebind.agent.corpus.english import NUMBER_WORDS, TENS

_ONES = NUMBER_WORDS[:20]
_TENS = TENS
_SCALES = ((10**9, "billion"), (10**6, "million"), (1000, "thousand"), (100, "hundred"))
_MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_ORDINALS = {"one": "first", "two": "second", "three": "third", "five": "fifth"} | {
    "eight": "eighth",
    "nine": "ninth",
    "twelve": "twelfth",
}
_UNITS = {
    "m/s²": ("meter per second squared", "meters per second squared", "米每二次方秒"),
    "m/s": ("meter per second", "meters per second", "米每秒"),
    "km/h": ("kilometer per hour", "kilometers per hour", "千米每小时"),
    "rad/s": ("radian per second", "radians per second", "弧度每秒"),
    "°/s": ("degree per second", "degrees per second", "度每秒"),
    "°C": ("degree Celsius", "degrees Celsius", "摄氏度"),
    "°F": ("degree Fahrenheit", "degrees Fahrenheit", "华氏度"),
    "°": ("degree", "degrees", "度"),
    "m²": ("square meter", "square meters", "平方米"),
    "m³": ("cubic meter", "cubic meters", "立方米"),
    "km": ("kilometer", "kilometers", "千米"),
    "cm": ("centimeter", "centimeters", "厘米"),
    "mm": ("millimeter", "millimeters", "毫米"),
    "m": ("meter", "meters", "米"),
    "rad": ("radian", "radians", "弧度"),
    "kg": ("kilogram", "kilograms", "千克"),
    "g": ("gram", "grams", "克"),
    "ms": ("millisecond", "milliseconds", "毫秒"),
    "min": ("minute", "minutes", "分钟"),
    "h": ("hour", "hours", "小时"),
    "s": ("second", "seconds", "秒"),
    "kHz": ("kilohertz", "kilohertz", "千赫"),
    "Hz": ("hertz", "hertz", "赫兹"),
    "dBFS": ("decibel below full scale", "decibels below full scale", "分贝"),
    "dB": ("decibel", "decibels", "分贝"),
    "kWh": ("kilowatt hour", "kilowatt hours", "千瓦时"),
    "kW": ("kilowatt", "kilowatts", "千瓦"),
    "W": ("watt", "watts", "瓦"),
    "V": ("volt", "volts", "伏"),
    "A": ("ampere", "amperes", "安"),
    "GB": ("gigabyte", "gigabytes", "吉字节"),
    "MB": ("megabyte", "megabytes", "兆字节"),
    "kB": ("kilobyte", "kilobytes", "千字节"),
    "%": ("percent", "percent", "百分之"),
}
_SIGNS = {
    "±": ("plus or minus", "正负"),
    "≤": ("at most", "至多"),
    "≥": ("at least", "至少"),
    "≈": ("about", "大约"),
    "~": ("about", "大约"),
    "<": ("less than", "小于"),
    ">": ("more than", "大于"),
    "×": ("times", "乘"),
    "÷": ("divided by", "除以"),
    "=": ("equals", "等于"),
    "%": ("percent", "百分之"),
    "°": ("degrees", "度"),
    "&": ("and", "和"),
    "+": ("plus", "加"),
    "→": (", then", ",然后"),
}
_MINUS = "[-\N{MINUS SIGN}\N{EN DASH}]"
_NUMBER = r"\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:\.\d+)*|\.\d+"
_UNIT = "|".join(sorted(map(re.escape, _UNITS), key=len, reverse=True))
_DATE = re.compile(r"(?<![\d-])(\d{4})-(\d{2})-(\d{2})(?![\d-])")
_TIME = re.compile(r"(?<![\d:])([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?(?![\d:])")
_ORDINAL = re.compile(r"(?<![\w.])(\d{1,6})(?:st|nd|rd|th)\b")
_RANGE = re.compile(rf"(?<=\d)\s?{_MINUS}\s?(?=\d)")
_QUANTITY = re.compile(
    rf"(?P<sign>(?<![A-Za-z0-9)]){_MINUS}\s?|(?<![A-Za-z0-9])\+)?(?<![A-Za-z0-9.])"
    rf"(?P<number>{_NUMBER})(?:\s?(?P<unit>{_UNIT})(?![A-Za-z0-9°/]))?"
)
_CHINESE = re.compile("[\N{CJK UNIFIED IDEOGRAPH-4E00}-\N{CJK UNIFIED IDEOGRAPH-9FFF}]")
_DIGITS_ZH = "零一二三四五六七八九"
_O_CLOCK = " o'clock"
_LONGEST_NUMBER = 12  # digits; longer ones are spoken digit by digit


def is_chinese(text: str) -> bool:
    """Whether a text holds Chinese characters."""
    return _CHINESE.search(text) is not None


def written_out(text: str) -> str:
    """Return a text as it is spoken: English, or Chinese where it holds Chinese characters.

    Args:
        text: As a robot answers.

    Example:
        >>> written_out("It is -0.5 m/s at 9:05.")
        'It is minus zero point five meters per second at nine oh five.'
    """
    chinese = is_chinese(text)
    text = "".join(
        one for one in text if one.isspace() or unicodedata.category(one) not in ("Cc", "Cf")
    )
    text = re.sub(r"[*`#|\\{}\[\]_]", " ", text)
    if not chinese:
        text = _DATE.sub(_date, text)
        text = _TIME.sub(_time, text)
        text = _ORDINAL.sub(lambda one: ordinal_words(int(one[1])), text)
    else:
        text = _TIME.sub(_time_zh, text)
    text = _RANGE.sub("到" if chinese else " to ", text)
    text = _QUANTITY.sub(_quantity_zh if chinese else _quantity, text)
    said = _decimal_zh if chinese else _decimal  # digits within a name: r2d2
    text = re.sub(r"\d+", lambda one: f" {said(one[0])} ", text)
    for sign, (english, other) in _SIGNS.items():
        text = text.replace(sign, other if chinese else f" {english} ")
    text = re.sub(r"\s+([,.;:!?])", r"\1", text)
    return " ".join(text.split())


def number_words(number: int) -> str:
    """Return a whole number in English words.

    Args:
        number: At least 0, below a trillion.
    """
    if number < 20:
        return _ONES[number]
    if number < 100:
        tens = _TENS[number // 10 - 2]
        return f"{tens} {_ONES[number % 10]}" if number % 10 else tens
    size, name = next((size, name) for size, name in _SCALES if number >= size)
    rest = number % size
    words = f"{number_words(number // size)} {name}"
    return f"{words} {number_words(rest)}" if rest else words


def ordinal_words(number: int) -> str:
    """Return a whole number as an ordinal in English words, such as "twenty first"."""
    *before, last = number_words(number).split()
    last = f"{last[:-1]}ieth" if last.endswith("y") else _ORDINALS.get(last, f"{last}th")
    return " ".join([*before, last])


def _decimal(digits: str) -> str:
    """A number as it is written, in words; one with several points is a version or an address."""
    whole, *parts = digits.replace(",", "").split(".")
    if len(whole) > _LONGEST_NUMBER or (len(whole) > 1 and whole.startswith("0")):
        said = " ".join(_ONES[int(one)] for one in whole)
    else:
        said = number_words(int(whole or "0"))
    for part in parts:
        figures = [number_words(int(part))] if len(parts) > 1 else [_ONES[int(d)] for d in part]
        said = f"{said} point {' '.join(figures)}"
    return said


def _quantity(found: re.Match[str]) -> str:
    said = _decimal(found["number"])
    if sign := (found["sign"] or "").strip():
        said = f"{'plus' if sign == '+' else 'minus'} {said}"
    if found["unit"]:
        one, many, _ = _UNITS[found["unit"]]
        said = f"{said} {one if _is_one(found['number']) else many}"
    return said


def _is_one(digits: str) -> bool:
    return digits.count(".") < 2 and Fraction(digits.replace(",", "")) == 1


def _date(found: re.Match[str]) -> str:
    year, month, day = int(found[1]), int(found[2]), int(found[3])
    if not 1 <= month <= 12 or not 1 <= day <= 31:
        return found[0]
    return f"{_MONTHS[month - 1]} {ordinal_words(day)}, {_year(year)}"


def _year(year: int) -> str:
    first, last = divmod(year, 100)
    if first < 10 or (first % 10 == 0 and last < 10):
        return number_words(year)
    rest = "hundred" if not last else f"oh {_ONES[last]}" if last < 10 else number_words(last)
    return f"{number_words(first)} {rest}"


def _time(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    past = f" oh {_ONES[minute]}" if 0 < minute < 10 else f" {number_words(minute)}"
    said = f"{number_words(hour)}{past if minute else _O_CLOCK}"
    if found[3] is None:
        return said
    seconds = int(found[3])
    return f"{said} and {number_words(seconds)} second{'' if seconds == 1 else 's'}"


def _number_zh(number: int) -> str:
    """A whole number below 10,000 in Chinese."""
    if number < 10:
        return _DIGITS_ZH[number]
    said, zero = "", False
    for size, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, number = divmod(number, size)
        if digit:
            said += ("零" if zero else "") + _DIGITS_ZH[digit] + name
        zero = bool(said) and not digit and bool(number)
    return said.removeprefix("一") if said.startswith("一十") else said


def _decimal_zh(digits: str) -> str:
    whole, *parts = digits.replace(",", "").split(".")
    if len(whole) > 4 or (len(whole) > 1 and whole.startswith("0")):
        said = "".join(_DIGITS_ZH[int(one)] for one in whole)
    else:
        said = _number_zh(int(whole or "0"))
    return "点".join([said, *("".join(_DIGITS_ZH[int(d)] for d in part) for part in parts)])


def _quantity_zh(found: re.Match[str]) -> str:
    said = _decimal_zh(found["number"])
    sign = (found["sign"] or "").strip()
    minus = "" if not sign else "正" if sign == "+" else "负"
    if found["unit"] == "%":
        return f"{minus}百分之{said}"
    return f"{minus}{said}{_UNITS[found['unit']][2] if found['unit'] else ''}"


def _time_zh(found: re.Match[str]) -> str:
    hour, minute = int(found[1]), int(found[2])
    past = f"{'零' if minute < 10 else ''}{_number_zh(minute)}分" if minute else "整"
    return f"{_number_zh(hour)}点{past}" + (f"{_number_zh(int(found[3]))}秒" if found[3] else "")
