"""The network of the reader: a small bidirectional transformer that asks each action's question.

Every action has a query that attends over the words, so that of two clauses each is read for
itself: "open the door but leave the lamp" orders `door_open` and not `lamp_off`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from sensebind.agent.reader.actions import ACTIONS, CATEGORIES
from sensebind.agent.reader.features import MAX_TOKENS, PAD, SHAPES

LEVELS = 3  # nothing, ask, do


@dataclass(frozen=True, slots=True)
class NetworkSize:
    """How large the network is.

    Attributes:
        vocabulary: Words with an embedding of their own, with the three special ones.
        buckets: Buckets of trigrams.
        width: Width of the embeddings.
        layers: Layers of the transformer.
        heads: Heads of a layer.
        inner: Inner width of a layer.
    """

    vocabulary: int
    buckets: int = 8192
    width: int = 96
    layers: int = 2
    heads: int = 4
    inner: int = 256


class ReaderNetwork(nn.Module):
    """Reads tokens; returns logits of a level for each action, and of a category.

    Attributes:
        words: Embedding of each word of the vocabulary.
        grams: Sum of the embeddings of a token's trigrams.
        shapes: Embedding of each shape of a token.
        places: Embedding of each place in the text, [MAX_TOKENS, width].
        near: Convolution over three neighbouring tokens.
        layers: The transformer.
        norm: Behind the last layer.
        dropout: On the embedded tokens.
        queries: One for each action, then one for the category, [actions + 1, width].
        keys: What queries are compared with, for each token.
        values: What queries collect, from each token.
        levels: Weights of each action's logits, [actions, width, LEVELS].
        level_bias: Added to these logits, [actions, LEVELS].
        category: From what the last query collects to logits of categories.
    """

    def __init__(self, size: NetworkSize, dropout: float = 0.0) -> None:
        """Makes the layers.

        Args:
            size: How large it is.
            dropout: Share of features that is dropped in training.
        """
        super().__init__()
        width = size.width
        self.words = nn.Embedding(size.vocabulary, width, padding_idx=PAD)
        self.grams = nn.EmbeddingBag(size.buckets, width, mode="sum", padding_idx=0)
        self.shapes = nn.Embedding(SHAPES, width)
        self.places = nn.Embedding(MAX_TOKENS, width)
        self.near = nn.Conv1d(width, width, 3, padding=1)
        self.layers = nn.ModuleList(_Layer(size, dropout) for _ in range(size.layers))
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(dropout)
        asked = len(ACTIONS) + 1
        self.queries = nn.Parameter(torch.randn(asked, width) * 0.1)
        self.keys = nn.Linear(width, width)
        self.values = nn.Linear(width, width)
        self.levels = nn.Parameter(torch.randn(len(ACTIONS), width, LEVELS) * 0.05)
        self.level_bias = nn.Parameter(torch.zeros(len(ACTIONS), LEVELS))
        self.category = nn.Linear(width, len(CATEGORIES))
        for embedding in (self.words, self.shapes, self.places, self.grams):
            nn.init.normal_(embedding.weight, std=0.05)

    def forward(self, words: Tensor, grams: Tensor, shapes: Tensor) -> tuple[Tensor, Tensor]:
        """Reads texts; as `attend`, without the last."""
        levels, categories, _ = self.attend(words, grams, shapes)
        return levels, categories

    def attend(self, words: Tensor, grams: Tensor, shapes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Reads texts, and says where.

        Args:
            words: [N, T] int64.
            grams: [N, T, G] int64.
            shapes: [N, T] int64.

        Returns:
            Logits of levels [N, actions, 3], logits of categories [N, categories], and the mean
            place [N, actions] of the tokens that each action looks at.
        """
        rows, width = words.shape
        there = words.ne(PAD)  # [N, T]
        bags = self.grams(grams.reshape(rows * width, -1)).reshape(rows, width, -1)
        count = grams.gt(0).sum(2, keepdim=True).clamp(min=1)
        x = self.words(words) + bags / count.sqrt() + self.shapes(shapes)
        x = x + self.places.weight[:width]
        x = self.dropout(x) * there[:, :, None]
        x = x + functional.gelu(self.near(x.transpose(1, 2))).transpose(1, 2)
        for layer in self.layers:
            x = layer(x, there)
        x = self.norm(x)
        scores = torch.einsum("ntw,aw->nat", self.keys(x), self.queries)
        weights = scores.masked_fill(~there[:, None, :], float("-inf")).softmax(-1)
        pooled = weights @ self.values(x)  # [N, actions + 1, width]
        pooled = functional.gelu(pooled + self.queries)
        levels = torch.einsum("naw,awl->nal", pooled[:, :-1], self.levels) + self.level_bias
        places = (weights[:, :-1] * torch.arange(width, device=x.device)).sum(-1)
        return levels, self.category(pooled[:, -1]), places


class _Layer(nn.Module):
    """A layer of a transformer, with its norms in front."""

    def __init__(self, size: NetworkSize, dropout: float) -> None:
        super().__init__()
        width = size.width
        self.heads = size.heads
        self.before = nn.LayerNorm(width)
        self.into = nn.Linear(width, 3 * width)
        self.out = nn.Linear(width, width)
        self.between = nn.LayerNorm(width)
        self.up = nn.Linear(width, size.inner)
        self.down = nn.Linear(size.inner, width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, there: Tensor) -> Tensor:
        rows, length, width = x.shape
        parts = self.into(self.before(x)).reshape(rows, length, 3, self.heads, -1)
        query, key, value = parts.permute(2, 0, 3, 1, 4)
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=there[:, None, None, :]
        )
        x = x + self.dropout(self.out(mixed.transpose(1, 2).reshape(rows, length, width)))
        return x + self.dropout(self.down(functional.gelu(self.up(self.between(x)))))
