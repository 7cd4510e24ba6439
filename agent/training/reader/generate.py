"""Sentences that the reader learns from: orders, and everything that only looks like one.

A sentence is made of a phrase ("turn on the lamp"), a frame around it ("he told me to …") and open
words, and is then dressed as people type. What it is labelled with follows from its frame.
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from sensebind.agent.corpus.phrasing import utterance
from sensebind.agent.reader.actions import CATEGORIES, ORDERS
from sensebind.agent.training.reader import english_others
from sensebind.agent.training.reader.asked import (
    INTENTS,
    asked,
    question,
    shared,
    stated,
    task,
    told_after,
)
from sensebind.agent.training.reader.clauses import CATEGORY_OF, clauses
from sensebind.agent.training.reader.dressing import dressed
from sensebind.agent.training.reader.language import (
    FORMS,
    Language,
    filled,
    framed,
    language,
    lines_of,
)
from sensebind.agent.training.reader.ordering import everything, in_frame, in_time
from sensebind.agent.training.reader.phrases import ASK, DO, Example, Phrase, forms_of


def order(tongue: Language, rng: random.Random) -> Example:
    """An order of something that the robot can do."""
    phrase = tongue.phrase(rng)
    text = framed(tongue, "order", phrase, rng)
    return Example(text, "order", {phrase.action: DO})


def lookalike(tongue: Language, rng: random.Random, name: str) -> Example:
    """A sentence around an order that is none: a negation, a question, a report, …"""
    phrase = tongue.unknown_phrase(rng) if rng.random() < 0.22 else tongue.phrase(rng)
    if name == "question":
        return question(tongue, phrase, rng)
    return Example(framed(tongue, name, phrase, rng), CATEGORY_OF[name])


def cannot(tongue: Language, rng: random.Random) -> Example:
    """An order of something that the robot cannot do."""
    phrase = tongue.unknown_phrase(rng)
    text = framed(tongue, "order", phrase, rng) if rng.random() < 0.6 else phrase.forms["vp"]
    return Example(text, "request")


def errand(tongue: Language, rng: random.Random) -> Example:
    """What somebody may ask of a tool that is not the robot's; no word of it is known."""
    text = tongue.fill_in(tongue.frame("errands", rng), rng)
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
            reason = tongue.fill_in(tongue.grammar.sample("reasons", rng), rng)
            remark = f"{remark}, {reason}" if rng.random() < 0.5 else f"{reason}, {remark}"
        return Example(remark, "hint", {phrase.action: ASK})
    action = rng.choice(tuple(tongue.orders.HALF))
    whole = tongue.phrase(rng, action)
    device = whole.device or "it"
    text = tongue.fill_in(tongue.grammar.sample(f"half_{action}", rng), rng, device=device)
    phrase = Phrase(
        action,
        forms_of(text) if tongue.lang == "en" else dict.fromkeys(FORMS, text),
        device,
        whole.noun,
        "",
        text,
        whole.remark,
    )
    if rng.random() < 0.6:
        text = framed(tongue, "order", phrase, rng)
    return Example(text, "hint", {action: ASK})


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
_CORPUS_ORDERS = [name for name in ORDERS if not name.startswith("it_")]
_PLAINLY = {
    "lamp": r"lamp|light|bulb|illuminat|brighten|灯|光|亮",
    "radio": r"radio|music|tune|song|noise|racket|silence|quiet|mute|stereo"
    r"|收音机|音乐|歌|广播|电台|静|音响",
    "fan": r"\bfan|ventilat|breeze|\bair\b|wind|propeller|blow|扇|风",
    "door": r"door|entrance|\bopen|close|shut|lock|let |门|进来|出去",
    "thermostat": r"\d|teen|twent|thirty|\bten\b|eleven|twelve|度",
}
_NOT_PLAIN = re.compile(
    r"n't\b|\bnot\b|\bno\b|\bnobody|^(?:why|who|is|are|was|were|what|where|do|does|did|has|have)\b|"
    r"there is|there's|别|不要|不用|不需要|不想|怎么|谁|了吗"
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
    if "空调" in text or re.search(r"\bgate\b", text):  # which this home lacks
        return Example(text, "request")
    plain = family not in _PLAINLY or (
        re.search(_PLAINLY[family], text)
        and (family == "thermostat" or _VERBAL.search(text))
        and not _NOT_PLAIN.search(text)
    )
    if not plain:
        return Example(text, "hint", {intent: ASK})
    return Example(text, "order", {intent: DO})


def corpus_other(tongue: Language, rng: random.Random) -> Example:
    """Questions about what is perceived, greetings, and what the robot cannot do."""
    intents, categories, weights = zip(*_CORPUS_OTHERS, strict=True)
    at = rng.choices(range(len(intents)), weights)[0]
    said = utterance("train", intents[at], tongue.lang, rng, dressed=False, noisy=False)
    if intents[at] == "state":
        levels = stated(said.text)
    else:
        levels = {INTENTS[intents[at]]: DO} if intents[at] in INTENTS else {}
    return Example(said.text, categories[at], levels)


def foreign(_: Language, rng: random.Random) -> Example:
    """A language that the robot does not speak."""
    lines = lines_of(english_others.FOREIGN)
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
    return Example(rng.choice(lines_of(tongue.others.LOOKALIKES)), "talk")


def babble(tongue: Language, rng: random.Random) -> Example:
    """Plain sentences of random words."""
    device = tongue.phrase(rng, rng.choice(("lamp_on", "radio_on", "fan_on", "door_open"))).device
    return Example(tongue.fill_in(tongue.frame("babble", rng), rng, device=device), "talk")


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
        "{d} is {why}, {it}",
        "{d} is {why}. {it}",
        "that {d2} is {why}, {it}",
        "{d} over there, {it}",
        "see {d}? {it}",
        "i can't stand {d}, {it}",
        "i don't need {d} now, {it}",
        "{remark}, so {it}",
        "{d}'s {why}, {it} please",
        "{d} is {why}, can you {it}",
        "about {d}: {it}",
        "{d} is {why} so {it}",
        "that's enough {d2} for today, {it}",
        "it's about {d}, {it}",
        "{d}, {it}",
        "{d} is {why}, could you {it} please",
        "i've had enough of {d}, {it}",
    ),
    "zh": (
        "{d}{why}，{it}",
        "{d}{why}，{it}吧",
        "那个{d}，{it}",
        "{d}{why}，请{it}",
        "{d}{why}。{it}",
        "我受不了{d}了，{it}",
        "{d}在那边，{it}",
        "{remark}，{it}吧",
        "{d}呢，{it}",
        "说到{d}，{it}",
        "{d}{why}，能不能{it}",
    ),
}
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
    text = filled(
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
    (cannot, 9.0),
    (errand, 5.0),
    (clauses, 16.0),
    (task, 13.0),
    (in_time, 8.0),
    (in_frame, 2.0),
    (everything, 1.0),
    (shared, 2.0),
    (told_after, 3.0),
    (asked, 5.0),
    (half, 4.0),
    (corpus_other, 5.0),
    (foreign, 2.0),
    (plain_lookalike, 2.0),
    (babble, 6.0),
    (puzzling, 1.5),
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
