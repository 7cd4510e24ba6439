"""What the reader that ships makes of sentences that nobody generated."""

import json
from pathlib import Path

import pytest
from langchain_core.tools import BaseTool, StructuredTool

from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.reader import FOLDER, reader_of
from sensebind.agent.reader.actions import ORDERS, TOOLS_OF
from sensebind.agent.reader.intent import Kind, Reading, Verdict
from sensebind.agent.reader.reader import WordsReader
from sensebind.checkpoints import default_checkpoint
from sensebind.tools.risk import Risk, label

DEVELOPMENT = Path(__file__).parents[2] / "data" / "reader" / "development.jsonl"
NAMES = sorted({tool for tools in TOOLS_OF.values() for tool in tools})


def tool(name: str, risk: Risk = Risk.CHANGE, description: str = "Does it.") -> BaseTool:
    return StructuredTool.from_function(
        lambda: "done", name=name, description=description, metadata=label(risk)
    )


@pytest.fixture(scope="module")
def reader() -> WordsReader:
    return WordsReader(default_checkpoint() / FOLDER)


@pytest.fixture(scope="module")
def house() -> list[BaseTool]:
    return [*map(tool, NAMES), tool("thermostat_get", Risk.OBSERVE)]


def read(reader: WordsReader, words: str, tools: list[BaseTool], **more: str) -> Reading:
    return reader.read(words, tools, **more)


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        ("open the door", "door_open"),
        ("Could you switch the lamp off, please?", "lamp_off"),
        ("please turn on teh radio", "radio_on"),
        ("drive forward 1.5 metres", "drive"),
        ("turn -45 degrees", "turn"),
        ("把灯关掉", "lamp_off"),
        ("请向左转90度", "turn"),
    ],
)
def test_an_order_is_one(
    reader: WordsReader, house: list[BaseTool], words: str, ordered: str
) -> None:
    found = read(reader, words, house)
    assert found.kind is Kind.ORDER
    assert found.of(ordered) is Verdict.CALL
    assert [one.tool for one in found.proposals] == [ordered]
    assert all(found.of(name) is not Verdict.CALL for name in NAMES if name != ordered)


@pytest.mark.parametrize("words", ["Set the thermostat to the usual.", "把恒温器打开"])
def test_what_is_asked_of_the_thermostat_lacks_a_number(
    reader: WordsReader, house: list[BaseTool], words: str
) -> None:
    found = read(reader, words, house)
    assert found.of("thermostat_set") is Verdict.ASK
    assert not found.reply


@pytest.mark.parametrize(
    ("words", "one"),
    [
        ("几点了？", tool("getRemainingTime", description="Time until the program ends.")),
        ("把灯关掉。", tool("light_scene", description="Switches a scene of lights off.")),
    ],
)
def test_what_a_gloss_only_seems_to_mean_is_asked_about(
    reader: WordsReader, words: str, one: BaseTool
) -> None:
    assert read(reader, words, [one]).of(one.name) is not Verdict.CALL


@pytest.mark.parametrize("words", ["Move on.", "close to the lamp"])
def test_a_movement_that_is_not_quite_sure_is_asked_about(
    reader: WordsReader, house: list[BaseTool], words: str
) -> None:
    found = read(reader, words, house)
    assert all(found.of(name) is not Verdict.CALL for name in ("drive", "approach", "turn"))


def test_no_device_that_the_robot_has_is_denied(reader: WordsReader, house: list[BaseTool]) -> None:
    assert read(reader, "Raise the lamp to the ceiling.", house).reply == FIXED["cannot"]["en"]
    assert "table" in read(reader, "Set the table for four.", house).reply
    assert "dishwasher" in read(reader, "Turn on the dishwasher.", house).reply


@pytest.mark.parametrize(
    ("words", "never"),
    [
        ("don't open the door", "door_open"),
        ("please do not turn on the lamp", "lamp_on"),
        ("is the lamp on?", "lamp_on"),
        ("who opened the door?", "door_open"),
        ("he told me to close the door", "door_close"),
        ("if it rains, close the door", "door_close"),
        ('the sign says "open the door"', "door_open"),
        ("open the window", "door_open"),
        ("turn on the dishwasher", "lamp_on"),
        ("Mach das Licht an", "lamp_on"),
        ("别开门", "door_open"),
        ("灯开着吗？", "lamp_on"),
        ("他昨天叫我关灯", "lamp_off"),
        ("如果下雨就关门", "door_close"),
    ],
)
def test_what_only_looks_like_an_order_calls_nothing(
    reader: WordsReader, house: list[BaseTool], words: str, never: str
) -> None:
    found = read(reader, words, house)
    assert found.of(never) is not Verdict.CALL
    assert not found.proposals


def test_of_two_clauses_only_the_order_is_called(
    reader: WordsReader, house: list[BaseTool]
) -> None:
    found = read(reader, "open the door but don't turn on the lamp", house)
    assert found.of("door_open") is Verdict.CALL
    assert found.of("lamp_on") is not Verdict.CALL


@pytest.mark.parametrize("words", ["That song turns me on.", "find me a song about turning low"])
def test_a_word_that_is_not_known_makes_a_score_less_sure(
    reader: WordsReader, house: list[BaseTool], words: str
) -> None:
    assert reader.weights.vocabulary.strange(words)
    found = read(reader, words, house)
    assert all(found.of(name) is not Verdict.CALL for name in NAMES)


def test_names_of_things_are_not_strange(reader: WordsReader) -> None:
    limits = reader.weights.calibration
    assert reader.weights.vocabulary.strange("drive to the hound please") == ("hound",)
    assert reader.least("drive to the hound please") == limits.act
    assert reader.least("drive to the chapter please") == limits.act_strange > limits.act


def test_where_one_tool_may_be_meant_the_person_is_asked_about_it(
    reader: WordsReader, house: list[BaseTool]
) -> None:
    found = read(reader, "We could use the fan now.", house)
    assert found.of("fan_on") is Verdict.ASK
    assert [one.tool for one in found.proposals] == ["fan_on"]


@pytest.mark.parametrize("words", ["别开门", "don't open the door"])
def test_what_is_forbidden_is_not_asked_about(
    reader: WordsReader, house: list[BaseTool], words: str
) -> None:
    assert not read(reader, words, house).proposals


def test_set_it_to_degrees_means_the_thermostat(reader: WordsReader, house: list[BaseTool]) -> None:
    found = read(reader, "Set it to 21 degrees.", house)
    assert [one.tool for one in found.proposals] == ["thermostat_set"]
    assert not read(reader, "Turn it on.", house).proposals  # of three, by what was said before


@pytest.mark.parametrize(
    ("words", "ordered"),
    [
        ("风太大了，把门关上。", ["door_close"]),
        ("太暗了，打开门。", ["door_open"]),
        ("风太大了，把风扇关掉。", ["fan_off"]),
        ("我想听歌，把门打开", ["radio_on", "door_open"]),
        ("I want the lamp and the radio on.", ["lamp_on", "radio_on"]),
    ],
)
def test_a_remark_before_an_order_is_its_reason(
    reader: WordsReader, house: list[BaseTool], words: str, ordered: list[str]
) -> None:
    found = read(reader, words, house)
    readings = [one.reading for one in found.steps] or [found]
    assert [one.tool for reading in readings for one in reading.proposals] == ordered


def test_what_the_robot_cannot_do_is_a_step_of_its_own(
    reader: WordsReader, house: list[BaseTool]
) -> None:
    door, dance = read(reader, "Open the door and dance.", house).steps
    assert [one.tool for one in door.reading.proposals] == ["door_open"]
    assert dance.reading.reply == FIXED["cannot"]["en"]


def test_a_clause_alone_is_not_carried_out_where_the_words_as_a_whole_are_no_order(
    reader: WordsReader, house: list[BaseTool]
) -> None:
    words = "The moment you hear a dog, go to the door and open it."
    found = read(reader, words, [*house, tool("watch_add", Risk.OBSERVE)])
    readings = [one.reading for one in found.steps] or [found]
    assert all(one.of(name) is not Verdict.CALL for one in readings for name in NAMES)


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        ("Turn on the lamp and the humidifier.", ["lamp_on", "humidifier"]),
        ("打开灯和洗衣机。", ["lamp_on", "洗衣机"]),
    ],
)
def test_of_the_objects_of_a_verb_those_that_are_unknown_are_named(
    reader: WordsReader, house: list[BaseTool], words: str, steps: list[str]
) -> None:
    first, second = read(reader, words, house).steps
    assert [one.tool for one in first.reading.proposals] == steps[:1]
    assert not second.reading.proposals
    assert steps[1] in second.reading.reply


def test_an_answer_to_the_robots_question_is_let_through(
    reader: WordsReader, house: list[BaseTool]
) -> None:
    assert read(reader, "21", house).of("thermostat_set") is not Verdict.CALL
    answered = read(reader, "21", house, answers="How many degrees?")
    assert answered.of("thermostat_set") is Verdict.CALL


def test_own_tools_are_called_by_what_they_say_of_themselves(reader: WordsReader) -> None:
    own = [
        tool("pump_on", description="Turn the pump on."),
        tool("pump_off", description="Turn the pump off."),
        tool("tank_level", description="How full the tank is."),
    ]
    found = read(reader, "turn on the pump", own)
    assert [one.tool for one in found.proposals] == ["pump_on"]
    assert not read(reader, "don't turn on the pump", own).proposals
    assert read(reader, "play some chess with me", own).reply == FIXED["cannot"]["en"]


def test_what_is_too_long_to_be_read_is_not_acted_on(
    reader: WordsReader, house: list[BaseTool]
) -> None:
    found = read(reader, "open the door " + "and so on " * 40, house)
    assert found.of("door_open") is not Verdict.CALL


@pytest.mark.parametrize("words", ["", " ", "?", "\u200b", "🤖", "a" * 5000])
def test_nothing_is_no_order(reader: WordsReader, house: list[BaseTool], words: str) -> None:
    assert not read(reader, words, house).proposals


def test_the_development_set(reader: WordsReader) -> None:
    """A lower bound: figures stand in docs/training.md."""
    lines = [json.loads(line) for line in DEVELOPMENT.read_text("utf-8").splitlines()]
    wrong = done = orders = 0
    for line, one in zip(lines, reader.scores_of([row["text"] for row in lines]), strict=True):
        acted = {name for name in ORDERS if one.act[name] >= reader.least(line["text"])}
        wrong += bool(acted - set(line["ordered"]))
        if line["category"] == "order":
            orders += 1
            done += acted == set(line["ordered"])
    assert wrong <= 0.02 * len(lines)
    assert done >= 0.88 * orders


def test_the_checkpoint_that_ships_has_one() -> None:
    reading = reader_of(default_checkpoint()).read("don't open the door", [tool("door_open")])
    assert reading.of("door_open") is Verdict.ANSWER


@pytest.mark.parametrize(
    ("words", "steps"),
    [
        ("Turn the lamp off before you open the door.", ["lamp_off", "door_open"]),
        ("after closing the door, switch on the radio", ["door_close", "radio_on"]),
        ("Drive to the ball and turn on the lamp once you are there.", ["approach", "lamp_on"]),
        ("开门之前先把收音机关掉。", ["radio_off", "door_open"]),
    ],
)
def test_orders_that_time_joins_are_done_in_that_order(
    reader: WordsReader, house: list[BaseTool], words: str, steps: list[str]
) -> None:
    found = read(reader, words, house)
    assert [one.tool for step in found.steps for one in step.reading.proposals] == steps


@pytest.mark.parametrize(
    "words",
    [
        "Can a robot like you drive backwards?",
        "Are machines like you even able to open a door?",
        "像你这样的机器人会关门吗？",
        "Turn off the lamp before my sister comes.",
        "Turn the fan on the moment it gets hot.",
    ],
)
def test_what_is_asked_of_its_abilities_or_is_later_is_not_done(
    reader: WordsReader, house: list[BaseTool], words: str
) -> None:
    found = read(reader, words, house)
    assert all(found.of(name) is not Verdict.CALL for name in NAMES)


def test_what_and_joins_is_not_dropped(reader: WordsReader, house: list[BaseTool]) -> None:
    found = read(reader, "Open the door and go to the cow.", house)
    [opened, other] = found.steps
    assert [one.tool for one in opened.reading.proposals] == ["door_open"]
    assert other.reading.reply == FIXED["cannot"]["en"]


def test_it_is_what_the_clause_before_names(reader: WordsReader, house: list[BaseTool]) -> None:
    observing = [tool(name, Risk.OBSERVE) for name in ("house_status", "detect")]
    found = read(reader, "Is the fan on? And the lamp?", [*house, *observing])
    about = [one.about for step in found.steps for one in step.reading.proposals]
    assert about == ["fan", "lamp"]


def test_a_robot_with_other_tools_alone_says_that_it_cannot(reader: WordsReader) -> None:
    pickup = StructuredTool.from_function(
        lambda date: date,
        name="book_pickup",
        description="Book a pickup of parcels.",
        args_schema={
            "type": "object",
            "properties": {"date": {"type": "string", "description": "Date, YYYY-MM-DD"}},
            "required": ["date"],
        },
        infer_schema=False,
        metadata=label(Risk.CHANGE),
    )
    hotel = read(reader, "Book a hotel for 2026-12-03.", [pickup])
    assert hotel.reply == FIXED["cannot"]["en"]
    assert not hotel.proposals
    [call] = read(reader, "Book a pickup for 2026-12-03.", [pickup]).proposals
    assert call.arguments == {"date": "2026-12-03"}
    told = read(reader, "I already booked a pickup for 2026-12-03.", [pickup])
    assert not told.proposals


@pytest.mark.parametrize("words", ["Two degrees warmer, please.", "调高两度"])
def test_a_change_of_the_temperature_is_asked_about(
    reader: WordsReader, house: list[BaseTool], words: str
) -> None:
    found = read(reader, words, house)
    assert found.of("thermostat_set") is Verdict.ASK
    assert [one.tool for one in found.proposals] == ["thermostat_set"]


@pytest.mark.parametrize(
    ("words", "asked"),
    [
        ("Listen until you hear my radio!", "watch_add"),
        ("Will you listen for any radio?", "watch_add"),
    ],
)
def test_what_is_asked_of_a_thing_is_asked_of_one_with_the_name_of_a_device(
    reader: WordsReader, house: list[BaseTool], words: str, asked: str
) -> None:
    found = read(reader, words, [*house, tool("watch_add", Risk.OBSERVE)])
    assert [one.tool for one in found.proposals] == [asked]
    assert found.of("radio_on") is Verdict.ANSWER


def test_what_is_excepted_is_not_ordered(reader: WordsReader, house: list[BaseTool]) -> None:
    found = read(reader, "Turn on everything except the lamp.", house)
    assert found.of("lamp_on") is Verdict.ANSWER


def test_a_clause_that_is_held_back_is_asked_about(
    reader: WordsReader, house: list[BaseTool]
) -> None:
    words = "Close the door, but only after Anna has left."
    found = read(reader, words, house)
    parts = [one.reading for one in found.steps] or [found]
    assert all(one.of("door_close") is not Verdict.CALL for one in parts)
