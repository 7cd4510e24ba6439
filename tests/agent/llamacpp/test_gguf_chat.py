"""The embedded model as a chat model in llama.cpp: what it says, calls, and refuses."""

from __future__ import annotations

from pathlib import Path

import pytest
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool

from sensebind.agent.conditioning.condition import compose
from sensebind.agent.conversion.gguf_part import GgufOptions, convert_to_gguf
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.factory import make_llm
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.perception.imagebind.guard import examples
from sensebind.tools.clock import clock_tool

pytestmark = pytest.mark.extended

QUESTIONS = ("what do you see?", "what do you hear?", "what is near you?", "hello", "你看到什么？")


@pytest.fixture(scope="module")
def file(llamacpp: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return convert_to_gguf(GgufOptions(None, tmp_path_factory.mktemp("gguf") / "simhome", "F16"))


@pytest.fixture(scope="module")
def chat(file: Path) -> ChatSenseBind:
    made = make_llm(f"gguf:{file}")
    assert isinstance(made, ChatSenseBind)
    return made


def asked(chat: ChatSenseBind, question: str, which: int) -> HumanMessage:
    """A question under one of the things that the weights know."""
    known = examples(imagebind_directory(default_checkpoint()))
    llm = chat.llm
    seen = compose({"vision": known[which]}, senses=llm.senses, dim=llm.bind_dim)
    return HumanMessage(question, additional_kwargs={"condition": chat.conditions.put(seen)})


def test_it_says_what_pytorch_says(chat: ChatSenseBind) -> None:
    ours = ChatSenseBind()
    said, expected = [], []
    for question in QUESTIONS:
        for which in range(3):
            said.append(chat.invoke([asked(chat, question, which)]).text)
            expected.append(ours.invoke([asked(ours, question, which)]).text)
    assert len({*said}) > 3
    assert sum(a == b for a, b in zip(said, expected, strict=True)) >= len(said) - 1


def test_a_dialog_keeps_what_was_read(chat: ChatSenseBind) -> None:
    messages: list = [asked(chat, "what do you see?", 0)]
    messages.append(chat.invoke(messages))
    messages.append(asked(chat, "and now?", 1))
    answer = chat.invoke(messages)
    assert answer.usage_metadata is not None
    details = answer.usage_metadata["input_token_details"]  # pyright: ignore[reportTypedDictNotRequiredAccess]
    assert details["cache_read"] > 10  # pyright: ignore[reportTypedDictNotRequiredAccess]


def test_calls_are_valid(chat: ChatSenseBind) -> None:
    @tool
    def lamp(on: bool, brightness: int) -> str:
        """Switches the lamp."""
        return f"lamp {on} {brightness}"

    bound = chat.bind_tools([lamp, clock_tool()], tool_choice="lamp")
    for question in QUESTIONS:
        answer = bound.invoke([HumanMessage(question)])
        assert isinstance(answer, AIMessage)
        (call,) = answer.tool_calls
        assert call["name"] == "lamp"
        assert isinstance(call["args"]["on"], bool) and isinstance(call["args"]["brightness"], int)
    dialog = [
        HumanMessage("what time is it?"),
        answer,
        ToolMessage("done", tool_call_id=call["id"]),
    ]
    assert chat.invoke(dialog).text


def test_an_answer_can_be_cancelled(chat: ChatSenseBind) -> None:
    stream = chat.stream([asked(chat, "what do you see?", 2)])
    next(stream)
    chat.cancel()
    last = list(stream)[-1]
    assert last.response_metadata["finish_reason"] == "cancelled"
