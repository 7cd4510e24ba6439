"""What a person may type for an intent: a phrasing of the grammar, its slots filled, with slips."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from functools import cache
from types import ModuleType

from sensebind.agent.corpus import chinese, english
from sensebind.agent.corpus.grammar import Grammar, Split, Utterance
from sensebind.agent.corpus.noise import dress, slips
from sensebind.errors import ConfigurationError
from sensebind.perception.simhome.catalog import COLORS, KINDS, SOUNDING_KINDS

LANGUAGES = ("en", "zh")
TEMPERATURES = range(10, 31)
# Intents as users of `eval simhome` name them, each with the intents of the grammar behind it.
INTENTS: dict[str, tuple[str, ...]] = {
    "see": ("see",),
    "hear": ("hear",),
    "scan": ("scan",),
    "all": ("all",),
    "color": ("color", "color_kind"),
    "count": ("count",),
    "where": ("where",),
    "lamp_on": ("lamp_on",),
    "lamp_off": ("lamp_off",),
    "radio_on": ("radio_on",),
    "radio_off": ("radio_off",),
    "fan_on": ("fan_on",),
    "fan_off": ("fan_off",),
    "door_open": ("door_open",),
    "door_close": ("door_close",),
    "thermostat_set": ("thermostat_set",),
    "thermostat_get": ("thermostat_get",),
    "time": ("time",),
    "approach": ("approach",),
    "turn_left": ("turn_left",),
    "turn_right": ("turn_right",),
    "turn_around": ("turn_around",),
    "drive_ahead": ("drive_ahead",),
    "drive_back": ("drive_back",),
    "stop": ("stop",),
    "recall": ("recall_see", "recall_hear"),
    "watch": ("watch_see", "watch_hear", "watch_scan"),
    "greeting": ("greeting",),
    "thanks": ("thanks",),
    "who": ("who",),
    "cannot": ("cannot",),
}
_HEARD = ("hear_is", "recall_hear", "watch_hear")
_FOLLOW_UPS = ("again", "it_", "before", "also_", "and_", "give_", "temp_")
_MODULES: dict[str, ModuleType] = {"en": english, "zh": chinese}
DIGITS_ZH = "零一二三四五六七八九"


@cache
def grammar(lang: str) -> Grammar:
    """The grammar of a language ("en" or "zh")."""
    module = _MODULES[lang]
    return Grammar(module.RULES, module.TEMPLATES)


def number_zh(value: int) -> str:
    """A number from 0 to 99 in Chinese characters."""
    tens, ones = divmod(value, 10)
    if tens == 0:
        return DIGITS_ZH[ones]
    head = "十" if tens == 1 else f"{DIGITS_ZH[tens]}十"
    return head + (DIGITS_ZH[ones] if ones else "")


def plural(noun: str) -> str:
    """The plural of an English noun of the catalogue or one of its synonyms."""
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return noun[:-1] + "ies"
    return noun + ("es" if noun.endswith(("s", "x", "ch")) else "s")


def article(noun: str) -> str:
    """The noun with "a" or "an"."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


def utterance(
    split: Split,
    intent: str,
    lang: str,
    rng: random.Random,
    *,
    wish: Mapping[str, str] | None = None,
    dressed: bool = True,
    noisy: bool = True,
) -> Utterance:
    """One sentence of a person.

    Args:
        split: "train" or "heldout"; phrasings of the one never occur in the other.
        intent: A key of `INTENTS`, or an intent of the grammar.
        lang: "en" or "zh".
        rng: Source of all choices.
        wish: Slot values ("kind", "color", "temp") to use instead of random ones.
        dressed: With capitals and end marks as people set them, instead of bare lower case.
        noisy: With an occasional slip.

    Raises:
        ConfigurationError: An unknown language or intent.
    """
    if lang not in _MODULES:
        raise ConfigurationError(f"language must be one of {', '.join(_MODULES)}, got {lang!r}")
    source = grammar(lang)
    name = rng.choice(INTENTS.get(intent, (intent,)))
    if name not in source.intents:
        raise ConfigurationError(f"unknown intent {intent!r}")
    phrasing = source.sample_in(split, name, rng)
    text, slots = _fill(phrasing, name, lang, rng, wish or {})
    if name != "unknown":
        text = _wrap(text, name, lang, rng)
    if noisy:
        text = slips(text, lang, rng)
    if dressed:
        text = dress(text, lang, rng)
    return Utterance(text, name, lang, phrasing, slots)


def utterances(split: Split, intent: str, lang: str, rng: random.Random) -> Iterator[Utterance]:
    """An endless stream of sentences; see `utterance`."""
    while True:
        yield utterance(split, intent, lang, rng)


def _wrap(text: str, intent: str, lang: str, rng: random.Random) -> str:
    """Adds a lead-in ("hey robot") or a tail ("please")."""
    module = _MODULES[lang]
    follow_up = intent.startswith(_FOLLOW_UPS)
    lead, tail = (0.05, 0.06) if follow_up else (0.24, 0.16)
    gap = " " if lang == "en" else rng.choice((" ", ""))
    if rng.random() < lead:
        text = rng.choice(module.LEAD_INS) + gap + text
        if rng.random() < 0.12:
            text = rng.choice(module.LEAD_INS) + gap + text
    if rng.random() < tail:
        text = text + gap + rng.choice(module.TAILS)
    return text


def _fill(
    phrasing: str, intent: str, lang: str, rng: random.Random, wish: Mapping[str, str]
) -> tuple[str, dict[str, str]]:
    module = _MODULES[lang]
    slots: dict[str, str] = {}
    values: dict[str, str] = {}
    if "{" not in phrasing:
        return phrasing, slots
    if any(f"{{{key}}}" in phrasing for key in _KIND_SLOTS):
        pool = SOUNDING_KINDS if intent.endswith(_HEARD) and rng.random() < 0.9 else KINDS
        kind = wish.get("kind") or rng.choice(pool)
        if (
            "{sound}" in phrasing or intent in ("recall_hear", "watch_hear")
        ) and kind not in SOUNDING_KINDS:
            kind = rng.choice(SOUNDING_KINDS)
        slots["kind"] = kind
        noun = rng.choice(module.NOUNS[kind])
        other = rng.choice(module.NOUNS[rng.choice([one for one in KINDS if one != kind])])
        values |= {"kind": noun, "other": other, "sound": ""}
        if kind in SOUNDING_KINDS:
            values["sound"] = rng.choice(module.SOUNDS[kind])
        if lang == "en":
            values |= {
                "kinds": plural(noun) if noun != "goldfish" else noun,
                "kinds_n": plural(noun),
                "a_kind": article(noun),
                "a_other": article(other),
            }
        else:
            measure = chinese.MEASURES[kind] if rng.random() < 0.6 else "个"
            values |= {"one_m": measure, "one": f"一{measure}"}
    if "{color}" in phrasing:
        colors = list(COLORS)
        slots["color"] = wish.get("color") or rng.choice(colors)
        second = rng.choice([color for color in colors if color != slots["color"]])
        pair = [slots["color"], second]
        if "{color2}" in phrasing:
            rng.shuffle(pair)
        values["color"], values["color2"] = (rng.choice(module.COLOR_NAMES[one]) for one in pair)
    if "{temp}" in phrasing:
        slots["temp"] = wish.get("temp") or str(rng.choice(TEMPERATURES))
        number = int(slots["temp"])
        words = english.NUMBER_WORDS[number] if lang == "en" else number_zh(number)
        values["temp"] = words if rng.random() < 0.3 else slots["temp"]
    if "{gibberish}" in phrasing:
        letters = "abcdefghijklmnopqrstuvwxyz" if rng.random() < 0.6 else "asdfghjklqwertz"
        if lang == "zh":
            letters = "啊嗯哦咦哇嘎咕噜呱哔嗒叽喳咚嘟吧啦嘻嘿哈"
        while "{gibberish}" in phrasing:
            word = "".join(rng.choice(letters) for _ in range(rng.randint(3, 8)))
            phrasing = phrasing.replace("{gibberish}", word, 1)
    return phrasing.format_map(values) if values else phrasing, slots


_KIND_SLOTS = ("kind", "kinds", "kinds_n", "a_kind")
