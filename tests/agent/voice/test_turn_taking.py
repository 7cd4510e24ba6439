"""Where an utterance begins and ends."""

from collections.abc import Sequence

import pytest
from fixtures.scripted_voice import (
    SECONDS,
    SILENT,
    SPEAKING,
    LevelActivity,
    WordsRecogniser,
    sound,
)

from sensebind.agent.voice.grammar import Grammar
from sensebind.agent.voice.microphones import Block
from sensebind.agent.voice.turn_taking import Began, Ended, TurnTaking

GRAMMAR = Grammar(["turn [left]"])


def taken(
    turns: TurnTaking, levels: Sequence[float], begin: float = 100.0
) -> list[tuple[Began | Ended, float]]:
    """What began and ended, each with the time of the block."""
    found = []
    for number, level in enumerate(levels, 1):
        at = begin + number * SECONDS
        found += [(one, at - begin) for one in turns.add(Block(sound(level), at))]
    return found


def turn_taking(said: str, **more: float) -> TurnTaking:
    recogniser = WordsRecogniser([said], GRAMMAR)
    return TurnTaking(LevelActivity(), recogniser, more.get("short", 0.4), more.get("long", 1.0))


@pytest.mark.parametrize(("said", "wait"), [("turn left", 0.4), ("turn the", 1.0)])
def test_half_a_sentence_is_waited_for_longer(said: str, wait: float) -> None:
    (began, _), (ended, at) = taken(turn_taking(said), [SPEAKING] * 20 + [SILENT] * 60)
    assert isinstance(began, Began) and isinstance(ended, Ended)
    assert ended.heard.text == said
    assert at - 20 * SECONDS == pytest.approx(wait, abs=0.13)
    assert ended.spoke_until == pytest.approx(100.0 + 20 * SECONDS)
    assert ended.began_at == pytest.approx(100.0)
    assert ended.seconds == pytest.approx(20 * SECONDS)


def test_a_pause_within_half_a_sentence_does_not_cut_it() -> None:
    levels = [SPEAKING] * 10 + [SILENT] * 16 + [SPEAKING] * 10 + [SILENT] * 60
    kinds = [type(one) for one, _ in taken(turn_taking("turn the"), levels)]
    assert kinds == [Began, Ended]


def test_a_click_begins_nothing() -> None:
    assert taken(turn_taking("turn left"), ([SPEAKING] * 2 + [SILENT] * 5) * 10) == []


def test_what_was_said_before_it_was_noticed_is_recognised_too() -> None:
    recogniser = WordsRecogniser(["turn left"], GRAMMAR)
    turns = TurnTaking(LevelActivity(), recogniser, 0.4, 1.0)
    taken(turns, [SILENT] * 20 + [SPEAKING] * 10)
    assert recogniser.blocks == 10 + 9  # 0.4 s before, of which three blocks are speech already
    assert turns.listening


def test_who_speaks_for_ever_is_not_speaking_to_a_robot() -> None:
    found = taken(turn_taking("turn left"), [SPEAKING] * 600)
    assert [type(one) for one, _ in found][:2] == [Began, Ended] and found[1][1] < 16


def test_after_a_reset_nothing_goes_on() -> None:
    turns = turn_taking("turn left")
    taken(turns, [SPEAKING] * 10)
    turns.reset()
    assert not turns.listening and not list(turns.finish())
    assert taken(turns, [SILENT] * 60) == []


def test_the_end_of_all_sound_ends_an_utterance() -> None:
    turns = turn_taking("turn left")
    taken(turns, [SPEAKING] * 10)
    [ended] = turns.finish()
    assert ended.heard.text == "turn left"


def test_the_robots_own_voice_begins_nothing_and_ends_what_was_begun() -> None:
    turns = turn_taking("turn left")
    own = [Block(sound(SPEAKING), 100.0 + n * SECONDS, own=True) for n in range(40)]
    assert [one for block in own for one in turns.add(block)] == []
    found = [type(one) for one, _ in taken(turns, [SPEAKING] * 10, 102.0)]
    found += [type(one) for block in own for one in turns.add(block)]
    assert found == [Began, Ended]
