"""Words with which people take back what they have just said: "20, no, 22", 20度，不，22度.

What was meant is what follows, as a rule; which part of the words before it replaces is not always
clear ("turn on the lamp, no, the radio"). So such words are read as one clause, and an action that
they order is asked about.
"""

from __future__ import annotations

import re

_MARK = r"(?:[,.;:!?…–—，。；：！？]|\s-)"
_WORD = (
    r"\b(?:no|nope|wait|sorry|oops|scratch that|correction|i meant?|(?:or )?rather|better"
    r"|make (?:that|it)|actually|not that|my mistake)\b"
)
_ENGLISH = rf"(?:(?:oh|uh|er|erm|um|ah)\b,?\s*)?{_WORD}(?:,?\s*{_WORD})*"
_SIGH = r"(?:哦|噢|啊|呃|嗯|等等|等一下)?[，,]?"
_WORD_ZH = r"(?:不对|不是|错了|说错了|我说错了|应该是|我是说|我的意思是|还是改|改成|改为|算了)"
_CHINESE = rf"{_SIGH}{_WORD_ZH}"
_NO = rf"{_SIGH}不"
"""By itself: 不要 and the like take nothing back."""
_AHEAD = re.compile(rf"\s*(?:{_ENGLISH}|{_CHINESE}|{_NO}(?=[，,。！!…]))", re.IGNORECASE)
_BEHIND = re.compile(rf"{_MARK}\s*(?:{_ENGLISH}|{_CHINESE}|{_NO})\s*$", re.IGNORECASE)
_WITHIN = re.compile(rf"\w\s*{_MARK}+{_AHEAD.pattern}", re.IGNORECASE)


_MAKE_IT = re.compile(r"\s*make (?:that|it)\b", re.IGNORECASE)
_NUMBER = re.compile(
    r"\d|\b(?:zero|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|half"
    r"|\w+teen|(?:twen|thir|for|fif|six|seven|eigh|nine)ty)\b",
    re.IGNORECASE,
)
TAKES_BACK = re.compile(rf"{_WORD}|{_WORD_ZH}|[哦噢]不|不[,，]", re.IGNORECASE)
"""Between two numbers, where no mark is needed: the first is taken back."""


def takes_back(words: str) -> bool:
    """Returns whether words take back something that stands before in them.

    Example:
        >>> takes_back("set it to 20, no, 22"), takes_back("no, turn on the lamp")
        (True, False)
    """
    return _WITHIN.search(words) is not None


def after_taking_back(words: str) -> str:
    """Returns what is said after words take something back, for the last time; "" if none do.

    Args:
        words: As they were said.
    """
    found = list(_WITHIN.finditer(words))
    return words[found[-1].end() :] if found else ""


def repairs(before: str, after: str) -> bool:
    """Returns whether words must not be cut between two parts, as one takes the other back.

    Args:
        before: All that stands before the mark.
        after: What follows it.
    """
    if _MAKE_IT.match(after) and not _NUMBER.search(before):
        return False  # "how warm is it? Make it 23": no number is taken back
    return _AHEAD.match(after) is not None or _BEHIND.search(before) is not None
