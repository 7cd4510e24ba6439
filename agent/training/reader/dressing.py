"""How sentences are typed: capitals, marks and slips, or none."""

from __future__ import annotations

import random
import re

from sensebind.agent.corpus.chinese import TRADITIONAL
from sensebind.agent.corpus.noise import slip

_CJK = re.compile(r"[㐀-鿿]")


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
