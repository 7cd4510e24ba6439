"""Orders that depend on what the same words have found out: "check the lamp; if it is off, …".

Words are cut into parts, of which some have a condition on an answer that stands before them. Only
what such an answer can say is a condition here: how the device stands that was asked about, whether
and how many of a thing there are, how warm it is set, whether an order before could be done. Any
other ("if it rains") is none of these, and whoever reads the words as a whole judges them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from sensebind.agent.grounding.numerals import normal, numerals
from sensebind.agent.reader.findings import STATES, Expected, Way

MAX_PARTS = 6
"""Parts into which words are cut at most; those with more are read as they stand."""
_NOT_EN = r"(?:n't|n’t| not|nt)"
_NOUN = r"(?:(?:the|a|an|any|some|my|that|this|another|no) )?[a-z'-]+(?: [a-z'-]+)?"
_STATE_EN = "|".join(words for words, _ in STATES.values())
_STATE_ZH = "|".join(words for _, words in STATES.values())
_ONES = r"(?:any|one|some|none|a [a-z]+|an [a-z]+|no [a-z]+|any [a-z]+|something|nothing)"
_THAN = (
    r"(?P<op>(?:more|less|fewer|lower|higher|warmer|colder|cooler|hotter|greater) than"
    r"|at least|at most|exactly|only|just|above|over|below|under)"
)
_NUMBER = (
    r"(?P<number>[\w.-]*\w(?: point \w+)?)"
    r"(?: degrees?| of (?:them|those)| [a-z]+s(?=\s*[,;:.]| then))?"
)
_IT = r"(?:it|that|this|they|the [a-z]+(?: [a-z]+)?)"
_SEE = r"(?:see|find|spot|hear|detect|notice)"
_CONDITION_EN = (
    rf"(?P<number_is>(?:(?:{_IT}(?:'s| is| are))|there (?:is|are)|you (?:see|count|find))"
    rf"(?: set)?(?: to| at)? {_THAN} {_NUMBER})"
    rf"|(?P<state_is>(?P<subject>{_IT})(?:'s| is| are|(?P<isnt>(?: is| are){_NOT_EN}))"
    rf"(?: (?:still|already|currently|really|indeed|in fact))*(?P<not> not)?"
    rf"(?: (?:still|already|currently|yet))* (?P<state>{_STATE_EN})\b)"
    rf"|(?P<not_there>there (?:is|are)(?: not|n't|n’t)(?: {_ONES})?|there(?:'s| is| are)"
    rf" (?:none|no [a-z]+|nothing|not)|you (?:do|could|did)(?:n't|n’t| not)"
    rf"(?: {_SEE}(?: {_NOUN})?)?|you can(?:'t|’t| ?not) {_SEE}(?: {_NOUN})?"
    rf"|you {_SEE} (?:nothing|none|no [a-z]+)"
    rf"|(?:it|they)(?:'s| is| are)(?: not|n't) (?:there|here|around|in view))"
    rf"|(?P<there>there(?:'s| is| are)(?: {_ONES})?|you (?:do|can|did)(?: {_SEE}(?: {_NOUN})?)?"
    rf"|you (?:{_SEE}|saw|found|heard|have found)(?: {_NOUN})?"
    rf"|(?:it|they)(?:'s| is| are) (?:there|here|around|in view))"
    rf"|(?P<fails>(?:it|that|this)(?: does(?:n't| not) work| did(?:n't| not) work| fails"
    rf"| failed| is(?:n't| not) possible|'s not possible)|you (?:can(?:'t|not| not)|fail)"
    rf"(?: (?:do|manage|reach) (?:it|that))?)"
    r"|(?P<works>(?:it|that|this) (?:works|worked|succeeds|is possible|is done)"
    r"|you (?:manage|succeed))"
    rf"|(?P<no>not|no|(?:it|that|this)(?:'s not| isn't| is not| isnt| does(?:n't| not))"
    rf"|they(?:'re not| aren't| are not)|not so|the answer is no)"
    rf"|(?P<yes>so|yes|(?:it|that|this)(?:'s so| is so| is(?: the case)?| does)|they are"
    rf"|the answer is yes)"
)
_IF_EN = re.compile(rf"\bif (?:{_CONDITION_EN})(?=\s*[,;:.!?–—]|\s*$|\s+\w)", re.I)
_ELSE_EN = re.compile(r"(?:\botherwise\b|\bor else\b|\belse\b)", re.I)
_THEN_EN = re.compile(r"^[\s,;:–—-]*(?:then\b[\s,]*)?(?:please\b[\s,]*)?", re.I)
_JOINER_EN = re.compile(r"[,;:.!?–—]\s*$|(?:^|[\s,;:.!?])(?:and|but|then|or)\s*$", re.I)
_STRIP_EN = re.compile(r"(?:[\s,;:–—-]|\b(?:and|but|then|or)\b)+$", re.I)
_ASKS_EN = re.compile(
    r"\b(?:check|see|look|say|know|out|verify|me|us|wonder|ask|whether|sure|certain|report)\s*$",
    re.I,
)
"""Verbs after which "if" begins a question, and no condition."""
_JOINS_EN = re.compile(r"[.;!?,]\s+(?:and |then |but )*|\s(?:and then|and|then|but)\s", re.I)
_NUM_ZH = r"(?P<number>[\d.]+|[零〇一二三四五六七八九十百两]+)"
_OP_ZH = r"(?P<op>不到|不足|低于|少于|小于|高于|超过|多于|大于|至少有?|至多|最多|不止|刚好)"
_SEE_ZH = r"(?:看到|看见|找到|发现|检测到|听到|听见|看得到|找得到)"
_UNIT_ZH = r"[度个把只台盏辆条棵]?"
_CONDITION_ZH = (
    rf"(?P<number_is>(?:温度|它|现在|一共|总共|有)*{_OP_ZH}{_NUM_ZH}{_UNIT_ZH}"
    rf"|(?:温度|它|现在|有)*{_NUM_ZH.replace('number', 'number2')}{_UNIT_ZH}(?P<side>以上|以下))"
    r"|(?P<state_is>(?P<subject>它|那个?|这个?|(?:(?![没不还已现是])[一-鿿]){1,4}?)?(?:还|已经|现在|确实|真的|仍然)*是?"
    rf"(?P<not>没有?|不是?|并没有)?还?(?P<state>{_STATE_ZH})(?:了|着|的)?)"
    rf"|(?P<not_there>你?(?:没有?{_SEE_ZH}了?|(?:看|找)不(?:到|见))(?:它|[一-鿿]{{1,4}})?"
    r"|(?:那里|那儿)?(?:没有|不在)(?:那里|那儿)?)"
    rf"|(?P<there>你?能?{_SEE_ZH}了?(?:它|[一-鿿]{{1,4}}?)?了?|有|在(?:那里|那儿)?)"
    r"|(?P<fails>[做办打关去走到]?不[了成行到动]|失败了?)"
    r"|(?P<works>成功了?|能行)"
    r"|(?P<no>不是|不|否|没)|(?P<yes>是的?|对|是这样)"
)
_THEN_ZH = r"(?:那么|那就|就|那|再|则|请|你)"
_FOLLOWS_ZH = rf"(?:[，,]\s*{_THEN_ZH}*|{_THEN_ZH}+)"
_IF_ZH = re.compile(rf"(?:如果|要是|假如|若是?|倘若)(?:{_CONDITION_ZH})(?:的话)?{_FOLLOWS_ZH}")
_BARE_ZH = re.compile(rf"(?:{_CONDITION_ZH})(?:的话{_FOLLOWS_ZH}?|就)")
"""Without a word for "if", at the beginning of a clause: 没开就打开, 开着的话关掉."""
_CLAUSE_ZH = re.compile(r"[。！!；;？?，,]\s*")
_ELSE_ZH = re.compile(r"(?:否则|不然|要不然)(?:的话)?[，,]?就?")
_ENDS = re.compile(r"[.!?。！？]\s+|[。！？]")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of words, and what must have been found for it.

    Attributes:
        text: As it was said.
        test: What the answer that stands before must say; None for a part without a condition.
        named: What the condition is about, in its own words; "" for "it" and the like.
    """

    text: str
    test: Expected | None = None
    named: str = ""


def conditional_parts(words: str) -> list[Part]:
    """Returns the parts of words of which one at least depends on what another finds; [] if none.

    Example:
        >>> [one.text for one in conditional_parts("Check the lamp; if it is off, turn it on.")]
        ['Check the lamp', 'turn it on']

    Args:
        words: As they were said.
    """
    text = " ".join(words.split())
    cut = _chinese_parts(text) if re.search(r"[一-鿿]", text) else _english_parts(text)
    parts = [one for one in cut if one.text]
    if not 2 <= len(parts) <= MAX_PARTS or parts[0].test is not None:
        return []
    return parts if any(one.test is not None for one in parts) else []


# --- English -------------------------------------------------------------------------------------


def _english_parts(text: str) -> list[Part]:
    parts: list[Part] = []
    at = 0
    last: Part | None = None
    for found in _marks(text):
        if found.start() < at:
            continue
        before, after = text[at : found.start()], text[found.end() :]
        lead = _THEN_EN.match(after)
        follows = found.end() + (lead.end() if lead else 0)
        condition = _otherwise(last) if found.re is _ELSE_EN else _condition(found)
        if condition is None or condition.test is None:
            return []
        if _JOINER_EN.search(text[: found.start()]) and text[follows:].strip(" .!?"):
            parts += _plain(before, last if at else None)
            last, at = condition, follows
        elif found.re is _IF_EN and (short := _suffixed(before)) is not None:
            head, body = short
            parts += _plain(head, last if at else None)
            parts.append(replace(condition, text=_bare(body)))
            last, at = condition, found.end()
        else:
            return []
    if last is None:
        return []
    return [*parts, *_plain(text[at:], last)]


def _marks(text: str) -> Iterator[re.Match[str]]:
    """Where a condition begins, but for what a question asks: "check if it is on"."""
    found = [*_IF_EN.finditer(text), *_ELSE_EN.finditer(text)]
    for one in sorted(found, key=lambda each: each.start()):
        if one.re is _ELSE_EN or not _ASKS_EN.search(text, 0, one.start()):
            yield one


def _suffixed(before: str) -> tuple[str, str] | None:
    """What stands before "if it is", as what comes first and what depends: "… and close it"."""
    joins = list(
        re.finditer(r"[.;!?,]\s+(?:and |then |but )*|\s(?:and then|and|then|but)\s", before)
    )
    if not joins:
        return None
    cut = joins[-1]
    head, body = before[: cut.start()], before[cut.end() :]
    return (head, body) if head.strip() and body.strip() else None


def _plain(text: str, condition: Part | None) -> list[Part]:
    """A stretch of words: what depends on a condition goes to the end of its sentence."""
    if condition is None:
        return [Part(_bare(text))]
    end = _ENDS.search(text.rstrip(" .!?。！？"))
    if end is None:
        return [replace(condition, text=_bare(text))]
    rest = [Part(_bare(text[end.end() :]))]
    return [replace(condition, text=_bare(text[: end.start()])), *rest]


def _bare(text: str) -> str:
    asks = text.rstrip().endswith(("?", "？"))
    bare = text.strip(" ,;:.!?–—-，。；：！？")
    bare = _STRIP_EN.sub("", bare).strip(" ,;:")
    bare = re.sub(r"^(?:and|but|then)\b[\s,]*", "", bare, flags=re.I)
    mark = "？" if re.search("[一-鿿]", bare) else "?"
    return bare + mark * (asks and bool(bare))


# --- Chinese -------------------------------------------------------------------------------------


def _chinese_parts(text: str) -> list[Part]:
    parts: list[Part] = []
    at, last = 0, None
    for start, end, condition in _marks_zh(text):
        if start < at:
            continue
        condition = condition or _otherwise(last)
        if condition is None or condition.test is None:
            return []
        if start and text[start - 1] not in "，,。；;！!？? ":
            return []
        parts += _plain(text[at:start], last if at else None)
        last, at = condition, end
    if last is None:
        return []
    return [*parts, *_plain(text[at:], last)]


def _marks_zh(text: str) -> list[tuple[int, int, Part | None]]:
    """Where conditions stand, and what follows them: 如果没开就, 开着的话, 看到了就, 否则."""
    found: list[tuple[int, int, Part | None]] = [
        (one.start(), one.end(), None) for one in _ELSE_ZH.finditer(text)
    ]
    conditions = list(_IF_ZH.finditer(text))
    for clause in _CLAUSE_ZH.finditer(text):
        if one := _BARE_ZH.match(text, clause.end()):
            conditions.append(one)
    found += [(one.start(), one.end(), _condition(one)) for one in conditions]
    return sorted(found, key=lambda one: (one[0], -one[1]))


# --- both ----------------------------------------------------------------------------------------

_LESS = re.compile(r"less|fewer|lower|colder|cooler|below|under|不到|不足|低于|少于|小于", re.I)
_MORE = re.compile(r"more|higher|warmer|hotter|greater|above|over|高于|超过|多于|大于|不止", re.I)
_AT_LEAST, _AT_MOST = ("at least", "至少", "至少有", "以上"), ("at most", "至多", "最多", "以下")
_CALLED_IT = re.compile(r"(?:it|that|this|they|它|那个?|这个?)?", re.I)
_KINDS: tuple[tuple[str, Way, bool], ...] = (
    ("not_there", Way.THERE, True),
    ("there", Way.THERE, False),
    ("fails", Way.DONE, True),
    ("works", Way.DONE, False),
    ("no", Way.ANSWER, True),
    ("yes", Way.ANSWER, False),
)


def _condition(found: re.Match[str]) -> Part:
    """A condition without what depends on it; without a test where it cannot be one."""
    part = found.groupdict()
    if part["number_is"]:
        op = part["op"] or part.get("side") or ""
        return Part("", _number_test(op.lower(), part["number"] or part.get("number2") or ""))
    if part["state_is"]:
        negated = bool(part["not"] or part.get("isnt"))
        state = next(name for name, words in STATES.items() if _is_one(part["state"], words))
        subject = part["subject"] or ""
        named = "" if _CALLED_IT.fullmatch(subject) else subject
        return Part("", Expected(Way.STATE, state=state, negated=negated), named)
    name, way, negated = next(one for one in _KINDS if part[one[0]])
    return Part("", Expected(way, negated=negated), part[name] if way is Way.THERE else "")


def _otherwise(last: Part | None) -> Part | None:
    """The opposite of the last condition; None where there was none."""
    if last is None or last.test is None:
        return None
    return replace(last, test=last.test.opposite())


def _is_one(word: str, words: tuple[str, str]) -> bool:
    return any(re.fullmatch(one, word, re.I) for one in words)


def _number_test(op: str, number: str) -> Expected | None:
    found = numerals(normal(number))
    if len(found) != 1 or found[0].apart is not None:
        return None
    if _LESS.search(op):
        way = "<"
    elif _MORE.search(op):
        way = ">"
    else:
        way = ">=" if op in _AT_LEAST else "<=" if op in _AT_MOST else "=="
    return Expected(Way.NUMBER, number=float(found[0].value), op=way)
