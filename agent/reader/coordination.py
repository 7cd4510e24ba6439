"""Several objects of one verb: "turn on the lamp and the oven" is two orders, each with the verb.

The network reads which devices it knows; what one verb asks for in addition is heard only when it
is read with its verb.
"""

from __future__ import annotations

import re

MAX_OBJECTS = 4
_DETERMINER = r"(?:the|my|our|your|that|this|those|these)"
_AFTER = r"(?:on|off|up|down|open|closed|shut|in|please|now|too|as well|for me|for us|again)"
_NOUN = rf"(?!(?:{_AFTER}|and|or|but|not|then|to|by|at|is|are)\b)[\w'-]+"
_OBJECT = rf"(?:both )?{_DETERMINER} {_NOUN}(?: {_NOUN}){{0,2}}"
_AND = r"(?:,? (?:and|as well as|plus)(?: also)? )"
_ENGLISH = re.compile(
    rf"(?P<head>.*?\S) (?P<objects>{_OBJECT}(?:, {_OBJECT})*{_AND}{_OBJECT})"
    rf"(?P<tail>(?:,? {_AFTER})*)\W*",
    re.I,
)
_SPLIT = re.compile(rf"{_AND}|, ", re.I)
_AND_ZH = r"(?:和|跟|与|以及|还有|、)"
_VERB_ZH = r"(?:打开|开启|启动|关掉|关上|关闭|关好|打开一下|关一下)"
_OBJECT_ZH = r"[一-鿿A-Za-z]{1,6}?"
_OBJECTS_ZH = rf"(?P<objects>{_OBJECT_ZH}(?:{_AND_ZH}{_OBJECT_ZH})+)"
_CHINESE = (
    re.compile(rf"(?P<head>.*?{_VERB_ZH}){_OBJECTS_ZH}(?P<tail>吧|一下|好吗)?\W*"),
    re.compile(rf"(?P<head>.*?把){_OBJECTS_ZH}(?P<tail>(?:都|全)?{_VERB_ZH}.{{0,3}}?)\W*"),
)


def spread(words: str) -> list[str]:
    """Returns one order for each object that a verb has; [] where it has one, or none.

    Example:
        >>> spread("switch the lamp and the oven off")
        ['switch the lamp off', 'switch the oven off']

    Args:
        words: One clause.
    """
    plain = " ".join(words.split())
    if found := _ENGLISH.fullmatch(plain):
        objects = _SPLIT.split(found["objects"])
        said = [f"{found['head']} {one}{found['tail']}" for one in objects]
    elif found := next((one for one in (way.fullmatch(plain) for way in _CHINESE) if one), None):
        tail = (found["tail"] or "").removeprefix("都").removeprefix("全")
        said = [f"{found['head']}{one}{tail}" for one in re.split(_AND_ZH, found["objects"])]
    else:
        return []
    return said if len(said) <= MAX_OBJECTS else []
