"""Names that a robot was taught by showing: "this is my mug", with a few embeddings each.

Names are data of the robot, kept in one file of mode 0600 in its state directory. They belong to
the space of one encoder: with other weights the same numbers mean something else, and are refused.
"""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sensebind.errors import InputError, StorageError
from sensebind.memory.vectors import check_width
from sensebind.perception.storage.private_files import changing, write_private
from sensebind.perception.storage.spans import Span, covered
from sensebind.perception.storage.stored_version import newer
from sensebind.perception.vectors import unit

MAX_NAMES = 200
MAX_VIEWS = 32
"""Views of one name that are kept; the oldest goes first."""
MAX_NAME = 60
FILE_NAME = "taught.json"
_VERSION = 1
_MOST_BYTES = 32 * 2**20
_NAME = re.compile(r"[^\W_][\w '’-]*")  # letters of any script, digits, spaces


@dataclass(frozen=True, slots=True)
class View:
    """One thing that was shown under a name.

    Attributes:
        name: What it is called.
        modality: How it was perceived, such as "vision".
        at: When it was taught, wall clock, ns.
        embedding: float32 [D] of unit norm.
        reference: Of the frame it was taken from, `frame:<stream>@<ns>`; "" of a file.
    """

    name: str
    modality: str
    at: int
    embedding: np.ndarray = field(repr=False, compare=False)
    reference: str = ""


@dataclass(frozen=True, slots=True)
class Match:
    """A taught name that fits.

    Attributes:
        name: The name.
        similarity: How well it fits, along the direction in which its views stand out.
        threshold: What had to be reached.
    """

    name: str
    similarity: float
    threshold: float


class TaughtNames:
    """The names that one robot knows. Thread-safe; every change is on the disk when it returns.

    Attributes:
        path: Of the file.

    Example:
        ```python
        names = TaughtNames(state / "taught.json", embedder.model, cache_vectors)
        names.teach("my mug", "vision", [embedding], at=time.time_ns())
        names.match("vision", other)
        ```
    """

    def __init__(self, path: Path, space_id: str = "", others: np.ndarray | None = None) -> None:
        """Read the file, if there is one.

        Args:
            path: Of the file.
            space_id: Digest of the encoder, as percept headers name it; "" takes that of the file,
                which is enough to forget.
            others: [N, D] embeddings of what has no name here, such as those of the visual cache:
                a taught name must fit better than it fits nearly all of them.

        Raises:
            StorageError: The file is damaged, newer, or cannot be read.
            InputError: It belongs to another encoder.
        """
        self.path = path
        self._space = None if others is None else _Space.of(np.asarray(others, np.float32))
        self._lock = threading.Lock()
        self._stamp = _stamp(path)
        self._views, self.space_id = _read(path, space_id)
        self._judges: dict[str, list[_Judge]] = {}

    def __len__(self) -> int:
        return len(self.names())

    def names(self) -> dict[str, list[View]]:
        """Return the views by name, in the order in which the names were taught."""
        found: dict[str, list[View]] = {}
        for view in self._views:
            found.setdefault(view.name, []).append(view)
        return found

    def teach(
        self,
        name: str,
        modality: str,
        embeddings: Sequence[np.ndarray],
        *,
        at: int,
        references: Sequence[str] = (),
    ) -> int:
        """Add views of a name.

        Args:
            name: What it is called.
            modality: How it was perceived.
            embeddings: float [D] each.
            at: When, wall clock, ns.
            references: Frames they were taken from, in the same order; none for files.

        Returns:
            How many views the name has in this modality now.

        Raises:
            InputError: A bad name, no views, too many names, or another width.
            StorageError: It cannot be written.
        """
        name = checked_name(name)
        if not embeddings:
            raise InputError(f"nothing was shown for {name!r}")
        given = [*references, *[""] * (len(embeddings) - len(references))]
        new = [
            View(name, modality, at, unit(one), reference)
            for one, reference in zip(embeddings, given, strict=True)
        ]
        with self._changing():
            for view in new:
                if self._views:
                    check_width(view.embedding, len(self._views[0].embedding))
            if name not in self.names() and len(self.names()) >= MAX_NAMES:
                raise InputError(f"{MAX_NAMES} names are taught already: remove one first")
            same = [v for v in self._views if (v.name, v.modality) == (name, modality)]
            surplus = max(len(same) + len(new) - MAX_VIEWS, 0)
            gone = {id(view) for view in same[:surplus]}
            self._keep([*(v for v in self._views if id(v) not in gone), *new[-MAX_VIEWS:]])
            return sum((v.name, v.modality) == (name, modality) for v in self._views)

    def remove(self, name: str) -> int:
        """Forget a name.

        Returns:
            How many views went.

        Raises:
            InputError: It was not taught.
            StorageError: It cannot be written.
        """
        wanted = " ".join(name.split()).casefold()
        with self._changing():
            kept = [view for view in self._views if view.name.casefold() != wanted]
            gone = len(self._views) - len(kept)
            if not gone:
                known = ", ".join(self.names()) or "none"
                raise InputError(f"{name!r} was not taught; names are: {known}")
            self._keep(kept)
            return gone

    def erase(self, spans: Sequence[Span], *, dry: bool = False) -> int:
        """Forget what was taught in some spans of time, or from frames of them.

        Returns:
            How many views went, or would go.

        Raises:
            StorageError: It cannot be written.
        """
        with self._changing():
            kept = [
                view
                for view in self._views
                if not covered(spans, view.reference[6:].partition("@")[0], view.at)
            ]
            gone = len(self._views) - len(kept)
            if gone and not dry:
                self._keep(kept)
            return gone

    def match(self, modality: str, embedding: np.ndarray) -> Match | None:
        """Return the taught name that fits an embedding [D]; None where none fits well enough."""
        with self._lock:
            self._follow()
            judges = self._judges.get(modality)
            if judges is None:
                judges = self._judges[modality] = self._judged(modality)
        if not judges or embedding.shape != judges[0].direction.shape:
            return None
        found = [(judge.similarity(embedding), judge) for judge in judges]
        similarity, best = max(found, key=lambda one: one[0] - one[1].threshold)
        if similarity < best.threshold:
            return None
        return Match(best.name, similarity, best.threshold)

    def example(self, text: str) -> np.ndarray | None:
        """Return what a taught name stands for, float32 [D]; None where a text is no such name.

        Args:
            text: Such as "my mug" or "a mug"; capitals do not matter.
        """
        wanted = " ".join(text.split()).casefold()
        with self._lock:
            self._follow()
            known = self._views
        views = [v for v in known if wanted in (v.name.casefold(), f"a {v.name.casefold()}")]
        if not views:
            return None
        modalities = [view.modality for view in views]
        most = max(modalities, key=modalities.count)
        return unit(np.sum([v.embedding for v in views if v.modality == most], axis=0))

    def _follow(self) -> None:
        """Read what another process has taught or forgotten meanwhile."""
        if (stamp := _stamp(self.path)) != self._stamp:
            self._views, self.space_id = _read(self.path, self.space_id)
            self._stamp, self._judges = stamp, {}

    @contextmanager
    def _changing(self) -> Iterator[None]:
        """Change what the file holds now: a name that another process forgot must not come back.

        Raises:
            StorageError: Another process does not finish changing it, or it cannot be read.
        """
        with self._lock, ExitStack() as stack:
            try:
                stack.enter_context(changing(self.path.parent))
            except OSError as error:
                raise StorageError(f"{self.path} cannot be changed: {error.strerror}") from error
            self._follow()
            yield

    def _judged(self, modality: str) -> list[_Judge]:
        groups: dict[str, list[np.ndarray]] = {}
        for view in self._views:
            if view.modality == modality:
                groups.setdefault(view.name, []).append(view.embedding)
        return [_Judge.of(name, np.stack(views), self._space) for name, views in groups.items()]

    def _keep(self, views: list[View]) -> None:
        rows = [
            {
                "name": view.name,
                "modality": view.modality,
                "at": view.at,
                "reference": view.reference,
                "embedding": base64.b64encode(view.embedding.astype("<f4").tobytes()).decode(),
            }
            for view in views
        ]
        text = json.dumps({"version": _VERSION, "space_id": self.space_id, "views": rows})
        try:
            write_private(self.path, (text + "\n").encode())
        except OSError as error:
            raise StorageError(f"{self.path} cannot be written: {error.strerror}") from error
        self._views, self._judges, self._stamp = views, {}, _stamp(self.path)


@dataclass(frozen=True, slots=True)
class _Space:
    """Where other things lie: differences from their mean, in which they have unit variance.

    Attributes:
        mean: [D].
        whiten: [D, D].
        others: [N, D], whitened.
    """

    mean: np.ndarray
    whiten: np.ndarray
    others: np.ndarray

    @classmethod
    def of(cls, others: np.ndarray) -> _Space:
        mean = others.mean(axis=0)
        variances, axes = np.linalg.eigh(np.cov((others - mean).T))
        whiten = (axes / np.sqrt(variances.clip(min=0) + _FLOOR)).astype(np.float32)
        return cls(mean, whiten, (others - mean) @ whiten)

    def within(self, embeddings: np.ndarray) -> np.ndarray:
        return (embeddings - self.mean) @ self.whiten


@dataclass(frozen=True, slots=True)
class _Judge:
    """One name in one modality: a direction in which its views stand out from other things.

    It is the linear discriminant between the mean of the views and all others, whose covariance
    stands for that of the views (exemplar LDA; Hariharan et al., ECCV 2012).

    Attributes:
        name: The name.
        direction: [D] of unit norm.
        space: None where there is nothing to compare with.
        threshold: Similarity from which something is called so.
    """

    name: str
    direction: np.ndarray
    space: _Space | None
    threshold: float

    @classmethod
    def of(cls, name: str, views: np.ndarray, space: _Space | None) -> _Judge:
        mean = views.mean(axis=0)
        if space is None or space.others.shape[1] != len(mean):
            return cls(name, unit(mean), None, _ALONE)
        middle = space.within(mean)
        length = max(float(np.linalg.norm(middle)), 1e-9)
        direction = middle / length
        usual = float(np.quantile(space.others @ direction, _OTHERS))
        return cls(name, direction, space, max(usual, _PART * length))

    def similarity(self, embedding: np.ndarray) -> float:
        """How far an embedding [D] lies in the direction of the name."""
        placed = embedding if self.space is None else self.space.within(embedding)
        return float(placed @ self.direction)


_FLOOR = 1e-4  # least variance; chosen with benchmarks/teach.py, as the next is
_OTHERS = 0.998  # share of other things that a name must not fit
_PART = 0.2  # of the way to its views that a thing must lie at least
_ALONE = 0.9  # cosine, where there is nothing to compare with


def checked_name(name: str) -> str:
    """Return a name as it is kept.

    Raises:
        InputError: It is empty, too long, or has characters other than letters, digits and spaces.
    """
    name = " ".join(name.split())
    if not 0 < len(name) <= MAX_NAME or not _NAME.fullmatch(name):
        raise InputError(
            f"a name has 1 to {MAX_NAME} letters, digits and spaces, such as my mug, not "
            f"{name[:80]!r}"
        )
    return name


def _stamp(path: Path) -> tuple[int, int]:
    """What changes when the file does."""
    try:
        status = path.stat()
    except OSError:
        return 0, 0
    return status.st_mtime_ns, status.st_ino


def _read(path: Path, space_id: str) -> tuple[list[View], str]:
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too large")
        fields = json.loads(path.read_text(encoding="utf-8"))
        version = fields["version"]
        if isinstance(version, int) and version > _VERSION:
            raise StorageError(newer(path, version, _VERSION))
        found = [_view(row) for row in fields["views"]]
        if len({view.embedding.shape for view in found}) > 1:
            raise ValueError("its embeddings have different widths")
        space = str(fields["space_id"])
    except FileNotFoundError:
        return [], space_id
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise StorageError(
            f"the taught names {path} cannot be read ({error}): delete the file, and teach them "
            "again"
        ) from error
    if found and space_id and space != space_id:
        raise InputError(
            f"the names in {path} were taught with encoder {space}, this one is {space_id}: use "
            "that checkpoint, or delete the file and teach them again"
        )
    return found, space_id or space


def _view(row: dict[str, Any]) -> View:
    embedding = np.frombuffer(base64.b64decode(row["embedding"], validate=True), "<f4")
    if not np.isfinite(embedding).all() or abs(float(np.linalg.norm(embedding)) - 1) > 1e-2:
        raise ValueError("an embedding is not a unit vector")
    name, modality, at = str(row["name"]), str(row["modality"]), int(row["at"])
    return View(
        checked_name(name), modality, at, embedding.astype(np.float32), str(row["reference"])
    )
