"""Ids of calls: equal, empty and missing ones are made unique, others are kept."""

from typing import Any

import pytest
from langchain.agents.middleware import ModelResponse
from langchain_core.messages import AIMessage, HumanMessage

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


def test_good_ids_are_kept() -> None:
    given = reply("a", "b")
    assert with_unique_ids(given, []).result[0] is given.result[0]
