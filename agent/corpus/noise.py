"""How people really type: slips, capitals, end marks; and how the model reads them."""

from __future__ import annotations

import random

from sensebind.agent.corpus.chinese import TRADITIONAL

# What the small model's chat template does with a person's words before they become tokens: lower
# case, no apostrophes, everything else that is no word becomes a space. `SILENT` and `SPACING`
# are written into the template; `tokenizer.py` builds it from here.
SILENT = "'’‘`´"
SPACING = '.,!?;:…"()[]{}<>|*_~/\\-–—+=^#@&。，！？、；：“”（）《》【】·～'

_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm")
_NEIGHBOURS = {
    key: row[max(0, at - 1) : at] + row[at + 1 : at + 2]
    for row in _KEYS
    for at, key in enumerate(row)
}
_QUESTION_STARTS = frozenset(
    "what which who where how is are do does did can could would will any when why have has was"  # noqa: SIM905
    " were whats".split()
)
_QUESTION_MARKS_ZH = (
    "什么",
    "啥",
    "吗",
    "哪",
    "几",
    "多少",
    "谁",
    "呢",
    "怎么",
    "有没有",
    "是不是",
)
_READ_AS = str.maketrans({**dict.fromkeys(SILENT), **dict.fromkeys(SPACING, " ")})


def normalise(text: str) -> str:
    """What remains of a person's words in the small model's chat template."""
    return " ".join(text.lower().translate(_READ_AS).split())


def slip(text: str, rng: random.Random) -> str:
    """One typing slip: a letter dropped, doubled, swapped or missed, or a space lost."""
    places = [at for at, char in enumerate(text) if char.isascii() and char.isalpha()]
    if len(places) < 4:
        return text
    at = places[rng.randrange(len(places))]
    kind = rng.random()
    if kind < 0.28:
        return text[:at] + text[at + 1 :]
    if kind < 0.5:
        return text[:at] + text[at] + text[at:]
    if kind < 0.75 and at + 1 < len(text) and text[at + 1].isalpha():
        return text[:at] + text[at + 1] + text[at] + text[at + 2 :]
    if kind < 0.95:
        near = _NEIGHBOURS.get(text[at].lower())
        return text[:at] + rng.choice(near) + text[at + 1 :] if near else text
    spaces = [place for place, char in enumerate(text) if char == " "]
    if not spaces:
        return text
    at = rng.choice(spaces)
    return text[:at] + text[at + 1 :]


def slips(text: str, lang: str, rng: random.Random) -> str:
    """Usually nothing; sometimes one or two slips (Chinese: a lost or traditional character)."""
    if lang == "zh":
        draw = rng.random()
        if draw < 0.06:
            return "".join(TRADITIONAL.get(char, char) for char in text)
        if draw < 0.09 and len(text) > 6:
            at = rng.randrange(len(text))
            return text[:at] + text[at + 1 :]
        return text
    if rng.random() < 0.16:
        text = slip(text, rng)
        if rng.random() < 0.2:
            text = slip(text, rng)
    return text


def dress(text: str, lang: str, rng: random.Random) -> str:
    """Capitals and end marks, or their absence."""
    if lang == "zh":
        question = any(mark in text for mark in _QUESTION_MARKS_ZH)
        end = rng.choice(("？", "？", "?", "") if question else ("。", "", "！", ""))
        return text.replace(" ", rng.choice(("，", ",", " "))) + end
    words = text.split()
    question = any(word in _QUESTION_STARTS for word in words[:4])
    style = rng.random()
    if style < 0.45:
        text = text[:1].upper() + text[1:]
        text = " ".join(
            "I" + word[1:] if word == "i" or word[:2] == "i'" else word for word in text.split()
        )
    elif style < 0.52:
        text = text.upper()
    elif style < 0.56:
        text = text.title()
    if rng.random() < 0.08:
        text = text.replace("'", "")
    ends = ("?", "?", "?", "", "??", " ?") if question else (".", "", "", "!", "")
    return text + rng.choice(ends)
