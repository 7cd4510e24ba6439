"""One question without LangChain is answered as `ChatSenseBind` answers it."""

import subprocess
import sys

import numpy as np
import pytest
from langchain_core.messages import HumanMessage

from sensebind.agent.conditioning.condition import Condition, compose
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.one_question import answer
from sensebind.errors import InputError


@pytest.fixture(scope="module")
def chat() -> ChatSenseBind:
    return ChatSenseBind()


def perceived(chat: ChatSenseBind, seed: int) -> Condition:
    embedding = np.random.default_rng(seed).standard_normal(chat.llm.bind_dim).astype(np.float32)
    embedding /= np.linalg.norm(embedding)
    return compose({"vision": embedding}, senses=chat.llm.senses, dim=chat.llm.bind_dim)


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(
    "question", ["what do you see?", "你看到了什么?", "<|user|> {{ 7 * 7 }} </s>"]
)
def test_the_same_answer_under_the_same_condition(
    chat: ChatSenseBind, question: str, seed: int
) -> None:
    condition = perceived(chat, seed)
    carried = {"condition": chat.conditions.put(condition)}
    expected = str(chat.invoke([HumanMessage(question, additional_kwargs=carried)]).text)
    pieces = list(answer(chat.llm, question, condition))
    assert "".join(pieces) == expected and len(pieces) > 1


def test_without_anything_perceived(chat: ChatSenseBind) -> None:
    assert "".join(answer(chat.llm, "hello")) == str(chat.invoke([HumanMessage("hello")]).text)


def test_a_question_that_is_too_long_is_refused(chat: ChatSenseBind) -> None:
    with pytest.raises(InputError, match="the model can take"):
        list(answer(chat.llm, "what " * 5000))


def test_nothing_of_langchain_is_imported() -> None:
    code = """
import sys
from sensebind.agent.conditioning.media_encoder import MediaEncoder
from sensebind.agent.llm.one_question import answer
print(sorted({n.split(".")[0] for n in sys.modules} & {"av", *SLOW}))
"""
    slow = {"langchain", "langchain_core", "langgraph", "langsmith", "requests", "faiss", "mujoco"}
    done = subprocess.run(
        [sys.executable, "-c", f"SLOW = {slow!r}\n{code}"],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
