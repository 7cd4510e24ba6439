"""A reply that fails what its grammar leaves to validation is asked for again, and only once."""

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import pytest
from fixtures.tiny_checkpoint import tiny_language_model, tiny_tokenizer
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import ChatGenerationChunk

from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.constrained_decoding import GrammarEngine
from sensebind.agent.llm.reply_parser import ReplyReader, text_chunk
from sensebind.agent.llm.retry import corrections
from sensebind.tools.json_schema import problem

PAIR = {  # the grammar does not know which number came first
    "type": "array",
    "items": {"type": "integer", "minimum": 0, "maximum": 2},
    "minItems": 2,
    "maxItems": 2,
    "uniqueItems": True,
}
ARGUMENTS = {
    "type": "object",
    "properties": {"pair": PAIR},
    "required": ["pair"],
    "additionalProperties": False,
}
TOOL = {"type": "function", "function": {"name": "choose", "parameters": ARGUMENTS}}
ANSWER = {**ARGUMENTS, "title": "choice"}


@lru_cache(maxsize=1)
def checkpoint() -> str:
    return str(tiny_language_model(Path(mkdtemp(prefix="sensebind-retry-"))))


class Attempts:
    """What the model was shown at each attempt, and what it wrote."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, stopped: bool = False) -> None:
        self.shown: list[list[BaseMessage]] = []
        self.written: list[list[ChatGenerationChunk]] = []
        real = ChatSenseBind._attempt

        def attempt(
            chat: ChatSenseBind, cancel: Any, messages: list[BaseMessage], *given: Any, **more: Any
        ) -> Iterator[ChatGenerationChunk]:
            self.shown.append(list(messages))
            self.written.append([])
            for chunk in real(chat, cancel, messages, *given, **more):
                self.written[-1].append(chunk)
                yield chunk
            if stopped:
                cancel.set()

        monkeypatch.setattr(ChatSenseBind, "_attempt", attempt)

    def valid(self, number: int) -> bool:
        message = self.written[number][0].message
        for chunk in self.written[number][1:]:
            message += chunk.message  # type: ignore[operator]
        return bool(AIMessage(**message.model_dump(exclude={"type"})).tool_calls)  # type: ignore[arg-type]


def test_a_wrong_call_is_asked_for_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = ChatSenseBind(model=checkpoint(), max_tokens=24, temperature=1.0, top_p=1.0)
    bound = chat.bind_tools([TOOL], tool_choice="any")
    kept = mended = 0
    for seed in range(16):
        attempts = Attempts(monkeypatch)
        answer = bound.invoke("choose", seed=seed)
        monkeypatch.undo()
        assert len(answer.tool_calls) + len(answer.invalid_tool_calls) == 1
        first, *again = attempts.shown
        if attempts.valid(0):
            kept += 1
            assert not again
            continue
        [second] = again
        assert second[: len(first)] == first
        [said, wrong] = second[len(first) :]
        assert isinstance(said, AIMessage) and isinstance(wrong, ToolMessage)
        [call] = said.tool_calls
        assert call["args"]["pair"] in ([0, 0], [1, 1], [2, 2])
        assert wrong.tool_call_id == call["id"] and "error: " in wrong.text
        mended += bool(answer.tool_calls)
        assert bool(answer.tool_calls) == attempts.valid(1)
    assert kept and mended


def test_a_wrong_json_answer_is_asked_for_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = ChatSenseBind(model=checkpoint(), max_tokens=24, temperature=1.0, top_p=1.0)
    model = chat.with_structured_output(ANSWER, method="json_schema")
    for seed in range(16):
        attempts = Attempts(monkeypatch)
        found: Any = model.invoke("choose", seed=seed)
        monkeypatch.undo()
        if len(attempts.shown) == 1:
            assert not problem(found, ANSWER)
            continue
        *_, said, wrong = attempts.shown[1]
        assert isinstance(said, AIMessage) and isinstance(wrong, HumanMessage)
        assert wrong.text.startswith("error: ") and "pair" in said.text
        assert len(attempts.shown) == 2
        return
    pytest.fail("no seed gave two equal items")


def test_a_cancelled_reply_is_not_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    chat = ChatSenseBind(model=checkpoint(), max_tokens=24, temperature=1.0, top_p=1.0)
    bound = chat.bind_tools([TOOL], tool_choice="any")
    wrong = 0
    for seed in range(16):
        attempts = Attempts(monkeypatch, stopped=True)
        bound.invoke("choose", seed=seed)
        monkeypatch.undo()
        assert len(attempts.shown) == 1
        wrong += not attempts.valid(0)
    assert wrong


def test_without_such_keywords_nothing_is_held_back_or_repeated(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chat = ChatSenseBind(model=checkpoint(), max_tokens=24, temperature=1.0, top_p=1.0)
    pair = {key: value for key, value in PAIR.items() if key != "uniqueItems"}
    plain = {"name": "choose", "parameters": {**ARGUMENTS, "properties": {"pair": pair}}}
    bound = chat.bind_tools([{"type": "function", "function": plain}], tool_choice="any")
    attempts = Attempts(monkeypatch)
    for seed in range(4):
        assert bound.invoke("choose", seed=seed).tool_calls
    assert len(attempts.shown) == 4


def chunks_of(reply: str) -> tuple[list[ChatGenerationChunk], GrammarEngine]:
    tokenizer = tiny_tokenizer()
    engine = GrammarEngine(tokenizer, vocab_size=512)
    reader = ReplyReader(
        lambda ids: str(tokenizer.decode(ids, skip_special_tokens=True)),
        engine.style,
        tools=[TOOL],
        stops=(),
        max_tokens=100,
    )
    for token in tokenizer.encode(reply, add_special_tokens=False):
        reader.push(token)
    return list(reader.calls()), engine


@pytest.mark.parametrize(("pair", "wrong"), [("[1,2]", ()), ("[2,2]", ("equal", "not made"))])
def test_every_call_of_a_reply_is_answered_where_one_is_wrong(
    pair: str, wrong: tuple[str, ...]
) -> None:
    """A dialog in which a call has no result is one that servers refuse."""
    called = '<|call|>{"name":"choose","arguments":{"pair":%s}}'
    chunks, engine = chunks_of(called % pair + called % "[2,1]")
    messages = corrections(chunks, engine.style, [TOOL], None)
    said = [one for one in messages if isinstance(one, AIMessage)]
    results = [one for one in messages if isinstance(one, ToolMessage)]
    assert len(results) == len(wrong)
    assert all(word in one.text for one, word in zip(results, wrong, strict=True))
    if wrong:
        assert [call["id"] for call in said[0].tool_calls] == [one.tool_call_id for one in results]


def test_an_answer_that_is_cut_off_is_named() -> None:
    _, engine = chunks_of("")
    [said, wrong] = corrections([text_chunk('{"pair":[1')], engine.style, [], ANSWER)
    assert said.text == '{"pair":[1' and "not valid JSON" in wrong.text
    assert not corrections([text_chunk('{"pair":[1,2]}')], engine.style, [], ANSWER)
