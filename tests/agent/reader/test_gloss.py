"""Chinese words for tools that are described in English."""

import pytest

from sensebind.agent.reader.gloss import chinese, gloss, glosses
from sensebind.agent.reader.own_tools import best_call
from sensebind.agent.reader.tool_matcher import ToolText

PUMP = [
    ToolText.of(
        "pump_start",
        "Start the circulation pump.",
        {
            "properties": {"speed": {"type": "string", "enum": ["low", "medium", "high"]}},
            "required": ["speed"],
        },
    ),
    ToolText.of("pump_stop", "Stop the circulation pump.", {}),
    ToolText.of(
        "set_heater",
        "Set the heater to a temperature.",
        {"properties": {"celsius": {"type": "number"}}, "required": ["celsius"]},
    ),
    ToolText.of(
        "search_notes",
        "Search the notes.",
        {"properties": {"query": {"type": "string"}}, "required": ["query"]},
    ),
]


def test_numbers_codes_and_quotations_stay() -> None:
    words = gloss("把热水器加热到三十五度，然后删除 ev_77，写“你好”")
    assert "35 degrees" in words
    assert "ev_77" in words
    assert "“你好”" in words
    assert chinese("灯") and not chinese("lamp")


def test_what_no_word_stands_for_is_one_word() -> None:
    assert gloss("打开魑魅魍魉").split()[-1] == "魑魅魍魉"


def test_what_is_searched_for_may_be_kept_as_it_was_said() -> None:
    assert any("“水草价格”" in one for one in glosses("搜索水草价格"))


@pytest.mark.parametrize(
    ("words", "tool", "arguments"),
    [
        ("水泵低速运行。", "pump_start", {"speed": "low"}),
        ("把水泵关掉", "pump_stop", {}),
        ("加热器调到二十八度", "set_heater", {"celsius": 28}),
        ("搜索水草价格", "search_notes", {"query": "水草价格"}),
    ],
)
def test_chinese_words_find_english_tools(words: str, tool: str, arguments: dict) -> None:
    best, found = best_call(words, PUMP)
    assert best is not None
    assert best.tool.name == tool
    assert found.values == arguments
    assert best.score > 0.43


def test_chinese_words_of_something_else_find_none() -> None:
    best, _ = best_call("给我讲个故事", PUMP)
    assert best is None or best.score < 0.43
