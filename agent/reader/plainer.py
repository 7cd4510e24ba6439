"""Other ways to say what a person has said, in words that the reader's network knows better.

They are tried where the words themselves are not clear, and only for what asks: "find the ball" is
where it is, 门关了没有 whether it is closed, "start watching for a cat" a watch; what
is asked of a thing with the name of a device is what is asked of any other thing.
"""

from __future__ import annotations

import re

from sensebind.agent.grounding.names import things, with_another
from sensebind.agent.reader.abilities import base_of
from sensebind.agent.reader.dependent import searched

_CHINESE = re.compile(r"[㐀-鿿]")
_TELL = re.compile(
    r"^(?:请|你|再|帮我)*(?:告诉我|跟我说|说说|报告|说一下)(?:一下|一声)?(?P<zh>.+)"
    r"|^(?:please |then )*(?:tell|inform) (?:me|us) (?P<en>(?:what|where|who|how|which|when)\b.+)",
    re.I | re.S,
)
_STANDS = re.compile(
    r"^(?:请|你|再|帮我|告诉我|跟我说|说说|报告|看看|看一下|检查一下)*"
    r"(?P<thing>[^我你他她，。]{1,6}?)(?P<way>[开关])(?:了没有?|没[开关]|了吗)$"
)
_BEGIN = re.compile(r"^(?:please |now )*(?:start|begin) (?P<doing>[a-z]+ing .+)", re.I | re.S)


def plainer(words: str) -> list[str]:
    """Returns other ways to say something; [] where there are none.

    Example:
        >>> plainer("find the ball"), plainer("start watching for a cat")[0]
        (['where is the ball?', 'find the dog'], 'watch for a cat')

    Args:
        words: One thing that a person says.
    """
    zh = _CHINESE.search(words) is not None
    bare = words.strip(" .!?。！？")
    ways = [searched(bare)]
    if found := _TELL.match(bare):
        ways.append(f"{found['zh']}？" if found["zh"] else f"{found['en']}?")
    if found := _STANDS.match(bare):
        ways.append(f"{found['thing']}{found['way']}着吗？")
    if found := _BEGIN.match(bare):
        ways.append(base_of(found["doing"]))
    kinds = things(words)
    if len(kinds) == 1:
        ways.append(with_another(words, kinds[0], "狗" if zh else "dog"))
    return [one for one in ways if one and one != words]
