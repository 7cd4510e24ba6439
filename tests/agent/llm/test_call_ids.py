"""Ids of calls: equal, empty and missing ones are made unique, others are kept."""

from typing import Any

import pytest
from langchain.agents.middleware import ModelResponse
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from langchain_openai.chat_models.base import _construct_responses_api_input

from sensebind.agent.llm.call_ids import with_unique_ids


def reply(*ids: str | None) -> ModelResponse:
    calls = [{"name": "send", "args": {"n": n}, "id": one} for n, one in enumerate(ids)]
    return ModelResponse(result=[AIMessage("", tool_calls=calls)])


def only(response: ModelResponse) -> AIMessage:
    [message] = response.result
    assert isinstance(message, AIMessage)
    return message


@pytest.mark.parametrize("ids", [("1", "1"), ("", ""), (None, None), ("1", None, "1", "")])
def test_each_call_has_an_id_of_its_own(ids: tuple[str | None, ...]) -> None:
    message = only(with_unique_ids(reply(*ids), [HumanMessage("go")]))
    found = [call["id"] for call in message.tool_calls]
    assert all(found) and len(set(found)) == len(ids)
    assert [call["args"]["n"] for call in message.tool_calls] == [*range(len(ids))]


def test_an_id_of_an_earlier_turn_is_not_used_again() -> None:
    [earlier] = reply("1", "2").result
    message = only(with_unique_ids(reply("2", "3"), [earlier]))
    first, second = (call["id"] for call in message.tool_calls)
    assert first not in ("1", "2", "3") and second == "3"


def test_blocks_and_invalid_calls_follow() -> None:
    blocks: list[Any] = [{"type": "tool_use", "id": "", "name": "send", "input": {}}]
    bad: Any = {"name": "send", "args": "{", "id": "", "error": "bad"}
    calls: Any = [{"name": "send", "args": {}, "id": ""}]
    said = AIMessage(blocks, tool_calls=calls, invalid_tool_calls=[bad])
    message = only(with_unique_ids(ModelResponse(result=[said]), []))
    content: Any = message.content
    assert content[0]["id"] == message.tool_calls[0]["id"] != ""
    assert message.invalid_tool_calls[0]["id"] not in ("", message.tool_calls[0]["id"])


def test_each_block_follows_its_own_call() -> None:
    """Valid calls, invalid ones and blocks are in three lists; the blocks alone are in order."""
    blocks: list[Any] = [
        {"type": "tool_use", "id": "1", "name": "broken", "input": "{"},
        {"type": "tool_use", "id": "1", "name": "send", "input": {}},
    ]
    bad: Any = {"name": "broken", "args": "{", "id": "1", "error": "bad"}
    calls: Any = [{"name": "send", "args": {}, "id": "1"}]
    said = AIMessage(blocks, tool_calls=calls, invalid_tool_calls=[bad])
    message = only(with_unique_ids(ModelResponse(result=[said]), []))
    content: Any = message.content
    assert content[1]["id"] == message.tool_calls[0]["id"] == "1"
    assert content[0]["id"] == message.invalid_tool_calls[0]["id"] != "1"


@pytest.mark.parametrize("version", [None, "responses/v1", "v1"])
def test_openai_gets_each_call_once_and_its_result(version: str | None) -> None:
    """Its Responses repeat calls as blocks whose `id` is not the call's."""
    blocks: list[Any] = [
        {
            "type": "function_call",
            "name": name,
            "arguments": "{}",
            "call_id": "1",
            "id": f"fc_{name}",
        }
        for name in ("look", "send")
    ]
    calls: Any = [{"name": name, "args": {}, "id": "1"} for name in ("look", "send")]
    metadata = {"model_provider": "openai"} | ({"output_version": version} if version else {})
    said = AIMessage(blocks, tool_calls=calls, response_metadata=metadata)
    message = only(with_unique_ids(ModelResponse(result=[said]), []))
    results = [ToolMessage("done", tool_call_id=str(one["id"])) for one in message.tool_calls]
    sent = _construct_responses_api_input([HumanMessage("go"), message, *results])
    given = [one["call_id"] for one in sent if one["type"] == "function_call"]
    answered = [one["call_id"] for one in sent if one["type"] == "function_call_output"]
    assert given == answered and len(set(given)) == 2


def test_calls_as_openai_sent_them_follow() -> None:
    raw = [{"id": "1", "type": "function", "function": {"name": n, "arguments": ""}} for n in "ab"]
    calls: Any = [{"name": n, "args": {}, "id": "1"} for n in "ab"]
    said = AIMessage("", tool_calls=calls, additional_kwargs={"tool_calls": raw, "x": 1})
    message = only(with_unique_ids(ModelResponse(result=[said]), []))
    kept = message.additional_kwargs["tool_calls"]
    assert [one["id"] for one in kept] == [one["id"] for one in message.tool_calls]
    assert [one["type"] for one in kept] == ["function"] * 2
    assert message.additional_kwargs["x"] == 1 and raw[1]["id"] == "1"


def test_good_ids_are_kept() -> None:
    given = reply("a", "b")
    assert with_unique_ids(given, []).result[0] is given.result[0]
