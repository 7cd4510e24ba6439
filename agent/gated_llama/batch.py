"""Answers of several dialogs at once, each under conditions of its own."""

from collections.abc import Collection, Sequence

import torch
from torch import Tensor

from sensebind.agent.gated_llama.decoder import Decoder
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.gated_llama.sampling import next_token
from sensebind.errors import InputError


@torch.inference_mode()
def generate_rows(
    model: ConditionedLM,
    prompts: Sequence[Sequence[int]],
    condition_ids: Sequence[Sequence[int]] | None = None,
    conditions: Tensor | None = None,
    present: Tensor | None = None,
    *,
    stop_ids: Collection[int] = (),
    max_new_tokens: int = 256,
    temperature: float = 0.0,
    top_p: float = 0.75,
    generator: torch.Generator | None = None,
) -> list[list[int]]:
    """Continues every prompt; each answer is what the prompt alone would have got.

    What all prompts begin with, under the same conditions (a system prompt, say), is read once.
    A row that has ended costs nothing once half of the rows have.

    Args:
        model: In eval mode.
        prompts: Token ids of B rows, of any lengths.
        condition_ids: For each token the index of its condition, -1 for none. By default row b
            is read under condition b; new tokens are read under their row's last condition.
        conditions: [C, *config.condition_shape], for all rows together; none by default.
        present: [C, S] bool, everything present by default.
        stop_ids: Tokens that end a row; they are not returned.
        max_new_tokens: Most tokens of a row; the context length may end all rows first.
        temperature: 0 takes the most probable token.
        top_p: Nucleus, see `sampling.nucleus`.
        generator: Source of randomness.

    Returns:
        New token ids of each row.

    Raises:
        InputError: No prompts, an empty or too long one, or condition ids that do not fit.
    """
    rows = _checked(model, prompts, condition_ids, 0 if conditions is None else len(conditions))
    injection = None
    if conditions is not None:
        batched = None if present is None else present[None]
        injection = model.injection(conditions[None], batched)  # [1, C, layers, …]
    answers: list[list[int]] = [[] for _ in rows]
    room = model.config.max_position_embeddings - max(map(len, rows))
    limit = min(max_new_tokens, room)
    if limit < 1:
        return answers
    reader = _Reader(model, injection)
    logits = reader.read_prompts(rows)
    last = [row[-1][1] for row in rows]
    places = list(range(len(rows)))  # which answer each row of the decoder goes on with
    running = set(places)
    while True:
        chosen = next_token(logits, temperature, top_p, generator).tolist()
        for place, token in zip(places, chosen, strict=True):
            if place not in running:
                continue
            if token in stop_ids:
                running.discard(place)
            else:
                answers[place].append(token)
                if len(answers[place]) >= limit:
                    running.discard(place)
        if not running:
            return answers
        if 2 * len(running) <= len(places):
            kept = [row for row, place in enumerate(places) if place in running]
            places = [places[row] for row in kept]
            chosen, last = [chosen[row] for row in kept], [last[row] for row in kept]
            reader.decoder.choose(torch.tensor(kept, device=model.device))
        logits = reader.read([[step] for step in zip(chosen, last, strict=True)])


class _Reader:
    """A decoder, and the conditions that its tokens are read under."""

    def __init__(self, model: ConditionedLM, injection: Tensor | None) -> None:
        self.decoder = Decoder(model)
        self._model, self._injection = model, injection
        self._standing = model.standing()

    def read_prompts(self, rows: list[list[tuple[int, int]]]) -> Tensor:
        """Reads prompts of (token, condition id), what they share only once."""
        shared = 0
        shortest = min(map(len, rows)) - 1  # every row has a last token of its own
        if len(rows) > 1:
            while shared < shortest and len({row[shared] for row in rows}) == 1:
                shared += 1
        if shared:
            self.read([rows[0][:shared]])
        device = self._model.device
        self.decoder.choose(torch.zeros(len(rows), dtype=torch.long, device=device))
        width = max(map(len, rows)) - shared
        pads = [width - (len(row) - shared) for row in rows]
        padded = [[(0, -1)] * pad + row[shared:] for pad, row in zip(pads, rows, strict=True)]
        return self.read(padded, torch.tensor(pads, device=device))

    def read(self, rows: list[list[tuple[int, int]]], pads: Tensor | None = None) -> Tensor:
        """Reads rows of equal length; returns the logits [B, V] after the last tokens."""
        device = self._model.device
        both = torch.tensor(rows, device=device)  # [B, T, 2]
        ids, conditions = both.unbind(-1)
        injected = self._standing
        if self._injection is not None and bool((conditions >= 0).any()):
            injection = self._injection.expand(len(rows), *self._injection.shape[1:])
            injected = self._model.inject(injection, conditions, ids.shape[1])
        return self.decoder.read(ids, injected, pads)


def _checked(
    model: ConditionedLM,
    prompts: Sequence[Sequence[int]],
    condition_ids: Sequence[Sequence[int]] | None,
    conditions: int,
) -> list[list[tuple[int, int]]]:
    """Rows of (token, condition id)."""
    if not prompts or not all(prompts):
        raise InputError("every row needs a prompt of at least one token")
    if (longest := max(map(len, prompts))) >= (context := model.config.max_position_embeddings):
        raise InputError(f"a prompt has {longest} tokens, the model reads {context}")
    if condition_ids is None:
        if conditions not in (0, len(prompts)):
            raise InputError(f"{conditions} conditions for {len(prompts)} rows need condition_ids")
        condition_ids = [
            [row if conditions else -1] * len(prompt) for row, prompt in enumerate(prompts)
        ]
    if list(map(len, condition_ids)) != list(map(len, prompts)):
        raise InputError("condition_ids must have one id for every token of every prompt")
    found = {known for row in condition_ids for known in row}
    if unknown := {known for known in found if not -1 <= known < conditions}:
        raise InputError(f"condition ids {sorted(unknown)} of {conditions} conditions")
    return [
        list(zip(prompt, known, strict=True))
        for prompt, known in zip(prompts, condition_ids, strict=True)
    ]
