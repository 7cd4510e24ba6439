"""The calls that a reader proposes, as our own model is held to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from sensebind.agent.conditioning.media import text_of
from sensebind.agent.grounding.sources import language_of
from sensebind.agent.reader.intent import Proposal, Reading
from sensebind.agent.reader.outcomes import ACTED, outcomes_of, sentence_of
from sensebind.agent.reader.said import states_said
from sensebind.agent.reader.watching import LIST, REMOVE, watching_said


def proposals_left(
    proposals: Sequence[Proposal], messages: Sequence[BaseMessage]
) -> list[Proposal] | None:
    """Returns the proposals of a turn that no call has been made for; None where there were none.

    A call that a tool refused, or a person did not approve, was made, too: it is not made again.

    Args:
        proposals: Of the turn's reading.
        messages: Of the dialog; the turn begins with the last one of a person.
    """
    if not proposals:
        return None
    made = calls_of_turn(messages)
    left = []
    for one in proposals:
        if one.tool in made:
            made.remove(one.tool)
        else:
            left.append(one)
    return left


def spoken(reading: Reading, messages: Sequence[BaseMessage]) -> str:
    """Returns what is said in place of our own model's words; "" where the model speaks.

    That is the reading's reply before any call; after calls that act what their results say was
    done; and after the call of a tool that our model was not trained on what the tool has answered:
    the model would make something up.

    Args:
        reading: Of the turn.
        messages: Of the dialog.
    """
    if not calls_of_turn(messages):
        return reading.reply
    last = messages[-1]
    if proposals_left(reading.proposals, messages) != [] or not isinstance(last, ToolMessage):
        return ""
    if all(one.tool in ACTED for one in reading.proposals):
        return all_sentences(messages)
    if not reading.proposals[-1].whole:
        return ""
    proposed = reading.proposals[-1]
    if last.status != "error" and proposed.tool in (LIST, REMOVE):
        what = str(proposed.arguments.get("what", ""))
        return watching_said(proposed.tool, str(last.text), what, _language(messages))
    if not proposed.about or last.status == "error":
        return str(last.text)
    asked = [one.about for one in reading.proposals if one.about]
    return states_said(asked, str(last.text), _language(messages))


def all_sentences(messages: Sequence[BaseMessage]) -> str:
    """Returns what the results of a turn's acting calls say was done; "" if there were none.

    Args:
        messages: Of the dialog; the turn begins with the last one of a person.
    """
    language = _language(messages)
    said = [sentence_of(one, language) for one in outcomes_of(messages)]
    return ("" if language == "zh" else " ").join(dict.fromkeys(said))


def _language(messages: Sequence[BaseMessage]) -> str:
    person = next((one for one in reversed(messages) if isinstance(one, HumanMessage)), None)
    return language_of(text_of(person)) if person is not None else "en"


def calls_of_turn(messages: Sequence[BaseMessage]) -> list[str]:
    """Returns the names of the tools that were called since a person has spoken last."""
    called: list[str] = []
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage):
            called += [call["name"] for call in message.tool_calls]
    return called


def whole_schema(arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the schema of a call that has these arguments and no others."""
    return {
        "type": "object",
        "properties": {name: {"const": value} for name, value in arguments.items()},
        "required": list(arguments),
        "additionalProperties": False,
    }
