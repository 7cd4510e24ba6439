"""Text of others as it can be printed: nothing in it moves a cursor, turns a line round, or hides.

A tool's argument or result, a code that was read, a name, an answer of the model: each may hold
escape sequences that repaint a terminal, controls of writing direction that reorder what is read
(CVE-2021-42574), or letters that nobody sees. They are printed escaped, so that a person approves
what they read.
"""

import json
import re
import unicodedata
from typing import Any

# Letters and marks that print as nothing, and yet are no controls to Unicode: fillers of Hangul, an
# empty Braille cell, the grapheme joiner, vowels of Khmer, selectors of Mongolian.
_BLANK = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
_PLAIN = re.compile(r"[^\W\d][\w.-]*")
_WORDS_OF_JSON = frozenset({"true", "false", "null", "NaN", "Infinity"})


def printable(text: str, *, lines: bool = False) -> str:
    r"""Returns a text with everything escaped that does not show as itself.

    Escaped are controls (C0, C1, DEL), format characters (of direction, zero-width, soft hyphen,
    tags), separators of lines and paragraphs, surrogates, private and unassigned characters, and
    blank letters, as `\x1b`, `\u202e`, `\U000e0001`. A text without them stays as it is.

    Args:
        text: Any.
        lines: Whether it is an answer, in which line breaks, tabs and the joiners of letters and
            emoji (U+200C, U+200D) stay.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _shows(one, lines) else _escaped(one) for one in text)


def printable_json(value: Any) -> str:
    """Returns JSON in one line in which everything is escaped that does not show as itself.

    A reader of JSON gets the value back as it was. Values that JSON does not know become text.
    """
    text = json.dumps(value, ensure_ascii=False, default=str)
    if text.isascii() and text.isprintable():
        return text
    return "".join(one if _shows(one, False) else json.dumps(one)[1:-1] for one in text)


def printable_call(name: str, arguments: dict[str, Any]) -> str:
    """Returns a call in one line: `approach kind=ball`, `say text="hello there"`.

    Texts that are more than a word stand in quotation marks, so that none can look like another
    argument, a number, or the end of the question.
    """
    return " ".join(
        [
            printable(name) if _PLAIN.fullmatch(name) else printable_json(name),
            *(f"{_word(str(key))}={_word(value)}" for key, value in arguments.items()),
        ]
    )


def _word(value: Any) -> str:
    if isinstance(value, str) and _PLAIN.fullmatch(value) and value not in _WORDS_OF_JSON:
        return printable(value)
    return printable_json(value)


def _shows(one: str, lines: bool) -> bool:
    if one.isprintable():
        return one not in _BLANK
    if one in "\n\t\u200c\u200d":
        return lines
    return unicodedata.category(one) == "Zs"  # spaces that are wider or narrower


def _escaped(one: str) -> str:
    if one in _SHORT:
        return _SHORT[one]
    number = ord(one)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
