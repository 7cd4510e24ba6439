"""A dialog in llama.cpp keeps the contract of one in PyTorch, on small models of both kinds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
import torch
from gguf_pairs import Pair, known, logits_after, tokens

from sensebind.agent.gated_llama.session import NO_CONDITION
from sensebind.agent.llamacpp.session import FIRST_CAPACITY
from sensebind.errors import InputError

pytestmark = pytest.mark.extended

NEW = 6
KINDS: dict[str, dict[str, Any]] = {
    "grouped queries": {},
    "tied": {"tie_word_embeddings": True},
    "all heads": {"num_key_value_heads": 4},
    "wide heads": {"head_dim": 16},
    "own biases": {"attention_bias": True, "mlp_bias": True},
    "last layers": {"injected_layers": 2},
    "one slot": {"slots": 1, "senses": None},
    "block": {"injection_point": "block"},
    "block, own biases": {"injection_point": "block", "attention_bias": True, "mlp_bias": True},
    "block, last layer": {"injection_point": "block", "injected_layers": 1},
    "mistral": {"family": "mistral", "sliding_window": None},
    "mistral, block": {"family": "mistral", "sliding_window": None, "injection_point": "block"},
    "qwen2, block": {"family": "qwen2", "injection_point": "block"},
    "qwen3, block": {"family": "qwen3", "injection_point": "block", "head_dim": 8},
    "smollm3, block": {
        "family": "smollm3",
        "injection_point": "block",
        "num_hidden_layers": 5,
        "no_rope_layer_interval": 4,
    },
    "linear rope": {"rope_parameters": {"rope_theta": 1e4, "rope_type": "linear", "factor": 2.0}},
    "llama3 rope": {
        "rope_parameters": {
            "rope_theta": 1e4,
            "rope_type": "llama3",
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        }
    },
    "yarn rope": {
        "rope_parameters": {
            "rope_theta": 1e4,
            "rope_type": "yarn",
            "factor": 4.0,
            "original_max_position_embeddings": 64,
        }
    },
}
# Of the largest logit. Keys and values are float16; the rest is that of the type.
TOLERANCES = {"F32": 3e-3, "F16": 4e-3, "Q8_0": 4e-2}


@pytest.mark.parametrize("kind", KINDS)
def test_logits_are_those_of_pytorch(make_pair: Callable[..., Pair], kind: str) -> None:
    pair = make_pair(**KINDS[kind])
    ids, logits = tokens(24), []
    for session in (pair.ours(), pair.theirs()):
        generator = torch.Generator().manual_seed(3)
        slots = pair.model.config.slots
        first, second = (
            session.condition(torch.randn(slots, 12, generator=generator), torch.ones(slots))
            for _ in range(2)
        )
        conditions = [NO_CONDITION] * 5 + [first] * 9 + [second] * 10
        logits.append(logits_after(session, ids, conditions))
    ours, theirs = logits
    assert (ours - theirs).abs().max() <= TOLERANCES["F32"] * ours.abs().max()


@pytest.mark.parametrize("kind", ["F16", "Q8_0", "Q4_0", "Q4_K_M"])
def test_types_differ_by_their_rounding_only(make_pair: Callable[..., Pair], kind: str) -> None:
    exact, rounded = make_pair(), make_pair(kind)
    ids, logits = tokens(24), []
    for session in (exact.theirs(), rounded.theirs()):
        first, second = known(session)
        logits.append(logits_after(session, ids, [first] * 12 + [second] * 12))
    apart = (logits[0] - logits[1]).abs().max() / logits[0].abs().max()
    assert apart <= TOLERANCES.get(kind, 0.5)


def test_the_condition_counts(make_pair: Callable[..., Pair]) -> None:
    session = make_pair().theirs()
    first, second = known(session)
    ids = tokens(12)
    under = [logits_after(session, ids, [one] * 12) for one in (first, second, NO_CONDITION, first)]
    assert (under[0] - under[1]).abs().max() > 0.1
    assert (under[0] - under[2]).abs().max() > 0.1
    assert torch.equal(under[0], under[3])  # the old one again, to the last bit


def test_answers_are_those_of_pytorch(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair()
    answers = []
    for session in (pair.ours(), pair.theirs()):
        first, second = known(session)
        ids, conditions = tokens(10), [first] * 10
        said = []
        for turn in range(4):
            answer = list(session.stream(ids, conditions, max_new_tokens=NEW))
            said.append(answer)
            turn_condition = (second, NO_CONDITION, first)[turn % 3]
            asked = tokens(5, seed=turn + 1)
            ids = [*ids, *answer, *asked]
            conditions = [*conditions, *[conditions[-1]] * NEW, *[turn_condition] * 5]
        # All but the last answer token, which was drawn and never read, and the five new ones.
        assert session.stats.reused_tokens == session.stats.prompt_tokens - 6
        answers.append(said)
    assert answers[0] == answers[1]


def test_a_prefix_is_read_once_and_under_its_own_condition(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair()
    session = pair.theirs()
    first, second = known(session)
    ids = tokens(30)
    logits_after(session, ids[:20], [first] * 20)
    kept = logits_after(session, ids, [first] * 20 + [second] * 10)
    assert session.stats.reused_tokens == 20
    fresh = pair.theirs()
    known(fresh)
    read_whole = logits_after(fresh, ids, [first] * 20 + [second] * 10)
    assert (kept - read_whole).abs().max() <= 1e-3 * kept.abs().max()
    logits_after(session, ids, [second] * 30)
    assert session.stats.reused_tokens == 0


def test_what_a_prompt_does_not_share_is_forgotten(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair()
    session = pair.theirs()
    first, second = known(session)
    ids = tokens(30)
    logits_after(session, ids, [first] * 30)
    for prompt, conditions, reused in (
        ([*ids[:12], 7, 8], [first] * 14, 12),  # other words
        ([*ids[:12], 7, 8], [first] * 6 + [second] * 8, 6),  # another condition
        (ids, [second] * 30, 0),
    ):
        found = logits_after(session, prompt, conditions)
        assert session.stats.reused_tokens == reused
        fresh = pair.theirs()
        known(fresh)
        expected = logits_after(fresh, prompt, conditions)
        assert (found - expected).abs().max() <= 1e-3 * expected.abs().max()
    other = session.branch(20)
    known(other)
    found = logits_after(other, [*ids[:20], 9], [second] * 21)
    expected = logits_after(fresh, [*ids[:20], 9], [second] * 21)
    assert other.stats.reused_tokens == 20
    assert (found - expected).abs().max() <= 1e-3 * expected.abs().max()


def test_a_branch_goes_its_own_way(make_pair: Callable[..., Pair]) -> None:
    session = make_pair().theirs()
    first, second = known(session)
    ids = tokens(20)
    expected = list(session.stream(ids, [first] * 20, max_new_tokens=NEW))
    other = session.branch(15)
    assert other.cached_tokens == 15
    changed = list(other.stream([*ids[:15], 9, 9], [first] * 15 + [second] * 2, max_new_tokens=NEW))
    assert other.stats.reused_tokens == 15
    assert list(session.stream(ids, [first] * 20, max_new_tokens=NEW)) == expected
    again = session.branch(15)
    assert list(again.stream(ids, [first] * 20, max_new_tokens=NEW)) == expected
    assert changed != expected


def test_a_context_grows_with_its_dialog(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair()
    session = pair.theirs()
    first, second = known(session)
    length = FIRST_CAPACITY + 100
    ids = tokens(length)
    logits_after(session, ids[: FIRST_CAPACITY - 20], [first] * (FIRST_CAPACITY - 20))
    conditions = [first] * (FIRST_CAPACITY - 20) + [second] * 120
    grown = logits_after(session, ids, conditions)
    assert session.stats.reused_tokens == FIRST_CAPACITY - 20
    ours = pair.ours()
    known(ours)
    expected = logits_after(ours, ids, conditions)
    assert (grown - expected).abs().max() <= TOLERANCES["F32"] * expected.abs().max()


def test_sessions_of_one_file_do_not_see_each_other(make_pair: Callable[..., Pair]) -> None:
    """Biases are those of all contexts: each is read under its own."""
    pair = make_pair()
    ids = tokens(20)
    alone = []
    for index in range(2):
        session = pair.theirs()
        condition = known(session)[index]
        alone.append(list(session.stream(ids, [condition] * 20, max_new_tokens=40)))
    sessions = [pair.theirs(), pair.theirs()]
    streams = [
        session.stream(ids, [known(session)[index]] * 20, max_new_tokens=40)
        for index, session in enumerate(sessions)
    ]
    together: list[list[int]] = [[], []]
    for one, other in zip(*streams, strict=True):
        together[0].append(one)
        together[1].append(other)
    assert together == alone


def test_threads_of_one_file_do_not_see_each_other(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair()
    ids = tokens(20)
    alone: dict[int, list[int]] = {}
    found: dict[tuple[int, int], list[int]] = {}

    def answer(index: int) -> list[int]:
        session = pair.theirs()
        condition = known(session)[index]
        return list(session.stream(ids, [condition] * 20, max_new_tokens=60))

    def talk(place: int, index: int) -> None:
        found[place, index] = answer(index)

    for index in range(2):
        alone[index] = answer(index)
    threads = [threading.Thread(target=talk, args=(place, place % 2)) for place in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(said == alone[index] for (_, index), said in found.items())
    assert len(found) == 4


def test_cancelling_ends_the_reading_of_a_prompt(make_pair: Callable[..., Pair]) -> None:
    pair = make_pair()
    session = pair.theirs()
    (first,) = known(session, 1)
    ids = tokens(8000)
    cancel = threading.Event()
    timer = threading.Timer(0.05, cancel.set)
    timer.start()
    said = list(session.stream(ids, [first] * 8000, max_new_tokens=3, cancel=cancel))
    timer.join()
    assert said == []
    assert session.stats.stop_reason == "cancelled"
    assert session.cached_tokens < 8000
    expected = pair.theirs()
    known(expected, 1)
    short = ids[:50]
    assert list(session.stream(short, [first] * 50, max_new_tokens=NEW)) == list(
        expected.stream(short, [first] * 50, max_new_tokens=NEW)
    )


def test_cancelling_between_tokens_keeps_the_cache(make_pair: Callable[..., Pair]) -> None:
    session = make_pair().theirs()
    (first,) = known(session, 1)
    ids = tokens(12)
    expected = list(session.stream(ids, [first] * 12, max_new_tokens=NEW))
    cancel = threading.Event()
    got = []
    for token in session.stream(ids, [first] * 12, max_new_tokens=NEW, cancel=cancel):
        got.append(token)
        if len(got) == 2:
            cancel.set()
    assert got == expected[:2]
    assert session.stats.stop_reason == "cancelled"
    assert list(session.stream(ids, [first] * 12, max_new_tokens=NEW)) == expected
    assert session.stats.reused_tokens == 11


def test_a_new_stream_supersedes_the_old(make_pair: Callable[..., Pair]) -> None:
    session = make_pair().theirs()
    (first,) = known(session, 1)
    ids = tokens(12)
    expected = list(session.stream(ids, [first] * 12, max_new_tokens=NEW))
    old = session.stream(ids, [first] * 12, max_new_tokens=NEW)
    next(old)
    new = session.stream(ids, [first] * 12, max_new_tokens=NEW)
    next(new)
    assert list(old) == []
    assert [expected[0], *new] == expected


def test_the_context_length_is_respected(make_pair: Callable[..., Pair]) -> None:
    session = make_pair(max_position_embeddings=64).theirs()
    assert len(list(session.stream([5] * 62, [NO_CONDITION] * 62))) == 2
    with pytest.raises(InputError, match="reads 64"):
        session.stream([5] * 64, [NO_CONDITION] * 64)


def test_a_reset_and_a_closed_session_begin_again(make_pair: Callable[..., Pair]) -> None:
    session = make_pair().theirs()
    (first,) = known(session, 1)
    ids = tokens(12)
    expected = list(session.stream(ids, [first] * 12, max_new_tokens=NEW))
    session.close()
    assert session.cached_tokens == 0
    assert list(session.stream(ids, [first] * 12, max_new_tokens=NEW)) == expected
    session.reset()
    with pytest.raises(InputError, match="unknown"):
        session.stream(ids, [first] * 12)
    assert known(session, 1) == [first]
    assert list(session.stream(ids, [first] * 12, max_new_tokens=NEW)) == expected


def test_sampling_is_seeded(make_pair: Callable[..., Pair]) -> None:
    session = make_pair().theirs()

    def draw(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        asked = [NO_CONDITION] * 8
        return list(
            session.stream(
                tokens(8), asked, max_new_tokens=8, temperature=3.0, top_p=1.0, generator=generator
            )
        )

    assert draw(0) == draw(0)
    assert any(draw(0) != draw(seed) for seed in range(1, 4))
