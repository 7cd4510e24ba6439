"""Which numbers a person's words admit for a tool's parameter, in English and Chinese."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.agent.grounding.corrections import corrected
from sensebind.agent.grounding.parameters import Lack, Parameter, admitted, as_json
from sensebind.agent.grounding.quantities import Heading, changes_temperature, quantities


def parameter(name: str, **schema: object) -> Parameter:
    found = Parameter.of(name, schema)
    assert found is not None
    return found


METRES = parameter(
    "metres",
    type="number",
    minimum=-6,
    maximum=6,
    multipleOf=0.1,
    description="Metres; negative is back.",
)
DEGREES = parameter(
    "degrees",
    type="number",
    minimum=-180,
    maximum=180,
    multipleOf=1,
    description="To the left if positive.",
)
TEMPERATURE = parameter(
    "temperature",
    type="integer",
    minimum=10,
    maximum=30,
    description="Degrees Celsius, a whole number.",
)
PERCENT = parameter("percent", type="integer", minimum=0, maximum=100, description="In percent.")


def given_by(words: str, to: Parameter) -> list[float] | str:
    """What the words admit: the numbers, or why there is none."""
    found = admitted(to, *quantities(words))
    return [as_json(one) for one in found.values] if found.values else str(found.lack)


@pytest.mark.parametrize(
    ("to", "words", "expected"),
    [
        (METRES, "drive 1.5 metres", [1.5]),
        (METRES, "drive forward 30 cm", [0.3]),
        (METRES, "go half a metre back", [-0.5]),
        (METRES, "go back half a metre", [-0.5]),
        (METRES, "roll forward one and a half metres", [1.5]),
        (METRES, "drive a metre and a half", [1.5]),
        (METRES, "two metres and a half backwards", [-2.5]),
        (METRES, "drive two thirds of a metre", "not_in_steps"),
        (METRES, "reverse by 80 centimetres", [-0.8]),
        (METRES, "drive 3 feet", [0.9]),
        (METRES, "move ahead 10 metres", "out_of_range"),
        (METRES, "drive a bit", "no_number"),
        (METRES, "drive 0.25 m", "not_in_steps"),
        (METRES, "drive 2 or 3 metres", "ambiguous"),
        (METRES, "drive -2", [-2]),
        (METRES, "drive minus two metres", [-2]),
        (METRES, "往前走一米二", [1.2]),
        (METRES, "后退半米", [-0.5]),
        (METRES, "向前走零点六米", [0.6]),
        (METRES, "往前开三十厘米", [0.3]),
        (METRES, "前进两米", [2]),
        (METRES, "前进1.5米", [1.5]),
        (METRES, "倒车50公分", [-0.5]),
        (METRES, "往前走一点", "no_number"),
        (METRES, "走两三米", "ambiguous"),
        (METRES, "走三分之二米", "not_in_steps"),
        (METRES, "one metre twenty forward", [1.2]),
        (METRES, "drive 1 m 20 cm", [1.2]),
        (METRES, "drive 2000 mm", [2]),
        (METRES, "go forward point five metres", [0.5]),
        (METRES, "drive 3 metres, no, 2 metres", [2]),
        (METRES, "the ball is 3 metres away, drive forward 1 metre", [1]),
        (METRES, "My room is 4 metres long; drive 2 metres forward", [2]),
        (METRES, "come back half a metre", [-0.5]),
        (METRES, "离墙还有三米，前进一米", [1]),
        (METRES, "請後退兩公尺", [-2]),
        (TEMPERATURE, "it's 17 now, set it to 20", [20]),
        (TEMPERATURE, "the thermostat is at 25, lower it to 20", [20]),
        (TEMPERATURE, "it is 17", [17]),  # with no other number, it may answer a question
        (TEMPERATURE, "现在十七度，调到二十度", [20]),
        (TEMPERATURE, "调到十八度，不是二十八度", [18]),
        (TEMPERATURE, "set it to 18 - no - 19", [19]),
        (DEGREES, "turn left one and a half times", "no_number"),
        (DEGREES, "turn around twice", "no_number"),
        (DEGREES, "順時針轉四十五度", [-45]),
        (METRES, "not 3 but 2 metres", [2]),
        (METRES, "前进三米，不对，两米", [2]),
        (METRES, "drive to that one", "no_number"),
        (METRES, "drive 0.5 kilometres", "out_of_range"),
        (METRES, "drive another 2 metres", [2]),
        (DEGREES, "turn left", [90]),
        (DEGREES, "turn right", [-90]),
        (DEGREES, "turn right 45", [-45]),
        (DEGREES, "turn 45 degrees to the right", [-45]),
        (DEGREES, "turn -90 degrees", [-90]),
        (DEGREES, "turn around", [180]),
        (DEGREES, "转身", [180]),
        (DEGREES, "左转", [90]),
        (DEGREES, "向右转三十度", [-30]),
        (DEGREES, "转半圈", [180]),
        (DEGREES, "a quarter turn to the left", [90]),
        (DEGREES, "make a half turn", [180]),
        (DEGREES, "turn a quarter of a circle right", [-90]),
        (DEGREES, "do a full turn", "out_of_range"),
        (DEGREES, "turn pi radians", "no_number"),
        (DEGREES, "turn left 22.5 degrees", "not_in_steps"),
        (DEGREES, "turn left one eighty", [180]),
        (DEGREES, "turn right now by 20 degrees", [20]),
        (DEGREES, "turn left, 30 degrees please", [30]),
        (DEGREES, "向左转四分之一圈", [90]),
        (DEGREES, "逆时针转四十五度", [45]),
        (DEGREES, "顺时针转90度", [-90]),
        (DEGREES, "往左转20度左右", [20]),
        (DEGREES, "spin clockwise by sixty degrees", [-60]),
        (DEGREES, "rotate ninety degrees counterclockwise", [90]),
        (DEGREES, "drive 2 metres then turn left", [90]),
        (METRES, "drive 2 metres then turn left", [2]),
        (DEGREES, "turn right 1.5 radians", [-86]),
        (TEMPERATURE, "set it to 21", [21]),
        (TEMPERATURE, "set the thermostat to twenty-two degrees", [22]),
        (TEMPERATURE, "two degrees warmer", "relative"),
        (TEMPERATURE, "turn it up to 23", [23]),
        (TEMPERATURE, "make it 12 degrees warmer", "relative"),
        (TEMPERATURE, "turn it up by 12", "relative"),
        (TEMPERATURE, "set it to 100", "out_of_range"),
        (TEMPERATURE, "set it to 21.5 degrees", "not_in_steps"),
        (TEMPERATURE, "把温度调到二十二度", [22]),
        (TEMPERATURE, "调高两度", "relative"),
        (TEMPERATURE, "调到二十一度半", "not_in_steps"),
        (TEMPERATURE, "温度设成18", [18]),
        (TEMPERATURE, "set 70 fahrenheit", [21]),
        (TEMPERATURE, "set it to 68°F", [20]),
        (TEMPERATURE, "华氏七十度", [21]),
        (TEMPERATURE, "20 or 22 degrees", "ambiguous"),
        (TEMPERATURE, "between 20 and 22 degrees", "ambiguous"),
        (TEMPERATURE, "20 to 22", "ambiguous"),
        (TEMPERATURE, "raise it from 20 to 22 degrees", [22]),
        (TEMPERATURE, "从二十度调到二十二度", [22]),
        (TEMPERATURE, "不是20度，是22度", [22]),
        (DEGREES, "turn half left", "no_number"),
        (TEMPERATURE, "set the heat to 21 point 5", "not_in_steps"),
        (METRES, "drive 1 point five metres", [1.5]),
        (METRES, "后退1点5米", [-1.5]),
        (TEMPERATURE, "21点5度", "not_in_steps"),
        (TEMPERATURE, "8点30把温度调到20度", [20]),
        (DEGREES, "turn half way to the right", "no_number"),
        (DEGREES, "turn left half a turn", [180]),
        (DEGREES, "turn left, I mean right", [-90]),
        (DEGREES, "Turn left 30 degrees, no wait, right.", [-30]),
        (DEGREES, "左转，不对，右转", [-90]),
        (DEGREES, "左转30度，我是说右转", [-30]),
        (METRES, "drive forward, no, back one metre", [-1]),
        (METRES, "前进，不对，后退两米", [-2]),
        (TEMPERATURE, "20, I mean 22 degrees", [22]),
        (TEMPERATURE, "at 7 o'clock set it to 19", [19]),
        (TEMPERATURE, "my grandma is 80, set it to 24 degrees", [24]),
        (TEMPERATURE, "set it to minus 5", "out_of_range"),
        (TEMPERATURE, "零下五度", "out_of_range"),
        (TEMPERATURE, "at 18:30 make it 20", [20]),
        (TEMPERATURE, "把恒温器调到十九度", [19]),
        (TEMPERATURE, "turn the heating to the maximum", [30]),
        (TEMPERATURE, "调到最高", [30]),
        (TEMPERATURE, "thermostat eighteen", [18]),
        (TEMPERATURE, "set it to twenty one", [21]),
        (TEMPERATURE, "make it warmer", "no_number"),
        (TEMPERATURE, "一百二十度", "out_of_range"),
        (TEMPERATURE, "调到十五", [15]),
        (PERCENT, "open the blinds halfway", [50]),
        (PERCENT, "七成", [70]),
        (PERCENT, "百分之三十", [30]),
        (PERCENT, "thirty percent", [30]),
        (PERCENT, "fully open", [100]),
        (PERCENT, "打开一半", [50]),
        (DEGREES, "turn left a little", "no_number"),
        (DEGREES, "转-90度", [-90]),
        (TEMPERATURE, "调到-10度", "out_of_range"),
        (TEMPERATURE, "设为20-22度", "ambiguous"),
        (DEGREES, "稍微向左转一点", "no_number"),
        (DEGREES, "turn left 45 degrees and then drive 2 metres", [45]),
        (METRES, "turn left 45 degrees and then drive 2 metres", [2]),
        (METRES, "左转九十度再前进一米", [1]),
        (METRES, "drive 5 steps", "no_number"),
        (METRES, "走三步", "no_number"),
        (TEMPERATURE, "warmer by a few degrees", "no_number"),
        (TEMPERATURE, "make it twenty, no make it nineteen", [19]),
        (TEMPERATURE, "2 metres forward, then thermostat to 20", [20]),
    ],
)
def test_words(to: Parameter, words: str, expected: list[float] | str) -> None:
    assert given_by(words, to) == expected


def test_conventions_are_read_from_the_schema() -> None:
    assert METRES.positive is Heading.FORWARD
    assert DEGREES.positive is Heading.LEFT
    clockwise = parameter("yaw", type="number", description="Degrees, positive is clockwise.")
    assert clockwise.positive is Heading.RIGHT
    assert given_by("turn right 30 degrees", clockwise) == [30]
    assert given_by("turn left 30 degrees", clockwise) == [-30]


@pytest.mark.parametrize(
    ("name", "description", "words", "expected"),
    [
        ("distance_cm", "", "go 1.5 m", [150]),
        ("durationSeconds", "", "for two and a half minutes", [150]),
        ("minutes", "How long.", "for half an hour", [30]),
        ("hours", "", "九十分钟", [1.5]),
        ("angle", "In radians.", "turn 180 degrees", [pytest.approx(3.14159265)]),
        ("temperature", "Degrees Fahrenheit.", "set it to 20 degrees celsius", [68]),
        ("level", "Volume.", "volume seven", [7]),
        ("speed_mm", "", "3 inches", [76.2]),
        ("percent", "", "四分之三", [75]),
    ],
)
def test_units(name: str, description: str, words: str, expected: list[float]) -> None:
    assert given_by(words, parameter(name, type="number", description=description)) == expected


def test_bounds_and_steps_are_exact() -> None:
    tenth = parameter("x", type="number", multipleOf=0.1, minimum=-0.3, exclusiveMaximum=1)
    assert tenth.allows(Fraction(3, 10)) is None
    assert tenth.allows(Fraction(7, 20)) is Lack.NOT_IN_STEPS
    assert tenth.allows(Fraction(1)) is Lack.OUT_OF_RANGE
    assert tenth.allows(Fraction(-3, 10)) is None
    even = parameter("n", type="integer", multipleOf=1.5)
    assert even.allows(Fraction(3)) is None
    assert even.allows(Fraction(3, 2)) is Lack.NOT_IN_STEPS


def test_optional_and_nullable_numbers_are_numbers() -> None:
    schema = {"anyOf": [{"type": "integer", "maximum": 5}, {"type": "null"}], "default": 2}
    found = Parameter.of("n", schema, required=False)
    assert found is not None
    assert (found.high, found.default, found.step) == (5, 2, 1)
    assert Parameter.of("on", {"type": "boolean"}) is None
    assert Parameter.of("name", {"type": "string"}) is None


@given(st.integers(-600, 600), st.sampled_from(["", " m", " metres", "米"]))
def test_every_number_of_metres_is_itself(tenths: int, unit: str) -> None:
    metres = parameter("metres", type="number", multipleOf=0.1)
    value = Fraction(tenths, 10)
    assert given_by(f"drive {float(value)}{unit}", metres) == [as_json(value)]


@given(st.decimals(min_value=0, max_value=10_000, places=2), st.sampled_from(["cm", "厘米"]))
def test_centimetres_are_hundredths(value: object, unit: str) -> None:
    found = given_by(f"go {value} {unit}", parameter("metres", type="number"))
    assert found == [as_json(Fraction(str(value)) / 100)]


@given(st.text(max_size=80))
def test_no_text_is_too_much(text: str) -> None:
    found, clauses = quantities(text)
    assert all(one.clause < len(clauses) for one in found)
    for to in (METRES, DEGREES, TEMPERATURE, PERCENT):
        for value in admitted(to, found, clauses).values:
            assert to.allows(value) is None


_ENGLISH = ("two", "half", "a", "metre", "and", "20", "minus", "point", "to", "or", "not", "45")
_ALPHABET = st.sampled_from([*_ENGLISH, *"度半点三米百一负圈,.-m", "left", "分之", "不是"])


@given(st.lists(_ALPHABET, max_size=12).map(" ".join))
def test_no_mixture_is_too_much(text: str) -> None:
    found, clauses = quantities(text)
    assert all(0 <= one.start < one.end for one in found)
    admitted(METRES, found, clauses)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("Set it to 20, no, 22 degrees.", "Set it to 22 degrees."),
        ("温度调到二十，不对，二十三度。", "温度调到二十三度。"),
        ("set it to 18 - no - 19", "set it to 19"),
        ("turn minus 20, no, 30 degrees", "turn minus 20, no, 30 degrees"),  # whose sign is it?
        ("调到十八度，不是二十八度", "调到十八度，不是二十八度"),
        ("drive 2 metres and turn 30 degrees", "drive 2 metres and turn 30 degrees"),
        ("no, not the lamp", "no, not the lamp"),
    ],
)
def test_a_number_that_is_taken_back_is_left_out(words: str, meant: str) -> None:
    assert corrected(words) == meant


@pytest.mark.parametrize(
    ("words", "asks"),
    [
        ("two degrees warmer, please", True),
        ("make it three degrees cooler", True),
        ("调高两度", True),
        ("21 degrees, please", False),
        ("turn two degrees to the left", False),
        ("a bit warmer", False),
    ],
)
def test_some_degrees_more_or_less_are_a_change(words: str, asks: bool) -> None:
    assert changes_temperature(words) is asks
