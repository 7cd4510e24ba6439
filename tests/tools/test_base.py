"""What tools have in common: results, failures, refused arguments, and the newest image."""

import time
from typing import Any

import numpy as np
import pytest
from langchain_core.messages import ToolMessage
from langchain_core.tools import BaseTool
from pydantic import BaseModel

from sensebind.errors import InputError, SourceError, ToolError
from sensebind.perception.percept import Modality, Observation
from sensebind.tools.base import make_tool, newest_frame, shortened
from sensebind.tools.risk import Origin, Risk, label, origin_of, risk_of

METADATA = label(Risk.OBSERVE, origin=Origin.ROBOT)


class Plant(BaseModel):
    """Which plant."""

    name: str


def call(tool: BaseTool, **arguments: Any) -> ToolMessage:
    return tool.invoke({"type": "tool_call", "id": "1", "name": tool.name, "args": arguments})


def test_a_function_becomes_a_tool() -> None:
    def battery() -> str:
        return "80 % charged"

    tool = make_tool(battery, "Says how full the battery is.", metadata=METADATA)
    assert (tool.name, tool.description) == ("battery", "Says how full the battery is.")
    assert (risk_of(tool), origin_of(tool)) == (Risk.OBSERVE, Origin.ROBOT)
    assert tool.args == {}
    message = call(tool)
    assert (message.content, message.artifact, message.status) == ("80 % charged", None, "success")


def test_an_artifact_comes_along() -> None:
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    for arguments in (Plant, schema):
        tool = make_tool(
            lambda name: (f"the {name} is dry", {"moisture": 0.1}),
            "Looks at a plant.",
            name="look_at",
            arguments=arguments,
            metadata=METADATA,
        )
        message = call(tool, name="fern")
        assert (message.content, message.artifact) == ("the fern is dry", {"moisture": 0.1})


@pytest.mark.parametrize("error", [ToolError("no fern"), InputError("no fern")])
def test_the_model_reads_what_went_wrong(error: Exception) -> None:
    def water() -> str:
        raise error

    message = call(make_tool(water, "Waters.", metadata=METADATA))
    assert (message.content, message.status) == ("error: no fern", "error")


def test_a_bug_passes_through() -> None:
    def water() -> str:
        raise ZeroDivisionError("1/0")

    with pytest.raises(ZeroDivisionError):
        call(make_tool(water, "Waters.", metadata=METADATA))


def test_wrong_arguments_are_named_for_the_model_where_there_are_words_for_it() -> None:
    def water(name: str) -> str:
        return name

    tool = make_tool(
        water, "Waters.", arguments=Plant, metadata=METADATA, wrong_arguments="name one plant"
    )
    assert call(tool, name=["a", "b"]).content == "error: name one plant"
    with pytest.raises(ValueError, match="name"):
        call(make_tool(water, "Waters.", arguments=Plant, metadata=METADATA))


def test_the_newest_frame_is_fresh_or_refused() -> None:
    def frame(age: float) -> Observation:
        image = np.zeros((2, 3, 3), np.uint8)
        monotonic = time.monotonic() - age
        return Observation(image, "camera", Modality.VISION, 7, monotonic, 0, "camera")

    found = newest_frame(lambda: frame(0.25))
    assert found.image.shape == (2, 3, 3)
    assert found.reference == "frame:camera@7"
    assert 250 <= found.age_ms < 1000
    with pytest.raises(ToolError, match=r"the newest picture is 5\.0 s old"):
        newest_frame(lambda: frame(5.0))

    def unplugged() -> Observation:
        raise SourceError("the camera is unplugged")

    with pytest.raises(ToolError, match="there is no picture: the camera is unplugged"):
        newest_frame(unplugged)


def test_long_texts_are_cut() -> None:
    assert shortened("four", 4) == "four"
    assert shortened("fives", 4) == "fiv…"
