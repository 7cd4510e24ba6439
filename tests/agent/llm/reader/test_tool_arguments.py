"""Arguments of a call, taken from a person's words."""

from typing import Any

import pytest

from sensebind.agent.llm.reader.tool_arguments import arguments_of
from sensebind.agent.llm.reader.tool_matcher import ToolText


def given(words: str, properties: dict[str, Any], required: list[str] | None = None) -> Any:
    schema = {
        "type": "object",
        "properties": properties,
        "required": list(properties) if required is None else required,
    }
    return arguments_of(words, ToolText.of("tool", "Does something.", schema))


NUMBER = {"type": "number"}
INTEGER = {"type": "integer"}
TEXT = {"type": "string"}


@pytest.mark.parametrize(
    ("words", "properties", "values"),
    [
        ("bake it for 25 minutes at 180 degrees", {"temperature_c": INTEGER, "minutes": INTEGER},
         {"temperature_c": 180, "minutes": 25}),
        ("jog the z axis by -2.5 mm", {"axis": {"enum": ["x", "y", "z"]}, "mm": NUMBER},
         {"axis": "z", "mm": -2.5}),
        ("how much does hive number 4 weigh", {"hive": INTEGER}, {"hive": 4}),
        ("every thirty seconds", {"interval_seconds": INTEGER}, {"interval_seconds": 30}),
        ("knead slowly", {"speed": {"enum": ["slow", "fast"]}}, {"speed": "slow"}),
        ("switch it off", {"on": {"type": "boolean"}}, {"on": False}),
        ("coolant on", {"on": {"type": "boolean"}}, {"on": True}),
        ("search for invoices from March", {"query": TEXT}, {"query": "invoices from March"}),
        ("cancel booking FX-9921", {"reference": TEXT}, {"reference": "FX-9921"}),
        ("mail jo@example.org saying I will be late", {"to": TEXT, "body": TEXT},
         {"to": "jo@example.org", "body": "I will be late"}),
        ("book from Northpoint to Gull Island", {"origin": TEXT, "destination": TEXT},
         {"origin": "Northpoint", "destination": "Gull Island"}),
        ('write "to do: nothing" on it', {"text": TEXT}, {"text": "to do: nothing"}),
        ("start the guide in room A3", {"room": TEXT}, {"room": "A3"}),
    ],
)  # fmt: skip
def test_values_stand_in_the_words(
    words: str, properties: dict[str, Any], values: dict[str, Any]
) -> None:
    found = given(words, properties)
    assert found.values == values
    assert found.missing == ()


def test_what_is_not_said_is_missing() -> None:
    assert given("start the oven", {"minutes": INTEGER}).missing == ("minutes",)
    assert given("knead the dough", {"speed": {"enum": ["slow", "fast"]}}).missing == ("speed",)


def test_a_number_out_of_range_is_not_taken() -> None:
    found = given("heat to 900 degrees", {"celsius": {"type": "integer", "maximum": 110}})
    assert found.missing == ("celsius",)


def test_what_is_optional_is_left_out_unless_it_is_spoken_of() -> None:
    optional = {"limit": {"type": "integer", "default": 10}, "verbose": {"type": "boolean"}}
    assert given("show all logs", optional, []).values == {}
    assert given("show logs with a limit of 5", optional, []).values == {"limit": 5}
