"""A result that was cut is read on, to its end, by the model that was shown its beginning."""

import json
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from fixtures.scripted_chat import ScriptedChat, calls
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.assistant import Assistant
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.results.bound import FitTurn, Room
from sensebind.agent.results.kept import READ
from sensebind.agent.results.reading import Part, part_of
from sensebind.errors import InputError
from sensebind.tools.api import ApiTools
from sensebind.tools.risk import ORIGIN, Origin, Risk, label

CUT = re.compile(
    r"… [\d,]+ characters left out; the whole is kept as artifact ([0-9a-f]{8}), read on at (\d+)$",
    re.MULTILINE,  # others' words are shown to a model between marks
)
ROWS = [{"room": f"room {number}", "lamp": "off"} for number in range(1200)]


@pytest.fixture(scope="module")
def house() -> Iterator[str]:
    """A server with one long answer."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(ROWS).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


DOCUMENT = {
    "openapi": "3.1.0",
    "info": {"title": "house", "version": "1"},
    "paths": {
        "/rooms": {"get": {"operationId": "rooms", "responses": {"200": {"description": "all"}}}}
    },
}


def tool(answer: str, name: str = "clock") -> BaseTool:
    return StructuredTool.from_function(
        lambda: answer, name=name, description="Tells it.", metadata=label(Risk.OBSERVE)
    )


class Watching(ScriptedChat):
    """Notes what it may call each time it is asked."""

    offered: list[list[str]] = []  # noqa: RUF012  # a field of pydantic's, copied per instance

    def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
        self.offered.append([one.name for one in tools])
        return super().bind_tools(tools, **kwargs)


def reads_on(messages: list[BaseMessage]) -> AIMessage:
    """Calls the first tool, and reads on for as long as a result was cut."""
    last = messages[-1]
    if not isinstance(last, ToolMessage):
        return calls((str(last.text), {}))
    if found := CUT.search(str(last.text)):
        return calls((READ, {"id": found[1], "offset": int(found[2])}))
    return AIMessage("done")


def test_an_answer_of_an_api_is_read_to_its_end(tmp_path: Path, house: str) -> None:
    profile: Any = {"max_input_tokens": 30_000}
    chat = Watching(script=reads_on, profile=profile)
    with (
        ApiTools(DOCUMENT, house, private=["127.0.0.1"]) as api,
        Assistant(chat, [*api.tools(), tool("noon")], dialogs=tmp_path / "d.sqlite") as one,
    ):
        record = one.ask("rooms")
        assert not record.error, record.error
        results = [call.result for call in record.tool_calls]
        assert len(results) > 1 and all(CUT.search(result) for result in results[:-1])
        assert json.loads("".join(CUT.sub("", result) for result in results)) == ROWS
        assert len({CUT.search(result)[1] for result in results[:-1]}) == 1  # type: ignore[index]
        assert "read_result" not in chat.offered[0] and "read_result" in chat.offered[1]
        # A further part is as much the words of others as the first one is.
        shown = [m for m in one.history.messages() if isinstance(m, ToolMessage)]
        assert {m.additional_kwargs[ORIGIN]["words"] for m in shown} == {Origin.ROBOT}
        assert [(part or Part("", "", 0, 0, 0)).tool for part in map(part_of, shown)] == [
            "rooms"
        ] * len(shown)


def test_nothing_is_offered_while_nothing_was_cut() -> None:
    chat = Watching(script=reads_on)
    Assistant(chat, [tool("noon")]).ask("clock")
    assert chat.offered and all(names == ["clock"] for names in chat.offered)
    with pytest.raises(InputError, match="two tools are called read_result"):
        Assistant(chat, [tool("noon", READ)])


def test_what_others_wrote_stays_theirs_when_it_is_read_on() -> None:
    theirs = tool("go to the door " * 5000, "letter")
    theirs.metadata = label(Risk.OBSERVE, origin=Origin.OUTSIDE)
    one = Assistant(ScriptedChat(script=reads_on), [theirs])
    one.ask("letter")
    shown = [m for m in one.history.messages() if isinstance(m, ToolMessage)]
    assert [m.name for m in shown][:2] == ["letter", READ]
    assert {m.additional_kwargs[ORIGIN]["words"] for m in shown} == {Origin.OUTSIDE}


@pytest.mark.parametrize(
    ("asked", "error"),
    [
        ({"id": "00000000", "offset": 0}, "no result '00000000' is kept"),
        ({"offset": 99_999_999}, "the result ends at 75000"),
        ({"offset": -1}, "an offset of 0 or more"),
        ({"other": True, "offset": 0}, "no result"),
    ],
)
def test_wrong_ids_and_offsets_are_refused(asked: dict[str, Any], error: str) -> None:
    def script(messages: list[BaseMessage]) -> AIMessage:
        results = [one for one in messages if isinstance(one, ToolMessage)]
        if not results:
            return calls(("clock", {}))
        if len(results) > 1:
            return AIMessage("done")
        kept = part_of(results[0])
        assert kept is not None
        identity = asked.get("id", kept.id)
        if asked.get("other"):  # a result of another dialog
            identity = one.results.keep("another", "t", "clock", "theirs")
        return calls((READ, {"id": identity, "offset": asked["offset"]}))

    one = Assistant(ScriptedChat(script=script), [tool("it is 14:05 now" * 5000)])
    record = one.ask("clock")
    assert not record.error
    assert error in record.tool_calls[1].result and record.tool_calls[1].failed


def test_a_turn_that_is_shortened_says_where_to_read_on() -> None:
    profile: Any = {"max_input_tokens": 2000}
    chat = ScriptedChat(script=reads_on, profile=profile)
    one = Assistant(chat, [tool("it is 14:05 now" * 5000)])
    one.ask("clock")
    shown = [m for m in one.history.messages() if isinstance(m, ToolMessage)]
    turn: list[BaseMessage] = [HumanMessage("clock " * 300), *shown[:1], *shown[:1]]
    room = Room(chat, [])
    assert room.left(turn) < 0
    fitted = FitTurn(room).fitted(turn)
    assert room.left(fitted) >= 0
    for message in fitted[1:]:
        found = CUT.search(str(message.text))
        assert found is not None
        assert int(found[2]) == len(str(message.text)) - len(found[0])


def test_the_shipped_model_answers_after_a_cut() -> None:
    record = Assistant(ChatSenseBind(), [tool("it is 14:05 " * 1000)]).ask("what time is it?")
    assert not record.error and record.assistant
