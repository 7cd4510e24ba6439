"""Fixed words: states, what is not known, what was not done."""

import pytest

from sensebind.agent.reader.said import not_done, states_said, thing_named, unknown

STATUS = '{"lamp":"on","radio":"off","fan":"off","door":"closed","thermostat":20}'


@pytest.mark.parametrize(
    ("devices", "language", "said"),
    [
        (["lamp"], "en", "The lamp is on."),
        (["door", "radio"], "en", "The door is closed. The radio is off."),
        (["door"], "zh", "门关着。"),
        (["lamp"], "zh", "灯开着。"),
    ],
)
def test_states_are_those_of_the_result(devices: list[str], language: str, said: str) -> None:
    assert states_said(devices, STATUS, language) == said
    plain = "lamp on, radio off, fan off, door closed, thermostat 20"
    assert states_said(devices, plain, language) == said


def test_a_result_without_the_device_is_said_as_it_is() -> None:
    assert states_said(["lamp"], "nobody answers", "en") == "nobody answers"


@pytest.mark.parametrize(
    ("words", "language", "thing"),
    [
        ("Turn on the dishwasher.", "en", "dishwasher"),
        ("could you switch the coffee machine off please", "en", "coffee machine"),
        ("raise the blinds in the bedroom", "en", "blinds"),
        ("set the oven to 180 degrees", "en", "oven"),
        ("bring me a glass of water", "en", ""),
        ("把洗碗机打开", "zh", "洗碗机"),
        ("打开电视吧", "zh", "电视"),
        ("给我唱首歌", "zh", ""),
    ],
)
def test_what_an_order_names(words: str, language: str, thing: str) -> None:
    assert thing_named(words, language) == thing


def test_what_is_unknown_is_said_to_be() -> None:
    assert unknown("Turn on the dishwasher.", "en") == "I do not know any dishwasher here."
    assert unknown("打开洗碗机", "zh") == "我这里没有洗碗机。"
    assert unknown("sing for me", "en") == "I am sorry, I cannot do that."


def test_what_was_not_done_names_the_step_and_why() -> None:
    assert not_done("go to the ball, please", "error: Something is in the way.", "en") == (
        'I did not do "go to the ball please", something is in the way.'
    )
    assert not_done("开门", "", "zh") == "“开门”没有做。"
