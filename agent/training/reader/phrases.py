"""Sentences, phrases of what is to be done, and English verbs in their forms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

ASK, DO = 1, 2
"""Levels of an action: it is asked about, or it is done."""


@dataclass(frozen=True, slots=True)
class Example:
    """A sentence and how it is to be read.

    Attributes:
        text: What a person says.
        category: One of `CATEGORIES`.
        levels: For actions that it orders `DO`, for those that are to be asked about `ASK`.
    """

    text: str
    category: str
    levels: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Phrase:
    """What is to be done, or not, or was done.

    Attributes:
        action: One of `ACTIONS`; "" if the robot cannot do it.
        forms: The phrase in each form: `vp`, `ving`, `vpast`, `vpp`, `v3`.
        device: How the device is called in it.
        noun: The same without "the".
        state: What it leads to.
        bare: An order without a verb that can be put into forms.
        remark: Why somebody may want it.
        vp0: Chinese: the predicate without its device.
    """

    action: str
    forms: Mapping[str, str]
    device: str = ""
    noun: str = ""
    state: str = ""
    bare: str = ""
    remark: str = ""
    vp0: str = ""


_IRREGULAR = {
    "have": ("had", "had", "having"),
    "put": ("put", "put", "putting"),
    "get": ("got", "got", "getting"),
    "set": ("set", "set", "setting"),
    "shut": ("shut", "shut", "shutting"),
    "cut": ("cut", "cut", "cutting"),
    "let": ("let", "let", "letting"),
    "light": ("lit", "lit", "lighting"),
    "bring": ("brought", "brought", "bringing"),
    "make": ("made", "made", "making"),
    "go": ("went", "gone", "going"),
    "come": ("came", "come", "coming"),
    "drive": ("drove", "driven", "driving"),
    "ride": ("rode", "ridden", "riding"),
    "spin": ("spun", "spun", "spinning"),
    "swing": ("swung", "swung", "swinging"),
    "take": ("took", "taken", "taking"),
    "give": ("gave", "given", "giving"),
    "throw": ("threw", "thrown", "throwing"),
    "find": ("found", "found", "finding"),
    "run": ("ran", "run", "running"),
    "stand": ("stood", "stood", "standing"),
    "sit": ("sat", "sat", "sitting"),
    "keep": ("kept", "kept", "keeping"),
    "leave": ("left", "left", "leaving"),
    "hold": ("held", "held", "holding"),
    "see": ("saw", "seen", "seeing"),
    "hear": ("heard", "heard", "hearing"),
    "blow": ("blew", "blown", "blowing"),
    "draw": ("drew", "drawn", "drawing"),
    "read": ("read", "read", "reading"),
    "write": ("wrote", "written", "writing"),
    "say": ("said", "said", "saying"),
    "send": ("sent", "sent", "sending"),
    "buy": ("bought", "bought", "buying"),
    "sell": ("sold", "sold", "selling"),
    "break": ("broke", "broken", "breaking"),
    "steal": ("stole", "stolen", "stealing"),
    "wake": ("woke", "woken", "waking"),
    "feed": ("fed", "fed", "feeding"),
    "fly": ("flew", "flown", "flying"),
    "sing": ("sang", "sung", "singing"),
    "sleep": ("slept", "slept", "sleeping"),
    "swim": ("swam", "swum", "swimming"),
    "catch": ("caught", "caught", "catching"),
    "hide": ("hid", "hidden", "hiding"),
    "eat": ("ate", "eaten", "eating"),
    "hit": ("hit", "hit", "hitting"),
    "fight": ("fought", "fought", "fighting"),
    "bite": ("bit", "bitten", "biting"),
    "be": ("was", "been", "being"),
    "do": ("did", "done", "doing"),
    "stick": ("stuck", "stuck", "sticking"),
    "show": ("showed", "shown", "showing"),
    "creep": ("crept", "crept", "creeping"),
    "tell": ("told", "told", "telling"),
    "teach": ("taught", "taught", "teaching"),
    "ring": ("rang", "rung", "ringing"),
}
_DOUBLED = frozenset(
    [
        "stop",
        "flip",
        "pop",
        "dim",
        "slam",
        "snuff",
        "grab",
        "drop",
        "step",
        "chop",
        "trap",
        "mop",
        "hug",
        "clap",
        "pin",
        "plug",
    ]
)


def inflected(verb: str) -> tuple[str, str, str, str]:
    """Past, participle, gerund and third person of an English verb."""
    if verb in _IRREGULAR:
        past, participle, gerund = _IRREGULAR[verb]
    else:
        stem = verb + verb[-1] if verb in _DOUBLED - {"snuff"} else verb
        if verb.endswith("e"):
            past, gerund = verb + "d", verb[:-1] + "ing"
        elif verb.endswith("y") and verb[-2:-1] not in "aeiou":
            past, gerund = verb[:-1] + "ied", verb + "ing"
        else:
            past, gerund = stem + "ed", stem + "ing"
        participle = past
    if verb.endswith(("s", "sh", "ch", "x", "o")):
        third = verb + "es"
    elif verb.endswith("y") and verb[-2:-1] not in "aeiou":
        third = verb[:-1] + "ies"
    else:
        third = verb + "s"
    return past, participle, gerund, third


def forms_of(phrase: str) -> dict[str, str]:
    """An English phrase that begins with its verb, in all its forms."""
    verb, _, rest = phrase.partition(" ")
    past, participle, gerund, third = inflected(verb)
    firsts = {"vp": verb, "vpast": past, "vpp": participle, "ving": gerund, "v3": third}
    return {form: f"{first} {rest}".strip() for form, first in firsts.items()}
