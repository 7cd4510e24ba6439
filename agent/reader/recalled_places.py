"""Where something was perceived, in words: our own model was trained to say when, and no more.

It is not shown places either: with them in the answers of `recall` it says something else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from sensebind.agent.conditioning.media import text_of
from sensebind.agent.grounding.names import things
from sensebind.agent.grounding.sources import language_of

_ASKS = re.compile(r"\bwhere\b|哪|什么地方", re.I)
_SAID = {"en": "I was at {} then.", "zh": "我当时在 {}。"}


def place_said(messages: Sequence[BaseMessage]) -> str:
    """Returns where the robot was when it perceived what a person asks for.

    Args:
        messages: Of the dialog; the turn begins with the last one of a person.

    Returns:
        A sentence; "" where the person does not ask where, or `recall` gave no place of it.
    """
    at = max((i for i, one in enumerate(messages) if isinstance(one, HumanMessage)), default=-1)
    if at < 0 or not _ASKS.search(words := text_of(messages[at])):
        return ""
    wanted, language = set(things(words)), language_of(words)
    for message in messages[at:]:
        if not isinstance(message, ToolMessage) or message.name != "recall":
            continue
        for one in message.artifact if isinstance(message.artifact, list) else ():
            if wanted and not wanted & set(things(str(one.get("description", "")))):
                continue  # what else was perceived
            place = str(one.get("place", ""))
            return _SAID[language].format(place) if place.startswith("(") else ""
    return ""
