"""What words say of watches that there are."""

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.reader.watching import about_watches, watching_said
from sensebind.tools.risk import Risk, label


def tool(name: str) -> BaseTool:
    return StructuredTool.from_function(
        lambda: "done", name=name, description="Does it.", metadata=label(Risk.OBSERVE)
    )


TOOLS = [tool("watch_add"), tool("watch_list"), tool("watch_remove")]


@pytest.mark.parametrize(
    ("words", "called", "what"),
    [
        ("What are you watching for?", "watch_list", ""),
        ("Which things do you keep an eye out for?", "watch_list", ""),
        ("list your watches", "watch_list", ""),
        ("你在留意什么？", "watch_list", ""),
        ("Stop watching for the dog.", "watch_remove", "a dog"),
        ("You don't need to look out for cats any more.", "watch_remove", "a cat"),
        ("cancel the alert for the bird", "watch_remove", "a bird"),
        ("别再盯着猫了。", "watch_remove", "a cat"),
    ],
)
def test_a_watch_is_read_or_ended(words: str, called: str, what: str) -> None:
    found = about_watches(words, TOOLS)
    assert found is not None
    assert (found.tool, found.arguments.get("what", ""), found.whole) == (called, what, True)


@pytest.mark.parametrize(
    "words",
    [
        "Tell me when you see a dog.",
        "Watch out for a dog barking.",
        "What do you see?",
        "Which watch is yours?",
        "Watch what you say.",
        "Stop the radio.",
        "看到狗就告诉我。",
        "你看到什么？",
    ],
)
def test_other_words_are_about_no_watch_that_there_is(words: str) -> None:
    assert about_watches(words, TOOLS) is None


def test_without_the_tools_nothing_is_proposed() -> None:
    assert about_watches("What are you watching for?", TOOLS[:1]) is None


def test_what_is_watched_for_is_said_in_the_persons_language() -> None:
    rows = "a dog by hearing; a cat"
    assert watching_said("watch_list", rows, "", "en") == f"I am watching for {rows}."
    assert watching_said("watch_list", "nothing is watched for", "", "zh") == "我没有在留意什么。"
    assert watching_said("watch_remove", "", "a dog", "en") == "I no longer watch for a dog."
    assert watching_said("watch_remove", "", "a dog", "zh") == "我不再留意狗了。"
