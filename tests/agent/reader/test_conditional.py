"""Orders that depend on what the same words have found out, as the reader that ships reads them."""

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.reader import FOLDER
from sensebind.agent.reader.actions import TOOLS_OF
from sensebind.agent.reader.conditional import conditional_parts
from sensebind.agent.reader.findings import Expected, Way
from sensebind.agent.reader.intent import Step, Verdict
from sensebind.agent.reader.reader import WordsReader
from sensebind.checkpoints import default_checkpoint
from sensebind.tools.risk import Risk, label

ACTING = sorted({tool for tools in TOOLS_OF.values() for tool in tools})
OBSERVING = ("thermostat_get", "house_status", "clock", "detect", "recall", "watch_add")


@pytest.fixture(scope="module")
def reader() -> WordsReader:
    return WordsReader(default_checkpoint() / FOLDER)


@pytest.fixture(scope="module")
def tools() -> list[BaseTool]:
    risks = dict.fromkeys(ACTING, Risk.CHANGE) | dict.fromkeys(OBSERVING, Risk.OBSERVE)
    return [
        StructuredTool.from_function(
            lambda: "done", name=name, description="Does it.", metadata=label(risk)
        )
        for name, risk in risks.items()
    ]


def calls(step: Step) -> list[str]:
    return [one.tool for one in step.reading.proposals]


@pytest.mark.parametrize(
    ("words", "parts"),
    [
        (
            "Check the lamp; if it is off, turn it on.",
            [("Check the lamp", None), ("turn it on", Expected(Way.STATE, state="off"))],
        ),
        (
            "Is it open? If so close it, otherwise start the fan. Then say the time.",
            [
                ("Is it open?", None),
                ("close it", Expected(Way.ANSWER)),
                ("start the fan", Expected(Way.ANSWER, negated=True)),
                ("say the time", None),
            ],
        ),
        (
            "check whether the door is open and close it if it is",
            [("check whether the door is open", None), ("close it", Expected(Way.ANSWER))],
        ),
        (
            "Count the chairs. If there are at least three, turn on the lamp.",
            [
                ("Count the chairs", None),
                ("turn on the lamp", Expected(Way.NUMBER, number=3.0, op=">=")),
            ],
        ),
        (
            "How warm is it? If it's below 20 degrees, set it to 22.",
            [
                ("How warm is it?", None),
                ("set it to 22", Expected(Way.NUMBER, number=20.0, op="<")),
            ],
        ),
        (
            "Drive to the ball. If you can't, turn on the lamp.",
            [("Drive to the ball", None), ("turn on the lamp", Expected(Way.DONE, negated=True))],
        ),
        (
            "Look for the ball; if you can't see it, turn around.",
            [("Look for the ball", None), ("turn around", Expected(Way.THERE, negated=True))],
        ),
        (
            "灯开着吗？没开的话打开它，否则关门。",
            [
                ("灯开着吗？", None),
                ("打开它", Expected(Way.STATE, state="open", negated=True)),
                ("关门", Expected(Way.STATE, state="open")),
            ],
        ),
        (
            "数一数椅子，如果多于两把，就开灯。",
            [("数一数椅子", None), ("开灯", Expected(Way.NUMBER, number=2.0, op=">"))],
        ),
        ("If it rains, open the window.", []),
        ("If the lamp is on, turn it off.", []),  # nothing before it is to find that out
        ("Tell me if the lamp is on, and turn on the fan.", []),
        ("Turn on the lamp and open the door.", []),
        ("如果下雨就关门。", []),
    ],
)
def test_words_are_cut_at_conditions_on_an_answer(
    words: str, parts: list[tuple[str, Expected | None]]
) -> None:
    assert [(one.text, one.test) for one in conditional_parts(words)] == parts


SHUT = Expected(Way.STATE, state="closed", about="door")
STATE = Expected(Way.STATE, state="on", about="lamp")


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (
            "Check whether the lamp is on; if it is not, turn it on.",
            [("house_status", None), ("lamp_on", (0, STATE.opposite()))],
        ),
        (
            "Check the lamp. If it is off, turn it on, otherwise turn on the radio.",
            [
                ("house_status", None),
                ("lamp_on", (0, Expected(Way.STATE, state="off", about="lamp"))),
                ("radio_on", (0, Expected(Way.STATE, state="off", about="lamp", negated=True))),
            ],
        ),
        (
            "Look for the ball, and if you see it, go to it.",
            [("detect", None), ("approach", (0, Expected(Way.THERE, about="ball")))],
        ),
        (
            "Tell me the time. Is the door open? If it's closed, open it.",
            [
                ("clock", None),
                ("house_status", None),
                ("door_open", (1, Expected(Way.STATE, state="closed", about="door"))),
            ],
        ),
        (
            "Go to the ball. If that doesn't work, turn on the radio.",
            [("approach", None), ("radio_on", (0, Expected(Way.DONE, negated=True)))],
        ),
        (
            "看看门关了没有，没关就关上。",
            [
                ("house_status", None),
                (
                    "door_close",
                    (0, Expected(Way.STATE, state="closed", about="door", negated=True)),
                ),
            ],
        ),
        (
            "温度现在多少？如果低于二十度，就调到二十二度。",
            [
                ("thermostat_get", None),
                ("thermostat_set", (0, Expected(Way.NUMBER, number=20.0, op="<"))),
            ],
        ),
    ],
)
def test_a_step_depends_on_what_a_step_of_the_same_words_finds(
    reader: WordsReader,
    tools: list[BaseTool],
    words: str,
    wanted: list[tuple[str, tuple[int, Expected] | None]],
) -> None:
    steps = reader.read(words, tools).steps
    found = [
        (calls(one)[0], one.condition and (one.condition.step, one.condition.test)) for one in steps
    ]
    assert found == wanted


@pytest.mark.parametrize(
    "words",
    [
        "If it rains, open the window.",
        "If it rains, close the door.",
        "Is it raining? If it is, close the door.",
        "Check the door and turn on the lamp if it rains.",
        "If it rains, check whether the lamp is on; if it is, turn it off.",
        "When I come home, check the lamp; if it is off, turn it on.",
        "He said: check whether the lamp is on; if not, turn it on.",
        "Don't check whether the lamp is on, and if it is off, turn it on.",
        "Check whether the lamp is on; if it is, don't turn it off.",
        "Is the lamp on? If it is on when I leave, turn it off.",
        "Tell me the time and turn on the lamp if the door is open.",
        "Is the window open? If it is, close it.",
        "如果下雨，就把门关上。",
        "外面下雨吗？下雨的话关上门。",
        "他说：看看灯开着没有，没开就打开。",
        "等我回来，看看灯开着没有，没开就打开。",
    ],
)
def test_other_conditions_order_nothing(
    reader: WordsReader, tools: list[BaseTool], words: str
) -> None:
    found = reader.read(words, tools)
    parts = [one.reading for one in found.steps] or [found]
    sure = [
        name
        for one in parts
        for name in ACTING
        if one.of(name) is Verdict.CALL and name in {each.tool for each in one.proposals}
    ]
    assert not sure
    assert not any(one.condition for one in found.steps)
