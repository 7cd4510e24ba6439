"""ChatSenseBind on a tiny random checkpoint: LangChain's own suites, and what is ours."""

import json
import sys
import threading
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage
from langchain_core.tools import tool
from langchain_tests.integration_tests import ChatModelIntegrationTests
from langchain_tests.unit_tests import ChatModelUnitTests
from safetensors.numpy import load_file, save_file

from sensebind.agent.brain import load_brain
from sensebind.agent.chat_model import ChatSenseBind
from sensebind.agent.conditions import Condition, compose
from sensebind.agent.prompt import PromptBuilder
from sensebind.errors import CheckpointError, InputError

sys.path.insert(0, str(Path(__file__).parents[1]))
from fixtures.tiny_checkpoint import tiny_language_model, tiny_tokenizer


@lru_cache(maxsize=1)
def checkpoint() -> str:
    return str(tiny_language_model(Path(mkdtemp(prefix="sensebind-tiny-"))))


@tool
def detect(kind: str) -> str:
    """Looks for a kind of thing."""
    return f"1 {kind}: left near"


@pytest.fixture
def chat() -> ChatSenseBind:
    return ChatSenseBind(model=checkpoint(), max_tokens=24)


def condition(seed: int) -> Condition:
    rng = np.random.default_rng(seed)
    embeddings = {m: rng.normal(size=16) for m in ("vision", "audio", "point")}
    return compose(embeddings, senses=("sight", "hearing", "scan"), dim=16)


RANDOM_WEIGHTS = pytest.mark.xfail(
    reason="asks for particular argument values, which random weights cannot know", strict=False
)


class TestStandardUnit(ChatModelUnitTests):
    @property
    def chat_model_class(self) -> type[ChatSenseBind]:
        return ChatSenseBind

    @property
    def chat_model_params(self) -> dict:
        return {"model": checkpoint()}

    @property
    def supports_image_inputs(self) -> bool:
        return False


class TestStandardIntegration(ChatModelIntegrationTests):
    """Random weights answer nonsense, so what is tested is form: streams, calls, usage."""

    @property
    def chat_model_class(self) -> type[ChatSenseBind]:
        return ChatSenseBind

    @property
    def chat_model_params(self) -> dict:
        return {"model": checkpoint(), "max_tokens": 24}

    @property
    def supports_image_inputs(self) -> bool:
        return False

    @RANDOM_WEIGHTS
    def test_tool_calling(self, model: BaseChatModel) -> None:
        super().test_tool_calling(model)

    @RANDOM_WEIGHTS
    async def test_tool_calling_async(self, model: BaseChatModel) -> None:
        await super().test_tool_calling_async(model)

    @RANDOM_WEIGHTS
    def test_agent_loop(self, model: BaseChatModel) -> None:
        super().test_agent_loop(model)

    @RANDOM_WEIGHTS
    def test_unicode_tool_call_integration(self, model: BaseChatModel, **arguments: Any) -> None:
        super().test_unicode_tool_call_integration(model, **arguments)


def test_conditions_steer_and_are_read_per_turn(chat: ChatSenseBind) -> None:
    first, second = condition(1), condition(2)
    for one in (first, second):
        chat.conditions.put(one)

    def ask(reference: str) -> str:
        carried = {"condition": reference} if reference else {}
        return str(chat.invoke([HumanMessage("what?", additional_kwargs=carried)]).text)

    answers = {ask(first.reference), ask(second.reference), ask("")}
    assert len(answers) == 3
    assert ask(first.reference) in answers


def test_a_dialog_reads_only_its_new_tokens(chat: ChatSenseBind) -> None:
    refs = [chat.conditions.put(condition(i)) for i in range(2)]
    dialog: list = [HumanMessage("what?", additional_kwargs={"condition": refs[0]})]
    answer = chat.invoke(dialog)
    dialog += [answer, HumanMessage("and?", additional_kwargs={"condition": refs[1]})]
    again = chat.invoke(dialog)
    usage: dict = dict(again.usage_metadata or {})
    assert usage["input_token_details"]["cache_read"] >= 5
    fresh = ChatSenseBind(model=checkpoint(), max_tokens=24, conditions=chat.conditions)
    assert fresh.invoke(dialog).text == again.text


def test_an_evicted_condition_is_counted_not_guessed(chat: ChatSenseBind) -> None:
    lost = chat.invoke([HumanMessage("what?", additional_kwargs={"condition": "condition:gone"})])
    assert lost.response_metadata["conditions_lost"] == 1
    assert lost.text == chat.invoke("what?").text


def test_forced_call_streams_as_one_whole_chunk(chat: ChatSenseBind) -> None:
    bound = chat.bind_tools([detect], tool_choice="any")
    stream: Any = bound.stream("what?")
    chunks = [chunk for chunk in stream if chunk.tool_call_chunks]
    assert len(chunks) == 1
    [call] = chunks[0].tool_calls
    assert call["name"] == "detect" and isinstance(call["args"]["kind"], str)
    assert chunks[0].text == ""
    assert bound.invoke("what?").tool_calls[0]["args"] == call["args"]


def test_tool_choice_none_never_calls(chat: ChatSenseBind) -> None:
    answer = chat.bind_tools([detect], tool_choice="none").invoke("what?")
    assert answer.text and not answer.tool_calls


def test_stop_ends_and_is_not_part_of_the_answer(chat: ChatSenseBind) -> None:
    whole = str(chat.invoke("what?").text)
    stop = whole[5:7]
    cut = chat.invoke("what?", stop=[stop])
    assert cut.text == whole[: whole.index(stop)]
    assert cut.response_metadata["finish_reason"] == "stop"
    assert "".join(str(c.text) for c in chat.stream("what?", stop=[stop])) == cut.text


def test_stream_is_the_answer_in_pieces(chat: ChatSenseBind) -> None:
    pieces = [str(chunk.text) for chunk in chat.stream("what?")]
    assert "".join(pieces) == chat.invoke("what?").text
    assert sum(bool(piece) for piece in pieces) > 3


def test_sampling_is_repeatable_by_seed(chat: ChatSenseBind) -> None:
    hot = chat.bind(temperature=1.5, top_p=1.0)
    assert hot.invoke("what?", seed=7).text == hot.invoke("what?", seed=7).text
    assert hot.invoke("what?", seed=7).text != hot.invoke("what?", seed=8).text


def test_cancel_ends_the_answer(chat: ChatSenseBind) -> None:
    stream = chat.stream("what?", max_tokens=500)
    next(stream)
    chat.cancel()
    last = list(stream)[-1]
    assert last.response_metadata["finish_reason"] == "cancelled"


def test_a_cancelled_call_is_never_made(chat: ChatSenseBind) -> None:
    bound = chat.bind_tools([detect], tool_choice="any")
    messages = []

    def run() -> None:
        messages.append(bound.invoke("what?"))

    thread = threading.Thread(target=run)
    thread.start()
    while thread.is_alive() and not chat._running:
        thread.join(0.001)
    chat.cancel()
    thread.join(30)
    [message] = messages
    if message.response_metadata["finish_reason"] == "cancelled":
        assert not message.tool_calls and not message.invalid_tool_calls


def test_a_call_cut_off_by_length_is_invalid_not_repaired(
    chat: ChatSenseBind, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sensebind.agent.chat_model.MAX_CALL_TOKENS", 20)
    bound = chat.bind_tools([detect], tool_choice="any")
    answer = bound.invoke("what?", max_tokens=20)
    assert not answer.tool_calls and len(answer.invalid_tool_calls) == 1


def test_interleaved_streams_do_not_disturb_each_other(chat: ChatSenseBind) -> None:
    alone = [str(chat.invoke(text).text) for text in ("what?", "who?")]
    one, two = chat.stream("what?"), chat.stream("who?")
    texts = ["", ""]
    for index, stream in enumerate((one, two, one, two)):
        texts[index % 2] += str(next(stream).text)
    texts[0] += "".join(str(c.text) for c in one)
    texts[1] += "".join(str(c.text) for c in two)
    assert texts == alone


def test_oldest_turns_go_when_the_context_is_full(chat: ChatSenseBind) -> None:
    dialog: list = []
    for _ in range(60):
        dialog += [HumanMessage("what do you see? " * 4), AIMessage("I see a red ball.")]
    answer = chat.invoke([*dialog, HumanMessage("and now?")])
    assert answer.response_metadata["turns_dropped"] > 0
    with pytest.raises(InputError, match="this turn alone"):
        chat.invoke("long " * 3000)


def test_each_token_belongs_to_its_turn() -> None:
    tokenizer = tiny_tokenizer()
    messages = [
        SystemMessage("ignored by this template"),
        HumanMessage("see?", additional_kwargs={"condition": "a"}),
        AIMessage("", tool_calls=[{"name": "detect", "args": {"kind": "ball"}, "id": "1"}]),
        ToolMessage("1 ball: left near", tool_call_id="1"),
        AIMessage("One."),
        HumanMessage("我?"),
        AIMessage("x"),
        HumanMessage("hear?", additional_kwargs={"condition": "c"}),
    ]
    prompt = PromptBuilder(tokenizer).build(messages, limit=2000)
    spans = {
        reference: tokenizer.decode(
            [t for t, r in zip(prompt.token_ids, prompt.references, strict=True) if r == reference]
        )
        for reference in ("a", "", "c")
    }
    assert spans["a"] == (
        '<|user|>see?<|end|><|assistant|><|call|>{"name":"detect","arguments":{"kind":"ball"}}</s>'
        "<|tool|>1 ball: left near<|end|><|assistant|>One.</s>"
    )
    assert spans["c"] == "<|user|>hear?<|end|><|assistant|>"
    assert spans[""] == "<s><|user|>我?<|end|><|assistant|>x</s>"


def test_media_in_messages_is_refused_clearly(chat: ChatSenseBind) -> None:
    block = {"type": "image", "url": "http://localhost/x.png"}
    with pytest.raises(InputError, match="image block"):
        chat.invoke([HumanMessage([block])])


@pytest.mark.parametrize("damage", ["missing", "extra", "shape", "garbage", "no tokenizer"])
def test_damaged_checkpoints_are_named(tmp_path: Path, damage: str) -> None:
    tiny_language_model(tmp_path)
    file = tmp_path / "model.safetensors"
    tensors = load_file(file)
    if damage == "missing":
        tensors.pop("model.norm.weight")
    elif damage == "extra":
        tensors["model.surplus"] = np.zeros(3, np.float32)
    elif damage == "shape":
        tensors["model.norm.weight"] = np.zeros(5, np.float32)
    save_file(tensors, file, metadata={"format": "pt"})
    if damage == "garbage":
        file.write_bytes(b"nonsense")
    if damage == "no tokenizer":
        (tmp_path / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError) as caught:
        load_brain(tmp_path)
    assert str(tmp_path) in str(caught.value) and "\n" not in str(caught.value)


def test_foreign_checkpoint_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "llama"}))
    with pytest.raises(CheckpointError, match="'llama', not 'gated_llama'"):
        load_brain(tmp_path)
