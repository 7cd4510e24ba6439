"""Objects that one verb has."""

import pytest

from sensebind.agent.reader.coordination import spread


@pytest.mark.parametrize(
    ("words", "apart"),
    [
        ("switch the lamp and the oven off", ["switch the lamp off", "switch the oven off"]),
        (
            "turn off the lamp, my radio and the oven",
            ["turn off the lamp", "turn off my radio", "turn off the oven"],
        ),
        (
            "Shut the door and the window, please.",
            ["Shut the door, please", "Shut the window, please"],
        ),
        ("打开灯和洗衣机。", ["打开灯", "打开洗衣机"]),
        ("把灯和电视都打开", ["把灯打开", "把电视打开"]),
        ("关掉风扇、收音机和空调吧", ["关掉风扇吧", "关掉收音机吧", "关掉空调吧"]),
    ],
)
def test_each_object_has_the_verb(words: str, apart: list[str]) -> None:
    assert spread(words) == apart


@pytest.mark.parametrize(
    "words",
    [
        "turn on the lamp",
        "turn on the lamp and tell me the time",
        "turn on the lamp and close the door",
        "turn on the lamp but not the oven",
        "打开灯",
        "打开灯，然后关门",
        "",
    ],
)
def test_one_object_and_two_verbs_are_left_as_they_are(words: str) -> None:
    assert spread(words) == []
