"""What was perceived before, as a tool."""

from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal

import numpy as np
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from sensebind.memory.place_expressions import MAX_LENGTH as MAX_WHERE
from sensebind.memory.place_expressions import near_of, parse_where
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
        near: Place where the robot was then; "" takes any place.
        after: Time after which it was, in addition to `when`.
        before: Time before which it was, likewise.
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
    near: Annotated[
        str,
        Field(
            max_length=MAX_WHERE,
            description="Where the robot was: x, y in metres, or what was seen there, such as: "
            "1.2, -0.4; the sofa; within 3 m of the sofa. Empty: anywhere",
        ),
    ] = ""
    after: Annotated[
        str, Field(max_length=MAX_LENGTH, description="Only after that time, such as: 9:30")
    ] = ""
    before: Annotated[
        str, Field(max_length=MAX_LENGTH, description="Only before that time, such as: yesterday")
    ] = ""


def recall_tool(
    memory: EpisodeMemory,
    embed: Embed,
    *,
    taught: Taught | None = None,
    frame: Callable[[], str] | None = None,
    places: bool = True,
    now: Callable[[], datetime] = datetime.now,
) -> BaseTool:
    """Returns the `recall` tool, which searches what was perceived before.

    The model reads when it was, by which stream, from where, how similar it is and what it looks or
    sounds like; the artifact has the frames: of the moment itself, and of what was seen then.

    Args:
        memory: What is searched.
        embed: Embeds the text to look for.
        taught: Gives what a taught name stands for; nothing has one by default.
        frame: Says which frame the robot's place is known in now, see `Pose.frame`; places of
            others are not said. None is a robot that does not know where it is.
        places: Whether the model reads them; the artifact has them in any case.
        now: The present; tests give a fixed one.
    """

    def embedded(what: str) -> tuple[np.ndarray, bool]:
        shown = taught(what) if taught is not None else None
        return (embed(what), False) if shown is None else (shown, True)

    def recall(
        what: str = "",
        sense: str = "any",
        when: str = "",
        near: str = "",
        after: str = "",
        before: str = "",
    ) -> tuple[str, list[dict[str, Any]]]:
        here = frame() if frame is not None else ""
        vector, example = embedded(what) if what.strip() else (None, False)
        there = near_of(parse_where(near), memory, embedded, here) if near.strip() else None
        query = ask(
            vector,
            example=example,
            sense="" if sense == "any" else sense,
            when=when,
            limit=_RESULTS,
            now=now(),
            after=after,
            before=before,
            near=there,
        )
        recalled = memory.search(query)
        found = [document(one, now(), here, places=places) for one in recalled]
        seen = [memory.companions(one) for one in recalled]
        if not found:
            some_time = query.since > 0 or query.until < 2**63 - 1
            limits = [" of that time"] if some_time else []
            limits += [" near there"] if there is not None else []
            return f"nothing{''.join(limits)} is remembered", []
        text = "\n".join(one.page_content for one in found)
        return text, [
            one.metadata | {"seen_then": [reference for _, reference in beside]}
            for one, beside in zip(found, seen, strict=True)
        ]

    return make_tool(
        recall,
        "Remembers what was seen, heard or scanned before, when that was, and where.",
        arguments=Recall,
        metadata=label(Risk.OBSERVE, origin=Origin.MEMORY),
        wrong_arguments="recall takes what, sense, when, near, after and before, in a few words",
    )
