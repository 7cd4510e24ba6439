"""How a model reads on in a result that was cut: a tool that it has while it is shown such a one.

A message says in its metadata which part of which result it shows (`Part`), so that neither the cut
nor the offer depends on what a tool wrote. A further part counts as the words of the tool that
answered the whole, also where it is asked for turns later.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Annotated, Any

from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import BaseMessage, ToolMessage
from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from sensebind.agent.results.kept import MAX_CHARACTERS, READ, KeptResults
from sensebind.errors import ToolError
from sensebind.tools.base import make_tool
from sensebind.tools.risk import Origin, Risk, label

_PART = "part"  # key of a message's `additional_kwargs`


class _Place(BaseModel):
    id: Annotated[str, Field(description="The artifact.", max_length=32)]
    offset: Annotated[int, Field(description="Characters to skip.", ge=0)]


@dataclass(frozen=True, slots=True)
class Part:
    """What a message shows of a result that is kept whole.

    Attributes:
        id: What the result is kept as.
        tool: Whose result it is.
        begin: Where the message begins in it, in characters.
        shown: How many characters the message shows.
        characters: How long the whole is.
    """

    id: str
    tool: str
    begin: int
    shown: int
    characters: int

    @property
    def note(self) -> str:
        """What stands in the message after what it shows."""
        end = self.begin + self.shown
        much = self.characters > MAX_CHARACTERS
        kept = f"the first {MAX_CHARACTERS:,} are" if much else "the whole is"
        return (
            f"… {self.characters - end:,} characters left out; {kept} kept as artifact {self.id}, "
            f"read on at {end}"
        )


def part_of(message: BaseMessage) -> Part | None:
    """Returns which part of a kept result a message shows; None where it shows all of one."""
    found = message.additional_kwargs.get(_PART)
    if not isinstance(message, ToolMessage) or not isinstance(found, Mapping):
        return None
    try:
        return Part(
            str(found["id"]),
            str(found["tool"]),
            *(int(found[key]) for key in ("begin", "shown", "characters")),
        )
    except (KeyError, TypeError, ValueError):  # a message of somebody else's, who uses this key
        return None


def mark_part(message: ToolMessage, part: Part | None) -> None:
    """Notes in a message which part of a kept result it shows, or that it shows none."""
    more = {key: one for key, one in message.additional_kwargs.items() if key != _PART}
    message.additional_kwargs = more if part is None else {**more, _PART: asdict(part)}


def reading_tool(kept: KeptResults, thread: str) -> BaseTool:
    """Returns the tool; its result is the rest, which is bounded as that of any tool.

    Args:
        kept: Where long results are kept.
        thread: The dialog whose results can be read.
    """

    def read(id: str, offset: int) -> tuple[str, Part]:
        found = kept.read(id, thread)
        rest = found.text[offset:]
        if not rest:
            raise ToolError(f"the result ends at {len(found.text)}")
        return rest, Part(found.id, found.tool, offset, len(rest), len(found.text))

    return make_tool(
        read,
        "Reads on in a result of a tool that was cut, by the id and the offset of the cut.",
        name=READ,
        arguments=_Place,
        # Its errors are the robot's words; a part has the origin of its own tool (`origins.py`).
        metadata=label(Risk.OBSERVE, origin=Origin.ROBOT),
        wrong_arguments="give the id of the artifact, and an offset of 0 or more",
    )


class OfferReading(AgentMiddleware):
    """Offers the tool to a model that is shown a result that was cut, and to no other."""

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Calls the model with the tool, or without it."""
        return handler(_offered(request))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """As `wrap_model_call`, for asynchronous agents."""
        return await handler(_offered(request))


def was_cut(messages: Sequence[BaseMessage]) -> bool:
    """Whether one of these messages shows a part of a kept result."""
    return any(part_of(one) is not None for one in messages)


def _offered(request: Any) -> Any:
    if was_cut(request.messages):
        return request
    tools = [one for one in request.tools if getattr(one, "name", "") != READ]
    return request.override(tools=tools)
