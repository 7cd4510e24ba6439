"""Questions for what the robot can do: answered from its tools, never acted on."""

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.reader import FOLDER
from sensebind.agent.reader.abilities import ABLE, asks_or_orders, doing_asked, in_general
from sensebind.agent.reader.intent import Verdict
from sensebind.agent.reader.reader import WordsReader
from sensebind.checkpoints import default_checkpoint
from sensebind.tools.risk import Risk, label


def tool(name: str, description: str = "Does it.") -> BaseTool:
    return StructuredTool.from_function(
        lambda: "done", name=name, description=description, metadata=label(Risk.CHANGE)
    )


@pytest.fixture(scope="module")
def reader() -> WordsReader:
    return WordsReader(default_checkpoint() / FOLDER)


@pytest.mark.parametrize(
    "words",
    [
        "Are you able to open the door?",
        "Are you capable of opening the door?",
        "Do you know how to close a door?",
        "Can you open doors?",
        "Could you turn the lamp on if I asked you to?",
        "你会开门吗？",
        "你知道怎么关灯吗？",
    ],
)
def test_what_a_tool_does_is_answered_with_yes(reader: WordsReader, words: str) -> None:
    tools = [tool(name) for name in ("door_open", "door_close", "lamp_on", "lamp_off")]
    found = reader.read(words, tools)
    assert found.reply in ABLE.values()
    assert all(found.of(one.name) is Verdict.ANSWER for one in tools)
    assert not found.proposals


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("Are you able to fly?", "cannot"),
        ("can you open the window?", "do not know any window"),
        ("Are you able to turn on the lamp?", "do not know any lamp"),  # this robot has none
        ("你会做饭吗？", "做不到"),
        ("你能打开窗户吗？", "没有窗户。"),
    ],
)
def test_what_no_tool_does_is_answered_with_no(reader: WordsReader, words: str, said: str) -> None:
    found = reader.read(words, [tool("door_open"), tool("door_close")])
    assert said in found.reply
    assert found.of("door_open") is Verdict.ANSWER


def test_an_order_put_politely_stays_one(reader: WordsReader) -> None:
    found = reader.read("Can you open the door?", [tool("door_open")])
    assert found.of("door_open") is Verdict.CALL


def test_the_doing_is_what_is_asked_about() -> None:
    assert doing_asked("Are you capable of turning on lamps?") == "turn on lamps"
    assert doing_asked("turn on the lamp") == ""
    assert in_general("Can you open doors?")
    assert not in_general("Can you open the doors?")


@pytest.mark.parametrize(
    "words",
    [
        "Can you go backwards?",
        "could you turn around",
        "can you even drive forward and back?",
        "Can you spin on the spot?",
        "你能不能往后退？",
        "你可以左转吗？",
        "你能不能原地转？",
        "机器人能前进吗",
    ],
)
def test_a_movement_that_is_only_named_may_be_asked_for_or_ordered(
    reader: WordsReader, words: str
) -> None:
    assert asks_or_orders(words)
    assert Verdict.CALL not in {
        reader.read(words, [tool("drive"), tool("turn")]).of(name) for name in ("drive", "turn")
    }


@pytest.mark.parametrize(
    "words",
    [
        "Can you go back a bit?",
        "Could you turn around, please?",
        "can you drive forward one metre",
        "Can you open the door?",
        "你能不能往后退一点？",
        "能不能请你左转",
        "你能不能把灯打开？",
        "往后退",
        "你能往后退。",
    ],
)
def test_what_says_more_than_the_movement_is_an_order(words: str) -> None:
    assert not asks_or_orders(words)


def test_own_tools_are_asked_for_as_politely(reader: WordsReader) -> None:
    tools = [tool("list_files", "List the files of a folder."), tool("water_plants", "Water them.")]
    assert reader.read("Can you list files?", tools).proposals[0].tool == "list_files"
    found = reader.read("Do you know how to water plants?", tools)
    assert found.reply == ABLE["en"]
    assert not found.proposals
