"""Sentences that the reader learns from: orders, and everything that only looks like one.

A sentence is made of a phrase ("turn on the lamp"), a frame around it ("he told me to …") and open
words, and is then dressed as people type. What it is labelled with follows from its frame.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType

from sensebind.agent.corpus import chinese, english
from sensebind.agent.corpus.chinese import TRADITIONAL
from sensebind.agent.corpus.grammar import Grammar
from sensebind.agent.corpus.noise import slip
from sensebind.agent.corpus.phrasing import article, number_zh, utterance
from sensebind.agent.llm.reader.actions import ACTIONS, CATEGORIES
from sensebind.agent.training.reader import (
    chinese_frames,
    chinese_orders,
    chinese_others,
    english_frames,
    english_orders,
    english_others,
)
from sensebind.agent.training.reader.open_words import Verb, open_words

ASK, DO = 1, 2
_SLOT = re.compile(r"\{(\w+)\}")
_CJK = re.compile(r"[㐀-鿿]")


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


_NUMBERS = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def number_en(value: int) -> str:
    """A number from 0 to 180 in English words."""
    if value >= 100:
        rest = value - 100
        return "a hundred" + (f" and {number_en(rest)}" if rest else "")
    if value < 20:
        return _NUMBERS[value]
    tens, ones = divmod(value, 10)
    return _TENS[tens - 2] + (f"-{_NUMBERS[ones]}" if ones else "")


class Language:
    """The grammar of one language, with what fills its slots."""

    def __init__(self, lang: str) -> None:
        """Parses the frames.

        Args:
            lang: `en` or `zh`.
        """
        self.lang = lang
        orders: ModuleType = english_orders if lang == "en" else chinese_orders
        frames: ModuleType = english_frames if lang == "en" else chinese_frames
        others: ModuleType = english_others if lang == "en" else chinese_others
        self.orders, self.frames, self.others = orders, frames, others
        templates: dict[str, list[str]] = {
            f"phrase_{name}": _lines(text) for name, text in orders.PHRASES.items()
        }
        templates |= {f"bare_{name}": _lines(text) for name, text in orders.BARE.items()}
        templates |= {f"half_{name}": _lines(text) for name, text in orders.HALF.items()}
        templates |= {f"remark_{name}": _lines(text) for name, text in orders.REMARKS.items()}
        templates |= {f"state_{name}": [text] for name, text in orders.STATES.items()}
        templates |= {f"device_{name}": [text] for name, text in orders.DEVICES.items()}
        for name in [
            "ORDER",
            "NEGATION",
            "QUESTION",
            "REPORT",
            "CONDITION",
            "HYPOTHETICAL",
            "QUOTATION",
            "CLAUSES",
            "REASONS",
        ]:
            templates[name.lower()] = _lines(getattr(frames, name))
        for name in ("CLAUSES_BARE", "CLAUSES_PAST"):
            templates[name.lower()] = _lines(getattr(frames, name, frames.CLAUSES))
        templates |= {
            "later": [frames.LATER],
            "who": [frames.WHO],
            "place": [orders.PLACES],
            "unknown": [others.UNKNOWN],
            "switched": [others.SWITCHED],
            "tasks": _lines(others.TASKS),
            "errands": _lines(others.ERRANDS),
            "detail": [others.DETAILS],
            "unit": [others.UNITS],
            "babble": _lines(others.BABBLE),
        }
        self.grammar = Grammar(frames.RULES, templates)
        # Every line of a frame is as likely as any other, however many ways it has.
        self.lines = {
            name: [Grammar(frames.RULES, {"x": [line]}) for line in texts]
            for name, texts in templates.items()
            if name in _FRAMES
        }
        self.words = open_words(lang)

    def frame(self, name: str, rng: random.Random) -> str:
        """A frame, its choices made and its slots open."""
        return rng.choice(self.lines[name]).sample("x", rng)

    # --- phrases --------------------------------------------------------------------------------

    def phrase(self, rng: random.Random, action: str = "") -> Phrase:
        """A phrase for an action of the robot."""
        action = action or rng.choices(ACTIONS, _ACTION_WEIGHTS)[0]
        family = action.split("_")[0]
        device = noun = ""
        if f"device_{family}" in self.grammar.intents:
            device = self.grammar.sample(f"device_{family}", rng)
            noun = device.split()[-1] if self.lang == "en" else device
        fill = {
            "d": lambda: device,
            "deg": lambda: self.degrees(rng),
            "dist": lambda: self.distance(rng),
            "temp": lambda: self.temperature(rng),
            "thing": lambda: self.thing(rng),
        }
        text = _filled(self.grammar.sample(f"phrase_{action}", rng), fill)
        forms = forms_of(text) if self.lang == "en" else dict.fromkeys(_FORMS, text)
        fill["vp"] = lambda: forms["vp"]
        bare = _filled(self.grammar.sample(f"bare_{action}", rng), fill)
        remark = self.grammar.sample(f"remark_{action}", rng)
        states = f"state_{action}"
        state = self.grammar.sample(states, rng) if states in self.grammar.intents else ""
        return Phrase(action, forms, device, noun, state, bare, remark, _vp0(action, rng))

    def unknown_phrase(self, rng: random.Random) -> Phrase:
        """A phrase for something that the robot cannot do."""
        if rng.random() < 0.45:
            named = self.grammar.sample("unknown", rng)
            draw = rng.random()
            if draw < 0.25:
                named = rng.choice(self.words.nouns)
            elif draw < 0.4:
                device = rng.choice(("lamp", "radio", "fan", "door"))
                plain = {"lamp": "灯", "radio": "收音机", "fan": "风扇", "door": "门"}
                other = rng.choice(self.words.nouns)
                if self.lang == "en":
                    named = rng.choice((f"{other} {device}", f"{device} {other}"))
                else:
                    named = rng.choice((f"{other}的{plain[device]}", f"{plain[device]}的{other}"))
            elif draw < 0.45 and self.lang == "en":
                named = f"{rng.choice(self.words.adjectives)} {named}"
            noun = named
            if self.lang == "en" and rng.random() < 0.8:
                named = f"{rng.choice(('the', 'the', 'the', 'my', 'that', 'our', 'a'))} {named}"
            number = self.number(rng)
            pattern = self.grammar.sample("switched", rng)
            text = _filled(pattern, {"u": lambda: named, "num": lambda: number})
            state = rng.choice(_UNKNOWN_STATES[self.lang])
        else:
            device_family = rng.choice(tuple(self.orders.DEVICES))
            device = self.grammar.sample(f"device_{device_family}", rng)
            text = self.filled(self.grammar.sample("tasks", rng), rng, device=device)
            named, noun, state = device, device.split()[-1], ""
            if self.lang == "zh":
                noun = device
        forms = forms_of(text) if self.lang == "en" else dict.fromkeys(_FORMS, text)
        vp0 = rng.choice(("打开", "关掉", "开", "关", "弄"))
        return Phrase("", forms, named, noun, state, text, "", vp0)

    # --- slots ----------------------------------------------------------------------------------

    def filled(
        self,
        frame: str,
        rng: random.Random,
        phrase: Phrase | None = None,
        device: str = "",
    ) -> str:
        """A frame with its slots filled."""
        words, zh = self.words, self.lang == "zh"

        def verb(form: str) -> str:
            one: Verb = rng.choice(words.verbs)
            return str(getattr(one, form))

        def clause(name: str) -> str:
            return self.filled(self.grammar.sample(name, rng), rng)

        def other() -> Phrase:
            return self.phrase(rng) if rng.random() < 0.6 else self.unknown_phrase(rng)

        shown = device or (phrase.device if phrase else "")
        fill: dict[str, Callable[[], str]] = {
            "noun": lambda: rng.choice(words.nouns),
            "adj": lambda: rng.choice(words.adjectives),
            "name": lambda: rng.choice(
                words.names if zh and rng.random() < 0.5 else self.frames.NAMES
            ),
            "place1": lambda: rng.choice(words.places) if zh else rng.choice(_PLACES_EN),
            "overb": lambda: verb("base"),
            "oint": lambda: rng.choice(_PLAIN_VERBS),
            "averb": lambda: rng.choice(_PLAIN_VERBS),
            "overbing": lambda: verb("gerund"),
            "overbpast": lambda: verb("past"),
            "overb3": lambda: verb("third"),
            "prep": lambda: rng.choice(english_others.PREPOSITIONS),
            "animal": lambda: rng.choice(("dog", "cat", "bird")),
            "he": lambda: rng.choice(("他", "她", "")) if zh else rng.choice(("he", "she", "they")),
            "who": lambda: clause("who"),
            "clause": lambda: clause("clauses"),
            "clausebare": lambda: clause("clauses_bare"),
            "clausepast": lambda: clause("clauses_past"),
            "reason": lambda: clause("reasons"),
            "later": lambda: self.grammar.sample("later", rng),
            "place": lambda: self.grammar.sample("place", rng),
            "num": lambda: self.number(rng),
            "temp": lambda: self.temperature(rng),
            "detail": lambda: self.grammar.sample("detail", rng),
            "unit": lambda: self.grammar.sample("unit", rng),
            "code": lambda: _code(rng),
            "day": lambda: rng.choice(_DAYS),
            "language": lambda: rng.choice(_LANGUAGES),
            "Name": lambda: rng.choice(self.frames.NAMES).capitalize(),
            "Place": lambda: _named_place(words.nouns, rng),
            "anyu": lambda: self.grammar.sample("unknown", rng),
            "d": lambda: shown,
            "d2": lambda: phrase.noun if phrase else (shown.split() or [""])[-1],
            "word": lambda: rng.choice(
                (phrase.noun if phrase and phrase.noun else rng.choice(words.nouns), shown)
            ),
            "vp2": lambda: other().forms["vp"],
        }
        if phrase is not None:
            for form in _FORMS:
                fill[form] = lambda form=form: phrase.forms[form]
            fill |= {
                "state": lambda: phrase.state,
                "bare": lambda: phrase.bare,
                "remark": lambda: phrase.remark,
                "vp0": lambda: phrase.vp0,
                "vpast0": lambda: phrase.forms["vpast"],
                "vpast1": lambda: phrase.forms["vp"],
                "vpp1": lambda: _participle(phrase),
            }
        return _filled(frame, fill)

    def number(self, rng: random.Random) -> str:
        """Any number."""
        value = rng.randrange(0, 180)
        if rng.random() < 0.5:
            return str(value)
        return number_en(value) if self.lang == "en" else number_zh(value % 100)

    def temperature(self, rng: random.Random) -> str:
        """A temperature, mostly with its unit."""
        value = rng.randrange(10, 31)
        half = rng.random() < 0.06
        if self.lang == "zh":
            number = str(value) if rng.random() < 0.6 else number_zh(value)
            unit = rng.choice(("度", "度", "度", "摄氏度", "℃", "度左右" if half else "度"))
            return number + (".5" if half and number.isdigit() else "") + unit
        number = str(value) if rng.random() < 0.65 else number_en(value)
        number += ".5" if half and number.isdigit() else ""
        units = (" degrees",) * 6 + (" degrees celsius", " celsius", "°", "°C", " C", "", "", "")
        return number + rng.choice(units)

    def degrees(self, rng: random.Random) -> str:
        """An angle."""
        value = rng.choice((10, 15, 20, 30, 45, 60, 75, 90, 90, 100, 120, 135, 150, 5, 25, 35, 180))
        if rng.random() < 0.2:
            value = rng.randrange(1, 181)
        if self.lang == "zh":
            number = str(value) if rng.random() < 0.6 or value > 99 else number_zh(value)
            return number + "度"
        number = str(value) if rng.random() < 0.65 else number_en(value)
        return number + rng.choice((" degrees",) * 6 + ("°", " deg", " degree"))

    def distance(self, rng: random.Random) -> str:
        """A distance."""
        draw = rng.random()
        if self.lang == "zh":
            if draw < 0.3:
                return rng.choice(
                    ("半米", "一米", "两米", "一米半", "三米", "一点五米", "零点五米", "两米五")
                )
            if draw < 0.6:
                return f"{rng.choice((10, 20, 30, 40, 50, 60, 80, 100, 120, 150))}{rng.choice(('厘米', '公分', 'cm'))}"
            if draw < 0.75:
                return (
                    f"{number_zh(rng.choice((10, 20, 30, 50, 80)))}{rng.choice(('厘米', '公分'))}"
                )
            return f"{rng.choice(('0.3', '0.5', '1', '1.2', '1.5', '2', '2.5', '3', '0.8'))}{rng.choice(('米', '米', 'm'))}"
        if draw < 0.3:
            words = "half a metre|a metre|one metre|two metres|a metre and a half|one and a half metres|three metres|half a meter|a meter|one meter|two meters|three meters|a half meter|one point five metres|a quarter of a metre|four metres|a few centimetres|a couple of metres"
            return rng.choice(words.split("|"))
        if draw < 0.6:
            amount = rng.choice((10, 20, 25, 30, 40, 50, 60, 70, 80, 100, 120, 150))
            unit = rng.choice((" cm", "cm", " centimetres", " centimeters", " cm"))
            return f"{amount if rng.random() < 0.7 or amount > 99 else number_en(amount)}{unit}"
        amount = rng.choice(
            ("0.3", "0.5", "1", "1.2", "1.5", "2", "2.5", "3", "0.8", "4", ".5", "0.4")
        )
        return f"{amount}{rng.choice((' m', 'm', ' metres', ' meters', ' metre', ' meter'))}"

    def thing(self, rng: random.Random) -> str:
        """A thing of SimHome, with or without its colour."""
        module = english if self.lang == "en" else chinese
        kind = rng.choice(tuple(module.NOUNS))
        noun = rng.choice(module.NOUNS[kind])
        color = rng.choice(module.COLOR_NAMES[rng.choice(tuple(module.COLOR_NAMES))])
        if self.lang == "en":
            noun = f"{color} {noun}" if rng.random() < 0.35 else noun
            the = rng.choice(("the", "the", "the", "the", "that", "my", "a", ""))
            return (article(noun) if the == "a" else f"{the} {noun}").strip()
        if rng.random() < 0.35:
            noun = f"{color}{'的' if len(color) == 1 or rng.random() < 0.7 else ''}{noun}"
        the = rng.choice(("", "", "", "那个", "这个", "我的", f"那{chinese.MEASURES[kind]}"))
        return the + noun


_FORMS = ("vp", "ving", "vpast", "vpp", "v3")
_FRAMES = frozenset(
    [
        "order",
        "negation",
        "question",
        "report",
        "condition",
        "hypothetical",
        "quotation",
        "babble",
        "tasks",
        "errands",
    ]
)
_ACTION_WEIGHTS = [1.0, 1.0, 1.0, 1.0, 0.9, 0.9, 1.1, 1.1, 1.0, 1.2, 0.8, 0.8, 0.5, 0.8, 0.8] + [
    0.25
] * 6
_UNKNOWN_STATES = {
    "en": ("on", "off", "open", "closed", "running", "empty", "full", "broken", "clean", "locked"),
    "zh": ("开着", "关着", "坏了", "满着", "锁着", "开的", "关的"),
}
_PLACES_EN = [
    "paris",
    "london",
    "berlin",
    "tokyo",
    "texas",
    "china",
    "france",
    "spain",
    "school",
    "church",
    "town",
    "bed",
    "work",
]
_PLAIN_VERBS = [
    "read",
    "sleep",
    "work",
    "see",
    "eat",
    "cook",
    "think",
    "study",
    "relax",
    "rest",
    "dance",
    "write",
    "concentrate",
    "go out",
    "leave",
    "listen",
    "breathe",
    "clean up",
    "get some air",
    "watch a film",
    "take a call",
    "hear you",
    "find my keys",
    "come in",
    "get in",
    "get some rest",
    "focus",
    "see better",
    "cool down",
    "warm up",
    "get dressed",
    "see what i'm doing",
]
_VP0 = {
    "on": ("打开", "开", "开一下", "开开", "开起来"),
    "off": ("关掉", "关", "关上", "关一下", "关了"),
    "open": ("打开", "开", "开一下", "推开"),
    "close": ("关上", "关", "关好", "锁上", "关一下"),
}


_DAYS = "Monday,Tuesday,Wednesday,Thursday,Friday,Saturday,Sunday,May 3rd".split(",")
_LANGUAGES = "English,German,French,Spanish,Chinese,Italian,Dutch".split(",")


def _code(rng: random.Random) -> str:
    """What numbers or names one of many: "7", "B2", "FX-1234"."""
    letters = "".join(rng.choice("ABCDEFGHKLMNPRSTX") for _ in range(rng.randint(1, 3)))
    number = str(rng.randint(1, 9999 if rng.random() < 0.3 else 40))
    return rng.choice((number, number, letters[0] + number, f"{letters}-{number}", letters))


def _named_place(nouns: Sequence[str], rng: random.Random) -> str:
    """A place with a name of its own."""
    if rng.random() < 0.4:
        return rng.choice(_PLACES_EN).capitalize()
    noun = rng.choice(nouns).capitalize()
    return rng.choice((noun, f"{noun} {rng.choice(nouns).capitalize()}", f"{noun} Street"))


def _vp0(action: str, rng: random.Random) -> str:
    family, _, way = action.partition("_")
    return rng.choice(_VP0.get(way, ("",))) if family != "it" else ""


def _participle(phrase: Phrase) -> str:
    """The participle without its device: "turned on", "opened"."""
    words = phrase.forms["vpp"].replace(phrase.device, "") if phrase.device else ""
    return " ".join(words.split())


def _lines(text: str) -> list[str]:
    return [line for line in text.splitlines() if line]


def _filled(frame: str, fill: Mapping[str, Callable[[], str]]) -> str:
    while "{" in frame:
        frame = _SLOT.sub(lambda match: fill[match[1]](), frame)
    return frame


@cache
def language(lang: str) -> Language:
    """The grammar of a language."""
    return Language(lang)


# --- sentences ------------------------------------------------------------------------------------

_CATEGORY_OF = {
    "negation": "forbidden",
    "question": "question",
    "report": "report",
    "condition": "condition",
    "hypothetical": "hypothetical",
    "quotation": "quotation",
}
_NEEDS_DEVICE = re.compile(r"\{(?:d|d2|state|vp0|vpp1)\}")


def _framed(tongue: Language, name: str, phrase: Phrase, rng: random.Random) -> str:
    """A phrase in a frame that suits it."""
    for _ in range(60):
        frame = tongue.frame(name, rng)
        if "{state}" in frame and not phrase.state:
            continue
        if _NEEDS_DEVICE.search(frame) and not phrase.device:
            continue
        if "{remark}" in frame and not phrase.remark:
            continue
        if ("{vp0}" in frame and not phrase.vp0) or ("{vpp1}" in frame and not phrase.device):
            continue
        # Open-ended states and what leads to them belong to devices that are switched.
        return tongue.filled(frame, rng, phrase)
    return phrase.forms["vp"]


def order(tongue: Language, rng: random.Random) -> Example:
    """An order of something that the robot can do."""
    phrase = tongue.phrase(rng)
    text = _framed(tongue, "order", phrase, rng)
    return Example(text, "order", {phrase.action: DO})


def lookalike(tongue: Language, rng: random.Random, name: str) -> Example:
    """A sentence around an order that is none: a negation, a question, a report, …"""
    phrase = tongue.unknown_phrase(rng) if rng.random() < 0.22 else tongue.phrase(rng)
    return Example(_framed(tongue, name, phrase, rng), _CATEGORY_OF[name])


def cannot(tongue: Language, rng: random.Random) -> Example:
    """An order of something that the robot cannot do."""
    phrase = tongue.unknown_phrase(rng)
    text = _framed(tongue, "order", phrase, rng) if rng.random() < 0.6 else phrase.forms["vp"]
    return Example(text, "request")


def errand(tongue: Language, rng: random.Random) -> Example:
    """What somebody may ask of a tool that is not the robot's; no word of it is known."""
    text = tongue.filled(tongue.frame("errands", rng), rng)
    if rng.random() < 0.25:
        lead = ("please ", "can you ", "could you ", "i want you to ", "hey robot, ")
        text = rng.choice(lead if tongue.lang == "en" else ("请", "帮我", "能不能")) + text
    return Example(text, "request")


def half(tongue: Language, rng: random.Random) -> Example:
    """An order that lacks something, or a remark: the robot asks."""
    if rng.random() < 0.5:
        phrase = tongue.phrase(rng)
        while phrase.action.startswith("it_"):  # whose remarks ask for nothing in particular
            phrase = tongue.phrase(rng)
        remark = phrase.remark
        if rng.random() < 0.3:
            reason = tongue.filled(tongue.grammar.sample("reasons", rng), rng)
            remark = f"{remark}, {reason}" if rng.random() < 0.5 else f"{reason}, {remark}"
        return Example(remark, "hint", {phrase.action: ASK})
    action = rng.choice(tuple(tongue.orders.HALF))
    whole = tongue.phrase(rng, action)
    device = whole.device or "it"
    text = tongue.filled(tongue.grammar.sample(f"half_{action}", rng), rng, device=device)
    phrase = Phrase(
        action,
        forms_of(text) if tongue.lang == "en" else dict.fromkeys(_FORMS, text),
        device,
        whole.noun,
        "",
        text,
        whole.remark,
    )
    if rng.random() < 0.6:
        text = _framed(tongue, "order", phrase, rng)
    return Example(text, "hint", {action: ASK})


_ENGLISH_AND = (
    " and ",
    ", and ",
    " and then ",
    ", then ",
    ". ",
    ", ",
    " and also ",
    "; ",
    " and please ",
    ". Then ",
    ", also ",
    ". And ",
)
_ENGLISH_BUT = (" but ", ", but ", ". But ", ", only ", ". ", " - but ", "; ", ", just ")
_CHINESE_AND = (
    "，然后",
    "，再",
    "，",
    "。",
    "，并且",
    "，还有",
    "，同时",
    "然后",
    "再",
    "，顺便",
    "，接着",
    "，也",
    "，之后",
)
_CHINESE_BUT = ("，但是", "，不过", "，但", "，只是", "，", "。", "，可是", "但")


def _short(tongue: Language, phrase: Phrase, rng: random.Random) -> str:
    """An order in few words."""
    frames = (
        (
            "{vp}",
            "{vp}",
            "{vp}",
            "please {vp}",
            "{vp} please",
            "can you {vp}",
            "could you {vp}",
            "just {vp}",
            "i want you to {vp}",
        )
        if tongue.lang == "en"
        else ("{vp}", "{vp}", "{vp}", "请{vp}", "帮我{vp}", "{vp}吧", "能不能{vp}")
    )
    return tongue.filled(rng.choice(frames), rng, phrase)


_SHORT_NOT = {
    "en": (
        "don't {vp}", "do not {vp}", "please don't {vp}", "never {vp}", "leave {d} alone", "leave {d} as it is",
        "{d} stays as it is", "don't touch {d}", "not {d}", "you don't need to {vp}", "no need to {vp}",
        "{d} can stay the way it is", "don't you dare {vp}", "without {ving}", "i don't want you to {vp}", "leave {d}",
        "{d} stays {unstate}", "leave {d} {unstate}", "keep your hands off {d}", "forget about {d}", "not a word about {d}",
        "do nothing with {d}", "{d} is fine", "hold off on {ving}", "avoid {ving}", "don't {vp} yet", "{d} should stay {unstate}",
    ),
    "zh": (
        "别{vp}", "不要{vp}", "不用{vp}", "先别{vp}", "不必{vp}", "{d}不用管", "别碰{d}", "别动{d}", "{d}不要动", "{d}就那样吧",
        "{d}留着", "不用管{d}", "千万别{vp}", "{d}别{vp0}", "{d}不用{vp0}", "{d}先别{vp0}", "{d}保持原样", "不许{vp}", "暂时不{vp}",
    ),
}  # fmt: skip
_UNSTATE = {
    "lamp_on": "off", "lamp_off": "on", "radio_on": "off", "radio_off": "on", "fan_on": "off",
    "fan_off": "on", "door_open": "closed", "door_close": "open", "thermostat_set": "where it is",
}  # fmt: skip


def _not(tongue: Language, phrase: Phrase, rng: random.Random) -> str:
    for _ in range(40):
        frame = rng.choice(_SHORT_NOT[tongue.lang])
        if _NEEDS_DEVICE.search(frame) and not phrase.device:
            continue
        if "{unstate}" in frame:
            if phrase.action not in _UNSTATE:
                continue
            frame = frame.replace("{unstate}", _UNSTATE[phrase.action])
        if "{vp0}" in frame and not phrase.vp0:
            continue
        return tongue.filled(frame, rng, phrase)
    return tongue.filled("don't {vp}" if tongue.lang == "en" else "别{vp}", rng, phrase)


def _two(tongue: Language, rng: random.Random) -> tuple[Phrase, Phrase]:
    """Two phrases of different devices."""
    first = tongue.phrase(rng)
    while True:
        second = tongue.phrase(rng)
        if second.action.split("_")[0] != first.action.split("_")[0]:
            return first, second


def clauses(tongue: Language, rng: random.Random) -> Example:
    """Two clauses, of which both, one or none is an order."""
    en = tongue.lang == "en"
    both, but = (_ENGLISH_AND, _ENGLISH_BUT) if en else (_CHINESE_AND, _CHINESE_BUT)
    a, b = _two(tongue, rng)
    unknown = tongue.unknown_phrase(rng)
    do_a, do_b = {a.action: DO}, {b.action: DO}
    short_a, short_b, short_u = (_short(tongue, one, rng) for one in (a, b, unknown))
    kind = rng.choices(range(12), (14, 12, 12, 10, 12, 9, 7, 7, 6, 10, 6, 5))[0]
    join = rng.choice(both)
    match kind:
        case 0:  # one, and not the other
            negated = _not(tongue, b if rng.random() < 0.75 else unknown, rng)
            return Example(f"{short_a}{rng.choice((*but, *both))}{negated}", "order", do_a)
        case 1:  # not the one, but the other
            negated = _not(tongue, b if rng.random() < 0.75 else unknown, rng)
            return Example(f"{negated}{rng.choice(but)}{short_a}", "order", do_a)
        case 2:  # one that it can do, and one that it cannot
            pair = (
                [short_a, unknown.forms["vp"]] if rng.random() < 0.6 else [short_u, a.forms["vp"]]
            )
            return Example(join.join(pair), "order", do_a)
        case 3:
            return Example(f"{short_a}{join}{b.forms['vp']}", "order", do_a | do_b)
        case 4:  # "open the door but not the window"
            if not a.device:
                a = tongue.phrase(rng, rng.choice(("lamp_on", "door_open", "radio_off", "fan_on")))
            other = b.device or unknown.device
            if rng.random() < 0.5:
                name = tongue.grammar.sample("unknown", rng)
                other = f"the {name}" if en else name
            head = _short(tongue, a, rng)
            if rng.random() < 0.35:  # "turn on the lamp and the dishwasher"
                names = f"{head} and {other}" if en else f"{head}和{other}"
                if b.device == other and a.action.split("_")[1] in ("on", "off"):
                    family = b.action.split("_")[0]
                    same = f"{family}_{a.action.split('_')[1]}"
                    more = {same: DO} if same in ACTIONS else {}
                    return Example(names, "order", {a.action: DO} | more)
                return Example(names, "order", {a.action: DO})
            nots = (
                (
                    " but not {o}",
                    ", not {o}",
                    " and not {o}",
                    ", but leave {o}",
                    ", {o} not",
                    " only, not {o}",
                    " but leave {o} alone",
                    " without {o}",
                    " except {o}",
                )
                if en
                else (
                    "，不是{o}",
                    "，不要动{o}",
                    "，别管{o}",
                    "，{o}不用",
                    "，但{o}别动",
                    "，而不是{o}",
                    "，{o}就算了",
                    "就行，{o}不要",
                )
            )
            return Example(head + rng.choice(nots).format(o=other), "order", {a.action: DO})
        case 5:  # instead of
            given = b if rng.random() < 0.8 else unknown
            if en:
                frame = rng.choice(
                    (
                        f"instead of {given.forms['ving']}, {short_a}",
                        f"{short_a} instead of {given.forms['ving']}",
                        f"rather than {given.forms['ving']}, {short_a}",
                        f"{short_a} rather than {given.forms['ving']}",
                        f"{short_a}, not {given.forms['ving']}",
                        f"i said {a.forms['vp']}, not {given.forms['vp']}",
                        f"don't {given.forms['vp']}, {a.forms['vp']} instead",
                        f"{given.forms['vp']}? no, {a.forms['vp']}",
                        f"{given.forms['vp']}, no wait, {a.forms['vp']}",
                    )
                )
            else:
                frame = rng.choice(
                    (
                        f"与其{given.forms['vp']}，不如{a.forms['vp']}",
                        f"不要{given.forms['vp']}，而是{a.forms['vp']}",
                        f"别{given.forms['vp']}了，改成{a.forms['vp']}",
                        f"我说的是{a.forms['vp']}，不是{given.forms['vp']}",
                        f"{given.forms['vp']}，不对，{a.forms['vp']}",
                        f"先不{given.forms['vp']}，{a.forms['vp']}就行",
                    )
                )
            return Example(frame, "order", do_a)
        case 6:  # neither
            if en:
                frame = rng.choice(
                    (
                        f"neither {a.forms['vp']} nor {b.forms['vp']}",
                        f"don't {a.forms['vp']} or {b.forms['vp']}",
                        f"don't {a.forms['vp']} and don't {b.forms['vp']}",
                        f"don't {a.forms['vp']}, and don't {b.forms['vp']} either",
                        f"{_not(tongue, a, rng)} and {_not(tongue, b, rng)}",
                        f"{_not(tongue, a, rng)}. {_not(tongue, b, rng)}",
                        f"{_not(tongue, a, rng)}, {_not(tongue, unknown, rng)}",
                        f"you should neither {a.forms['vp']} nor {b.forms['vp']}",
                        f"without {a.forms['ving']} or {b.forms['ving']}",
                    )
                )
            else:
                frame = rng.choice(
                    (
                        f"不要{a.forms['vp']}也不要{b.forms['vp']}",
                        f"别{a.forms['vp']}，也别{b.forms['vp']}",
                        f"{_not(tongue, a, rng)}，{_not(tongue, b, rng)}",
                        f"既不要{a.forms['vp']}，也不要{b.forms['vp']}",
                        f"{_not(tongue, a, rng)}，也{_not(tongue, b, rng)}",
                        f"{_not(tongue, a, rng)}，{_not(tongue, unknown, rng)}",
                    )
                )
            return Example(frame, "forbidden")
        case 7:  # either
            if en:
                frame = rng.choice(
                    (
                        f"should i {a.forms['vp']} or {b.forms['vp']}",
                        f"shall we {a.forms['vp']} or {b.forms['vp']}",
                        f"do you want to {a.forms['vp']} or {b.forms['vp']}",
                        f"what is better, to {a.forms['vp']} or to {b.forms['vp']}",
                        f"would you rather {a.forms['vp']} or {b.forms['vp']}",
                        f"did you {a.forms['vp']} or {b.forms['vp']}",
                        f"{_framed(tongue, 'question', a, rng)}? {_framed(tongue, 'question', b, rng)}",
                        f"is it better to {a.forms['vp']} or {b.forms['vp']}",
                    )
                )
                if rng.random() < 0.3:
                    levels = {a.action: ASK, b.action: ASK}
                    return Example(
                        rng.choice(
                            (
                                f"either {a.forms['vp']} or {b.forms['vp']}",
                                f"{a.forms['vp']} or {b.forms['vp']}",
                                f"{a.forms['vp']}, or maybe {b.forms['vp']}",
                            )
                        ),
                        "hint",
                        levels,
                    )
            else:
                frame = rng.choice(
                    (
                        f"{a.forms['vp']}还是{b.forms['vp']}",
                        f"我该{a.forms['vp']}还是{b.forms['vp']}",
                        f"要{a.forms['vp']}还是{b.forms['vp']}",
                        f"你是想{a.forms['vp']}还是{b.forms['vp']}",
                        f"{a.forms['vp']}好还是{b.forms['vp']}好",
                    )
                )
                if rng.random() < 0.3:
                    levels = {a.action: ASK, b.action: ASK}
                    return Example(f"{a.forms['vp']}或者{b.forms['vp']}", "hint", levels)
            return Example(frame, "question")
        case 8:  # nothing that it can do
            return Example(f"{short_u}{join}{tongue.unknown_phrase(rng).forms['vp']}", "request")
        case 9:  # now the one, the other under a condition or later
            late = _framed(tongue, "condition", b, rng)
            if rng.random() < 0.6:
                return Example(f"{short_a}{join}{late}", "order", do_a)
            back = rng.choice(
                (". ", ". For now ", ", but for now ", ", but now ", ", right now ")
                if en
                else ("。现在", "，但是现在", "，现在先", "。")
            )
            return Example(f"{late}{back}{short_a}", "order", do_a)
        case 10:  # a report or a question, and an order
            name = rng.choice(("report", "question"))
            other = _framed(tongue, name, b, rng)
            mark = "? " if name == "question" else ". "
            if not en:
                mark = "？" if name == "question" else "。"
            if rng.random() < 0.6:
                return Example(f"{other}{mark}{short_a}", "order", do_a)
            return Example(f"{short_a}{'. ' if en else '。'}{other}", "order", do_a)
        case _:  # two conditions, or two reports
            name = rng.choice(("condition", "report", "negation", "hypothetical"))
            first, second = _framed(tongue, name, a, rng), _framed(tongue, name, b, rng)
            return Example(f"{first}{join}{second}", _CATEGORY_OF[name])


_CORPUS_OTHERS = tuple(
    (intent, category, weight)
    for category, weight, intents in (
        (
            "question",
            1.0,
            "see hear scan all color count where thermostat_get time who recall abilities",
        ),
        ("talk", 1.0, "greeting thanks bye unknown"),
        ("request", 1.6, "watch cannot"),
        ("question", 1.5, "state"),
    )
    for intent in intents.split()
)
_CORPUS_ORDERS = [
    "lamp_on",
    "lamp_off",
    "radio_on",
    "radio_off",
    "fan_on",
    "fan_off",
    "door_open",
    "door_close",
    "thermostat_set",
    "approach",
    "turn_left",
    "turn_right",
    "turn_around",
    "drive_ahead",
    "drive_back",
]
_PLAINLY = {
    "lamp": r"lamp|light|bulb|illuminat|brighten|灯|光|亮",
    "radio": r"radio|music|tune|song|noise|racket|silence|quiet|mute|stereo|收音机|音乐|歌|广播|电台|静|音响",
    "fan": r"\bfan|ventilat|breeze|\bair\b|wind|propeller|blow|扇|风",
    "door": r"door|gate|entrance|\bopen|close|shut|lock|let |门|进来|出去",
    "thermostat": r"\d|teen|twent|thirty|\bten\b|eleven|twelve|度",
}
_NOT_PLAIN = re.compile(
    r"n't\b|\bnot\b|\bno\b|\bnobody|^(?:why|who|is|are|was|were|what|where|do|does|did|has|have)\b|"
    r"there is|there's|别|不要|不用|不需要|不想|怎么|谁|吗$|了吗|可以(?:不)?$"
)
_VERBAL = re.compile(
    r"turn|switch|put|start|stop|open|clos|shut|lock|play|set|make|let|get|give|kill|cut|power|light"
    r"|flip|mute|silence|on\b|off\b|out\b|need|want|would|should|must|bring|please|can|could|开|关|放"
    r"|听|点|来|吹|停|让|熄|灭|推|拉|调|设|升|降|要|请"
)


def from_corpus(tongue: Language, rng: random.Random) -> Example:
    """What the dialog grammar says for an order; what is no plain order there is asked about."""
    intent = rng.choice(_CORPUS_ORDERS)
    said = utterance("train", intent, tongue.lang, rng, dressed=False, noisy=False)
    text, family = said.text, intent.split("_")[0]
    plain = family not in _PLAINLY or (
        re.search(_PLAINLY[family], text) and _VERBAL.search(text) and not _NOT_PLAIN.search(text)
    )
    if not plain:
        return Example(text, "hint", {intent: ASK})
    return Example(text, "order", {intent: DO})


def corpus_other(tongue: Language, rng: random.Random) -> Example:
    """Questions about what is perceived, greetings, and what the robot cannot do."""
    intents, categories, weights = zip(*_CORPUS_OTHERS, strict=True)
    at = rng.choices(range(len(intents)), weights)[0]
    said = utterance("train", intents[at], tongue.lang, rng, dressed=False, noisy=False)
    return Example(said.text, categories[at])


def foreign(_: Language, rng: random.Random) -> Example:
    """A language that the robot does not speak."""
    lines = _lines(english_others.FOREIGN)
    pieces = rng.choice(lines).split("|")
    text = rng.choice(pieces)
    if rng.random() < 0.25:
        text = f"{text}, {rng.choice(pieces)}"
    if rng.random() < 0.15:  # like a language of its own
        table = dict(zip("aeiouklmnrst", rng.sample("aeiouklmnrst", 12), strict=True))
        text = "".join(table.get(char, char) for char in text)
    return Example(text, "talk")


def plain_lookalike(tongue: Language, rng: random.Random) -> Example:
    """Idioms and other sentences that share words with orders."""
    return Example(rng.choice(_lines(tongue.others.LOOKALIKES)), "talk")


def babble(tongue: Language, rng: random.Random) -> Example:
    """Plain sentences of random words."""
    device = tongue.phrase(rng, rng.choice(("lamp_on", "radio_on", "fan_on", "door_open"))).device
    return Example(tongue.filled(tongue.frame("babble", rng), rng, device=device), "talk")


def puzzling(tongue: Language, rng: random.Random) -> Example:
    """A plain order with a word in it that nobody can explain: it is asked about."""
    one = order(tongue, rng)
    word = rng.choice(
        (
            rng.choice(tongue.words.nouns),
            rng.choice(tongue.words.adjectives),
            rng.choice(tongue.words.verbs).base,
        )
    )
    if tongue.lang == "en":
        parts = one.text.split()
        parts.insert(rng.randrange(1, len(parts) + 1) if len(parts) > 1 else 1, word)
        text = " ".join(parts)
    else:
        at = rng.randrange(0, len(one.text) + 1)
        text = one.text[:at] + word + one.text[at:]
    return Example(text, "hint", dict.fromkeys(one.levels, ASK))


_IT = {
    "en": (
        "{d} is {why}, {it}", "{d} is {why}. {it}", "that {d2} is {why}, {it}", "{d} over there, {it}", "see {d}? {it}",
        "i can't stand {d}, {it}", "i don't need {d} now, {it}", "{remark}, so {it}", "{d}'s {why}, {it} please",
        "{d} is {why}, can you {it}", "about {d}: {it}", "{d} is {why} so {it}", "that's enough {d2} for today, {it}",
        "it's about {d}, {it}", "{d}, {it}", "{d} is {why}, could you {it} please", "i've had enough of {d}, {it}",
    ),
    "zh": (
        "{d}{why}，{it}", "{d}{why}，{it}吧", "那个{d}，{it}", "{d}{why}，请{it}", "{d}{why}。{it}", "我受不了{d}了，{it}",
        "{d}在那边，{it}", "{remark}，{it}吧", "{d}呢，{it}", "说到{d}，{it}", "{d}{why}，能不能{it}",
    ),
}  # fmt: skip
_WHY = {
    ("lamp", "on"): ("off|still off|out", "没开|关着|不亮"),
    ("lamp", "off"): ("too bright|on|still on|blinding", "太亮|开着|还亮着|太刺眼"),
    ("radio", "on"): ("off|silent|still off", "没开|关着"),
    ("radio", "off"): ("too loud|on|awful|annoying|still on", "太吵|开着|太响|还在响"),
    ("fan", "on"): ("off|not running", "没开|没转"),
    ("fan", "off"): ("too noisy|on|too strong|too loud|still on", "太吵|太大|开着|太冷"),
    ("door", "open"): ("closed|locked|shut", "关着|锁着"),
    ("door", "close"): ("open|wide open|ajar", "开着|没关|敞着"),
}


def pronoun(tongue: Language, rng: random.Random) -> Example:
    """A sentence that names a device, and an order that calls it "it"."""
    (family, way), reasons = rng.choice(tuple(_WHY.items()))
    phrase, named = tongue.phrase(rng, f"it_{way}"), tongue.phrase(rng, f"{family}_{way}")
    en = tongue.lang == "en"
    frame = rng.choice(_IT[tongue.lang])
    text = _filled(
        frame,
        {
            "d": lambda: named.device,
            "d2": lambda: named.noun,
            "it": lambda: phrase.forms["vp"],
            "why": lambda: rng.choice(reasons[0 if en else 1].split("|")),
            "remark": lambda: (
                f"{named.remark}, {named.device}" if en else named.remark + named.device
            ),
        },
    )
    return Example(text, "order", {named.action: DO})


def unfinished(tongue: Language, rng: random.Random) -> Example:
    """An order that breaks off before it has named its device."""
    for _ in range(20):
        phrase = tongue.phrase(rng)
        text = phrase.forms["vp"]
        at = text.find(phrase.device) if phrase.device else -1
        head = text[:at].strip() if at > 0 else ""
        if tongue.lang == "zh" and head == "把":
            head = f"把{phrase.device}"
        if head and phrase.action[:4] not in ("door", "ther"):
            break
    else:
        head = "turn on the" if tongue.lang == "en" else "把"
    if tongue.lang == "en":
        head = rng.choice(
            ("{}", "{} the", "can you {}", "please {} the", "could you {} my")
        ).format(head)
    return Example(head, "hint")


_MAKERS: tuple[tuple[Callable[[Language, random.Random], Example], float], ...] = (
    (order, 26.0),
    (from_corpus, 7.0),
    (lambda t, r: lookalike(t, r, "negation"), 9.0),
    (lambda t, r: lookalike(t, r, "question"), 8.0),
    (lambda t, r: lookalike(t, r, "report"), 8.0),
    (lambda t, r: lookalike(t, r, "condition"), 8.0),
    (lambda t, r: lookalike(t, r, "hypothetical"), 5.0),
    (lambda t, r: lookalike(t, r, "quotation"), 5.0),
    (cannot, 8.0),
    (errand, 5.0),
    (clauses, 12.0),
    (half, 4.0),
    (corpus_other, 5.0),
    (foreign, 2.0),
    (plain_lookalike, 2.0),
    (babble, 6.0),
    (puzzling, 2.5),
    (unfinished, 0.8),
    (pronoun, 2.0),
)


def example(lang: str, rng: random.Random) -> Example:
    """One sentence, as it is typed."""
    make = rng.choices([one for one, _ in _MAKERS], [weight for _, weight in _MAKERS])[0]
    made = make(language(lang), rng)
    assert made.category in CATEGORIES
    text = dressed(made.text, lang, made.category, rng)
    return Example(text, made.category, made.levels)


# --- how it is typed ------------------------------------------------------------------------------


def dressed(text: str, lang: str, category: str, rng: random.Random) -> str:
    """Capitals, marks and slips, as people type them, or not."""
    foreign_words = category == "talk" and not text.isascii() and lang == "en"
    if lang == "zh" and _CJK.search(text):
        return _dressed_zh(text, category, rng)
    text = " ".join(text.split())
    if rng.random() < 0.09 and not foreign_words:
        text = slip(text, rng)
    losing = 0.3 if category == "order" else 0.18
    if rng.random() < losing:
        text = text.replace(",", "")
    if rng.random() < 0.08:
        text = text.replace("'", "")
    elif rng.random() < 0.06:
        text = text.replace("'", "’")
    style = rng.random()
    if style < 0.55:
        text = text[:1].upper() + text[1:]
        text = re.sub(r"\bi\b(?!\.)", "I", text)
        text = re.sub(r"([.!?] )([a-z])", lambda match: match[1] + match[2].upper(), text)
    elif style < 0.6:
        text = text.upper()
    elif style < 0.62:
        text = text.title()
    if text.endswith((".", "!", "?", '"', "”", "。", "'")):
        return text
    return text + rng.choice(_ENDS.get(category, (".", "", "")))


_ENDS = {
    "order": (".", ".", "", "", "", "!", "?", "", "!!", " ."),
    "question": ("?", "?", "?", "?", "", "", "??", " ?"),
    "hypothetical": ("?", "?", ".", "", ""),
    "request": (".", ".", "", "", "!", "?", ""),
}


def _dressed_zh(text: str, category: str, rng: random.Random) -> str:
    text = text.replace(" ", rng.choice(("，", "，", " ", "")))
    if rng.random() < 0.2:
        text = text.replace("，", rng.choice((",", " ", "")))
    draw = rng.random()
    if draw < 0.05:
        text = "".join(TRADITIONAL.get(char, char) for char in text)
    elif draw < 0.07 and len(text) > 7 and category == "order":
        at = rng.randrange(len(text))
        text = text[:at] + text[at + 1 :]
    if text.endswith(("。", "！", "？", "”", "」", ".", "?", "!", '"')):
        return text
    question = text.endswith(("吗", "呢")) or category == "question"
    return text + rng.choice(
        ("？", "？", "?", "", "") if question else ("。", "。", "", "", "！", "!")
    )
