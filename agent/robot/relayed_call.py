"""A call that a program makes, in place of a language model: approved, limited and logged as any.

An MCP client names a tool and its arguments. The call takes the way of a model's call through the
agent, so that everything holds that holds for those: policy, approval, rates, sight, audit log.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool

from sensebind.agent.conditioning.awareness import Awareness, StreamReport
from sensebind.agent.conditioning.sensed import Sensed


class RelayedCall(BaseChatModel):
    """Makes one call, and answers with its result.

    Attributes:
        tool: What is called.
        arguments: With what.
    """

    tool: str
    arguments: dict[str, Any]

    @property
    def _llm_type(self) -> str:
        return "relayed call"

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable | BaseTool],
        *,
        tool_choice: str | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Return this: what is called is known."""
        del tools, tool_choice, kwargs
        return self

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        if isinstance(messages[-1], HumanMessage):
            call = {"name": self.tool, "args": self.arguments, "id": uuid4().hex}
            answer = AIMessage("", tool_calls=[{**call, "type": "tool_call"}])  # type: ignore[list-item]
        else:
            answer = AIMessage(str(messages[-1].text))
        return ChatResult(generations=[ChatGeneration(message=answer)])


class SightAlone:
    """The age of what is seen, which movements are held to; nothing is perceived for a model.

    Attributes:
        senses: None, for instructions that name them.
    """

    senses: tuple[str, ...] = ()

    def __init__(self, awareness: Awareness) -> None:
        """Keep where it comes from.

        Args:
            awareness: The newest percepts.
        """
        self._awareness = awareness

    def report(self) -> Mapping[str, StreamReport]:
        """Return how each stream is doing."""
        return self._awareness.report()

    def perceive(self) -> tuple[dict[str, Any], tuple[Sensed, ...]]:
        """Return nothing."""
        return {}, ()
