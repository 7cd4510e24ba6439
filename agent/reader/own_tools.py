"""The call of a user's own tool that words mean: the tool that fits best, with its arguments."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from langchain_core.tools import BaseTool

from sensebind.agent.llm.openai_form import openai_form
from sensebind.agent.llm.tool_forms import function_of, parameters_of
from sensebind.agent.reader.gloss import chinese, glosses
from sensebind.agent.reader.tool_arguments import Arguments, arguments_of
from sensebind.agent.reader.tool_matcher import Match, ToolMatcher, ToolText
from sensebind.agent.reader.tool_words import alike, opposed, plainly, stem, words_of

_MISSING = 0.6  # of a score, where a required argument is not said
_FOUND = 0.1  # more, where the words have what the tool asks for
_COVERED = 0.4  # of the words, so that what is found speaks for a tool
_LITTLE = 0.25  # of the words: a tool that accounts for no more is hardly meant
_NEAR = 0.9  # share of a score from which the opposite tool may be meant as well
_ASKED = 0.6  # score of a tool whose opposite may be meant as well: the person is asked
_ELSE = 0.7  # of a score, where the tool says nothing of what the words are about
_ALIKE = 0.45  # trigrams that two words must share at least
_OBJECT = re.compile(
    r"^\W*(?:(?:please|kindly|now|ok|hey|so|and|then|can you|could you|would you|will you"
    r"|i want you to|i'd like you to)\W+)*[a-z]+"
    r"(?:\s+(?:up|down|on|off|out|in|back|over|for|me|us))*"
    r"\s+(?:the|a|an|my|our|your|this|that|his|her|another|some)\s+"
    r"(?P<noun>[a-z'-]+(?:\s+(?!(?:to|in|on|off|at|for|from|of|with|by|as|up|down|and|or|please|now"
    r"|today|tomorrow|is|are|into|onto|over|under|about|called|named|that|which|saying|again|all"
    r"|back|out|near|until|before|after)\b)[a-z'-]+){0,2})(?=\W|$)",
    re.I,
)
"""An order's object: what stands after its verb and an article."""
SURE_GLOSS = 0.9
"""Score from which a tool that words were glossed for is called without a question: a gloss may
mean something else."""
_LEFT = 0.8  # of a score, for each number, code or quotation that is no argument


def question(tool: ToolText, name: str, speech: str) -> str:
    """What is asked for an argument that is missing."""
    properties = tool.parameters.get("properties")
    schema = properties.get(name) if isinstance(properties, Mapping) else None
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    shown = name.replace("_", " ")
    if kind in ("integer", "number"):
        return f"{shown}是多少？" if speech == "zh" else f"How many for {shown}?"
    return f"哪个{shown}？" if speech == "zh" else f"Which {shown}?"


def best_call(words: str, tools: Sequence[ToolText]) -> tuple[Match | None, Arguments]:
    """The tool that fits words best, with its arguments.

    Args:
        words: What a person says.
        tools: What can be called.
    """
    matcher = ToolMatcher(tools)
    best: Match | None = None
    chosen = Arguments({})
    unsure: set[str] = set()
    said = glosses(words) if glossed(words, tools) else [words]
    for way in said:
        for match in matcher.rank(plainly(way)):
            arguments = arguments_of(way, match.tool)
            filled = [name for name in arguments.values if name not in arguments.texts]
            again = matcher.match(match.tool, plainly(way), arguments.explained, filled)
            score = max(match.score, again.score)
            if arguments.missing:
                score *= _MISSING
            elif again.covered >= _COVERED and arguments.sure:
                score = min(1.0, score + _FOUND)
            score *= _LEFT**arguments.left
            if not _about(way, match.tool, arguments.explained):
                score *= _ELSE
            if again.covered < _LITTLE:
                score *= _MISSING
            if way is not said[0] and arguments.texts:  # a text that is kept as it was said
                score = min(1.0, score + _FOUND)
            if best is not None and again.tool is not best.tool and opposites(again, best):
                near = min(score, best.score) > _NEAR * max(score, best.score)
                unsure |= {again.tool.name, best.tool.name} if near else set()
            if best is None or score > best.score:
                best, chosen = replace(again, score=score), arguments
    if best is not None and best.tool.name in unsure:
        best = replace(best, score=min(best.score, _ASKED))
    return best, chosen


def glossed(words: str, tools: Sequence[ToolText]) -> bool:
    """Whether Chinese words are compared with tools that say nothing in Chinese, by a lexicon.

    Args:
        words: What a person says.
        tools: What can be called.
    """
    return chinese(words) and not any(chinese(part) for one in tools for part in one.fields)


def _about(words: str, tool: ToolText, explained: Sequence[str]) -> bool:
    """Whether a tool says something of the object of an order: "book a hotel" is no `book_pickup`.

    An object that the tool does not name may still be an argument, or a word for one.
    """
    found = _OBJECT.match(plainly(words))
    if found is None:
        return True
    head = found["noun"].split()[-1].lower()
    if any(head in part.lower() for part in explained):
        return True
    return any(alike(stem(head), other) >= _ALIKE for other in tool.fields)


def opposites(one: Match, other: Match) -> bool:
    """Whether two tools do the opposite of each other, and nothing else is between them.

    Args:
        one: A tool.
        other: Another one.
    """
    ours, theirs = set(words_of(one.tool.name)), set(words_of(other.tool.name))
    return opposed(ours, theirs) and bool(ours & theirs)


def text_of(tool: BaseTool) -> ToolText:
    """A tool as the retriever knows it.

    Args:
        tool: Any.
    """
    formed = openai_form(tool)
    function = function_of(formed)
    return ToolText.of(
        function["name"], str(function.get("description") or ""), parameters_of(formed)
    )
