"""What the grammar of a sentence says against an order that the network is sure of.

A clause of time or condition with a subject of its own ("the moment it is dark"), a doing with a
subject ("the lamp turned itself off", "that song turns me on"), a doing that is a topic ("a song
about turning left"), an order about a thing that is none of the home's devices ("unlock the gate"):
then the person is asked. It can only add a question.
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
_SENTENCE = re.compile(r"[.!?;。！？；]\s*(?=\S)")


def hedged(words: str) -> bool:
    """Whether an order that words seem to give is asked about, by their grammar.

    Args:
        words: One thing that a person says.
    """
    text = " ".join(words.replace("’", "'").split())
    if _SENTENCE.search(text):  # the one may say what the other does not
        return False
    if re.search(r"[一-鿿]", text):
        clauses = [one for one in re.split(r"[，。；,]", text) if one.strip()]
        past = bool(clauses) and all(_PAST_ZH.fullmatch(one.strip()) for one in clauses)
        return past or bool(_LATER_ZH.search(text) and not _NOW.search(text))
    plain = text[:1].lower() + text[1:]
    if _LATER.search(plain) and not _NOW.search(text):
        return True
    if _PAST.fullmatch(text) or _PAST.fullmatch(plain):
        return True
    if _DOES.match(text) or _TOPIC.search(text):
        return True
    found = _SWITCHING.match(text)
    return found is not None and not _of_home(found["noun"])


def reports_an_act(words: str) -> bool:
    """Whether words begin with somebody who has done something: "I already booked a table".

    Args:
        words: One thing that a person says.
    """
    return _REPORT.match(words) is not None


def _of_home(noun: str) -> bool:
    """Whether the last word of an object, or the one before its "s", is a device of the home."""
    return _HOME.fullmatch(noun.split()[-1].lower().removesuffix("'s")) is not None
