"""What a person near a robot says to make it stand still, in English and Chinese.

A false stop costs a word, a missed one may cost a leg: whatever may be meant as a stop is one.

- *Strong* words stop wherever they stand: "could you stop the radio" stops, and is then asked.
- *Weak* words ("cancel", "enough", 取消) stop where a sentence begins with them.
- "Don't stop" is not a stop, as long as every strong word of the text is negated like this.
- "Stop" with one slip in it ("stpo", "dtop") is a stop, but not words of their own ("step"); so are
  "wait", "halt" and the like with two letters swapped, and 🛑.
- "No" and 不 alone are answers to a question, and no stop: they reject what is asked.

`is_stop` decides that the robot stops, `says_more` whether the text must still be answered.
"""

import re
import unicodedata

_LONGEST = 4000  # characters; of a longer text, such as a pasted page, both ends are looked at
_NEGATED = r"(?:(?:do not|don'?t|dont|does not|doesn'?t|never|not|without|non|no need to) )"
_STRONG = (
    r"(?:s+t+o+p+)+|s t o p|st op|sto p|stop(?:it|now|please|moving)|stahp|e ?stops?"
    r"|h+a+l+t+|f+r+e+e+z+e+|w+a+i+t+|a+b+o+r+t+|who+a+|pause|brakes?"
    r"|cease|desist|let go|not so fast|mayday|emergency"
    r"|hold (?:still|on|it|position|up)|(?:stand|keep|sit|be|remain) still"
    r"|stay (?:put|still|there|here|where you are)|(?:no|not any) (?:further|farther)|not further"
    r"|(?:do not|don'?t|dont|never|not|no) (?:you )?(?:dare )?move"
    r"|(?:do not|don'?t|dont|never) (?:you )?(?:dare )?"
    r"(?:go|drive|turn|come|approach|do (?:it|that|this))"
    r"|you(?:'?re| are) (?:going|about) to (?:hit|crash|fall|run)"
)
_WEAK = (
    r"cancel|quit(?: it| that| moving| driving)?$|cut(?: it out|$)|kill it|hang on|easy|slow down"
    r"|slower|(?:(?:that|it)(?: is|'?s) )?(?:far )?enough|never ?mind|forget (?:about )?it$"
    r"|(?:kill|cut) (?:the )?(?:motors?|engines?|power)|(?:power|switch|turn yourself|shut) off$"
    r"|(?:shut|stand|power) down$|break$|hold(?:$| your)|too (?:fast|close)|danger|ouch|mind the"
    r"|leave it$|watch it|(?:don'?t|dont|do not)(?: you dare)?$|careful|be careful"
    r"|watch out|look out|stay|steady|no no|nooo+"
    r"|one (?:moment|second|sec)|just a (?:moment|second|minute|sec)|knock it off|panic"
)
_LEAD = (
    r"(?:(?:please|hey|hi|hello|oh|ok|okay|no|robot|right|now|and|but|just|you|ah|um|uh|well"
    r"|come on|my god|for god'?s sake|could you|can you|would you|will you) )*"
)
_STRONG_ENGLISH = re.compile(rf"(?<![\w'])(?:{_STRONG})(?![\w'])")
_NEGATED_STOP = re.compile(rf"(?<![\w']){_NEGATED}s+t+o+p+(?![\w'])")
_OPPOSED = re.compile(r"(?<![\w'])(?:no|dont|don't|do not) (?:no|dont|don't|do not) ")
_WEAK_ENGLISH = re.compile(rf"^{_LEAD}(?:{_WEAK})(?![\w'])")
_FILLERS = re.compile(
    r"(?<![\w'])(?:please|pls|kindly|now|right|immediately|at once|it|that|this|there|here|robot"
    r"|bot|sensebind|buddy|pal|dude|dear|my|hey|hi|hello|oh|ok|okay|yo|so|well|god|all|everything|every"
    r"|moving|driving|turning|going|movements?|motion|motors?|wheels?|your|you|the|just|no+|and|then"
    r"|also|for|a|an|moment|while|second|sec|minute|what|are|you're|doing|i|i'd|i'm|said|say|want"
    r"|need|like|would|could|can|will|may|mind|thanks?|thx|god's|sake|dare|any|further|farther"
    r"|closer|more|me|us|yes|ah|um|uh|hm|quick(?:ly)?|real|already|do|did|favor|favour|in|of|with"
    r"|on|hit|again|whatever|is|be|so kind|kind|one|to|button|another|step|inch|don'?t|dont|not"
    r"|possible|possibly|maybe|if|go|ahead|let's|lets|see|excuse|sorry|look|listen|come|tell|asap|still)"
    r"(?![\w'])"
)

_STRONG_CHINESE = re.compile(
    r"停|[别別][动動走开開]|不要[动動走]|不[许許准準][动動走]|[别別]再|不要再|(?:[别別]|不要)[过過]?[来來去]|不要[开開]|撞|危[险險]|救命|等我|原地|站住|住手"
    r"|[刹剎煞][车車]|立定|定住|等等|等一[下等会會]|等[下会會]|稍等|且慢|慢[着著]|打住|[中终終]止"
)
_TURNS_ON_THE_SPOT = re.compile(
    r"(?P<not>(?:[别別]|不要|不[许許准準]|禁止|[没沒])[^|]{0,6})?"
    r"原地(?=[^|不别別没沒勿待等站停守留呆]{0,8}(?:[转轉旋绕繞]|[掉调調][头頭個个]))"
)
"""Where "on the spot" says how the robot is to turn, and not that it is to stay: 原地转一圈.

A word for staying in between takes that back: 原地待着看我转."""
_NEGATED_CHINESE = re.compile(r"(?:[别別]|不要|不用|不必|不[许許准準]|不|[没沒]有?|永不)停")
_WEAK_CHINESE = re.compile(
    r"^(?:[请請你快先喂嘿啊哎诶不好]|立刻|马上|馬上|机器人|機器人)*"
    r"(?:慢(?:[点點]|$)|取消|撤[销銷]|[够夠]了|小心|[当當]心|算了|(?:不要|[别別])吧?$)"
)
_CHINESE_FILLERS = re.compile(
    r"机器人|機器人|[暂暫请請你您快先喂嘿啊哎诶额嗯吧呀了嘛吗嗎呢哦噢哪那立刻马馬上现現在给給我都全部点點来來下住止一会會儿"
    r"兒动動走车車机機器人紧緊急趕赶不要别別再这這里裡边邊就所有的运運行进進前移作切待原地可以能帮幫好谢谢謝麻烦煩拜托託哈啦]"
)

_COMMAND = re.compile(r"(?:e ?)?stop|halt|freeze|停")
_SIGNS = re.compile("[\N{OCTAGONAL SIGN}\N{RAISED HAND}\N{NO ENTRY}\N{BLACK SQUARE FOR STOP}]")
_MARKS = str.maketrans({mark: "'" for mark in "’‘ʼ`´′＇‛"} | {"0": "o", "$": "s"})
_OFTEN_SWAPPED = ("wait", "halt", "freeze", "abort", "pause", "brake")
_WORDS_OF_THEIR_OWN = frozenset(
    {"step", "shop", "top", "slop", "sop", "atop", "stow", "strop", "stomp", "stops", "tops", "so"}
)


def is_stop(text: str) -> bool:
    """Returns whether a text asks whatever moves or runs to stop.

    Capitals, marks, full-width letters, curly apostrophes and invisible characters do not matter.
    A text that begins with a slash is a command, and only `/stop`, `/halt`, `/freeze` and /停 stop.

    Args:
        text: What was said or typed.
    """
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]} | {text[-_LONGEST // 2 :]}"
    plain = _plain(text)
    if text.lstrip().startswith(("/", "／")):
        return _COMMAND.match(plain) is not None
    return (
        _strong(_clauses(text))
        or _WEAK_ENGLISH.search(plain) is not None
        or _WEAK_CHINESE.search(plain.replace(" ", "")) is not None
        or _slipped(plain)
        or _SIGNS.search(text) is not None
    )


def says_more(text: str) -> bool:
    """Returns whether a stop says something that is still to be answered ("stop the radio").

    Args:
        text: A text that `is_stop`.
    """
    if len(text) > _LONGEST:
        return True
    rest = _plain(text)
    if not re.search("[a-z]", rest):
        rest = _WEAK_CHINESE.sub(" ", rest.replace(" ", ""))
    for said in (_STRONG_ENGLISH, _WEAK_ENGLISH, _STRONG_CHINESE, _CHINESE_FILLERS):
        rest = said.sub(" ", rest)
    rest = " ".join(word for word in rest.split() if not _slipped(word))
    return re.search(r"\w", _FILLERS.sub(" ", rest)) is not None


def _plain(text: str) -> str:
    """A text in small letters, with apostrophes of one kind and single spaces for other marks."""
    return " ".join(_clauses(text).replace("|", " ").split())


def _clauses(text: str) -> str:
    """The same with a bar for each end of a clause: "Don't! Stop!" is no "don't stop"."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(
        one for one in text if one.isspace() or unicodedata.category(one) not in ("Cf", "Mn", "Cc")
    )
    text = re.sub(r"(?<![\w.-])\w(?:[.-]\w)+(?!\w)", lambda one: re.sub("[.-]", "", one[0]), text)
    text = re.sub(r"[|.!?,;:…。！？，；：、\n-]+", " | ", text.casefold().translate(_MARKS))
    text = text.replace("e | stop", "e stop").replace("non | stop", "non stop")
    return " ".join(re.sub(r"[^\w'|]|_", " ", text).split())


def _strong(clauses: str) -> bool:
    plain = clauses.replace("|", " ")
    chinese = _NEGATED_CHINESE.sub("", clauses).replace(" ", "")
    chinese = _TURNS_ON_THE_SPOT.sub(lambda found: found[0] if found["not"] else "", chinese)
    if _STRONG_CHINESE.search(chinese.replace("|", "")):
        return True
    if _OPPOSED.search(" ".join(plain.split())):  # "no don't stop", as a recogniser hears it
        return _STRONG_ENGLISH.search(plain) is not None
    return _STRONG_ENGLISH.search(_NEGATED_STOP.sub(" ", clauses)) is not None


def _slipped(plain: str) -> bool:
    """Whether a word of a text is the word stop with one letter wrong, missing, more or swapped.

    Or another word for it with two letters swapped.
    """
    return any(
        _one_slip(word) or any(_swapped(word, meant) for meant in _OFTEN_SWAPPED)
        for word in plain.split()
    )


def _one_slip(word: str, meant: str = "stop") -> bool:
    if (
        word == meant
        or word in _WORDS_OF_THEIR_OWN
        or abs(len(word) - len(meant)) > 1
        or not word.isascii()
    ):
        return False
    if len(word) == len(meant):
        wrong = sum(a != b for a, b in zip(word, meant, strict=True))
        return wrong <= 1 or _swapped(word, meant)
    longer, shorter = (word, meant) if len(word) > len(meant) else (meant, word)
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))


def _swapped(word: str, meant: str) -> bool:
    """Whether a word is another with two neighbouring letters swapped."""
    return word != meant and any(
        word == meant[:i] + meant[i + 1] + meant[i] + meant[i + 2 :] for i in range(len(meant) - 1)
    )
