"""Where the conditions of training dialogs come from: image embeddings with captions, only images.

The slots for hearing and scan are filled with pictures, too: the space is joint, so what the model
learns to say about a picture in the hearing slot it will say about a sound there.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from sensebind.agent.corpus.answers import Named
from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.training.bind import captions as wordings
from sensebind.errors import InputError
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.simhome.catalog import COLORS, KINDS, SOUNDING_KINDS

# Settings of the visual cache (k, weight) under which copies of the embeddings are made, so that
# the model reads enhanced and plain embeddings alike.
ENHANCED = ((10, 0.5), (50, 0.5), (10, 0.25), (10, 0.9), (1, 0.5))


@dataclass(frozen=True, slots=True)
class Caption:
    """What a picture shows: the main thing and a second one; neither for an empty room.

    Attributes:
        main: Kind and colour of the main object; None for an empty room.
        second: Kind and colour of the second object; None without one.
    """

    main: Named | None = None
    second: Named | None = None


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How far embeddings are moved in training.

    Attributes:
        sight: Largest length of the noise added to a unit embedding in the sight slot.
        others: The same for hearing and scan, whose embeddings will come from other encoders.
        enhanced: Share of embeddings taken from the enhanced copies.
    """

    sight: float = 0.35
    others: float = 0.7
    enhanced: float = 0.5


class EmbeddingPool:
    """Embeddings of pictures and their captions; a `corpus.conditions.Pool`.

    Args:
        images: [V, N, D] float32 unit vectors: V copies (plain, enhanced …) of N pictures.
        captions: What the N pictures show.
        augmentation: How far embeddings are moved when they are gathered.

    Attributes:
        images: [V, N, D] float32 unit vectors; the first copy is the plain one.
        captions: What each of the N images shows.
        augmentation: How far embeddings are moved when they are gathered.
    """

    def __init__(
        self,
        images: Tensor,
        captions: Sequence[Caption],
        augmentation: Augmentation | None = None,
    ) -> None:
        if images.ndim != 3 or images.shape[1] != len(captions):
            raise InputError(
                f"{len(captions)} captions need [V, {len(captions)}, D] embeddings, "
                f"got {list(images.shape)}"
            )
        self.images = images
        self.captions = list(captions)
        self.augmentation = augmentation or Augmentation()
        self._of_kind: dict[str, list[int]] = {kind: [] for kind in KINDS}
        self._alone: dict[str, list[int]] = {kind: [] for kind in KINDS}
        self._empty: list[int] = []
        for row, caption in enumerate(self.captions):
            if caption.main is None:
                self._empty.append(row)
                continue
            self._of_kind[caption.main[0]].append(row)
            if caption.second is None:
                self._alone[caption.main[0]].append(row)
        missing = [kind for kind, rows in self._of_kind.items() if not rows]
        if missing or not self._empty:
            raise InputError(
                f"no pictures of {', '.join(missing) or 'an empty room'} among the embeddings"
            )

    @property
    def width(self) -> int:
        """D of the embeddings."""
        return self.images.shape[2]

    def sight(self, rng: random.Random) -> tuple[int, tuple[Named, ...]]:
        """A picture for the sight slot."""
        draw = rng.random()
        if draw < 0.05:
            return ABSENT, ()
        if draw < 0.14:
            return rng.choice(self._empty), ()
        row = rng.choice(self._of_kind[rng.choice(KINDS)])
        caption = self.captions[row]
        things = tuple(thing for thing in (caption.main, caption.second) if thing)
        return row, things

    def hearing(self, rng: random.Random, kind: str | None = None) -> tuple[int, str | None]:
        """A picture of something that sounds, or nothing."""
        return self._other(rng, kind, SOUNDING_KINDS)

    def scan(self, rng: random.Random, kind: str | None = None) -> tuple[int, str | None]:
        """A picture of anything, or nothing."""
        return self._other(rng, kind, KINDS)

    def _other(
        self, rng: random.Random, kind: str | None, kinds: Sequence[str]
    ) -> tuple[int, str | None]:
        if kind is None:
            draw = rng.random()
            if draw < 0.19:
                return ABSENT, None
            if draw < 0.24:
                return rng.choice(self._empty), None
            kind = rng.choice(kinds)
        alone = self._alone[kind] or self._of_kind[kind]
        return rng.choice(alone if rng.random() < 0.7 else self._of_kind[kind]), kind

    def gather(
        self, rows: Tensor, generator: torch.Generator, augment: bool = True
    ) -> tuple[Tensor, Tensor]:
        """Conditions for rows of a batch.

        Args:
            rows: [B, C, 3] long, `ABSENT` for an empty slot.
            generator: Source of the augmentation.
            augment: Whether to move the embeddings and to use enhanced copies.

        Returns:
            Embeddings [B, C, 3, D] (zeros where absent) and present [B, C, 3] bool.
        """
        if not augment:
            present = rows != ABSENT
            return self.images[0][rows.clamp(min=0)] * present[..., None], present
        how = self.augmentation
        return moved(
            self.images, rows, generator, (how.sight, how.others, how.others), how.enhanced
        )


def moved(
    images: Tensor,
    rows: Tensor,
    generator: torch.Generator,
    reach: Sequence[float],
    enhanced: float,
) -> tuple[Tensor, Tensor]:
    """Conditions for rows of a batch, with noise, and some of them from enhanced copies.

    Args:
        images: [V, N, D] unit vectors: V copies of N images, the first one plain.
        rows: [B, C, S] long, `ABSENT` for an empty slot.
        generator: Source of the noise and of the choice of copies.
        reach: For each slot, the largest length of the noise.
        enhanced: Share of embeddings taken from the copies after the first.

    Returns:
        Unit embeddings [B, C, S, D] (zeros where absent) and present [B, C, S] bool.
    """
    present = rows != ABSENT
    safe, copies = rows.clamp(min=0), images.shape[0]
    copy = torch.zeros_like(safe)
    if copies > 1:
        copy = torch.randint(1, copies, rows.shape, generator=generator)
        copy[torch.rand(rows.shape, generator=generator) >= enhanced] = 0
    vectors = images[copy, safe]
    noise = torch.randn(vectors.shape, generator=generator) * images.shape[2] ** -0.5
    length = torch.rand((*rows.shape, 1), generator=generator) * torch.tensor(reach)[:, None]
    vectors = torch.nn.functional.normalize(vectors + length * noise, dim=-1)
    return vectors * present[..., None], present


def load_pool(
    directory: Path, cache: VisualCache | None, name: str = "embeddings"
) -> EmbeddingPool:
    """Reads `NAME.safetensors` and `NAME.json` as `sensebind train bind` writes them.

    Pictures that show something, but nothing that counts as the main thing, are left out.

    Args:
        directory: Where the files are.
        cache: To make enhanced copies with; none are made without it.
        name: Name of the files.

    Raises:
        InputError: Files that are missing, damaged or do not belong together.
    """
    try:
        images = load_file(directory / f"{name}.safetensors")["image"].float()
        scenes = json.loads((directory / f"{name}.json").read_text(encoding="utf-8"))["scenes"]
        captions = [Caption(_named(scene["main"]), _named(scene["second"])) for scene in scenes]
        usable = [
            row for row, scene in enumerate(scenes) if scene["main"] or scene.get("empty", True)
        ]
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"the embeddings in {directory} cannot be read ({error}): make them with "
            "`sensebind train bind`"
        ) from error
    if len(images) != len(captions):
        raise InputError(f"{directory}: {len(images)} embeddings for {len(captions)} captions")
    images = torch.nn.functional.normalize(images[usable], dim=-1)
    copies = [images]
    if cache is not None:
        plain = np.ascontiguousarray(images.numpy())
        copies += [
            torch.from_numpy(cache.enhance(plain, k=k, weight=weight)).float()
            for k, weight in ENHANCED
        ]
    return EmbeddingPool(torch.stack(copies), [captions[row] for row in usable])


def _named(thing: dict[str, str] | Sequence[str] | None) -> Named | None:
    if not thing:
        return None
    if isinstance(thing, dict):
        return thing["kind"], thing["color"]
    return thing[0], thing[1]


def word_pool(width: int, seed: int, size: int = 6_000) -> EmbeddingPool:
    """A pool without pictures: each kind and colour has a random code, a thing is their sum.

    The language is learned with it before there is any embedding of a picture: which slot a
    question is about, how two objects in one slot are distinguished, what an empty slot means.

    Args:
        width: D of the vectors.
        seed: Of the codes and the things.
        size: How many different things and pairs.
    """
    rng = random.Random(seed)
    generator = torch.Generator().manual_seed(seed)
    codes = torch.nn.functional.normalize(
        torch.randn(len(KINDS) + len(COLORS) + 1, width, generator=generator), dim=-1
    )
    kinds: dict[str, Tensor] = dict(zip(KINDS, codes, strict=False))
    colors: dict[str, Tensor] = dict(zip(COLORS, codes[len(KINDS) :], strict=False))
    captions: list[Caption] = []
    for row in range(size):
        main = (KINDS[row % len(KINDS)], rng.choice(tuple(COLORS)))
        second = (rng.choice(KINDS), rng.choice(tuple(COLORS))) if rng.random() < 0.3 else None
        captions.append(Caption(main, second) if rng.random() > 0.03 else Caption())
    vectors = []
    for caption in captions:
        vector = codes[-1].clone() * 0.5
        if caption.main:
            vector += kinds[caption.main[0]] + 0.8 * colors[caption.main[1]]
        if caption.second:  # weaker, and turned so that it cannot be taken for the main thing
            other = kinds[caption.second[0]] + 0.8 * colors[caption.second[1]]
            vector += 0.6 * other.roll(width // 2)
        vectors.append(vector)
    images = torch.nn.functional.normalize(torch.stack(vectors), dim=-1)
    return EmbeddingPool(images[None], captions, Augmentation(sight=0.3, others=0.4))


def caption_pool(imagebind: Path, seed: int, size: int = 12_000) -> EmbeddingPool:
    """A pool of captions in place of pictures, embedded by the text trunk of ImageBind.

    Still language only; but captions lie where pictures will lie, so that little is left to learn
    when pictures take their place.

    Args:
        imagebind: Directory of an ImageBind checkpoint with a text trunk.
        seed: Of the captions.
        size: How many captions.

    Raises:
        SenseBindError: The checkpoint cannot be read.
    """
    model = ImageBind.from_pretrained(imagebind, modalities=["text"]).eval()
    processor = ImageBindProcessor.from_pretrained(imagebind)
    rng = random.Random(seed)

    def thing() -> Named:
        return rng.choice(KINDS), rng.choice(tuple(COLORS))

    known: list[Caption] = []
    texts: list[str] = []
    for row in range(size):
        caption = Caption((KINDS[row % len(KINDS)], rng.choice(tuple(COLORS))))
        if rng.random() < 0.05:
            caption = Caption()
        elif rng.random() < 0.4:
            caption = Caption(caption.main, thing())
        known.append(caption)
        text = wordings.empty_caption(rng)
        if caption.main:
            first = wordings.Named(*caption.main)
            text = wordings.main_caption(first, rng)
            if caption.second:
                text = wordings.pair_caption(first, wordings.Named(*caption.second), rng)
        texts.append(text)
    vectors = []
    with torch.inference_mode():
        for begin in range(0, size, 128):
            some = texts[begin : begin + 128]
            vectors.append(model.encode("text", processor.text(some)))
    images = torch.nn.functional.normalize(torch.cat(vectors).float(), dim=-1).clone()
    return EmbeddingPool(images[None], known)
