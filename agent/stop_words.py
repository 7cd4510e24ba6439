"""What a person near a robot says to make it stand still, in English and Chinese.

A false stop costs a word, a missed one may cost a leg: whatever may be meant as a stop is one.

- *Strong* words stop wherever they stand: "could you stop the radio" stops, and is then asked.
- *Weak* words ("wait", "cancel", 等一下) stop where a sentence begins with them.
- "Don't stop" is not a stop, as long as every strong word of the text is negated like this.
- A text of one word with one slip in it ("stpo", "stoop", "st0p") is a stop, but for words of their
  own ("step", "shop").
- "No" and 不 alone are answers to a question, and no stop: they reject what is asked.

`is_stop` decides that the robot stops, `says_more` whether the text must still be answered.
"""

import re
import unicodedata

_NEGATED = r"(?:(?:do not|don'?t|dont|does not|doesn'?t|never|not|without|non|no need to) )"
_STRONG = (
    r"s+t+o+p+|s t o p|e ?stops?|h+a+l+t+|f+r+e+e+z+e+|abort|whoa+|pause|stand still"
    r"|hold still|keep still|hold position|stay (?:put|still|there|here|where you are)"
    r"|(?:do not|don'?t|dont|never) (?:you )?(?:dare )?"
    r"(?:move|go|drive|turn|come|approach|do (?:it|that|this))"
    r"|stop(?:ping)? (?:it|now)|emergency|mayday"
)
_WEAK = (
    r"w+a+i+t+|cancel|quit it|cut it out|enough|that'?s enough|hold on|hold it|hang on|easy"
    r"|slow down|(?:don'?t|dont|do not)$|careful|be careful|watch out|look out|back off|brake"
    r"|stay|steady|no no|nooo+|one moment|one second|just a (?:moment|second|minute|sec)"
    r"|knock it off|kill it|panic"
)
_LEAD = (
    r"(?:(?:please|hey|hi|oh|ok|okay|no|robot|now|and|but|just|you|ah|um|my god|"
    r"for god'?s sake|could you|can you|would you|will you) )*"
)
_STRONG_ENGLISH = re.compile(rf"(?<![\w'])(?:{_STRONG})(?![\w'])")
_NEGATED_STOP = re.compile(rf"(?<![\w'])({_NEGATED})(?:{_STRONG})(?![\w'])")
_OPPOSED = re.compile(r"(?<![\w'])(?:no|dont|don't|do not) (?:no|dont|don't|do not) ")
_WEAK_ENGLISH = re.compile(rf"^{_LEAD}(?:{_WEAK})(?![\w'])")
_FILLERS = re.compile(
    r"(?<![\w'])(?:please|pls|now|right|immediately|at once|it|that|this|there|here|robot|hey|hi|oh"
    r"|ok|okay|my|god|all|everything|moving|driving|turning|going|movement|motion|motors?|the|you"
    r"|just|no|no+|and|for|a|moment|second|sec|minute|at|once|what|are|you're|doing|i|said|say"
    r"|thanks?|could|can|would|will|god's|sake|stop|dare|any|further|closer|more|me|us|yes|ah|um"
    r"|quick(?:ly)?|already|do|so|in|of|with|on|again|whatever|is|one|to|button|another"
    r"|step|inch|don'?t|not)(?![\w'])"
)

_STRONG_CHINESE = re.compile(
    r"停|别动|別動|不要动|不要動|不许动|不許動|不准动|不准動|别走|別走|不要走|别过来|別過來"
    r"|不要过来|不要過來|别再动|別再動|站住|住手|刹车|剎車|急停|不要再|别开|別開|立定|定住"
)
_NEGATED_CHINESE = re.compile(r"(?:别|別|不要|不用|不必|不许|不准|不|没|沒|没有|永不)停")
_WEAK_CHINESE = re.compile(
    r"^(?:请|請|你|快|先|喂|嘿|啊|哎|诶|机器人|機器人|不|好)*"
    r"(?:等一下|等一等|等等|等会|等會|等一会|等一會|等下|稍等|且慢|慢着|慢著|慢点|慢點|取消|够了|夠了|小心"
    r"|(?:不要|别|別)$|打住|算了|中止|终止|終止|当心|當心)"
)
_CHINESE_FILLERS = re.compile(
    r"[暂暫请請你快先喂嘿啊哎诶吧呀了嘛吗呢哦噢哪立刻马馬上现現在给給我都全部点點来來下住止一会會儿兒动動走"
    r"车車机機器人紧緊急不要别別再那这這里裡边邊儿就马所有的运運行进進前移]"
)

_MARKS = str.maketrans({mark: "'" for mark in "’‘ʼ`´′＇‛"} | {"0": "o", "$": "s"})
_WORDS_OF_THEIR_OWN = frozenset(
    {"step", "shop", "top", "slop", "sop", "atop", "stow", "strop", "stomp", "stops", "stoop"}
)


def is_stop(text: str) -> bool:
    """Returns whether a text asks whatever moves or runs to stop.

    Capitals, marks, full-width letters, curly apostrophes and invisible characters do not matter.
    A text that begins with a slash is a command, and stops only by a strong word (`/stop`).

    Args:
        text: What was said or typed.
    """
    plain = _plain(text)
    return _strong(plain) or (
        not text.lstrip().startswith(("/", "／"))
        and (
            _WEAK_ENGLISH.search(plain) is not None
            or _WEAK_CHINESE.search(plain.replace(" ", "")) is not None
            or _slipped(plain)
        )
    )


def says_more(text: str) -> bool:
    """Returns whether a stop says something that is still to be answered ("stop the radio").

    Args:
        text: A text that `is_stop`.
    """
    plain = _plain(text)
    if _slipped(plain):
        return False
    rest = _STRONG_ENGLISH.sub(" ", plain)
    rest = _WEAK_ENGLISH.sub(" ", rest)
    rest = _STRONG_CHINESE.sub(" ", rest)
    rest = _WEAK_CHINESE.sub(" ", rest.replace(" ", "") if not re.search("[a-z]", rest) else rest)
    rest = _FILLERS.sub(" ", _CHINESE_FILLERS.sub(" ", rest))
    return re.search(r"\w", rest) is not None


def _plain(text: str) -> str:
    """A text in small letters, with apostrophes of one kind and single spaces for other marks."""
    text = unicodedata.normalize("NFKC", text)
    text = "".join(
        one for one in text if one.isspace() or unicodedata.category(one) not in ("Cf", "Mn", "Cc")
    )
    text = re.sub(r"[^\w']|_", " ", text.casefold().translate(_MARKS))
    return " ".join(text.split())


def _strong(plain: str) -> bool:
    if _STRONG_CHINESE.search(_NEGATED_CHINESE.sub("", plain.replace(" ", ""))):
        return True
    if _OPPOSED.search(plain):  # "no, don't! stop!", as a recogniser of speech writes it
        return _STRONG_ENGLISH.search(plain) is not None
    return _STRONG_ENGLISH.search(_NEGATED_STOP.sub(" ", plain)) is not None


def _slipped(plain: str) -> bool:
    """Whether a text is the word stop with one letter wrong, missing, doubled or swapped."""
    words = [word for word in plain.split() if not _FILLERS.fullmatch(word)]
    if len(words) != 1 or words[0] in _WORDS_OF_THEIR_OWN:
        return False
    return _one_slip(words[0], "stop")


def _one_slip(word: str, meant: str) -> bool:
    if abs(len(word) - len(meant)) > 1 or word == meant:
        return word == meant
    if len(word) == len(meant):
        wrong = [i for i, (a, b) in enumerate(zip(word, meant, strict=True)) if a != b]
        if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
            first, second = wrong
            return word[first] == meant[second] and word[second] == meant[first]
        return len(wrong) == 1
    longer, shorter = (word, meant) if len(word) > len(meant) else (meant, word)
    return any(longer[:i] + longer[i + 1 :] == shorter for i in range(len(longer)))
