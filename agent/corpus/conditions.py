"""What is perceived in the turns of a dialog, and how it changes from one to the next."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Protocol

from sensebind.agent.corpus.answers import Facts, Named
from sensebind.perception.simhome.catalog import COLORS, KINDS, SOUNDING_KINDS

ABSENT = -1  # row of a slot that is not filled
ALONE = 0.12  # share of conditions with one sense at most


class Pool(Protocol):
    """Where the embeddings of a condition come from; rows are indices into them.

    Each method returns a row (`ABSENT` for an empty slot) and what it shows.
    """

    def sight(self, rng: random.Random) -> tuple[int, tuple[Named, ...]]:
        """A picture for the sight slot."""
        ...

    def hearing(self, rng: random.Random, kind: str | None = None) -> tuple[int, str | None]:
        """A picture for the hearing slot, of `kind` if given: of something that sounds."""
        ...

    def scan(self, rng: random.Random, kind: str | None = None) -> tuple[int, str | None]:
        """A picture for the scan slot, of `kind` if given."""
        ...


class NoPool:
    """No embeddings at all: facts at random, all slots empty. For looking at dialogs."""

    def sight(self, rng: random.Random) -> tuple[int, tuple[Named, ...]]:
        """Random things."""
        count = rng.choice((0, 1, 1, 2))
        return ABSENT, tuple((rng.choice(KINDS), rng.choice(tuple(COLORS))) for _ in range(count))

    def hearing(self, rng: random.Random, kind: str | None = None) -> tuple[int, str | None]:
        """A random kind that sounds."""
        return ABSENT, kind or rng.choice((None, *SOUNDING_KINDS))

    def scan(self, rng: random.Random, kind: str | None = None) -> tuple[int, str | None]:
        """A random kind."""
        return ABSENT, kind or rng.choice((None, *KINDS))


@dataclass(frozen=True, slots=True)
class TurnCondition:
    """Rows of the three slots (`ABSENT` for empty) and what they show.

    Attributes:
        rows: Row of the pool per slot, sight, hearing and scan; `ABSENT` for an empty one.
        facts: What the three slots show.
    """

    rows: tuple[int, int, int]
    facts: Facts


def fresh_condition(rng: random.Random, pool: Pool, alone: float = ALONE) -> TurnCondition:
    """A condition; what is heard or near is often what is in view."""
    row, sight = pool.sight(rng)
    main = sight[0][0] if sight else None
    heard = main if main in SOUNDING_KINDS and rng.random() < 0.3 else None
    near = main if main and rng.random() < 0.3 else None
    hearing_row, hearing = pool.hearing(rng, heard)
    scan_row, scan = pool.scan(rng, near)
    if rng.random() < alone:  # a robot of one sense
        kept = rng.randrange(3)
        row, sight = (row, sight) if kept == 0 else (ABSENT, ())
        hearing_row, hearing = (hearing_row, hearing) if kept == 1 else (ABSENT, None)
        scan_row, scan = (scan_row, scan) if kept == 2 else (ABSENT, None)
    return TurnCondition((row, hearing_row, scan_row), Facts(sight, hearing, scan))


def changed_condition(
    old: TurnCondition, rng: random.Random, pool: Pool, alone: float
) -> TurnCondition:
    """A condition in which about half of the slots stay as they were."""
    new = fresh_condition(rng, pool, alone)
    take = [rng.random() < 0.6 for _ in range(3)]
    rows = tuple(b if use else a for use, a, b in zip(take, old.rows, new.rows, strict=True))
    return TurnCondition(
        (rows[0], rows[1], rows[2]),
        Facts(
            (new if take[0] else old).facts.sight,
            (new if take[1] else old).facts.hearing,
            (new if take[2] else old).facts.scan,
        ),
    )
