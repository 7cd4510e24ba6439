"""Before pictures come in: the text trunk learns what captions mean alike and what they do not.

Two fresh trunks that wait for each other learn slowly: until captions of two kinds differ, pictures
of them need not, and the other way round. So captions alone go first. Each is drawn towards a sum
of directions, one for each word that matters: a kind, a colour, the kind and colour of a second
thing, or nothing. Wordings of the same meaning meet; the directions are random and orthogonal.
"""

import logging
import random

import torch
import torch.nn.functional as F
from torch import Tensor

from sensebind.agent.training.bind import captions
from sensebind.agent.training.bind.captions import ALL_NAMED, Named
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.simhome.catalog import COLORS, KINDS

log = logging.getLogger(__name__)

COLOR_WEIGHT = 0.7
SECOND_WEIGHT = 0.45


class Meanings:
    """Where captions should lie: unit vectors in the joint space.

    Args:
        width: Of the joint space; at least 2 × (kinds + colours) + 1.
        seed: Draws the directions.
    """

    def __init__(self, width: int, seed: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        basis, _ = torch.linalg.qr(torch.randn(width, width, generator=generator))
        sizes = [len(KINDS), len(COLORS), len(KINDS), len(COLORS), 1]
        parts = basis[: sum(sizes)].split(sizes)
        self.kinds, self.colors, self.second_kinds, self.second_colors, self.nothing = parts

    def of(self, first: Named | None, second: Named | None = None) -> Tensor:
        """The place [D] of a caption of nothing, one thing, or two."""
        if first is None:
            return self.nothing[0]
        place = self._kind(first) + COLOR_WEIGHT * self._color(first)
        if second is not None:
            kind = self.second_kinds[KINDS.index(second.kind)]
            color = self.second_colors[list(COLORS).index(second.color)]
            place = place + SECOND_WEIGHT * (kind + COLOR_WEIGHT * color)
        return F.normalize(place, dim=0)

    def _kind(self, thing: Named) -> Tensor:
        return self.kinds[KINDS.index(thing.kind)]

    def _color(self, thing: Named) -> Tensor:
        return self.colors[list(COLORS).index(thing.color)]


def train_words(
    model: ImageBind,
    processor: ImageBindProcessor,
    *,
    steps: int = 300,
    batch: int = 96,
    rate: float = 2e-3,
    seed: int = 0,
) -> float:
    """Trains the text trunk on captions alone.

    Returns:
        Mean cosine between captions and where they should lie, over the last ten steps.
    """
    rng, meanings = random.Random(seed), Meanings(model.config.out_width, seed)
    kinds, colors = meanings.kinds, meanings.colors
    ours = [p for name, p in model.named_parameters() if ".text." in name]
    adam = torch.optim.AdamW(ours, lr=rate, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, rate, total_steps=steps)
    reached: list[float] = []
    for _ in range(steps):
        texts, places = [], []
        for thing in rng.choices(ALL_NAMED, k=batch // 2):
            texts.append(captions.main_caption(thing, rng))
            places.append(meanings.of(thing))
        for _ in range(batch // 4):
            first, second = rng.choices(ALL_NAMED, k=2)
            texts.append(captions.pair_caption(first, second, rng))
            places.append(meanings.of(first, second))
        for index, text in enumerate(captions.kind_bank(rng)[: len(KINDS)]):
            texts.append(text)
            places.append(kinds[index])
        for index, text in enumerate(captions.color_bank(rng)):
            texts.append(text)
            places.append(colors[index])
        texts.append(captions.empty_caption(rng))
        places.append(meanings.of(None))
        ids = torch.cat([processor.text([text]) for text in texts])
        cosine = (F.normalize(model.encode("text", ids), dim=-1) * torch.stack(places)).sum(1)
        loss = (1 - cosine).mean()
        adam.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(ours, 1.0)
        adam.step()
        schedule.step()
        reached.append(float(cosine.detach().mean()))
    result = sum(reached[-10:]) / len(reached[-10:])
    log.info("captions lie at a cosine of %.3f from their meanings", result)
    return result
