"""What each sense has to say at one moment, and what the language model is conditioned on."""

import numpy as np
import pytest
from fixtures.percepts import WIDTH, percept

from sensebind.agent.conditioning.perceived import Newest, perceived
from sensebind.agent.conditioning.sensed import SenseState
from sensebind.perception.percept import Percept

MUG = percept(value=7)


def name_of(one: Percept) -> str:
    return "my mug" if one.embedding[7] else ""


@pytest.mark.parametrize(
    ("newest", "state", "fresh"),
    [
        (Newest("vision", None, float("inf")), SenseState.MISSING, False),
        (Newest("vision", percept(), 0.5), SenseState.PRESENT, True),
        (Newest("vision", percept(), 2.0), SenseState.PRESENT, True),
        (Newest("vision", percept(), 2.001), SenseState.STALE, False),
        (Newest("vision", percept(present=False), 0.5), SenseState.NOTHING, True),
        (Newest("vision", percept(present=False, known=False), 0.5), SenseState.NOTHING, True),
        (Newest("vision", percept(known=False), 0.5), SenseState.UNKNOWN, True),
        (Newest("vision", MUG, 0.5), SenseState.NAMED, True),
        (Newest("vision", percept(value=7, known=False), 0.5), SenseState.NAMED, True),
        (Newest("vision", MUG, 3.0), SenseState.STALE, False),
    ],
)
def test_what_a_sense_has_to_say(newest: Newest, state: SenseState, fresh: bool) -> None:
    found = perceived({"camera": newest}, 2.0, name_of)
    [said] = found.sensed
    assert (said.sense, said.stream, said.state) == ("sight", "camera", state)
    assert found.percepts == ({"camera": newest.percept} if fresh else {})
    assert said.name == ("my mug" if state is SenseState.NAMED else "")
    condition = found.condition(["sight", "hearing"], WIDTH)
    assert list(condition.present) == [state is SenseState.PRESENT, False]
    assert condition.sensed == found.sensed


def test_what_is_said_comes_from_the_header() -> None:
    seen = percept(confidence=0.25)
    [said] = perceived({"camera": Newest("vision", seen, 0.5)}, 2.0).sensed
    assert (said.reference, said.captured_at) == (seen.header.observation, seen.header.captured_at)
    assert (said.age_ms, said.confidence) == (500.0, 0.25)


@pytest.mark.parametrize("reverse", [False, True])
def test_of_two_streams_of_a_sense_the_one_captured_last_counts(reverse: bool) -> None:
    first, last = percept(value=1), percept(value=2)
    streams = [("left", first), ("right", last)]
    newest = {
        name: Newest("vision", one, 0.5) for name, one in (streams[::-1] if reverse else streams)
    }
    condition = perceived(newest, 2.0).condition(["sight"], WIDTH)
    np.testing.assert_allclose(condition.embeddings[0], last.embedding, atol=1e-5)
