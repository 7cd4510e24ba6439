"""Traditional characters are read as simplified ones."""

from fractions import Fraction

import pytest
from langchain_core.tools import StructuredTool

from sensebind.agent.corpus.chinese import TRADITIONAL
from sensebind.agent.grounding.names import things, with_another
from sensebind.agent.grounding.quantities import Heading, quantities
from sensebind.agent.grounding.simplified import simplified
from sensebind.agent.reader import FOLDER
from sensebind.agent.reader.reader import WordsReader
from sensebind.checkpoints import default_checkpoint
from sensebind.tools.risk import Risk, label


def test_places_in_a_text_stay() -> None:
    said = "請把燈打開，收音機還開著嗎？ Turn LEFT 5°"
    assert simplified(said) == "请把灯打开，收音机还开着吗？ Turn LEFT 5°"
    assert len(simplified(said)) == len(said)
    every = "".join(TRADITIONAL.values())
    assert simplified(simplified(every)) == simplified(every)


def test_numbers_and_names_are_found_in_either() -> None:
    [[one], _] = quantities("順時針轉兩百度")
    assert (one.value, one.headings) == (Fraction(200), frozenset({Heading.RIGHT}))
    assert things("去貓那裡") == ("cat",)


def test_another_name_stands_in_a_names_place() -> None:
    assert with_another("Listen for RADIOS, radio", "radio", "dog") == "listen for dogs, dog"
    assert with_another("收音機在哪裡", "radio", "狗") == "狗在哪里"


@pytest.mark.parametrize(
    ("words", "asked", "tool"),
    [("收音機開著嗎？", "radio_state", "house_status"), ("這裡好幾隻鳥嗎", "count", "detect")],
)
def test_the_reader_reads_them(words: str, asked: str, tool: str) -> None:
    reader = WordsReader(default_checkpoint() / FOLDER)
    assert reader.scores(words).act[asked] < 0.5  # as its network was trained
    observing = StructuredTool.from_function(
        lambda: "done", name=tool, description="Looks.", metadata=label(Risk.OBSERVE)
    )
    assert [one.tool for one in reader.read(words, [observing]).proposals] == [tool]
