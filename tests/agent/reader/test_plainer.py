"""Other ways to say what the network does not know."""

import pytest
from langchain_core.tools import StructuredTool

from sensebind.agent.reader import FOLDER
from sensebind.agent.reader.plainer import plainer
from sensebind.agent.reader.reader import WordsReader
from sensebind.checkpoints import default_checkpoint
from sensebind.tools.risk import Risk, label


@pytest.fixture(scope="module")
def reader() -> WordsReader:
    return WordsReader(default_checkpoint() / FOLDER)


@pytest.mark.parametrize(
    ("words", "tool"),
    [
        ("Find the dog", "detect"),
        ("告诉我门关了没有", "house_status"),
        ("Start watching for a cat", "watch_add"),
    ],
)
def test_what_is_asked_in_other_words_is_understood(
    reader: WordsReader, words: str, tool: str
) -> None:
    assert max(reader.scores(words).act.values()) < 0.5  # as the network reads it
    tools = [
        StructuredTool.from_function(
            lambda: "done", name=name, description="Does it.", metadata=label(risk)
        )
        for name, risk in ((tool, Risk.OBSERVE), ("door_close", Risk.CHANGE))
    ]
    assert [one.tool for one in reader.read(words, tools).proposals] == [tool]


@pytest.mark.parametrize("words", ["turn on the lamp", "start the fan", "告诉小明关门"])
def test_what_is_ordered_has_no_other_way(words: str) -> None:
    assert not [one for one in plainer(words) if "dog" not in one]
