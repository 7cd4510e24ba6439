"""Calls that a model wrote wrong: it is shown what is wrong with them, and asked once more."""

from typing import Any

from langchain.agents.middleware import AgentMiddleware, hook_config
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage


class AskAgain(AgentMiddleware):
    """What is wrong with a malformed call is reported to the model, which is asked once more."""

    @hook_config(can_jump_to=["model"])
    def after_model(self, state: Any, runtime: Any) -> dict[str, Any] | None:
        """Answers malformed calls with what is wrong, the first time in a turn."""
        messages = state["messages"]
        answer = messages[-1]
        if not isinstance(answer, AIMessage) or not answer.invalid_tool_calls or answer.tool_calls:
            return None
        for message in reversed(messages[:-1]):
            if isinstance(message, HumanMessage):
                break
            if isinstance(message, AIMessage) and message.invalid_tool_calls:
                return None
        told = [
            ToolMessage(
                f"error: malformed call: {call.get('error') or 'its arguments are no JSON'}",
                tool_call_id=call["id"] or "",
                name=call["name"] or "",
                status="error",
            )
            for call in answer.invalid_tool_calls
        ]
        return {"messages": told, "jump_to": "model"}
