"""Numerals in English and Chinese words and digits: "one and a half", "minus 45", 二十一点五.

No kept library reads both languages with fractions: text2num knows no Chinese, cn2an nothing but
Chinese numerals, and Microsoft's Recognizers-Text, which knows both, has had no Python release
since 2019. So this is a small grammar of its own. Values are exact.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

from sensebind.agent.corpus import english
from sensebind.agent.corpus.phrasing import DIGITS_ZH
from sensebind.agent.grounding.simplified import simplified

_ONES = {word: value for value, word in enumerate(english.NUMBER_WORDS[:20])}
_TENS = {word: 10 * value for value, word in enumerate(english.TENS, 2)} | {"fourty": 40}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6}
_PARTS = {
    "half": 2,
    "halves": 2,
    "third": 3,
    "quarter": 4,
    "fourth": 4,
    "fifth": 5,
    "sixth": 6,
    "eighth": 8,
    "tenth": 10,
}
_PART = r"(?:halves|half|third|quarter|fourth|fifth|sixth|eighth|tenth)s?"
_DIGIT = rf"(?:{'|'.join(list(_ONES)[1:10])})"
_BELOW_20 = rf"(?:{'|'.join(sorted(_ONES, key=len, reverse=True))})"
_BELOW_100 = rf"(?:(?:{'|'.join(_TENS)})(?:[ -]{_DIGIT})?|{_BELOW_20})\b"
_HUNDREDS = rf"(?:(?:an?|{_BELOW_100})[ -]hundred\b(?:(?:[ ]and)?[ ]{_BELOW_100})?)"
_SPOKEN = rf"(?:(?:one|two|three|four|five)[ ](?:{'|'.join(_TENS)})(?:[ -]{_DIGIT})?\b)"
_BELOW_1000 = rf"(?:{_HUNDREDS}|{_SPOKEN}|{_BELOW_100})"
_CARDINAL = (
    rf"(?:(?:an?|{_BELOW_1000})[ -](?:thousand|million)\b(?:(?:[ ]and)?[ ]{_BELOW_1000})?"
    rf"|{_BELOW_1000})"
)
_WORD = _BELOW_100
_ENGLISH = re.compile(
    rf"""(?<![a-z\d])(?:
      (?P<vulgar>(?:{_CARDINAL}[ ]and[ ])?(?:an?|{_WORD})[ -](?:{_PART})\b)
    | (?P<decimal>(?:{_CARDINAL}[ ])?(?:point|dot)(?:[ ](?:{_WORD}|oh\b|o\b))+)
    | (?P<cardinal>{_CARDINAL})(?P<and_half>[ ]and[ ]an?[ ](?:{_PART})\b)?
    | (?P<half>(?:{_PART})(?:way)?\b)
    )""",
    re.X,
)
_DIGITS = re.compile(
    r"""(?:(?<![a-z\d./])(?<!\d,)|(?<=\dm))(?:
      (?P<whole>\d+)(?:[ ]and)?[ ](?P<top>\d{1,2})/(?P<bottom>\d{1,3})(?![\d/])
    | (?P<over>\d{1,3})/(?P<under>\d{1,3})(?![\d/])
    | (?P<number>\d{1,3}(?:,\d{3})+(?:\.\d+)?(?!\d)|\d+(?:[.,]\d+)?|\.\d+)
      (?P<and_half>[ ]and[ ]an?[ ](?:half|quarter|third)\b)?
    )""",
    re.X,
)
_POINT = re.compile(
    rf"(?<![\d.,:])(?P<whole>\d+) (?:point|dot) (?P<digits>\d+\b|{_WORD}(?: {_WORD})*)"
    r"|(?<![\d.,:])(?P<whole_zh>\d+)[点點](?P<digits_zh>\d+)(?=\s?(?:度|米|公尺|厘|公分|毫|[cm]|°|圈))"
)
"""A point between digits, as it is spoken: "21 point 5", 1点5米; 8点30 is a time."""
_VULGAR = {
    "½": Fraction(1, 2),
    "¼": Fraction(1, 4),
    "¾": Fraction(3, 4),
    "⅓": Fraction(1, 3),
    "⅔": Fraction(2, 3),
}
_DIGIT_ZH = {char: value for value, char in enumerate(DIGITS_ZH)} | {
    "〇": 0,
    "两": 2,
    "兩": 2,
    "俩": 2,
}
_SCALE_ZH = {"十": 10, "百": 100, "千": 1000, "万": 10**4, "萬": 10**4}
_NUM_ZH = r"[零〇一二三四五六七八九十百千万萬两兩廿卅]+"
_CHINESE = re.compile(
    rf"""
      (?P<bottom>{_NUM_ZH}|\d+)分之(?P<top>{_NUM_ZH}|\d+(?:\.\d+)?)
    | (?P<whole>{_NUM_ZH})?[点點](?P<decimals>[零〇一二三四五六七八九]+)
    | (?P<number>{_NUM_ZH})
    | (?P<half>半)
    """,
    re.X,
)


@dataclass(frozen=True, slots=True)
class Numeral:
    """A number as it stands in a text.

    Attributes:
        value: Exact, never negative: a sign belongs to the quantity.
        start: Where it begins in the normal form of the text.
        end: Where it ends there.
        share: Whether it is a part of a whole: "half", "a third", 三分之一.
        apart: Chinese digits of two numbers ("两三": two or three), the other of which is this.
    """

    value: Fraction
    start: int
    end: int
    share: bool = False
    apart: Fraction | None = None


def normal(text: str) -> str:
    """Returns a text as numbers are looked for in it: small letters, plain characters.

    Args:
        text: As it was said.
    """
    for mark, value in _VULGAR.items():
        text = re.sub(rf"(?<=\d){mark}", f" {value.numerator}/{value.denominator}", text)
        text = text.replace(mark, f"{value.numerator}/{value.denominator}")
    text = simplified(unicodedata.normalize("NFKC", text).lower())
    return text.translate(str.maketrans({"−": "-", "–": "-", "—": "-", "’": "'", "。": "."}))


def numerals(text: str) -> list[Numeral]:
    """Returns the numbers of a text in its `normal` form, in order, none within another.

    Args:
        text: In its normal form.
    """
    found = [*_pointed(text), *_digits(text), *_english(text), *_chinese(text)]
    found.sort(key=lambda one: (one.start, -one.end))
    kept: list[Numeral] = []
    for one in found:
        if not kept or one.start >= kept[-1].end:
            kept.append(one)
    return kept


def _pointed(text: str) -> Iterator[Numeral]:
    for found in _POINT.finditer(text):
        whole, digits = found["whole"] or found["whole_zh"], found["digits"] or found["digits_zh"]
        after = Fraction(f"0.{digits}") if digits.isdecimal() else _after_point(digits.split())
        yield Numeral(int(whole) + after, found.start(), found.end())


def _digits(text: str) -> Iterator[Numeral]:
    for found in _DIGITS.finditer(text):
        part, share = found.groupdict(), False
        if part["whole"] and int(part["bottom"]):
            value = int(part["whole"]) + Fraction(int(part["top"]), int(part["bottom"]))
        elif part["over"] and int(part["under"]):
            value = Fraction(int(part["over"]), int(part["under"]))
            share = True
        elif part["number"]:
            value = _decimal(part["number"])
        else:
            continue
        if part["and_half"]:
            value += Fraction(1, _PARTS[part["and_half"].split()[-1]])
        yield Numeral(value, found.start(), found.end(), share)


def _decimal(digits: str) -> Fraction:
    """ "1,000.5", "1.5", and "1,5" as people write it who have a decimal comma."""
    if re.fullmatch(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?", digits):
        return Fraction(digits.replace(",", ""))
    return Fraction(f"0{digits}".replace(",", "."))


def _english(text: str) -> Iterator[Numeral]:
    for found in _ENGLISH.finditer(text):
        part = found.groupdict()
        share = False
        if part["vulgar"]:
            whole, _, rest = part["vulgar"].rpartition(" and ")
            count, name = re.split(r"[ -](?=\S+$)", rest)
            top = 1 if count in ("a", "an") else _cardinal(count)
            value = Fraction(top, _part(name)) + (_cardinal(whole) if whole else 0)
            share = not whole
        elif part["decimal"]:
            whole, _, after = re.split(r"(point|dot)", part["decimal"])
            value = _cardinal(whole.strip()) + _after_point(after.split())
        elif part["cardinal"]:
            value = Fraction(_cardinal(part["cardinal"]))
            if part["and_half"]:
                value += Fraction(1, _part(part["and_half"].split()[-1]))
        else:
            name = part["half"].removesuffix("way")
            if name not in ("half", "quarter", "quarters"):
                continue  # "the third lamp"
            value, share = Fraction(1, _part(name)), True
        yield Numeral(Fraction(value), found.start(), found.end(), share)


def _part(name: str) -> int:
    return _PARTS.get(name) or _PARTS[name.removesuffix("s")]


def _after_point(words: list[str]) -> Fraction:
    digits = ""
    for word in words:
        value = 0 if word in ("oh", "o") else _cardinal(word)
        digits += str(value)
    return Fraction(f"0.{digits}")


def _cardinal(words: str) -> int:
    """ "a hundred and twenty", "two thousand five", and "one eighty" as people say it."""
    if re.fullmatch(_SPOKEN, words):
        hundreds, _, rest = words.partition(" ")
        return 100 * _ONES[hundreds] + _cardinal(rest)
    total = current = 0
    for word in re.split(r"[ -]", words):
        if word in _ONES or word in _TENS:
            current += _ONES.get(word, 0) + _TENS.get(word, 0)
        elif word == "hundred":
            current = max(current, 1) * 100
        elif word in _SCALES:
            total += max(current, 1) * _SCALES[word]
            current = 0
    return total + current


def _chinese(text: str) -> Iterator[Numeral]:
    for found in _CHINESE.finditer(text):
        part, apart = found.groupdict(), None
        if part["bottom"]:
            bottom, top = _number_zh(part["bottom"]), _number_zh(part["top"])
            if not bottom:
                continue
            value = Fraction(top) / bottom
            yield Numeral(value, found.start(), found.end(), share=True)
            continue
        elif part["decimals"]:
            digits = "".join(str(_DIGIT_ZH[char]) for char in part["decimals"])
            if not part["whole"]:
                continue  # "早点一…": no number
            value = _number_zh(part["whole"]) + Fraction(f"0.{digits}")
        elif part["number"]:
            if (both := _two_or_three(part["number"])) is not None:
                value, apart = both
            else:
                value = _number_zh(part["number"])
        else:
            yield Numeral(Fraction(1, 2), found.start(), found.end(), True)
            continue
        yield Numeral(Fraction(value), found.start(), found.end(), apart=apart)


def _two_or_three(text: str) -> tuple[Fraction, Fraction] | None:
    """ "两三" is two or three, "三四十" is thirty or forty."""
    digits = [char for char in text if char in _DIGIT_ZH]
    if len(text) < 2 or len(digits) < 2 or text[0] not in _DIGIT_ZH or text[1] not in _DIGIT_ZH:
        return None
    low, high, rest = _DIGIT_ZH[text[0]], _DIGIT_ZH[text[1]], text[2:]
    if high - low != 1 or not low or any(char not in _SCALE_ZH for char in rest):
        return None
    scale = 1
    for char in rest:
        scale *= _SCALE_ZH[char]
    return Fraction(low * scale), Fraction(high * scale)


def _number_zh(text: str) -> Fraction:
    """ "一百二十", "一百二" (120), "二零二六" (digit by digit), "20"."""
    if text[0].isascii():
        return Fraction(text)
    text = text.replace("廿", "二十").replace("卅", "三十")
    if all(char in _DIGIT_ZH for char in text):
        return Fraction(int("".join(str(_DIGIT_ZH[char]) for char in text)))
    total = section = digit = 0
    scale = 10
    for char in text:
        if char in _DIGIT_ZH:
            digit = _DIGIT_ZH[char]
            if not digit:
                scale = 10  # "一百零二" is 102
        elif _SCALE_ZH[char] == 10**4:
            total += max(section + digit, 1) * 10**4
            section = digit = 0
            scale = 10**4
        else:
            scale = _SCALE_ZH[char]
            section += max(digit, 1) * scale
            digit = 0
    if digit and text[-2] in _SCALE_ZH and scale >= 100:
        digit *= scale // 10  # "一百二" is 120
    return Fraction(total + section + digit)
