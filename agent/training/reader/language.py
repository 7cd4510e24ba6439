"""The grammar of one language: phrases, frames, and what fills their slots."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from types import ModuleType

from sensebind.agent.corpus import chinese, english
from sensebind.agent.corpus.grammar import Grammar
from sensebind.agent.corpus.phrasing import article, number_zh
from sensebind.agent.reader.actions import ORDERS
from sensebind.agent.training.reader import (
    asked_words,
    chinese_frames,
    chinese_orders,
    chinese_others,
    english_frames,
    english_orders,
    english_others,
)
from sensebind.agent.training.reader.open_words import Verb, open_words
from sensebind.agent.training.reader.phrases import Phrase, forms_of

_SLOT = re.compile(r"\{(\w+)\}")


def number_en(value: int, rng: random.Random | None = None) -> str:
    """A number from 0 to 180 in English words; with a generator sometimes without its hyphen."""
    if value >= 100:
        rest = value - 100
        return "a hundred" + (f" and {number_en(rest, rng)}" if rest else "")
    if value < 20:
        return english.NUMBER_WORDS[value]
    tens, ones = divmod(value, 10)
    join = " " if rng is not None and rng.random() < 0.4 else "-"
    return english.TENS[tens - 2] + (f"{join}{english.NUMBER_WORDS[ones]}" if ones else "")


class Language:
    """The grammar of one language, with what fills its slots.

    Attributes:
        lang: `en` or `zh`.
        grammar: All templates and the rules of the language.
        lines: For each kind of frame, a grammar for every line of it.
        words: Open words that fill slots.
    """

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
            f"phrase_{name}": lines_of(text) for name, text in orders.PHRASES.items()
        }
        templates |= {f"bare_{name}": lines_of(text) for name, text in orders.BARE.items()}
        templates |= {f"half_{name}": lines_of(text) for name, text in orders.HALF.items()}
        templates |= {f"remark_{name}": lines_of(text) for name, text in orders.REMARKS.items()}
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
            templates[name.lower()] = lines_of(getattr(frames, name))
        for name in ("CLAUSES_BARE", "CLAUSES_PAST"):
            templates[name.lower()] = lines_of(getattr(frames, name, frames.CLAUSES))
        templates |= {
            "later": [frames.LATER],
            "who": [frames.WHO],
            "place": [orders.PLACES],
            "unknown": [others.UNKNOWN],
            "switched": [others.SWITCHED],
            "tasks": lines_of(others.TASKS),
            "errands": lines_of(others.ERRANDS),
            "detail": [others.DETAILS],
            "unit": [others.UNITS],
            "babble": lines_of(others.BABBLE),
            "state_of": lines_of(asked_words.STATE[lang]),
            "count_any": lines_of(asked_words.COUNT_ANY[lang]),
            "shared": lines_of(asked_words.SHARED[lang]),
        }
        self.grammar = Grammar(frames.RULES, templates)
        # Every line of a frame is as likely as any other, however many ways it has.
        self.lines = {
            name: [Grammar(frames.RULES, {"x": [line]}) for line in texts]
            for name, texts in templates.items()
            if name in _FRAMES
        }
        self._single: dict[str, Grammar] = {}
        self.words = open_words(lang)

    def frame(self, name: str, rng: random.Random) -> str:
        """A frame, its choices made and its slots open."""
        return rng.choice(self.lines[name]).sample("x", rng)

    def grammar_line(self, line: str, rng: random.Random) -> str:
        """A line with its choices made and its slots open.

        Args:
            line: In the notation of `corpus/grammar.py`.
            rng: Makes the choices.
        """
        if line not in self._single:
            self._single[line] = Grammar(self.frames.RULES, {"x": [line]})
        return self._single[line].sample("x", rng)

    # --- phrases --------------------------------------------------------------------------------

    def phrase(self, rng: random.Random, action: str = "") -> Phrase:
        """A phrase for an action of the robot."""
        action = action or rng.choices(ORDERS, _ACTION_WEIGHTS)[0]
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
            "num": lambda: self.number(rng),
        }
        text = filled(self.grammar.sample(f"phrase_{action}", rng), fill)
        forms = forms_of(text) if self.lang == "en" else dict.fromkeys(FORMS, text)
        fill["vp"] = lambda: forms["vp"]
        bare = filled(self.grammar.sample(f"bare_{action}", rng), fill)
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
            warmth = self.temperature(rng)
            fill = {"u": lambda: named, "num": lambda: number, "temp": lambda: warmth}
            text = filled(pattern, fill)
            state = rng.choice(_UNKNOWN_STATES[self.lang])
        else:
            device_family = rng.choice(tuple(self.orders.DEVICES))
            device = self.grammar.sample(f"device_{device_family}", rng)
            text = self.fill_in(self.grammar.sample("tasks", rng), rng, device=device)
            named, noun, state = device, device.split()[-1], ""
            if self.lang == "zh":
                noun = device
        forms = forms_of(text) if self.lang == "en" else dict.fromkeys(FORMS, text)
        vp0 = rng.choice(("打开", "关掉", "开", "关", "弄"))
        return Phrase("", forms, named, noun, state, text, "", vp0)

    # --- slots ----------------------------------------------------------------------------------

    def fill_in(
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
            return self.fill_in(self.grammar.sample(name, rng), rng)

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
            for form in FORMS:
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
        return filled(frame, fill)

    def number(self, rng: random.Random) -> str:
        """Any number."""
        value = rng.randrange(0, 180)
        if rng.random() < 0.5:
            return str(value)
        return number_en(value, rng) if self.lang == "en" else number_zh(value % 100)

    def temperature(self, rng: random.Random) -> str:
        """A temperature, mostly with its unit."""
        value = rng.randrange(10, 31)
        half = rng.random() < 0.06
        if self.lang == "zh":
            number = str(value) if rng.random() < 0.6 else number_zh(value)
            unit = rng.choice(("度", "度", "度", "摄氏度", "℃", "度左右" if half else "度"))
            return number + (".5" if half and number.isdigit() else "") + unit
        number = str(value) if rng.random() < 0.65 else number_en(value, rng)
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
        number = str(value) if rng.random() < 0.65 else number_en(value, rng)
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
                amount = rng.choice((10, 20, 30, 40, 50, 60, 80, 100, 120, 150))
                return f"{amount}{rng.choice(('厘米', '公分', 'cm'))}"
            if draw < 0.75:
                return (
                    f"{number_zh(rng.choice((10, 20, 30, 50, 80)))}{rng.choice(('厘米', '公分'))}"
                )
            metres = rng.choice(("0.3", "0.5", "1", "1.2", "1.5", "2", "2.5", "3", "0.8"))
            return f"{metres}{rng.choice(('米', '米', 'm'))}"
        if draw < 0.3:
            return rng.choice(_LENGTHS)
        if draw < 0.6:
            whole = rng.choice((10, 20, 25, 30, 40, 50, 60, 70, 80, 100, 120, 150))
            unit = rng.choice((" cm", "cm", " centimetres", " centimeters", " cm"))
            return f"{whole if rng.random() < 0.7 or whole > 99 else number_en(whole, rng)}{unit}"
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


FORMS: tuple[str, ...] = ("vp", "ving", "vpast", "vpp", "v3")
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
        "state_of",
        "count_any",
        "shared",
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


_LENGTHS = (
    "half a metre",
    "a metre",
    "one metre",
    "two metres",
    "a metre and a half",
    "one and a half metres",
    "three metres",
    "half a meter",
    "a meter",
    "one meter",
    "two meters",
    "three meters",
    "a half meter",
    "one point five metres",
    "a quarter of a metre",
    "four metres",
    "a few centimetres",
    "a couple of metres",
)
_DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday", "May 3rd"]
_LANGUAGES = ["English", "German", "French", "Spanish", "Chinese", "Italian", "Dutch"]


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


def lines_of(text: str) -> list[str]:
    """The lines of a text that are not empty."""
    return [line for line in text.splitlines() if line]


def filled(frame: str, fill: Mapping[str, Callable[[], str]]) -> str:
    """A frame whose slots are filled, those of what fills them, too."""
    while "{" in frame:
        frame = _SLOT.sub(lambda match: fill[match[1]](), frame)
    return frame


@cache
def language(lang: str) -> Language:
    """The grammar of a language."""
    return Language(lang)


NEEDS_DEVICE = re.compile(r"\{(?:d|d2|state|vp0|vpp1)\}")


def framed(tongue: Language, name: str, phrase: Phrase, rng: random.Random) -> str:
    """A phrase in a frame that suits it."""
    return tongue.fill_in(suiting(tongue, name, phrase, rng), rng, phrase)


def suiting(tongue: Language, name: str, phrase: Phrase, rng: random.Random) -> str:
    """A frame that suits a phrase, its slots open."""
    for _ in range(60):
        frame = tongue.frame(name, rng)
        if "{state}" in frame and not phrase.state:
            continue
        if NEEDS_DEVICE.search(frame) and not phrase.device:
            continue
        if "{remark}" in frame and not phrase.remark:
            continue
        if ("{vp0}" in frame and not phrase.vp0) or ("{vpp1}" in frame and not phrase.device):
            continue
        # Open-ended states and what leads to them belong to devices that are switched.
        return frame
    return "{vp}"
