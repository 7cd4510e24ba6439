"""Templates that are a JSGF grammar and a pattern at once."""

import pytest

from sensebind.agent.voice.grammar import Grammar
from sensebind.errors import InputError

GRAMMAR = Grammar(
    ["[please] turn (on|off) the <device> [now|please]", "what's up", "go <device>"],
    {"device": "lamp|radio|floor lamp"},
)


@pytest.mark.parametrize(
    "text",
    ["turn on the lamp", "please turn off the floor lamp now", "what's up", "go radio"],
)
def test_a_whole_sentence(text: str) -> None:
    assert GRAMMAR.accepts(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "turn",
        "turn on the",
        "turn on the floor",
        "turn on the lamp what's up",
        "lamp",
        "turn on the lamps",
        "go radio radio",
        "x" * 5000,
    ],
)
def test_anything_else_is_not(text: str) -> None:
    assert not GRAMMAR.accepts(text)


def test_its_words_and_its_jsgf() -> None:
    assert " ".join(sorted(GRAMMAR.words)) == (
        "floor go lamp now off on please radio the turn up what's"
    )
    assert GRAMMAR.jsgf.splitlines() == [
        "#JSGF V1.0;",
        "grammar commands;",
        "<device> = (lamp | radio | floor lamp);",
        "public <command> = ([ please ] turn ( on | off ) the <device> [ now | please ])"
        " | (what's up) | (go <device>);",
    ]


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("", "not complete"),
        ("go (left|right", "not complete"),
        ("go left)", "too many"),
        ("go (left]", "too many"),
        ("go (|left)", "choice without words"),
        ("go [] left", "choice without words"),
        ("go left;", "';' in it"),
        ("Go left", "'G' in it"),
        ("go <nowhere>", "no rule <nowhere>"),
    ],
)
def test_a_template_that_cannot_be_read(template: str, why: str) -> None:
    with pytest.raises(InputError, match=why):
        Grammar([template])


def test_rules_in_a_circle() -> None:
    with pytest.raises(InputError, match="circle"):
        Grammar(["<a>"], {"a": "x <b>", "b": "y <a>"})
