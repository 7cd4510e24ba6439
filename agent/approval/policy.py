"""What tools may do, and which of them ask a person first.

Approval itself is LangChain's human-in-the-loop middleware.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain.agents.middleware import HumanInTheLoopMiddleware
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool

from sensebind.agent.approval.doubts import doubted
from sensebind.agent.approval.origins import Influence
from sensebind.errors import ConfigurationError
from sensebind.tools.risk import ACTING, Risk, risk_of, unguarded


@dataclass(frozen=True, slots=True)
class Policy:
    """What tools may do.

    Attributes:
        ask: Risk classes whose calls a person approves first.
        approved: Names of tools that are approved once and for all.
        forbidden: Names of tools that never run, whatever anybody says.
        rates: Calls per minute that a risk class may make.
        max_sight_age: Seconds; the robot does not move on an older picture.
        spoken: Names of tools whose calls a person may approve by voice.
    """

    ask: frozenset[Risk] = ACTING
    approved: frozenset[str] = frozenset()
    forbidden: frozenset[str] = frozenset()
    rates: Mapping[Risk, int] = field(
        default_factory=lambda: {Risk.CHANGE: 30, Risk.MOVE: 20, Risk.OBSERVE: 120}
    )
    max_sight_age: float = 1.0
    spoken: frozenset[str] = frozenset()

    def may_be_spoken(self, tool: BaseTool) -> bool:
        """Whether a voice may approve a tool's call: never a movement, whatever `spoken` names."""
        return tool.name in self.spoken and risk_of(tool) is not Risk.MOVE

    def asks(self, tool: BaseTool) -> bool:
        """Whether a person must approve each call of a tool.

        Raises:
            ConfigurationError: `approved` names a tool that moves an unguarded robot.
        """
        if tool.name in self.approved and (why := unguarded(tool)):
            raise ConfigurationError(
                f"policy: approved: {tool.name} moves a robot that does not guard itself ({why}): "
                "each of its movements must be approved"
            )
        if unguarded(tool) and tool.name not in self.forbidden:
            return True
        if tool.name in self.approved or tool.name in self.forbidden:
            return False
        return risk_of(tool) in self.ask

    def may_ask(self, tool: BaseTool) -> bool:
        """Whether a person must approve a tool's call once the model has read others' words."""
        return tool.name not in self.forbidden and risk_of(tool) in self.ask

    def middleware(self, tools: Sequence[BaseTool]) -> HumanInTheLoopMiddleware | None:
        """Returns LangChain's approval for the tools that ask; None if none does.

        Tools that are approved once and for all ask, too, after words of others have come into the
        dialog: then it may be those words that make the model call. And they ask about a call that
        the robot is not sure of (`doubts.py`).
        """
        influence = Influence(tools)
        asking: dict[str, Any] = {}
        for tool in tools:
            decisions = {"allowed_decisions": ["approve", "edit", "respond"]}
            if self.asks(tool):
                asking[tool.name] = decisions
            elif self.may_ask(tool):
                asking[tool.name] = {**decisions, "when": asked_when(influence)}
        if not asking:
            return None
        return _Approval(asking, edit_notice="(a person changed this call before it ran)")


def asked_when(influence: Influence) -> Callable[[Any], bool]:
    """Returns what says whether a call of an approved tool (`ToolCallRequest`) is asked about."""

    def asked(request: Any) -> bool:
        return doubted(request) or influence.before(request)

    return asked


class _Approval(HumanInTheLoopMiddleware):
    """LangChain's approval, which reports a rejected call as every other that did not run."""

    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Asks a person about the calls that the model has made."""
        update = super().after_model(state, runtime)
        for message in (update or {}).get("messages", ()):
            if isinstance(message, ToolMessage):  # see `Decision.as_langchain`
                message.status = "error"
        return update
