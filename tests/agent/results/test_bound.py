"""Results of tools: cut to the model's room where one can see it, and kept whole."""

import random
import re
import sqlite3
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
from fixtures.scripted_chat import ScriptedChat, calls, calls_once
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import StructuredTool

from sensebind.agent.assistant import Assistant
from sensebind.agent.cli.threads import result as show_result
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.results.bound import MAX_ARTIFACT, FitTurn, Room, fit
from sensebind.agent.results.kept import KeptResults
from sensebind.agent.threads import Dialogs
from sensebind.errors import InputError, LanguageModelError
from sensebind.tools.risk import Risk, label

CUT = re.compile(
    r"… ([\d,]+) characters left out; the whole is kept as artifact ([0-9a-f]{8}), "
    r"read on at (\d+)$"
)


def tool(answer: Any, name: str = "clock", **options: Any) -> StructuredTool:
    return StructuredTool.from_function(
        lambda: answer,
        name=name,
        description="Tells the time.",
        metadata=label(Risk.OBSERVE),
        **options,
    )


def states(file: Path) -> tuple[int, int]:
    """Checkpoints of a dialog file, and their bytes with what waits."""
    with sqlite3.connect(file) as database:
        [count] = database.execute("SELECT count(*) FROM checkpoints").fetchone()
        sizes = [
            database.execute(f"SELECT coalesce(sum(length({blob})), 0) FROM {table}").fetchone()[0]
            for table, blob in (("checkpoints", "checkpoint"), ("writes", "value"))
        ]
    return count, sum(sizes)


def test_a_thousand_characters_do_not_fail_a_turn_of_the_shipped_model(tmp_path: Path) -> None:
    answer = "it is 14:05 " * 84
    with Assistant(ChatSenseBind(), [tool(answer)], dialogs=tmp_path / "d.sqlite") as one:
        record = one.ask("what time is it?")
        assert record.tool_calls[0].name == "clock"
        assert not record.error and record.assistant
        cut = CUT.search(record.tool_calls[0].result)
        assert cut is not None and record.tool_calls[0].result.startswith("it is 14:05 it is")
        assert one.results.read(cut[2]).text == answer
        shown = len(record.tool_calls[0].result) - len(cut[0])
        assert shown + int(cut[1].replace(",", "")) == len(answer)


def test_what_fits_is_not_cut() -> None:
    answer = "it is 14:05"
    record = Assistant(ChatSenseBind(), [tool(answer)]).ask("what time is it?")
    assert record.tool_calls[0].result == answer
    record = Assistant(ScriptedChat(script=calls_once("clock")), [tool("x" * 4000)]).ask("go")
    assert record.tool_calls[0].result == "x" * 4000
    profile: Any = {"max_input_tokens": 1_000_000}
    chat = ScriptedChat(script=calls_once("clock"), profile=profile)
    record = Assistant(chat, [tool("x" * 99_999)]).ask("go")
    assert len(record.tool_calls[0].result) == 99_999


@pytest.mark.parametrize("context", [512, 4096, 1_000_000])
def test_ten_megabytes_take_little_of_file_and_memory(tmp_path: Path, context: int) -> None:
    answer, file, profile = "it is 14:05 " * 833_334, tmp_path / "d.sqlite", {}
    profile["max_input_tokens"] = context
    chat = ScriptedChat(script=calls_once("clock"), profile=profile)  # type: ignore[arg-type]
    with Assistant(chat, [tool(answer)], dialogs=file) as one:
        tracemalloc.start()
        try:
            record = one.ask("what time is it?")
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 4 * len(answer)
        cut = CUT.search(record.tool_calls[0].result)
        assert cut is not None and one.results.read(cut[2]).text == answer
        assert cut[0] in record.assistant
    assert states(file)[1] < 3 * 100_000 + 20_000
    assert file.stat().st_size < 1_500_000


def test_failed_turns_leave_nothing_behind(tmp_path: Path) -> None:
    def script(messages: list[BaseMessage]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            raise LanguageModelError("the server has gone")
        return calls(("clock", {}))

    file = tmp_path / "d.sqlite"
    with Assistant(ScriptedChat(script=script), [tool("x" * 500_000)], dialogs=file) as one:
        for _ in range(5):
            assert one.ask("what time is it?").error == "the server has gone"
        assert one.history.messages() == []
        count, size = states(file)
        assert count <= 1 and size < 10_000
    with sqlite3.connect(file) as database:
        assert database.execute("SELECT count(*) FROM results").fetchone() == (0,)


def test_parallel_results_share_the_room_and_the_command_reads_them(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(messages: list[BaseMessage]) -> AIMessage:
        if isinstance(messages[-1], ToolMessage):
            return AIMessage("done")
        return calls(("first", {}), ("second", {}), ("third", {}))

    file = tmp_path / "d.sqlite"
    tools = [tool(name * 20_000, name) for name in ("first", "second", "third")]
    with Assistant(ScriptedChat(script=script), tools, dialogs=file) as one:
        record = one.ask("go")
    assert sum(len(call.result) for call in record.tool_calls) < 3 * 4096
    for call in record.tool_calls:
        cut = CUT.search(call.result)
        assert cut is not None
        show_result(cut[2], file)
        assert capsys.readouterr().out == call.name * 20_000 + "\n"
    with Dialogs(file) as dialogs:
        dialogs.delete("default")
    with pytest.raises(InputError, match="no result"):
        show_result(cut[2], file)


def test_results_of_one_turn_that_do_not_fit_together_are_shown_shorter() -> None:
    chat = ChatSenseBind()
    tools = [tool("")]
    room = Room(chat, tools)
    turn: list[BaseMessage] = [HumanMessage("what time is it?")]
    for number in range(5):
        call = {"name": "clock", "args": {}, "id": f"c{number}"}
        turn.append(AIMessage("", tool_calls=[call]))  # type: ignore[arg-type]
        turn.append(ToolMessage("it is 14:05 " * 20, tool_call_id=call["id"], name="clock"))
    assert room.left(turn) < 0
    fitted = FitTurn(room).fitted(turn)
    assert room.left(fitted) >= 0
    assert [type(one) for one in fitted] == [type(one) for one in turn]
    shorter = [str(one.text) for one in fitted if isinstance(one, ToolMessage)]
    assert any("characters left out" in one for one in shorter)
    assert str(turn[2].text) == "it is 14:05 " * 20  # what is stored stays


def test_media_and_artifacts_are_bounded_too(tmp_path: Path) -> None:
    image = {"type": "image", "base64": "A" * (17 << 20), "mime_type": "image/png"}
    small = {"type": "image", "base64": "iVBORw0KGgo=", "mime_type": "image/png"}
    content = [{"type": "text", "text": "x" * 50_000}, image, small]
    loud = tool(
        (content, {"rows": ["y" * MAX_ARTIFACT], "incomplete": True}),
        response_format="content_and_artifact",
    )

    def script(messages: list[BaseMessage]) -> AIMessage:
        return AIMessage("done") if messages[-1].type == "tool" else calls(("clock", {}))

    with Assistant(ScriptedChat(script=script), [loud], dialogs=tmp_path / "d") as one:
        assert one.ask("go").error == ""
        [kept] = [m for m in one.history.messages() if isinstance(m, ToolMessage)]
    assert [block["type"] for block in kept.content] == ["text", "image"]  # type: ignore[index]
    assert CUT.search(str(kept.text)) and kept.artifact == {"incomplete": True}


def test_the_oldest_results_give_way(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sensebind.agent.results.kept.MAX_BYTES", 600_000)
    results = KeptResults()
    noise = random.Random(1).randbytes(100_000).hex()  # packs to about half
    kept = [results.keep("a", "t", "clock", noise) for _ in range(8)]
    with pytest.raises(InputError, match="no result"):
        results.read(kept[0])
    assert results.read(kept[-1]).text == noise
    alone = results.keep("a", "t", "clock", random.Random(2).randbytes(900_000).hex())
    assert results.read(alone).characters == 1_800_000  # larger than the bound, and the newest


@pytest.mark.parametrize("text", ["a" * 1000, "我看见一只狗。" * 200, "🐶" * 300, ""])
@pytest.mark.parametrize("tokens", [-5, 0, 1, 50, 5000])
def test_a_beginning_takes_no_more_tokens_than_it_may(text: str, tokens: int) -> None:
    def count(some: str) -> int:
        return len(some.encode()) // 2

    shown = fit(text, tokens, count)
    assert text.startswith(shown) and count(shown) <= max(tokens, 0)
