"""Our model as a node of a LangGraph graph: one node looks, one answers, one translates.

python examples/own_graph.py [SEED]
"""

import base64
import io
import sys
from typing import Annotated, TypedDict

from langchain_core.messages import AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from PIL import Image

from sensebind.agent import ChatSenseBind
from sensebind.perception.simhome.home import SimHome


class State(TypedDict):
    """What the nodes share."""

    seed: int
    messages: Annotated[list[AnyMessage], add_messages]


def look(state: State) -> dict[str, list[AnyMessage]]:
    """Puts a picture of the home before the model."""
    picture = io.BytesIO()
    with SimHome(state["seed"]) as home:
        Image.fromarray(home.camera()).save(picture, "PNG")
    block = {
        "type": "image",
        "base64": base64.b64encode(picture.getvalue()).decode(),
        "mime_type": "image/png",
    }
    return {"messages": [HumanMessage(["what do you see?", block])]}


def main() -> None:
    chat = ChatSenseBind()

    def answer(state: State) -> dict[str, list[AnyMessage]]:
        return {"messages": [chat.invoke(state["messages"])]}

    def ask_in_chinese(state: State) -> dict[str, list[AnyMessage]]:
        shown = state["messages"][0].content_blocks[1]
        return {"messages": [HumanMessage(["你看到什么？", dict(shown)])]}

    graph = StateGraph(State)
    graph.add_node("look", look)
    graph.add_node("answer", answer)
    graph.add_node("ask_in_chinese", ask_in_chinese)
    graph.add_node("answer_again", answer)
    graph.add_edge(START, "look")
    graph.add_edge("look", "answer")
    graph.add_edge("answer", "ask_in_chinese")
    graph.add_edge("ask_in_chinese", "answer_again")
    graph.add_edge("answer_again", END)
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else 7
    given: State = {"seed": seed, "messages": []}
    for message in graph.compile().invoke(given)["messages"]:
        print(f"{message.type}: {message.text}")


if __name__ == "__main__":
    main()
