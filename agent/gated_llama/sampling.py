"""Choosing the next token."""

import torch
from torch import Tensor

FEW = 64  # most probable tokens, among which the nucleus usually lies


def nucleus(logits: Tensor, temperature: float, top_p: float) -> Tensor:
    """Probabilities of nucleus sampling.

    Tokens are taken from the most probable downwards; one is dropped when those before it hold
    more than `top_p` of the mass. The most probable token always stays.

    Args:
        logits: [B, V].
        temperature: Above 0.
        top_p: In (0, 1].

    Returns:
        [B, V] probabilities by token id, zero where dropped, rows summing to 1.
    """
    probabilities = torch.softmax(logits.float() / temperature, dim=-1)
    ordered, order = probabilities.sort(dim=-1, descending=True)
    before = ordered.cumsum(dim=-1) - ordered
    kept = ordered.masked_fill(before > top_p, 0.0)
    kept = kept / kept.sum(dim=-1, keepdim=True)
    return torch.zeros_like(probabilities).scatter(-1, order, kept)


def next_token(
    logits: Tensor,
    temperature: float = 0.0,
    top_p: float = 0.75,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draws one token per row of logits [B, V]; the most probable one at temperature 0.

    Returns:
        [B] token ids.
    """
    if temperature <= 0:
        return logits.argmax(dim=-1)
    scaled = logits.float() / temperature
    few = scaled.topk(min(FEW, scaled.shape[-1]), dim=-1)
    shares = torch.exp(few.values - scaled.logsumexp(dim=-1, keepdim=True))
    before = shares.cumsum(dim=-1) - shares
    if bool((before[:, -1] <= top_p).any()):  # the nucleus may reach further: order all tokens
        probabilities = nucleus(logits, temperature, top_p)
        return torch.multinomial(probabilities, 1, generator=generator).squeeze(-1)
    drawn = torch.multinomial(shares.masked_fill(before > top_p, 0.0), 1, generator=generator)
    return few.indices.gather(-1, drawn).squeeze(-1)
