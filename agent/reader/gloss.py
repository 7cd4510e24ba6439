"""Chinese words in the English of tools' names, for tools whose descriptions are in English.

A gloss is no translation: word for word, by a lexicon of everyday orders, with numbers as digits;
codes, names in Latin letters and quotations stay as they are. What the lexicon lacks stays, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from sensebind.agent.grounding.numerals import normal, numerals
from sensebind.agent.grounding.parameters import as_json
from sensebind.agent.reader.chinese_words import LONGEST, lexicon

_CHINESE = re.compile(r"[㐀-鿿]")
_QUOTED = re.compile(r"[\"“「『《][^\"”」』》]{1,300}[\"”」』》]")
_PERCENT = re.compile(r"百分之([零〇一二三四五六七八九十百两]+|\d+(?:\.\d+)?)")
_SEARCHED = re.compile(
    r"(?:搜索|搜一下|搜|查找|查询|查一下|查|寻找|找)(?:一下|关于|有关)*([^，。？！：]{2,40}?)"
    r"(?:的(?:仓库|网页|内容|信息|资料|文章|节点|歌|歌曲|视频|新闻|餐馆|地点))?[。？！]?$"
)
_AFTER_COLON = re.compile(r"[：:]\s*([^\"“「『《]+?)[。！？]?$")
_NAMED = re.compile(
    r"(?:叫做|名为|名叫|命名为|改名为|题为|标题为|标题是|名字是|内容是|内容为|叫)"
    r"([^，。？！“\"]{1,30})[。！？]?"
)


def chinese(words: str) -> bool:
    """Whether words have a Chinese character."""
    return _CHINESE.search(words) is not None


def glosses(words: str) -> list[str]:
    """Returns the English of words in one or more ways: a part of them may be a text to be kept.

    Args:
        words: As they were said.
    """
    found = [gloss(words)]
    for pattern in (_AFTER_COLON, _NAMED, _SEARCHED):
        if (match := pattern.search(words)) and _CHINESE.search(match[1]):
            start, end = match.span(1)
            found.append(gloss(f"{words[:start]} “{words[start:end].strip()}” {words[end:]}"))
    return found


def gloss(words: str) -> str:
    """Returns the English of words, word by word; of alternatives ("turn|rotate") one is meant.

    Args:
        words: As they were said.
    """
    text = _PERCENT.sub(lambda match: f" {_digits(match[1])} percent ", words)
    parts: list[str] = []
    at = 0
    for quoted in _QUOTED.finditer(text):
        parts += [*_plain(text[at : quoted.start()]), quoted[0]]
        at = quoted.end()
    return " ".join([*parts, *_plain(text[at:])])


def _digits(said: str) -> str:
    found = numerals(normal(said))
    return f"{as_json(found[0].value):g}" if found else said


def _plain(text: str) -> Iterator[str]:
    """The words of a text without quotations."""
    known = lexicon()
    counted = {
        one.start: one
        for one in numerals(text)
        if _CHINESE.search(text[one.start : one.end]) and not one.share and one.apart is None
    }
    kept, unknown, at = "", "", 0
    while at < len(text):
        if not _CHINESE.match(text[at]):
            if unknown:
                yield unknown
                unknown = ""
            kept, at = kept + text[at], at + 1
            continue
        if kept.strip():
            yield kept.strip()
        kept = ""
        length = next(
            (n for n in range(min(LONGEST, len(text) - at), 0, -1) if text[at : at + n] in known),
            0,
        )
        number = counted.get(at)
        if (number is not None or length) and unknown:
            yield unknown
            unknown = ""
        if number is not None and number.end - number.start >= length:
            yield f"{as_json(number.value):g}"
            at = number.end
        elif length:
            if english := known[text[at : at + length]]:
                yield english.replace(" ", "|")
            at += length
        else:  # a run of characters that mean nothing is one word
            unknown, at = unknown + text[at], at + 1
    if unknown:
        yield unknown
    if kept.strip():
        yield kept.strip()
