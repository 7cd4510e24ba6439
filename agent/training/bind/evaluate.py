"""How well a small ImageBind sees, hears and scans: zero-shot, and as the LLaMA will read it."""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from sensebind.agent.training.bind import captions
from sensebind.agent.training.bind.scenes import NOTHING, SceneSet, image_statistics
from sensebind.agent.training.parallel import Workers
from sensebind.agent.training.simhome_data import EMPTY
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.simhome.catalog import COLORS, KINDS

Enhance = Callable[[np.ndarray], np.ndarray]


@torch.inference_mode()
def embed(model: ImageBind, modality: str, inputs: Tensor, batch: int = 128) -> Tensor:
    """Unit embeddings [N, D] of a stack of inputs, in evaluation mode, batch by batch."""
    was_training = model.training
    model.eval()
    parts = [F.normalize(model.encode(modality, part), dim=-1) for part in inputs.split(batch)]
    model.train(was_training)
    return torch.cat(parts).clone()


def embed_images(model: ImageBind, processor: ImageBindProcessor, images: np.ndarray) -> Tensor:
    """Unit embeddings [N, D] of [N, 3, H, W] uint8 pictures."""
    mean, std = image_statistics(processor)
    model.eval()

    @torch.inference_mode()
    def some(chunk: np.ndarray) -> Tensor:
        pixels = (torch.from_numpy(chunk).float() / 255 - mean) / std
        return torch.cat([model.encode("vision", part) for part in pixels.split(64)])

    with Workers() as workers:
        parts = workers.map(some, np.array_split(images, max(len(images) // 256, 1)))
    return F.normalize(torch.cat(parts), dim=-1).clone()


def embed_texts(model: ImageBind, processor: ImageBindProcessor, texts: list[str]) -> Tensor:
    """Unit embeddings [B, D] of texts."""
    return embed(model, "text", torch.stack([processor.text([text]).view(-1) for text in texts]))


def sight_scores(images: Tensor, labels: np.ndarray, bank: Tensor) -> dict[str, float]:
    """Zero-shot sight.

    Args:
        images: [N, D] embeddings.
        labels: [N] main labels; unlabelled rows are left out.
        bank: [EMPTY + 1, D] text embeddings of `captions.main_bank`.

    Returns:
        Shares in 0..1: "both" and "kind" and "color" of pictures with a main thing, "empty" of
        those without.
    """
    guess = (images @ bank.T).argmax(dim=1).numpy()
    named, empty = (labels >= 0) & (labels != EMPTY), labels == EMPTY
    both = guess[named] == labels[named]
    real = guess[named] != EMPTY
    kind = real & (guess[named] // len(COLORS) == labels[named] // len(COLORS))
    color = real & (guess[named] % len(COLORS) == labels[named] % len(COLORS))
    scores = {"both": both, "kind": kind, "color": color, "empty": guess[empty] == EMPTY}
    return {name: float(right.mean()) if len(right) else 0.0 for name, right in scores.items()}


def share(embedded: Tensor, kinds: np.ndarray, bank: Tensor) -> float:
    """How often the nearest row of a bank [classes, D] has the right kind, 0..1."""
    return float(((embedded @ bank.T).argmax(dim=1).numpy() == kinds).mean())


def prototypes(images: Tensor, image_kind: np.ndarray) -> Tensor:
    """The mean picture of each kind, and of nothing [len(KINDS) + 1, D], unit norm."""
    rows = [images[torch.from_numpy(image_kind == kind)].mean(dim=0) for kind in range(NOTHING + 1)]
    return F.normalize(torch.stack(rows), dim=-1)


def neighbour_kinds(
    embedded: Tensor, images: Tensor, image_kind: np.ndarray, k: int = 10
) -> np.ndarray:
    """The most frequent kind among the `k` nearest pictures of each embedding [N]."""
    nearest = (embedded @ images.T).topk(k, dim=1).indices.numpy()
    votes = image_kind[nearest]
    return np.array([np.bincount(row, minlength=len(KINDS) + 1).argmax() for row in votes])


class Probe(nn.Module):
    """Two small layers that read kind (or nothing) and colour out of an embedding.

    Attributes:
        body: Hidden layers, [B, D] to [B, hidden].
        kind: Logits [B, kinds + 1]; the last is nothing.
        color: Logits [B, colours].
    """

    def __init__(self, width: int, hidden: int = 256) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, hidden))
        self.kind = nn.Linear(hidden, len(KINDS) + 1)
        self.color = nn.Linear(hidden, len(COLORS))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Embeddings [B, D] to logits of kinds [B, kinds + 1] and colours [B, colours]."""
        x = F.gelu(self.body(x))
        return self.kind(x), self.color(x)


def train_probe(
    images: np.ndarray,
    labels: np.ndarray,
    enhance: Enhance,
    *,
    steps: int = 1500,
    noise: float = 0.3,
    seed: int = 0,
) -> Probe:
    """Fits a probe on image embeddings alone: as they are, enhanced, and noised.

    It foretells what the language model can read from the other senses, zero-shot.

    Args:
        images: [N, D] unit embeddings of training pictures.
        labels: [N] main labels; unlabelled rows are left out.
        enhance: The visual cache's enhancement.
        steps: Optimiser steps of 256.
        noise: Length of the random vector that is added, relative to the embedding.
        seed: Initial weights and draws.
    """
    torch.manual_seed(seed)
    known = labels >= 0
    plain = torch.from_numpy(images[known])
    both = torch.stack([plain, torch.from_numpy(enhance(images[known]))])  # [2, N, D]
    label = torch.from_numpy(labels[known])
    probe = Probe(images.shape[1])
    adam = torch.optim.AdamW(probe.parameters(), lr=2e-3, weight_decay=0.02)
    schedule = torch.optim.lr_scheduler.OneCycleLR(adam, 2e-3, total_steps=steps)
    for _ in range(steps):
        rows = torch.randint(len(label), (256,))
        x = both[torch.randint(2, (256,)), rows]
        x = x + torch.randn_like(x) * (noise / x.shape[1] ** 0.5)
        kind, color = probe(F.normalize(x, dim=-1))
        target = label[rows]
        loss = F.cross_entropy(kind, target // len(COLORS))
        named = target != EMPTY
        loss = loss + F.cross_entropy(color[named], target[named] % len(COLORS))
        adam.zero_grad()
        loss.backward()
        adam.step()
        schedule.step()
    return probe.eval()


@torch.inference_mode()
def probe_kinds(probe: Probe, embedded: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Kind and colour numbers that the probe reads [N], [N]."""
    kind, color = probe(torch.from_numpy(embedded))
    return kind.argmax(dim=1).numpy(), color.argmax(dim=1).numpy()


def report(
    model: ImageBind,
    processor: ImageBindProcessor,
    cache: VisualCache,
    images: Tensor,
    train: SceneSet,
    embeddings: dict[str, Tensor],
    dev: SceneSet,
) -> dict[str, float]:
    """Everything that is known about a trained model, on development scenes.

    Args:
        model: The trained model.
        processor: Its processor.
        cache: Its visual cache.
        images: [N, D] embeddings of the training pictures.
        train: The training scenes.
        embeddings: Development embeddings: "image", "audio", "point".
        dev: The development scenes.

    Returns:
        Shares in 0..1 by name.
    """
    scores = {}
    sight = sight_scores(
        embeddings["image"], dev.labels, embed_texts(model, processor, captions.main_bank())
    )
    scores |= {f"sight zero-shot {name}": value for name, value in sight.items()}
    plain = train_probe(images.numpy(), train.labels, cache.enhance)
    named, empty = (dev.labels >= 0) & (dev.labels != EMPTY), dev.labels == EMPTY
    for setting, enhance in (("off", np.asarray), ("on", cache.enhance)):
        kind, color = probe_kinds(plain, enhance(embeddings["image"].numpy()))
        right = kind[named] == dev.kinds[named]
        both = right & (color[named] == dev.labels[named] % len(COLORS))
        scores[f"sight probe both, cache {setting}"] = float(both.mean())
        scores[f"sight probe kind, cache {setting}"] = float(right.mean())
        scores[f"sight probe empty, cache {setting}"] = float((kind[empty] == NOTHING).mean())
    kinds_bank = embed_texts(model, processor, captions.kind_bank())
    means = prototypes(images, train.kinds)
    known = train.kinds >= 0
    pictures, picture_kinds = images[torch.from_numpy(known)], train.kinds[known]
    senses = {"audio": dev.heard_kinds(), "point": dev.nearest_kinds()}
    for modality, kinds in senses.items():
        some = kinds != NOTHING
        embedded, wanted = embeddings[modality][torch.from_numpy(some)], kinds[some]
        enhanced = torch.from_numpy(cache.enhance(embedded.numpy()))
        scores[f"{modality} zero-shot by text"] = share(embedded, wanted, kinds_bank)
        scores[f"{modality} zero-shot by mean picture"] = share(embedded, wanted, means)
        votes = neighbour_kinds(enhanced, pictures, picture_kinds)
        scores[f"{modality} neighbours after cache"] = float((votes == wanted).mean())
        for setting, vectors in (("off", embedded), ("on", enhanced)):
            read = probe_kinds(plain, vectors.numpy())[0]
            scores[f"{modality} probe, cache {setting}"] = float((read == wanted).mean())
    return scores
