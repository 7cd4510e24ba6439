"""A dialog session reads every token once and forgets nothing that still counts."""

# pyright: reportAttributeAccessIssue=false

from __future__ import annotations

import threading

import numpy as np
import pytest
import torch
from naive_llama import naive_greedy
from small_model import Batch, make_model

from sensebind.agent.gated_llama import GatedLlamaForCausalLM
from sensebind.agent.gated_llama.session import NO_CONDITION, DialogSession
from sensebind.errors import InputError

NEW = 5


@pytest.fixture
def session(model: GatedLlamaForCausalLM) -> DialogSession:
    return DialogSession(model)


def prompt_of(session: DialogSession, batch: Batch) -> tuple[list[int], list[int]]:
    """Row 0 of the batch in the session's terms."""
    tokens, conditions, present, ids = batch.row(0)
    known = [session.condition(conditions[c], present[c]) for c in range(2)]
    return tokens.tolist(), [NO_CONDITION if i < 0 else known[i] for i in ids.tolist()]


def test_tokens_equal_the_reference(session: DialogSession, batch: Batch) -> None:
    expected = naive_greedy(session.model, *batch.row(0), NEW)
    assert list(session.stream(*prompt_of(session, batch), max_new_tokens=NEW)) == expected
    assert session.stats.stop_reason == "length"
    assert session.stats.new_tokens == NEW
    assert session.stats.first_token_ms > 0


def test_a_second_turn_reads_only_its_own_tokens(session: DialogSession, batch: Batch) -> None:
    tokens, ids = prompt_of(session, batch)
    answer = list(session.stream(tokens, ids, max_new_tokens=NEW))
    changed = session.condition(np.ones((3, 12), np.float32), np.array([True, False, True]))
    tokens = [*tokens, *answer, 7, 8, 9]
    ids = [*ids, *[ids[-1]] * NEW, *[changed] * 3]
    second = list(session.stream(tokens, ids, max_new_tokens=NEW))
    # All but the last answer token, which was drawn and never read, and the three new ones.
    assert session.stats.reused_tokens == len(tokens) - 4

    fresh = DialogSession(session.model)
    prompt_of(fresh, batch)
    fresh.condition(np.ones((3, 12), np.float32), np.array([True, False, True]))
    assert list(fresh.stream(tokens, ids, max_new_tokens=NEW)) == second
    assert fresh.stats.reused_tokens == 0


def test_another_condition_is_read_anew(session: DialogSession, batch: Batch) -> None:
    tokens, ids = prompt_of(session, batch)
    list(session.stream(tokens, ids, max_new_tokens=1))
    other = session.condition(torch.ones(3, 12), torch.ones(3))
    ids = [*ids[:4], *[other] * (len(ids) - 4)]
    list(session.stream(tokens, ids, max_new_tokens=1))
    assert session.stats.reused_tokens == 4


def test_exact_mode_reads_everything_under_the_last_condition(
    session: DialogSession, batch: Batch
) -> None:
    tokens, ids = prompt_of(session, batch)
    list(session.stream(tokens, ids, max_new_tokens=1))
    exact = list(session.stream(tokens, ids, max_new_tokens=NEW, exact=True))
    assert session.stats.reused_tokens == 0
    row, conditions, present, _ = batch.row(0)
    last = torch.full_like(row, 1)
    assert exact == naive_greedy(session.model, row, conditions, present, last, NEW)


def test_equal_conditions_share_an_id_and_old_ones_are_dropped(
    model: GatedLlamaForCausalLM,
) -> None:
    session = DialogSession(model, max_conditions=2)
    present = torch.ones(3)
    ids = [session.condition(torch.full((3, 12), float(i)), present) for i in range(4)]
    assert len(set(ids)) == 4
    assert session.condition(torch.full((3, 12), 3.0), present) == ids[3]
    list(session.stream([5, 6], [ids[0], ids[3]], max_new_tokens=1))
    # The prompt's conditions stay, however old.
    list(session.stream([5, 6], [ids[0], ids[3]], max_new_tokens=1))
    with pytest.raises(InputError, match="forgotten"):
        session.stream([5, 6], [ids[1], ids[3]])


def test_stop_ids_end_the_answer(session: DialogSession, batch: Batch) -> None:
    tokens, ids = prompt_of(session, batch)
    answer = list(session.stream(tokens, ids, max_new_tokens=NEW))
    stop = answer[-1]
    expected = answer[: answer.index(stop)]
    assert list(session.stream(tokens, ids, stop_ids={stop}, max_new_tokens=NEW)) == expected
    assert (session.stats.stop_reason, session.stats.stop_id) == ("stop", stop)


def test_cancelling_keeps_the_cache_usable(session: DialogSession, batch: Batch) -> None:
    tokens, ids = prompt_of(session, batch)
    expected = list(session.stream(tokens, ids, max_new_tokens=NEW))
    cancel = threading.Event()
    got = []
    for token in session.stream(tokens, ids, max_new_tokens=NEW, cancel=cancel):
        got.append(token)
        if len(got) == 2:
            cancel.set()
    assert got == expected[:2]
    assert session.stats.stop_reason == "cancelled"
    assert list(session.stream(tokens, ids, max_new_tokens=NEW)) == expected
    assert session.stats.reused_tokens == len(tokens) - 1


def test_a_new_stream_supersedes_the_old(session: DialogSession, batch: Batch) -> None:
    tokens, ids = prompt_of(session, batch)
    expected = list(session.stream(tokens, ids, max_new_tokens=NEW))
    old = session.stream(tokens, ids, max_new_tokens=NEW)
    next(old)
    new = session.stream(tokens, ids, max_new_tokens=NEW)
    next(new)
    assert list(old) == []
    assert [expected[0], *new] == expected


def test_a_stream_superseded_before_its_first_token_ends(model: GatedLlamaForCausalLM) -> None:
    session = DialogSession(model, max_conditions=1)
    first = session.condition(torch.zeros(3, 12), torch.ones(3))
    old = session.stream([5, 6], [first, first])
    second = session.condition(torch.ones(3, 12), torch.ones(3))
    assert len(list(session.stream([5, 6], [second, second], max_new_tokens=2))) == 2
    assert list(old) == []  # its condition is forgotten, and it does not stumble over that


def test_a_logits_processor_sees_all_ids(session: DialogSession, batch: Batch) -> None:
    tokens, ids = prompt_of(session, batch)
    seen = []

    def only_42(read: torch.Tensor, logits: torch.Tensor) -> torch.Tensor:
        seen.append(read[0].tolist())
        return torch.full_like(logits, -torch.inf).index_fill(1, torch.tensor([42]), 0.0)

    out = list(session.stream(tokens, ids, max_new_tokens=2, logits_processor=only_42))
    assert out == [42, 42]
    assert seen == [tokens, [*tokens, 42]]


def test_an_error_in_the_model_leaves_the_cache_usable(
    session: DialogSession, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, ids = prompt_of(session, batch)
    expected = list(session.stream(tokens, ids, max_new_tokens=NEW))
    activation = session.model.model.layers[1].mlp.act_fn

    def broken(*args: object, **kwargs: object) -> None:
        raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(activation, "forward", broken)
        with pytest.raises(RuntimeError):
            list(session.stream([*tokens, 5], [*ids, ids[-1]], max_new_tokens=1))
    assert session.cached_tokens == len(tokens)
    assert list(session.stream(tokens, ids, max_new_tokens=NEW)) == expected


def test_sampling_is_seeded(session: DialogSession, batch: Batch) -> None:
    tokens, ids = prompt_of(session, batch)

    def draw(seed: int) -> list[int]:
        generator = torch.Generator().manual_seed(seed)
        return list(
            session.stream(
                tokens, ids, max_new_tokens=8, temperature=3.0, top_p=1.0, generator=generator
            )
        )

    assert draw(0) == draw(0)
    assert any(draw(0) != draw(seed) for seed in range(1, 4))


def test_the_context_length_is_respected(session: DialogSession) -> None:
    context = session.model.config.max_position_embeddings
    nothing = [NO_CONDITION] * (context - 2)
    assert len(list(session.stream([5] * (context - 2), nothing))) == 2
    with pytest.raises(InputError, match="reads 64"):
        session.stream([5] * context, [NO_CONDITION] * context)


def test_prompts_that_cannot_be_are_refused(session: DialogSession) -> None:
    with pytest.raises(InputError):
        session.stream([], [])
    with pytest.raises(InputError):
        session.stream([1, 2], [NO_CONDITION])
    with pytest.raises(InputError, match="unknown"):
        session.stream([1], [17])
    with pytest.raises(InputError, match="NaN"):
        session.condition(np.full((3, 12), np.nan), np.ones(3))
    with pytest.raises(InputError):
        session.condition(np.zeros((2, 12)), np.ones(2))


def test_multi_token_conditions_work_in_a_session() -> None:
    model = make_model(slots=1, senses=None, adapter_len=3)
    session = DialogSession(model)
    embeddings = torch.randn(3, 12)
    known = session.condition(embeddings, torch.ones(3))
    tokens = torch.randint(3, 96, (1, 7))
    out = model.generate(
        tokens,
        conditions=embeddings[None, None],
        max_new_tokens=NEW,
        do_sample=False,
        use_cache=False,
    )
    answer = list(session.stream(tokens[0].tolist(), [known] * 7, max_new_tokens=NEW))
    assert answer == out[0, 7:].tolist()
