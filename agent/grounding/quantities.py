"""The quantities in a person's words: value, unit, sign, direction, and what makes them uncertain.

Words are cut into clauses, since a direction belongs to the number that it is said with: "turn left
30 degrees, then drive back one metre".
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from fractions import Fraction
from itertools import pairwise

from sensebind.agent.grounding.numerals import Numeral, normal, numerals
from sensebind.agent.grounding.repairs import TAKES_BACK
from sensebind.agent.grounding.units import (
    CELSIUS,
    PERCENT,
    Dimension,
    Unit,
    unit_after,
    unit_before,
)


class Heading(StrEnum):
    """A direction that words name."""

    LEFT = "left"
    RIGHT = "right"
    FORWARD = "forward"
    BACK = "back"
    UP = "up"
    DOWN = "down"


class Doubt(StrEnum):
    """Why a number is not a value to act with."""

    NONE = ""
    CHOICE = "choice"  # "20 or 22", "between 20 and 22"
    CHANGE = "change"  # "two degrees warmer": a change, not a value
    LIMIT = "limit"  # "at most 20", "less than two metres"


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number with what was said of it.

    Attributes:
        value: As said, in its own unit, with its sign.
        unit: None where none was said.
        signed: Whether a sign was said ("minus", "-", 零下).
        headings: Directions that belong to it.
        doubt: Why it must not be acted with as it is.
        start: Where it begins in the normal form of the words.
        end: Where it ends there.
        clause: Number of the clause that it stands in.
    """

    value: Fraction
    unit: Unit | None
    signed: bool
    headings: frozenset[Heading]
    doubt: Doubt
    start: int
    end: int
    clause: int


@dataclass(frozen=True, slots=True)
class Clause:
    """A part of the words with its directions.

    Attributes:
        text: In its normal form.
        start: Where it begins in the normal form of the words.
        headings: Directions that it names and does not negate.
        around: Whether it asks for half a turn.
        extreme: `maximum` or `minimum` where it asks for the most or the least; "" otherwise.
        vague: Whether it says "a little", so that no usual number is meant.
    """

    text: str
    start: int
    headings: frozenset[Heading]
    around: bool
    extreme: str
    vague: bool = False


MAX_CHARACTERS = 4000
_NEAR = 64  # characters before a number that can say what it is
_SPLIT = re.compile(
    r"[,;!?，；！？、\n]\s*|\.\s+|\.$"
    r"|\s(?:and then|then|and|but|before|after that|afterwards|while)\s"
    r"|然后|接着|再(?!见)|并且|同时|之后|以后|但"
)
_NOT = r"(?:not|never|don't|do not|dont|instead of|rather than)(?: \w+){0,3}? "
_WAYS: tuple[tuple[Heading, str], ...] = (
    (
        Heading.LEFT,
        r"\b(?:left(?:wards?)?|leftwards|ccw|(?:counter|anti)[ -]?clockwise)\b|左|逆时针",
    ),
    (
        Heading.RIGHT,
        r"\b(?:right(?:wards?)?|(?<!counter)(?<!counter[ -])(?<!anti)(?<!anti[ -])clockwise|cw)\b"
        r"|右|顺时针",
    ),
    (
        Heading.FORWARD,
        r"\b(?:forwards?|ahead|straight|onwards?)\b|前|直[走行]",
    ),
    (
        Heading.BACK,
        r"\b(?:back(?:wards?)?|reverse|rearwards?|retreat|backing)\b|后|退|倒[车着走]|回[来退]",
    ),
    (Heading.UP, r"\b(?:up(?:wards?)?|raise|lift|higher)\b|上|升|抬"),
    (Heading.DOWN, r"\b(?:down(?:wards?)?|lower)\b|下|降|放低"),
)
_WAYS_FOUND = [(heading, re.compile(pattern)) for heading, pattern in _WAYS]
_AXES = (
    {Heading.LEFT, Heading.RIGHT},
    {Heading.FORWARD, Heading.BACK},
    {Heading.UP, Heading.DOWN},
)
_IN_TURN = re.compile(r"\b(?:then|and|after|before)\b|然后|接着|之后|再")
"""Between two directions: the second follows the first, and takes nothing back."""
_FAR = 40  # characters between two that belong to one correction
_NO_WAY = re.compile(
    # "right" and "left" that are no directions, and Chinese words that hold 左右, 前, 后, 上, 下
    r"\bright (?:now|away|here|there|after|then|before|on time)\b|\b(?:all|that's|you're|is|it's)"
    r" right\b|\bright\?|\bleft (?:over|on the table)\b|\b(?:is|are|was|there's|nothing) left\b"
    r"|\bturn(?:ed)? (?:back )?(?:on|off)\b|\bbring .* back\b"
    r"|\bcome back\b(?! (?:by |about |another )*(?:an?|half|one|two|three|\d))"
    r"|左右|上下|以前|之前|目前|提前|前天|然后|以后|之后|最后|后来|稍后|一下|马上|晚上|早上|上午|下午|零下|以下|以上|留下|接下来"
    r"|剩下|摄氏|今后|后天|随后"
)
_NEGATED_WAY = re.compile(
    rf"{_NOT}(?:to the |the )?(?:left|right|back\w*|forwards?|ahead|clockwise)\b"
    r"|(?:不要|别|不是|不|而不是)(?:往|向|朝|是)?(?:左|右|前|后|退)边?"
)
_AROUND = re.compile(
    r"\b(?:turn|spin|go|swing|rotate|face|look|flip)(?:ing)?(?: \w+){0,2}? (?:around|round|about)\b"
    r"|\b(?:around|about)[ -](?:face|turn)\b|\b(?:the )?(?:other|opposite) (?:way|direction)\b"
    r"|\bu[ -]turn\b|\b(?:do|make|perform) an? 180\b|转(?:过)?身|掉(?:个)?头|调(?:个)?头|[向往]后转"
    r"|转(?:一)?个身|转到(?:后面|背后)|回头"
)
_EXTREMES = (
    (
        "maximum",
        r"\b(?:max(?:imum)?|highest|all the way up|as (?:high|warm|hot|loud|bright|far|fast) as"
        r"|warmest|hottest|loudest|brightest|full(?:y)?|completely|wide open)\b"
        r"|最[大高多热暖亮快响]",
    ),
    (
        "minimum",
        r"\b(?:min(?:imum)?|lowest|all the way down|as (?:low|cold|cool|quiet|dim|slow) as"
        r"|coldest|coolest|quietest|dimmest)\b|最[小低少冷凉暗慢轻]",
    ),
)
_VAGUE = re.compile(
    r"\b(?:a (?:little|bit|tad|touch|smidge\w*|hair)|slightly|somewhat|some|gently)\b"
    r"|一点|一些|一丢丢|稍微?|略|点儿|\b(?:half|part)(?:[ -]?way)? (?:to the )?(?:left|right)\b"
)
_REPEATED = re.compile(r"\b(?:times|twice|thrice)\b|[两三四五六七八九十几\d][次遍回](?!头)")
"""How often, which no usual number of degrees is."""
_STATED = re.compile(
    r"\b(?:it|this|that|there|i|we|he|she|(?:the|my|our|your|his|her) [a-z]+(?: [a-z]+)?"
    r"|temperature|thermostat)"
    r"(?:'s|'m|'re| is| are| was| were| am| reads| shows| says)"
    r"(?: (?:only|just|now|still|already|about|around|at|set|to|currently|nearly|like|over))*\s?$"
    r"|(?:现在|目前|已经|室温|气温|离[^，,]{0,4})(?:是|才|只有|只|有|大概|都)*$"
)
"""What stands before a number that is so, and not wanted: "it's 17 now, set it to 20"."""
_MINUS = re.compile(
    r"(?:(?<![a-z\d.)])(?<!no )(?<!sorry )(?<!wait )-"  # "18 - no - 19" has no minus
    r"|\b(?:minus|negative) |负|零下(?:摄氏|华氏)?)\s?$"
)
_BELOW = re.compile(r"\s?(?:degrees?\s)?below(?: zero)?\b")
_CHOICE = re.compile(
    r"\s?(?:-|~|/|to|or|or maybe|or even|maybe|up to|through|or so to|till|until)\s?"
    r"|\s?(?:到|至|或者?|还是|或是|、|～)\s?"
)
_OR_ALL = re.compile(r"\bbetween\b[^,;.]*$|\b(?:either)\b[^,;.]*$|介于$|在$")
_AND = re.compile(r"\s?(?:and|和|与|,)\s?")
_FROM = re.compile(r"\bfrom(?: \w+){0,2}? ?$|从[^,，]*$|由$")
_REJECTED = re.compile(
    r"\b(?:not|instead of|rather than|never|isn't|without|don't (?:\w+ ){0,4}?(?:to )?)\s?$"
    r"|(?:不是|不要|别|而不是|并非|非)[^\d,，]{0,4}$"
)
_NOT_THIS = re.compile(r"[，,]\s?(?:而|并)?不是$")
_NEVER_MIND = re.compile(r"\b(?:no more|not more|not less|no less) than\s?$")
_LIMIT = re.compile(
    r"\b(?:at most|at least|less than|more than|no more than|not more than|under|over|above|below"
    r"|max(?:imum)?(?: of)?|fewer than)\s?$"
    r"|(?:不超过|超过|至少|至多|最多|最少|少于|多于|低于|高于)$"
)
_LIMIT_AFTER = re.compile(r"(?:以上|以下|以内)|\s?(?:or (?:more|less|higher|lower|above|below))\b")
_CHANGE_AFTER = re.compile(
    r"\s?(?:more |a bit |much |or so )*(?:warmer|cooler|colder|hotter|higher|lower|more|less|louder"
    r"|quieter|brighter|dimmer|faster|slower|up|down|above|below)\b"
)
_CHANGE_BEFORE = re.compile(
    r"\b(?:by|another|an additional|add|subtract|(?:warm|heat|cool)(?: \w+){0,3}(?: up| down)?"
    r"|(?:up|down)(?: the \w+)?|(?:increase|raise|reduce|decrease|lower)(?: \w+){0,3})\s?$"
    r"|(?:[高低热冷暖凉大小快慢亮暗升降加减增]|再|多|少|提高|降低)(?:了|个)?$"
)
_TO = re.compile(r"\b(?:to|at|till|until|=|is|be)\s?$|[到至为成是]$")
_CLOCK_BEFORE = re.compile(r"\b(?:at|by|until|till|before|after|past|since|around)\s?$")
_CLOCK = re.compile(
    r"(?<![\d.])\d{1,2}:\d{2}(?::\d{2})?(?: ?[ap]\.?m\.?)?|\b\d{1,2} ?[ap]\.?m\b\.?"
    r"|\b(?:\d{1,2}|[a-z]+)(?: |-)o'?clock\b"
    r"|\b(?:(?:half|quarter|five|ten|twenty) past|quarter to|(?:\w+ )?minutes? (?:past|to)) "
    r"(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|\d{1,2})\b(?! (?:m|cm|deg))"
    r"|\b(?:in|since|year) (?:19|20)\d\d\b"
    r"|(?:[零一二三四五六七八九十两]+|\d{1,2})[点點](?:钟|鐘|半|整|[一三]刻"
    r"|(?:[零一二三四五六七八九十]+|\d{1,2})分(?!之))"
    r"|[早晚上下中]?[上午晚](?:[一二三四五六七八九十两]+|\d{1,2})[点點](?![零一二三四五六七八九\d])"
    r"|(?<![\d零一二三四五六七八九十])(?:[一二三四五六七八九十两]{1,3}|\d{1,2})[点點](?=[之以]?[前后])"
)
_NAME = re.compile(
    r"\b(?:room|number|no\.|channel|floor|level|door|lamp|step|version|section|zone|line|bus)\s?$"
    r"|(?:第|号|[频頻]道)$"
)
_ORDINAL = re.compile(
    r"(?:st|nd|rd|th)\b|号|[点點]|楼|层|岁|月|年|日|个人|次|步|格"
    r"|\s?(?:years? old|times|steps?|paces?|people|of us)\b"
)
_PRONOUN_BEFORE = re.compile(
    r"\b(?:this|that|the|which|no|some|any|every|each|other|another|red|blue|green|yellow|orange"
    r"|purple|white|black|big|small|last|next|first|only|right|left|wrong|same|new|old)\s?$"
)
_ONE_ZH = re.compile(
    r"[下点點些起直会會样樣定共旦般边邊种種切致旁方个個只隻把台臺张張辆輛盏盞条條块塊次遍声聲趟杯步扇首]"
)
_AND_PART_EN = re.compile(r" and (?:an? )?(half|quarter|third)\b")
_UNIT_ARTICLE = re.compile(
    r"\b(?:an?|one) (?=(?:full |complete |whole )?"
    r"(?:met(?:re|er)|centimet(?:re|er)|kilomet(?:re|er)|foot|inch|yard|degree"
    r"|radian|minute|hour|turn|rotation|revolution|circle|spin|percent)\b)"
)
_TURN_VERB = re.compile(r"\b(?:turns?|spins?|rotations?|circles?)\b")


def quantities(words: str) -> tuple[list[Quantity], list[Clause]]:
    """Reads the quantities of a person's words, and the clauses that they stand in.

    Args:
        words: As they were said; of a longer text, the first `MAX_CHARACTERS` are read.

    Returns:
        The quantities in order, without those that the words take back ("20, no, 22"), and all
        clauses.
    """
    text = normal(words[:MAX_CHARACTERS])
    cut = _clauses(text)
    held = [(found.start(), found.end()) for found in _CLOCK.finditer(text)]
    found: list[Quantity] = []
    for one in _with_articles(text, numerals(text)):
        if any(start < one.end and one.start < end for start, end in held):
            continue
        quantity = _quantity(text, one, cut)
        if quantity is None:
            continue
        if one.apart is not None:
            quantity = replace(quantity, doubt=Doubt.CHOICE)
            found.append(replace(quantity, value=one.apart))
        found.append(quantity)
    return _settled(text, _joined(text, found)), cut


_WARMER = re.compile(r"\b(?:warm|hott?|cool|cold)er\b|[暖热冷凉]|[调升降][高低]", re.I)


def changes_temperature(words: str) -> bool:
    """Whether words ask for some degrees more or less: "two degrees warmer".

    Args:
        words: As they were said.
    """
    found, _ = quantities(words)
    degrees = (Dimension.ANGLE, Dimension.TEMPERATURE)  # "degrees" alone are of an angle
    return _WARMER.search(normal(words)) is not None and any(
        one.doubt is Doubt.CHANGE and (one.unit is None or one.unit.dimension in degrees)
        for one in found
    )


def _with_articles(text: str, found: list[Numeral]) -> list[Numeral]:
    """Adds "a metre" and "an inch", which are one."""
    articles = [
        Numeral(Fraction(1), one.start(), one.end() - 1) for one in _UNIT_ARTICLE.finditer(text)
    ]
    taken = [(one.start, one.end) for one in found]
    free = [
        one
        for one in articles
        if not any(start < one.end and one.start < end for start, end in taken)
        and not any(text[end : one.start] in (" ", " of ", "-") for _, end in taken)
    ]
    return sorted([*found, *free], key=lambda one: one.start)


def _clauses(text: str) -> list[Clause]:
    """Cuts words at marks and conjunctions; "a metre and a half" and "1,5" stay whole."""
    text = _without_ways_taken_back(text)
    whole = [(one.start, one.end) for one in numerals(text)]
    whole += [(one.start(), one.end()) for one in _AND_PART_EN.finditer(text)]
    cuts = [0]
    for found in _SPLIT.finditer(text):
        if not any(start < found.end() and found.start() < end for start, end in whole):
            cuts.append(found.end())
    pairs = zip(cuts, [*cuts[1:], len(text)], strict=True)
    return [_clause(text[start:end], start) for start, end in pairs]


def _without_ways_taken_back(text: str) -> str:
    """Text as long, with blanks for directions that it takes back: "turn left, I mean right"."""
    plain = _NEGATED_WAY.sub(_blank, _NO_WAY.sub(_blank, text))
    ways = sorted(
        (found.start(), found.end(), heading)
        for heading, pattern in _WAYS_FOUND
        for found in pattern.finditer(plain)
    )
    for (start, end, one), (following, _, other) in pairwise(ways):
        between = text[end:following]
        takes = TAKES_BACK.search(between) and not _IN_TURN.search(between)
        if takes and len(between) < _FAR and one is not other and {one, other} in _AXES:
            text = text[:start] + " " * (end - start) + text[end:]
    return text


def _blank(found: re.Match[str]) -> str:
    return " " * len(found[0])


def _clause(text: str, start: int) -> Clause:
    plain = _NEGATED_WAY.sub(" ", _NO_WAY.sub(" ", text))
    headings = frozenset(way for way, pattern in _WAYS_FOUND if pattern.search(plain))
    extreme = next((name for name, pattern in _EXTREMES if re.search(pattern, text)), "")
    repeated = _REPEATED.search(text) is not None
    vague = repeated or _VAGUE.search(text) is not None
    around = not repeated and _AROUND.search(text) is not None
    return Clause(text, start, headings, around, extreme, vague)


def _quantity(text: str, one: Numeral, cut: list[Clause]) -> Quantity | None:
    """A number with its unit and its sign; None where it is no number of anything."""
    unit, end = unit_after(text, one.end) or (None, one.end)
    value, start = one.value, one.start
    before = _before(text, start)
    if unit is not None and (scale := unit_before(text, start)) is not None:
        unit = scale
    elif unit is None and one.share:
        unit, value = PERCENT, value * 100
    if text[start:end].endswith("度") and text[end : end + 1] == "半":  # 二十一度半
        value, end = value + Fraction(1, 2), end + 1
    if unit is None and _is_no_value(text, one):
        return None
    signed = False
    if minus := _MINUS.search(before):
        value, signed, start = -value, True, minus.start()
        if "零下" in minus[0]:
            unit = unit if unit is not None and unit.offset else CELSIUS
    elif (below := _BELOW.match(text, end)) and "zero" in below[0]:
        value, signed, end = -value, True, below.end()
    number = max(at for at, clause in enumerate(cut) if clause.start <= one.start)
    doubt = _doubt(text, start, end)
    return Quantity(value, unit, signed, cut[number].headings, doubt, start, end, number)


def _before(text: str, start: int) -> str:
    """What stands before a number; a new line, before which `$` matches too, as a mark."""
    return text[max(0, start - _NEAR) : start].replace("\n", ";")


def _is_no_value(text: str, one: Numeral) -> bool:
    """Whether a number without a unit belongs to a name, an order, or is only a word."""
    before, after = _before(text, one.start), text[one.end : one.end + _NEAR]
    word = text[one.start : one.end]
    if _NAME.search(before) or _ORDINAL.match(after):
        return True
    if word == "one":
        return bool(
            _PRONOUN_BEFORE.search(before)
            or re.match(r" (?:of|more time|moment|day|by one)\b", after)
        )
    if word == "一":
        return bool(_ONE_ZH.match(after)) or bool(re.search(r"[第统唯万同单]$", before))
    if re.match(r"[a-z]", after) or re.search(r"(?:[a-ln-z]|(?<!\d)m)$", before):
        return True  # "v2", "3d", but not the 50 of "1m50"
    return word in ("千", "万", "百", "十") and after[:1] in ("万", "别")


def _doubt(text: str, start: int, end: int) -> Doubt:
    before, after = _before(text, start), text[end : end + _NEAR]
    if _LIMIT.search(before) or _LIMIT_AFTER.match(after):
        return Doubt.LIMIT
    if _CHANGE_AFTER.match(after) or (_CHANGE_BEFORE.search(before) and not _TO.search(before)):
        return Doubt.CHANGE
    return Doubt.NONE


def _joined(text: str, found: list[Quantity]) -> list[Quantity]:
    """Joins "one metre twenty", "5 feet 3 inches", 一米二, and "a metre and a half"."""
    joined: list[Quantity] = []
    for one in found:
        last = joined[-1] if joined else None
        between = text[last.end : one.start] if last else ""
        whole = _sum(last, one, between, text) if last is not None else None
        if last is not None and whole is not None:
            end = max(one.end, last.end)
            joined[-1] = replace(last, value=whole, end=end, doubt=_doubt(text, last.start, end))
        else:
            joined.append(one)
    return [_with_part(text, one) for one in joined]


def _sum(last: Quantity, one: Quantity, between: str, text: str) -> Fraction | None:
    if last.unit is None or one.signed or last.doubt is Doubt.CHOICE:
        return None
    way = -1 if last.value < 0 else 1
    if one.unit is not None and one.unit.dimension is last.unit.dimension:
        smaller = one.unit.factor < last.unit.factor
        if smaller and between in ("", " ", " and ", "零", "又"):
            return last.value + way * one.value * one.unit.factor / last.unit.factor
        return None
    digits = text[one.start : one.end]
    metric = last.unit.dimension is Dimension.LENGTH and last.unit.exact
    if one.unit is None and metric and between in ("", " ") and one.value.denominator == 1:
        places = 100 if one.value >= 10 else 10  # "one metre twenty", 一米二
        if digits.isascii() and not digits.isdigit():  # English words: "one metre five" is 1.05
            places = 100
        return last.value + way * one.value / places if one.value < 100 else None
    return None


def _with_part(text: str, one: Quantity) -> Quantity:
    """ "two metres and a half", 一圈半, 一个半小时."""
    if one.unit is None:
        return one
    way = -1 if one.value < 0 else 1
    if found := _AND_PART_EN.match(text, one.end):
        part = {"half": 2, "quarter": 4, "third": 3}[found[1]]
        return replace(one, value=one.value + way * Fraction(1, part), end=found.end())
    if text[one.end : one.end + 1] == "半" and not unit_after(text, one.end + 1):
        return replace(one, value=one.value + way * Fraction(1, 2), end=one.end + 1)
    return one


def _settled(text: str, found: list[Quantity]) -> list[Quantity]:
    """Takes out what the words take back, and marks what they leave open."""
    kept: list[Quantity] = []
    for at, one in enumerate(found):
        following = found[at + 1] if at + 1 < len(found) else None
        before = _before(text, one.start)
        if following is not None and _alike(one, following):
            between = text[one.end : following.start]
            rejects = _NOT_THIS.search(between) is not None  # 十八度，不是二十八度
            takes = TAKES_BACK.search(between) and not rejects
            if len(between) < _FAR and takes and not _REJECTED.search(before):
                continue
        if _REJECTED.search(before) and not _NEVER_MIND.search(before):
            continue
        kept.append(one)
    kept = _without_facts(text, kept)
    settled = list(kept)
    for at, (one, following) in enumerate(pairwise(kept)):
        between = text[one.end : following.start]
        if not _alike(one, following):
            continue
        if _FROM.search(_before(text, one.start)) and re.search(r"to|[到至]", between):
            settled[at] = replace(settled[at], doubt=Doubt.LIMIT)  # where it is, not where to
        elif _CHOICE.fullmatch(between) or (
            _OR_ALL.search(_before(text, one.start))
            and re.fullmatch(r"\s?(?:and|和|与|,)\s?", between)
        ):
            unit = following.unit or one.unit
            settled[at] = replace(settled[at], doubt=Doubt.CHOICE, unit=one.unit or unit)
            settled[at + 1] = replace(settled[at + 1], doubt=Doubt.CHOICE, unit=unit)
    return settled


def _without_facts(text: str, found: list[Quantity]) -> list[Quantity]:
    """Takes out numbers that only say how things are, where another clause has one to act with."""
    facts = [one for one in found if _STATED.search(_before(text, one.start))]
    wanted = [one for one in found if one not in facts]
    return [
        one
        for one in found
        if one not in facts
        or not any(_alike(one, other) and one.clause != other.clause for other in wanted)
    ]


def _alike(one: Quantity, other: Quantity) -> bool:
    if one.unit is None or other.unit is None:
        return True
    return one.unit.dimension is other.unit.dimension
