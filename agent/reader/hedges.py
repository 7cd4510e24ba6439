"""What the grammar of a sentence says against an order that the network is sure of.

A clause of time or condition with a subject of its own ("the moment it is dark"), a doing with a
subject ("the lamp turned itself off", "that song turns me on"), the word order of a question ("will
the radio turn itself off"), a negation in front of several doings, a doing that is a topic ("a song
about turning left"), an order about a thing that is none of the home's devices ("unlock the
gate"): then the person is asked. It can only add a question.
"""

from __future__ import annotations

import re

_SUBJECT = (
    r"(?:[iI](?:'m|'ve|'ll|'d)?|he|she|it|they|we|he's|she's|it's|they're|we're|someone|somebody|anyone"
    r"|anybody|everyone|everybody|nobody|there(?:'s| is| are)"
    r"|(?:the|my|our|his|her|their|a|an|any|some) [a-z'-]+"
    r"|[A-Z][a-z]+|you (?:hear|see|notice|smell|feel|find|spot|detect))"
)
_LATER = re.compile(
    r"\b(?:the (?:moment|minute|second|instant)|as soon as|once|when|whenever|until|till|unless"
    rf"|in case|provided(?: that)?|assuming|supposing|if|every time|next time) {_SUBJECT} \w",
)
_NOW = re.compile(r"\b(?:right now|for now|now|at once|immediately)\b|现在|马上", re.I)
_LATER_ZH = re.compile(
    r"如果|要是|假如|倘若|万一|除非|只要|一旦|每当|直到|等.{1,10}(?:再|就)|一.{1,6}就(?!好|行)"
    r"|的时候|[^然随最今往]以后|(?<![然随最])之后|之前|以前"
)
_PAST = re.compile(
    r"(?![A-Z][a-z]+ left\W*$)"  # which may be an order as well: "Rotate left."
    r"(?:[iI]|he|she|they|we|somebody|someone|nobody|[A-Z][a-z]+"
    r"|(?:the|my|our|his|her|their) [a-z'-]+) (?:(?:just|already|has|have|had|once|again) )*"
    r"(?:turned|switched|opened|closed|drove|went|moved|came|started|stopped|left)\b[^,;.!?:]*[.!]?",
)
_REPORT = re.compile(
    r"\W*(?:i|he|she|they|we|somebody|someone|(?:my|our|his|her) [a-z'-]+)(?:'ve|'s)?"
    r" (?:(?:just|already|have|has|had) )*(?!need\b|feed\b)(?:[a-z]{2,}ed|sent|took"
    r"|made|wrote|bought|put|set|began|went)\b",
    re.I,
)
_DOES = re.compile(
    r"(?:the|that|this|my|our|his|her|their) [a-z'-]+"
    r" (?:turns|switches|opens|closes|shuts|drives|goes|moves|comes|starts|stops)\b",
    re.I,
)
_TOPIC = re.compile(r"(?<!how )(?<!what )\babout (?:[a-z]+ )?[a-z]{2,}ing\b", re.I)
_PAST_ZH = re.compile(
    r"(?:我|他|她|它|我们|他们|她们|有人|大家)(?!要|想|需|希望|得|该)[^，。；]*了[^，。；吧]*"
)
_SWITCHING = re.compile(
    r"^\W*(?:(?:please|kindly|now|ok|hey|so|can you|could you|would you|will you)\W+)*"
    r"(?:turn|switch|open|close|shut|lock|unlock|power|start)"
    r"(?: (?:on|off|up|down))? (?:the|a|an|my|our|your|this|that|his|her) "
    r"(?P<noun>[a-z'-]+(?: (?!(?:on|off|up|down|out|in|to|at|for|of|and|or|with|by|before|after|so"
    r"|please|now|again|right|behind|wide|a|the|as|but|because|since|if|when|for|would|will|could"
    r"|thanks|thank|too|then|me|us|i|we|it|quickly|quietly|gently|slowly|immediately|tight|shut"
    r"|spinning|running|playing|going)\b)[a-z'-]+){0,2})",
    re.I,
)
_HOME = re.compile(
    r"lamp|lamps|light|lights|bulb|bulbs|lightbulb|lighting|radio|radios|music|"
    r"stereo|tune|tunes|song|sound|noise|racket|din|set|station|broadcast|system|"
    r"fan|fans|ventilator|blower|ventilation|air|breeze|wind|propeller|door|"
    r"doors|doorway|entrance|thermostat|temperature|temp|heating|heat|heater|"
    r"radiator|warmth|climate|control|room|place|house|flat|bit|lot|little|thing|"
    r"way|device|one"
)
"""Nouns for what the home's devices are or give."""
_INVERTED = re.compile(
    r"^\W*(?:(?:so|and|but|then|well|hey|ok) )*"
    r"(?:will|does|do|did|has|have|had|is|are|was|were)(?:n't)?"
    r" (?:it|he|she|they|this|that|these|those|there|nobody|anybody|somebody|anyone|someone"
    r"|(?:the|my|our|his|her|their|your|this|that|any|some) [a-z'-]+)\b(?! please)",
    re.I,
)
"""A question by its word order: "will the radio …", "is anybody …"."""
_NOT_AND = re.compile(
    r"^\W*(?:please |and |but )*(?:do not|don't|dont|never) [^,;:]*\band (?!instead\b|then\b)\w",
    re.I,
)
"""What a negation in front reaches over: "do not open the door and turn on the fan"."""
_ONLY = re.compile(
    r"\b(?:but )?only (?:after|when|if|once|as soon as|in case|while|until)\b"
    r"|只有.{1,12}才|才(?:能|可以|许)",
    re.I,
)
"""What holds all before it back: "close the door, but only after she has left"."""
_EXCEPT = re.compile(
    r"\b(?:except(?: for)?|apart from|other than|excluding|save for"
    r"|(?:everything|all|anything) but) (?P<en>(?:the |my |our )?[a-z]+)"
    r"|除了?(?P<zh>[一-鿿]{1,4}?)(?:以外|之外|外|，|,|都)",
    re.I,
)
_AS_TOPIC = re.compile(
    r"^\W*[a-z]+ing\b[^,;.!?]*, (?:let's|let us|i|we|you|he|she|they|it|this|that)\b", re.I
)
"""A doing that only begins a sentence about something else: "going forward, let's be careful"."""
_PLACED = re.compile(
    r"\b(?P<noun>[a-z]+) (?:in|inside|at|of) (?:the|my|our|your|his|her|their|a|an) "
    r"(?:[a-z]+'s? )?(?P<place>[a-z]+)",
    re.I,
)
_HERE = re.compile(
    r"(?:\w*room|kitchen|hall\w*|corridor|house|home|flat|apartment|office|study|lounge|corner|middle"
    r"|back|front|left|right|background|foreground|meantime|meanwhile|moment|end|top|bottom|side)"
)
_MYSELF_ZH = re.compile(r"^\W*(?:还是|那|那么|让)?(?:我|我们|咱们)(?:自己|来|去|亲自)(?!说|告诉)")
_MYSELF = re.compile(
    r"^\W*(?:(?:no|please|ok|well|then|so|and|just)\W+)*"
    r"(?:let (?:me|him|her|them|us)|(?:i|we|he|she|they)(?:'ll| will| can| could| shall))"
    r" (?:(?:just|rather|quickly|also|now) )*"
    r"(?:open|close|shut|lock|unlock|turn|switch|start|stop|set|put|drive|go|move)\b",
    re.I,
)
"""What somebody else is to do: "let me open the door"; "let me in" and "let me hear" are orders."""
_DOOR_TO = re.compile(
    r"\b(?:doors?|doorway|entrance) (?:to|into|towards?) (?:the|my|our|your|his|her|their|a|an)"
    r" (?P<place>[a-z]+)",
    re.I,
)
_SENTENCE = re.compile(r"[.!?;。！？；]\s*(?=\S)")


def hedged(words: str) -> bool:
    """Whether an order that words seem to give is asked about, by their grammar.

    Args:
        words: One thing that a person says.
    """
    text = " ".join(words.replace("’", "'").split())
    if held_back(text):
        return True
    if _SENTENCE.search(text):  # the one may say what the other does not
        return False
    if re.search(r"[一-鿿]", text):
        clauses = [one for one in re.split(r"[，。；,]", text) if one.strip()]
        if any(_MYSELF_ZH.match(one.strip()) for one in clauses):
            return True
        past = bool(clauses) and all(_PAST_ZH.fullmatch(one.strip()) for one in clauses)
        return past or bool(_LATER_ZH.search(text) and not _NOW.search(text))
    plain = text[:1].lower() + text[1:]
    if _LATER.search(plain) and not _NOW.search(text):
        return True
    if _PAST.fullmatch(text) or _PAST.fullmatch(plain):
        return True
    if _INVERTED.match(text) or _AS_TOPIC.match(text) or _MYSELF.match(text) or _elsewhere(text):
        return True
    if _DOES.match(text) or _TOPIC.search(text):
        return True
    found = _SWITCHING.match(text)
    return found is not None and not _of_home(found["noun"])


def held_back(words: str) -> bool:
    """Whether a negation or a condition reaches over all clauses of words.

    "Do not open the door and start the fan", "close the door, but only after she has left": a
    clause that is an order by itself is none there.

    Args:
        words: All that a person says.
    """
    text = " ".join(words.replace("’", "'").split())
    together = _NOT_AND.match(text) is not None and not re.search(r"\binstead\b", text, re.I)
    return together or _ONLY.search(text) is not None


def excepted(words: str) -> list[str]:
    """Returns what words except from an order: "turn on everything except the lamp".

    Args:
        words: What a person says.
    """
    return [one["en"] or one["zh"] for one in _EXCEPT.finditer(words)]


def _elsewhere(text: str) -> bool:
    """Whether a device is said to be in a place that is not of the home: "the radio in the car"."""
    if (led := _DOOR_TO.search(text)) and _HERE.fullmatch(led["place"].lower()) is None:
        return True
    return any(
        _HOME.fullmatch(one["noun"].lower()) is not None
        and _HERE.fullmatch(one["place"].lower()) is None
        for one in _PLACED.finditer(text)
    )


def reports_an_act(words: str) -> bool:
    """Whether words begin with somebody who has done something: "I already booked a table".

    Args:
        words: One thing that a person says.
    """
    return _REPORT.match(words) is not None


def _of_home(noun: str) -> bool:
    """Whether the last word of an object, or the one before its "s", is a device of the home."""
    return _HOME.fullmatch(noun.split()[-1].lower().removesuffix("'s")) is not None
