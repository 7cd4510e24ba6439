"""Calls that wait for a person, and what is decided about them.

A client of a running robot imports this: it needs neither LangChain nor PyTorch.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sensebind.errors import InputError, SenseBindError

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

DECISIONS = ("approve", "edit", "reject")
NOT_ALLOWED = "you did not allow it"


class NotWaiting(InputError):
    """A decision comes too late: the call was decided, stopped, or given up."""


@dataclass(frozen=True, slots=True)
class Request:
    """A call that waits for a person.

    Attributes:
        tool: Its name.
        arguments: As the model wants them.
        id: What a decision names: the call's id and position in its message, the digest of tool
            and arguments, and the checkpoint of the dialog in which it waits.
        call: The model's id of the call.
        question: What a person is asked where the robot is not sure that the call was meant, in
            the person's language; "" where approval is all that is asked for.
        grounds: Where arguments come from that the person did not say: "x = 1.2, from recall".
    """

    tool: str
    arguments: dict[str, Any]
    id: str = field(default="", compare=False)
    call: str = field(default="", compare=False)
    question: str = field(default="", compare=False)
    grounds: str = field(default="", compare=False)

    @classmethod
    def of(
        cls,
        call: Mapping[str, Any],
        position: int,
        checkpoint: str,
        *,
        question: str = "",
        grounds: str = "",
    ) -> Request:
        """Returns the request of a call at a position of its message, in a checkpoint."""
        tool, arguments, name = str(call["name"]), dict(call["args"]), str(call.get("id") or "")
        identity = f"{name}#{position}:{digest_of(tool, arguments)}:{checkpoint}"
        return cls(tool, arguments, identity, name, question, grounds)


def digest_of(tool: str, arguments: Mapping[str, Any]) -> str:
    """Returns what distinguishes two calls: SHA-256 of name and arguments, 32 hex digits."""
    text = json.dumps([tool, arguments], sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Decision:
    """What a person says to a request.

    Attributes:
        kind: `approve`, `edit` or `reject`.
        arguments: For `edit`: what to run instead.
        reason: For `reject`: what the model reads; by default, that it was not allowed.
        request: The id of the request that it answers. Without one it answers what was shown last
            at its position, see `Assistant.decide`.
        by: Who decided, for the audit log: a person's name, and where they decided.
        spoken: Whether it was said aloud: then it can refuse any call, and approve only those that
            `Policy.may_be_spoken`.
    """

    kind: str
    arguments: Mapping[str, Any] | None = None
    reason: str = ""
    request: str = ""
    by: str = ""
    spoken: bool = False

    def check(self, request: Request, tool: BaseTool | None) -> None:
        """Checks that it can be carried out; nothing has happened before.

        Args:
            request: What it answers.
            tool: The tool that would run; None if there is none of that name.

        Raises:
            InputError: An unknown kind, an edit without arguments, or with some that the tool's
                schema does not allow as they are.
        """
        if self.kind not in DECISIONS:
            raise InputError(f"a decision is one of {', '.join(DECISIONS)}, not {self.kind!r}")
        if self.kind != "edit":
            return
        if not isinstance(self.arguments, Mapping):
            raise InputError(f"an edit of {request.tool} needs the arguments to run it with")
        if tool is None:
            raise InputError(f"there is no tool {request.tool}")
        # Only the agent's own process has tools; a client of it needs none of what this imports.
        from sensebind.tools.arguments import check_arguments

        check_arguments(tool, self.arguments)

    def allows(self, request: Request) -> Mapping[str, Any] | None:
        """Returns the arguments that may run; None if nothing may."""
        if self.kind == "edit":
            return self.arguments
        return request.arguments if self.kind == "approve" else None

    def as_langchain(self, request: Request) -> dict[str, Any]:
        """Returns the form that LangChain's middleware takes.

        Raises:
            SenseBindError: An unknown kind, or an edit without arguments.
        """
        if self.kind == "approve":
            return {"type": "approve"}
        if self.kind == "reject":
            # LangChain's own rejection is a paragraph; our models know one line.
            return {"type": "respond", "message": f"error: {self.reason or NOT_ALLOWED}"}
        if self.kind == "edit" and self.arguments is not None:
            action = {"name": request.tool, "args": dict(self.arguments)}
            return {"type": "edit", "edited_action": action}
        raise SenseBindError(f"a decision is one of {', '.join(DECISIONS)}, not {self.kind!r}")


Approver = Callable[[Request], Decision]
"""Asks a person."""


def matched(
    requests: Sequence[Request],
    decisions: Sequence[Decision],
    shown: Sequence[str],
    tools: Mapping[str, BaseTool],
) -> list[tuple[Request, Decision]]:
    """Pairs decisions with the requests that they answer, and checks all of them.

    Args:
        requests: What waits now.
        decisions: What a person said, in any order where they carry ids.
        shown: Ids of the requests that the person was shown, for decisions without one.
        tools: The agent's tools by name.

    Returns:
        A pair for each request, in their order.

    Raises:
        InputError: A decision that answers none of them, one too many or too few, or one that
            cannot be carried out.
    """
    if not requests:
        raise NotWaiting(f"{len(decisions)} decisions for 0 waiting calls: nothing waits any more")
    if len(decisions) != len(requests):
        raise InputError(f"{len(decisions)} decisions for {len(requests)} waiting calls")
    answered: dict[str, Decision] = {}
    for position, one in enumerate(decisions):
        identity = one.request or (shown[position] if position < len(shown) else "")
        if identity not in {request.id for request in requests} or identity in answered:
            raise NotWaiting(
                "a decision is for a call that does not wait any more, or was not shown: look at "
                "what is pending, and decide again"
            )
        answered[identity] = one
    pairs = [(request, answered[request.id]) for request in requests]
    for request, decision in pairs:
        decision.check(request, tools.get(request.tool))
    return pairs
