"""English captions of SimHome pictures, for contrastive training of the small ImageBind.

A caption is what a person would say of a picture: the main thing (the largest in view
within 3 m), sometimes the thing after it, or that there is nothing. No sound, no distance in
metres, no left or right (pictures are flipped in training).
"""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sensebind.perception.simhome.catalog import COLORS, KINDS

MAIN_TEMPLATES = (
    "{a}",
    "{a}",
    "a photo of {a}",
    "a picture of {a}",
    "an image of {a}",
    "{bare}",
    "{a} in a room",
    "{a} on the floor",
    "there is {a}",
    "i see {a}",
    "this is {a}",
    "the {kind} is {color}",
    "a {kind} that is {color}",
    "the {bare}",
    "{a} in front of the robot",
)
PAIR_TEMPLATES = (
    "{a} and {b}",
    "{a} and {b}",
    "{a} with {b}",
    "a photo of {a} and {b}",
    "there is {a} and {b}",
    "i see {a} and {b}",
    "{a} next to {b}",
    "{a} and {b} in a room",
)
FAR_TEMPLATES = ("{a} far away", "{a} in the distance", "a far {bare}", "{a} across the room")
EMPTY_CAPTIONS = (
    "an empty room",
    "nothing",
    "an empty room",
    "a room with nothing in it",
    "there is nothing",
    "i see nothing",
    "a photo of an empty room",
    "no object",
    "only walls and furniture",
)
KIND_TEMPLATES = ("{k}", "{k}", "a photo of {k}", "there is {k}", "i see {k}", "{k} in a room")
COLOR_TEMPLATES = ("something {c}", "a {c} thing", "a {c} object", "it is {c}")


@dataclass(frozen=True, slots=True)
class Named:
    """A thing as a caption knows it: a kind and a colour, both from the catalog.

    Attributes:
        kind: Kind of object, from the catalog.
        color: Name of its colour, from the catalog.
    """

    kind: str
    color: str

    @property
    def bare(self) -> str:
        """ "red ball": without an article."""
        return f"{self.color} {self.kind}"

    @property
    def phrase(self) -> str:
        """ "a red ball": with its article."""
        return with_article(self.bare)


ALL_NAMED = tuple(Named(kind, color) for kind in KINDS for color in COLORS)
"""Every kind in every colour, kind-major: index = kind index * len(COLORS) + colour index."""


def with_article(words: str) -> str:
    """Puts "a" or "an" before `words`."""
    return f"an {words}" if words[0] in "aeiou" else f"a {words}"


def main_caption(thing: Named, rng: random.Random) -> str:
    """A random wording for one thing."""
    template = rng.choice(MAIN_TEMPLATES)
    return template.format(a=thing.phrase, bare=thing.bare, kind=thing.kind, color=thing.color)


def pair_caption(first: Named, second: Named, rng: random.Random) -> str:
    """A random wording for the main thing and the one after it, in this order."""
    return rng.choice(PAIR_TEMPLATES).format(a=first.phrase, b=second.phrase)


def far_caption(thing: Named, rng: random.Random) -> str:
    """A random wording for a thing in view that is farther than 3 m."""
    return rng.choice(FAR_TEMPLATES).format(a=thing.phrase, bare=thing.bare)


def empty_caption(rng: random.Random) -> str:
    """A random wording for a picture without things."""
    return rng.choice(EMPTY_CAPTIONS)


def main_bank(rng: random.Random | None = None) -> list[str]:
    """One caption for every entry of `ALL_NAMED`, then one for the empty room.

    Args:
        rng: Draws a wording per entry; None gives the plain "a red ball" and "an empty room".
    """
    if rng is None:
        return [thing.phrase for thing in ALL_NAMED] + [EMPTY_CAPTIONS[0]]
    return [main_caption(thing, rng) for thing in ALL_NAMED] + [empty_caption(rng)]


def kind_bank(rng: random.Random | None = None) -> list[str]:
    """One caption for every kind, then one for the empty room."""
    if rng is None:
        return [with_article(kind) for kind in KINDS] + [EMPTY_CAPTIONS[0]]
    texts = [rng.choice(KIND_TEMPLATES).format(k=with_article(kind)) for kind in KINDS]
    return [*texts, empty_caption(rng)]


def color_bank(rng: random.Random | None = None) -> list[str]:
    """One caption for every colour."""
    if rng is None:
        return [COLOR_TEMPLATES[0].format(c=color) for color in COLORS]
    return [rng.choice(COLOR_TEMPLATES).format(c=color) for color in COLORS]


def all_wordings() -> Iterable[str]:
    """Every caption of one thing or none, and pairs enough to meet every word: BPE's corpus."""
    yield from EMPTY_CAPTIONS
    for thing in ALL_NAMED:
        parts = {"a": thing.phrase, "bare": thing.bare, "kind": thing.kind, "color": thing.color}
        for template in (*MAIN_TEMPLATES, *FAR_TEMPLATES):
            yield template.format(**parts)
        for template in PAIR_TEMPLATES:
            yield template.format(a=thing.phrase, b=thing.phrase)
    for kind in KINDS:
        for template in KIND_TEMPLATES:
            yield template.format(k=with_article(kind))
    for color in COLORS:
        for template in COLOR_TEMPLATES:
            yield template.format(c=color)


def scene_caption(
    main: Named | None, others: Sequence[Named], far: bool, rng: random.Random
) -> str:
    """A random caption of a whole picture.

    Args:
        main: The main thing; None if nothing is in view within 3 m.
        others: The other things in view, largest first.
        far: Whether `others` of a picture without a main thing are worth a word.
        rng: Draws the wording.
    """
    if main is None:
        return far_caption(others[0], rng) if others and far else empty_caption(rng)
    if others:
        return pair_caption(main, others[0], rng)
    return main_caption(main, rng)
