"""Words that say in which order two things are done: "A before you B", "after B-ing, A", B之前先A.

They are put in the order in which they are done, "A, then B", and read as any two clauses are. Only
what the robot itself is to do is moved: "before I leave" and "when she has closed the door" are
conditions. Whether both parts are orders or questions by themselves, the reader's network says.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_DOING = r"(?:having )?(?P<doing>(?!nothing|anything|something|everything|evening|morning)\w+ing\b"
_DONE = r"you(?:'ve| have)? (?P<done>(?!are\b|can\b|see\b|hear\b|like\b|want\b)\w+"
_BEFORE = re.compile(
    rf"(?P<other>.+?),? before (?:you (?P<plain>.+)|{_DOING}.*))"
    rf"|before (?:you (?P<plain2>[^,]+)|{_DOING.replace('<doing>', '<doing2>')}[^,]*)),\s*"
    r"(?P<other2>.+)",
    re.I | re.S,
)
_AFTER = re.compile(
    rf"(?P<other>.+?),? after (?:{_DONE}.*)|{_DOING}.*))"
    rf"|after (?:{_DONE.replace('<done>', '<done2>')}[^,]*)"
    rf"|{_DOING.replace('<doing>', '<doing2>')}[^,]*)),\s*(?P<other2>.+)",
    re.I | re.S,
)
_PERFECT = r"(?:once|when|as soon as) you(?:'ve| have) (?P<done>\w+"
_ONCE = re.compile(
    rf"(?P<other>.+?),? {_PERFECT}.*)"
    rf"|{_PERFECT.replace('<done>', '<done2>')}[^,]*),\s*(?P<other2>.+)",
    re.I | re.S,
)
_BEFORE_ZH = re.compile(
    r"在?(?P<plain>[^，,。；]+?)(?:之前|以前|前(?=[，,先]))[，,]?(?:请你?|麻烦你?|你)?先?(?P<other>.+)"
)
_FIRST_ZH = re.compile(
    r"(?P<plain>[^，,。；]+?)[，,](?:不过|但是?|可是)?(?:在那?之前|在此之前)?[，,]?(?:请|你|要|得)?"
    r"先(?P<other>[^，,。；]+)"
)
_AFTER_ZH = re.compile(
    r"(?:等你)?(?P<done>[^，,。；]+?)(?:好了|完了?|了)?(?:之后|以后|(?<=完)了?|后(?=[，,再]))[，,]?"
    r"(?:请你?|你)?(?:再|就)?(?P<other>.+)"
    r"|等你(?P<done2>[^，,。；]+?)(?:好了|完了|了)?[，,]?再(?P<other2>.+)"
)
_USUALLY = re.compile(
    r"[\"“”「」《》]|\b(?:always|usually|never|next time|every time|whenever|each time)\b"
    r"|每次|每当|下次|总是|一直|从来|都要|都先",
    re.I,
)
"""Words that are about other times than now, and quotations."""
_THERE = (
    r"(?:once|when|as soon as) (?:you(?:'re| are|'ve| have) (?:there|done|finished|through|arrived)"
    r"|you (?:get|arrive) there|(?:that|this|it)(?:'s| is| has been) done)"
)
_ARRIVED = re.compile(
    rf"(?P<mark>[,.;!])?\s+(?:and )?{_THERE},?\s+(?=\w)|,?\s+{_THERE}(?P<end>\s*[.!]*)$", re.I
)
_JOINED = re.compile(r"\b(?:and|then)\b|[,.;]", re.I)
_ARRIVED_ZH = re.compile(
    r"(?P<mark>[，,。；])(?:到了?(?:那里|那儿|那边)?(?:以后|之后)?|(?:做|弄|办|忙)(?:完|好)了?(?:以后|之后)?"
    r"|完事了?(?:以后|之后)?|在那之后)[，,]?(?:再|就)?"
)
_IRREGULAR = {
    "gone": "go",
    "went": "go",
    "driven": "drive",
    "drove": "drive",
    "lit": "light",
    "told": "tell",
    "spun": "spin",
    "come": "come",
    "came": "come",
    "given": "give",
    "made": "make",
    "taken": "take",
    "brought": "bring",
    "swung": "swing",
    "found": "find",
    "seen": "see",
    "heard": "hear",
    "got": "get",
    "gotten": "get",
    "left": "leave",
    "set": "set",
    "put": "put",
    "shut": "shut",
    "cut": "cut",
    "let": "let",
}


@dataclass(frozen=True, slots=True)
class Ordered:
    """Two things in the order in which they are done.

    Attributes:
        first: What is done first, as an order.
        second: What is done after it.
    """

    first: str
    second: str

    def joined(self) -> str:
        """Both in one sentence."""
        if re.search(r"[一-鿿]", self.first):
            return f"{self.first}，然后{self.second}"
        return f"{self.first}, then {self.second}"


def plain_order(words: str) -> str:
    """Returns words without "when you are there" and the like, which only mean "then".

    Example:
        >>> plain_order("Go to the chair and turn on the radio once you are there.")
        'Go to the chair and turn on the radio.'

    Args:
        words: As they were said.
    """

    def short(found: re.Match[str]) -> str:
        if found["end"] is not None:  # of one order alone it says when
            return found["end"] if _JOINED.search(words[: found.start()]) else found[0]
        return ". Then " if found["mark"] == "." else f"{found['mark'] or ''} and then "

    said = _ARRIVED.sub(short, words)
    return _ARRIVED_ZH.sub(lambda found: f"{found['mark']}然后", said)


def ordered(words: str, known: Callable[[str], bool]) -> list[Ordered]:
    """Returns the ways to read words as two things of which one is done before the other.

    Args:
        words: As they were said.
        known: Whether a word is a verb that the reader knows, for "closing" to become "close".
    """
    text = " ".join(words.split()).rstrip(" .!。！")
    if not text or _USUALLY.search(text):
        return []
    found: list[Ordered] = []

    def note(first: str, second: str) -> None:
        first, second = (one.strip(" ,.;，。；") for one in (first, second))
        if first and second:
            found.append(Ordered(first, second))

    if match := _BEFORE.fullmatch(text):
        later = _base(match["plain"] or match["plain2"] or "", known, plain=True)
        later = later or _base(_doing(match), known)
        note(match["other"] or match["other2"], later)
    for pattern in (_AFTER, _ONCE):
        if match := pattern.fullmatch(text):
            groups = match.groupdict()
            done = _base(groups["done"] or groups["done2"] or _doing(match), known)
            note(done, groups["other"] or groups["other2"])
    for pattern in (_BEFORE_ZH, _FIRST_ZH):
        if match := pattern.fullmatch(text):
            note(match["other"], match["plain"])
    if match := _AFTER_ZH.fullmatch(text):
        note(match["done"] or match["done2"], match["other"] or match["other2"])
    return found


def _doing(match: re.Match[str]) -> str:
    groups = match.groupdict()
    return groups.get("doing") or groups.get("doing2") or ""


def _base(phrase: str, known: Callable[[str], bool], *, plain: bool = False) -> str:
    """ "closing the door" and "closed the door" as "close the door"."""
    verb, _, rest = phrase.strip().partition(" ")
    if plain or not verb:
        return phrase
    low = verb.lower()
    candidates = [_IRREGULAR.get(low, ""), low]
    for end in ("ing", "ed"):
        if low.endswith(end) and len(low) > len(end) + 1:
            stem = low.removesuffix(end)
            double = stem[:-1] if len(stem) > 2 and stem[-1] == stem[-2] else ""
            candidates += [double, f"{stem}e", stem] if double else [f"{stem}e", stem]
    fitting = [one for one in candidates if one and one != low and known(one)]
    base = fitting[0] if fitting else candidates[0] or low
    return f"{base} {rest}".strip()
