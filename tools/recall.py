"""What was perceived before, as a tool."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.retriever import ask, document
from sensebind.memory.time_expressions import MAX_LENGTH
from sensebind.tools.base import make_tool
from sensebind.tools.risk import Origin, Risk, label

Embed = Callable[[str], np.ndarray]
"""Text to float32 [D], in the space of the percepts."""
Taught = Callable[[str], np.ndarray | None]
"""A text to the embedding of what was shown under that name; None where it is no such name."""
MAX_WHAT = 100
_RESULTS = 3


class Recall(BaseModel):
    """Arguments of `recall`.

    Attributes:
        what: What to remember, in words; "" takes anything.
        sense: Sense slot that it was perceived by.
        when: Time to search, as a person says it; "" takes any time.
    """

    what: Annotated[
        str,
        Field(max_length=MAX_WHAT, description="What to remember, such as: a dog. Empty: anything"),
    ] = ""
    sense: Annotated[
        Literal["any", "sight", "hearing", "scan"], Field(description="How it was perceived")
    ] = "any"
    when: Annotated[
        str,
        Field(
            max_length=MAX_LENGTH,
            description="When: last, today, 10 minutes ago, last 2 hours, between 10 and 11, "
            "since 9:30, yesterday evening. Empty: any time",
        ),
    ] = ""


def recall_tool(
    memory: EpisodeMemory,
    embed: Embed,
    *,
    taught: Taught | None = None,
    now: Callable[[], datetime] = datetime.now,
) -> BaseTool:
    """Returns the `recall` tool, which searches what was perceived before.

    The model reads when it was, by which stream, how similar it is and what it looks or sounds
    like; the artifact has the frames: of the moment itself, and of what was seen then.

    Args:
        memory: What is searched.
        embed: Embeds the text to look for.
        taught: Gives what a taught name stands for; nothing has one by default.
        now: The present; tests give a fixed one.
    """

    def recall(
        what: str = "", sense: str = "any", when: str = ""
    ) -> tuple[str, list[dict[str, Any]]]:
        shown = taught(what) if taught is not None else None
        query = ask(
            shown if shown is not None else embed(what) if what.strip() else None,
            example=shown is not None,
            sense="" if sense == "any" else sense,
            when=when,
            limit=_RESULTS,
            now=now(),
        )
        recalled = memory.search(query)
        found = [document(one, now()) for one in recalled]
        seen = [memory.companions(one) for one in recalled]
        if not found:
            some_time = query.since > 0 or query.until < 2**63 - 1
            told = "nothing of that time is remembered" if some_time else "nothing is remembered"
            return told, []
        text = "\n".join(one.page_content for one in found)
        return text, [
            one.metadata | {"seen_then": [reference for _, reference in beside]}
            for one, beside in zip(found, seen, strict=True)
        ]

    return make_tool(
        recall,
        "Remembers what was seen, heard or scanned before, and when that was.",
        arguments=Recall,
        metadata=label(Risk.OBSERVE, origin=Origin.MEMORY),
        wrong_arguments="recall takes what, sense and when, in a few words",
    )
