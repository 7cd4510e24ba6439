"""The sentences that a recogniser expects: templates that are a JSGF grammar and a pattern at once.

A template holds words, `(a|b)` for a choice, `[a|b]` for what may be left out, and `<name>` for a
rule. That is JSGF's own notation, so a recogniser takes it as it is. Recognisers may return half a
sentence with confidence; `accepts` says whether a text is a whole one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from sensebind.errors import InputError

_TOKEN = re.compile(r"(?P<sign>[()\[\]|])|<(?P<rule>[a-z_]+)>|(?P<word>[a-z']+)|(?P<space>\s+)")
_CLOSING = {"(": ")", "[": "]"}
_DEEPEST = 16  # rules within rules
_LONGEST = 1000  # characters of a text that is looked at

Token = tuple[str, str]
"""Kind and text."""


class Grammar:
    """Sentences over shared rules.

    Attributes:
        words: All words of it.

    Example:
        >>> grammar = Grammar(["turn (on|off) the <device> [please]"], {"device": "lamp|radio"})
        >>> grammar.accepts("turn on the lamp"), grammar.accepts("turn on the")
        (True, False)
    """

    def __init__(self, sentences: Iterable[str], rules: Mapping[str, str] | None = None) -> None:
        """Read the templates.

        Args:
            sentences: A template each.
            rules: What `<name>` stands for.

        Raises:
            InputError: A template cannot be read, or names a rule that there is not.
        """
        given = dict(rules or {})
        self._rules = {name: _tokens(text) for name, text in given.items()}
        self._sentences = [_tokens(text) for text in dict.fromkeys(sentences)]
        if not self._sentences:
            raise InputError("a grammar needs a sentence")
        body = "|".join(self._pattern(one, 0) for one in self._sentences)
        self._whole = re.compile(body)
        used = [*self._sentences, *self._rules.values()]
        self.words = frozenset(text for one in used for kind, text in one if kind == "word")

    @property
    def jsgf(self) -> str:
        """The grammar in the Java Speech Grammar Format."""
        lines = ["#JSGF V1.0;", "grammar commands;"]
        lines += [f"<{name}> = {_joined(tokens)};" for name, tokens in self._rules.items()]
        lines.append(f"public <command> = {' | '.join(map(_joined, self._sentences))};")
        return "\n".join(lines)

    def accepts(self, text: str) -> bool:
        """Whether a text is a whole sentence.

        Args:
            text: Words in small letters with single spaces.
        """
        if len(text) > _LONGEST:
            return False
        return self._whole.fullmatch("".join(f"{word} " for word in text.split())) is not None

    def _pattern(self, tokens: list[Token], depth: int) -> str:
        """The regular expression of a template, in which each word is followed by a space."""
        if depth > _DEEPEST:
            raise InputError("the rules of a grammar refer to each other in a circle")
        parts = []
        for kind, text in tokens:
            if kind == "word":
                parts.append(f"{text} ")
            elif kind == "rule":
                if text not in self._rules:
                    raise InputError(f"a grammar has no rule <{text}>")
                parts.append(self._pattern(self._rules[text], depth + 1))
            else:
                parts.append({"(": "(?:", "[": "(?:", "]": ")?"}.get(text, text))
        return f"(?:{''.join(parts)})"


def _tokens(text: str) -> list[Token]:
    """The tokens of a template.

    Raises:
        InputError: It holds other signs, an alternative without words, or brackets do not match.
    """
    found: list[Token] = []
    open_brackets: list[str] = []
    at, filled = 0, False  # whether the alternative that is being read holds anything
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None:
            raise InputError(f"a sentence of the voice has {text[at]!r} in it: {text!r}")
        at, kind = match.end(), str(match.lastgroup)
        if kind == "space":
            continue
        sign = match[kind]
        if sign in _CLOSING:
            open_brackets.append(_CLOSING[sign])
            filled = False
        elif kind == "sign":
            if not filled:
                raise InputError(f"a sentence of the voice has a choice without words: {text!r}")
            if sign != "|" and (not open_brackets or open_brackets.pop() != sign):
                raise InputError(f"a sentence of the voice has a {sign!r} too many: {text!r}")
            filled = sign != "|"
        else:
            filled = True
        found.append((kind, sign))
    if open_brackets or not filled:
        raise InputError(f"a sentence of the voice is not complete: {text!r}")
    return found


def _joined(tokens: list[Token]) -> str:
    text = " ".join(f"<{text}>" if kind == "rule" else text for kind, text in tokens)
    return f"({text})"
