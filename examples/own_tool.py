"""A tool of your own, with a risk class, limits and an audit log.

    python examples/own_tool.py

The language model here is a few lines of Python, so that the example shows the tool and not the
model: put `ChatSenseBind()` or any other of LangChain's models in its place.
"""

import tempfile
from pathlib import Path

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import tool
from own_llm import Scripted

from sensebind.agent import Assistant, Policy
from sensebind.agent.approval.audit import read_audit
from sensebind.tools.risk import Risk, labelled


@tool
def water(plant: str, litres: float) -> str:
    """Waters a plant.

    Args:
        plant: Which one.
        litres: How much.
    """
    return f"{plant} got {litres:g} l"


def gardener(messages: list[BaseMessage]) -> AIMessage:
    """Waters the fern once, and then says what came of it."""
    if isinstance(messages[-1], ToolMessage):
        return AIMessage(f"Done: {messages[-1].text}.")
    call = {"name": "water", "args": {"plant": "fern", "litres": 0.5}, "id": "1"}
    return AIMessage("", tool_calls=[call])  # type: ignore[list-item]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "audit.jsonl"
        policy = Policy(approved=frozenset({"water"}), rates={Risk.CHANGE: 4})
        tools = [labelled(water, Risk.CHANGE)]
        with Assistant(Scripted(script=gardener), tools, policy=policy, audit=log) as assistant:
            print(assistant.ask("give the fern 0.5 litres").assistant)
        for record in read_audit(log):
            print(record["event"], record["tool"], record.get("result", ""))


if __name__ == "__main__":
    main()
