"""A small template language for phrasings, and the fixed split into training and held-out ones.

`(a|b)` is a choice, `[a|b]` an optional choice, `<name>` a rule, `{kind}` a slot that is filled
after the choices are made. Choices nest. A phrasing (all choices made, slots still open) is the
unit of the split: one in twenty is held out by a hash of its text, so the split never moves when
the grammar grows.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sensebind.errors import ConfigurationError

Split = Literal["train", "heldout"]
HELDOUT_SHARE = 20  # one phrasing in so many is held out


def split_of(phrasing: str) -> Split:
    """The split that a phrasing (slots still open) belongs to, by a hash of its text."""
    digest = hashlib.blake2b(" ".join(phrasing.split()).encode(), digest_size=4).digest()
    return "heldout" if int.from_bytes(digest, "big") % HELDOUT_SHARE == 0 else "train"


@dataclass(frozen=True, slots=True)
class Utterance:
    """One sentence of a person.

    Attributes:
        text: What is typed.
        intent: What is meant; a name of `INTENTS`.
        lang: "en" or "zh".
        phrasing: The sentence before slots were filled and slips were made; decides the split.
        slots: Canonical values of the slots, e.g. {"kind": "dog", "color": "red"}.
    """

    text: str
    intent: str
    lang: str
    phrasing: str
    slots: Mapping[str, str] = field(default_factory=dict)


class _Choice:
    """Alternatives, each a sequence of literal strings, rule names and nested choices."""

    __slots__ = ("options",)

    def __init__(self, options: list[list[str | _Rule | _Choice]]) -> None:
        self.options = options


class _Rule:
    __slots__ = ("name",)

    def __init__(self, name: str) -> None:
        self.name = name


def _parse(text: str, at: int, closing: str) -> tuple[_Choice, int]:
    options: list[list[str | _Rule | _Choice]] = [[]]
    literal: list[str] = []

    def flush() -> None:
        if literal:
            options[-1].append("".join(literal))
            literal.clear()

    while at < len(text):
        char = text[at]
        if char in "([":
            flush()
            inner, at = _parse(text, at + 1, ")" if char == "(" else "]")
            if char == "[":
                inner.options.append([])
            options[-1].append(inner)
        elif char == "<":
            flush()
            end = text.find(">", at)
            if end < 0:
                raise ConfigurationError(f"grammar: '<' is never closed in {text!r}")
            options[-1].append(_Rule(text[at + 1 : end]))
            at = end + 1
        elif char == "|":
            flush()
            options.append([])
            at += 1
        elif char == closing:
            flush()
            return _Choice(options), at + 1
        elif char in ")]>":
            raise ConfigurationError(f"grammar: unexpected {char!r} at {at} in {text!r}")
        else:
            literal.append(char)
            at += 1
    if closing:
        raise ConfigurationError(f"grammar: {closing!r} is missing in {text!r}")
    flush()
    return _Choice(options), at


class Grammar:
    """Templates by intent over shared rules.

    Args:
        rules: Named alternatives that templates refer to as `<name>`.
        templates: For each intent its templates.

    Raises:
        ConfigurationError: A template does not parse or names an unknown rule.
    """

    def __init__(self, rules: Mapping[str, str], templates: Mapping[str, Sequence[str]]) -> None:
        self._rules = {name: _parse(text, 0, "")[0] for name, text in rules.items()}
        self._templates = {
            intent: [_parse(text, 0, "")[0] for text in texts]
            for intent, texts in templates.items()
        }
        self._counts: dict[int, int] = {}
        # A template with more variety is drawn more often, but far less than in proportion.
        self._weights = {
            intent: [min(self._count(node), 400) ** 0.4 for node in nodes]
            for intent, nodes in self._templates.items()
        }

    @property
    def intents(self) -> list[str]:
        """Names of all intents that have templates."""
        return list(self._templates)

    def variety(self, intent: str) -> int:
        """How many phrasings the templates of an intent make (duplicates counted)."""
        return sum(self._count(node) for node in self._templates[intent])

    def sample(self, intent: str, rng: random.Random) -> str:
        """One phrasing of an intent, slots still open."""
        node = rng.choices(self._templates[intent], self._weights[intent])[0]
        return self._join(node, rng)

    def expand(self, rule: str, rng: random.Random) -> str:
        """One expansion of a rule."""
        return self._join(self._rules[rule], rng)

    def sample_in(self, split: Split, intent: str, rng: random.Random) -> str:
        """One phrasing of an intent that belongs to a split.

        An intent with so few phrasings that none is held out (short follow-ups, gibberish) has the
        same phrasings in both splits.
        """
        for _ in range(400):
            phrasing = self.sample(intent, rng)
            if split_of(phrasing) == split:
                return phrasing
        if self.variety(intent) > 400:
            raise ConfigurationError(f"grammar: no {split} phrasing of {intent!r} found")
        return self.sample(intent, rng)

    def _join(self, node: _Choice, rng: random.Random) -> str:
        parts: list[str] = []
        self._walk(node, rng, parts)
        return " ".join("".join(parts).split()).replace(" 's", "'s").replace(" ,", ",")

    def _walk(self, node: _Choice, rng: random.Random, parts: list[str]) -> None:
        option = node.options[rng.randrange(len(node.options))]
        for part in option:
            if isinstance(part, str):
                parts.append(part)
            elif isinstance(part, _Rule):
                self._walk(self._rule(part.name), rng, parts)
            else:
                self._walk(part, rng, parts)

    def _rule(self, name: str) -> _Choice:
        try:
            return self._rules[name]
        except KeyError:
            raise ConfigurationError(f"grammar: unknown rule <{name}>") from None

    def _count(self, node: _Choice) -> int:
        known = self._counts.get(id(node))
        if known is not None:
            return known
        total = 0
        for option in node.options:
            product = 1
            for part in option:
                if isinstance(part, _Rule):
                    product *= self._count(self._rule(part.name))
                elif isinstance(part, _Choice):
                    product *= self._count(part)
            total += product
        self._counts[id(node)] = total
        return total
