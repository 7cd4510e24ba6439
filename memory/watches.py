"""Watches: standing queries over the percept stream, such as "tell me when a dog barks".

What counts as a match is learned from the stream itself. The similarity of a watch to what is
usually perceived is its background; it fires when percepts stand out from that, and in a clear way
if there are words to compare with. Once it has fired it holds until the thing is gone, and then
rests for a while.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from msgspec.structs import replace
from pydantic import BaseModel, ConfigDict, Field

from sensebind.errors import InputError
from sensebind.perception.percept import Percept, observation_reference
from sensebind.perception.vectors import unit

MAX_WATCHES = 32
MAX_NAME = 100
_SAMPLES = 600  # values that define what is usual
_DENSE = 50  # the first are all kept, so that something is known soon
_SPREAD = 0.02  # least spread of what is usual
_GAP = 5.0  # seconds without percepts after which a match begins again
_SAME = 0.9  # cosine from which a word means the same as a watch
_SLACK = 0.09  # how much better another word may fit, of the way from the usual to a match


class WatchSettings(BaseModel):
    """When a watch fires.

    Attributes:
        background: Seconds of the stream that define what is usual.
        learn: Percepts that must have come before it is known, without words to compare with.
        spreads: How far above the usual a match must be, in spreads of the usual.
        share: How far from the usual to a full match it must be, 0 to 1.
        release: The part of the way back to the usual at which the thing is gone, 0 to 1.
        confirm: Percepts in a row that make a match, or its end.
        cooldown: Seconds after firing in which a watch does not fire again.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    background: float = Field(600.0, gt=0)
    learn: int = Field(20, ge=2)
    spreads: float = Field(5.0, gt=0)
    share: float = Field(0.9, gt=0, lt=1)
    release: float = Field(0.3, ge=0, lt=1)
    confirm: int = Field(2, ge=1)
    cooldown: float = Field(20.0, ge=0)


@dataclass(frozen=True, slots=True)
class Watch:
    """A standing query.

    Attributes:
        name: What it is called, and what is said when it fires: "a dog".
        embedding: float32 [D], of a text or an example, unit norm.
        model: Digest of its encoder; percepts of another one are not compared.
        modality: Only of these streams; "" watches all.
        action: What to do when it fires; "" to say so. For whoever gets the alert.
        top: Similarity of a full match, 1 for an example; 0 if it is taken from the stream.
    """

    name: str
    embedding: np.ndarray = field(repr=False, compare=False)
    model: str = ""
    modality: str = ""
    action: str = ""
    top: float = 0.0

    def __post_init__(self) -> None:
        if not 1 <= len(self.name) <= MAX_NAME or not self.name.isprintable():
            raise InputError(f"a watch has a name of 1 to {MAX_NAME} printable characters")


@dataclass(frozen=True, slots=True)
class Alert:
    """A watch has fired.

    Attributes:
        watch: The watch that fired.
        stream: Name of the stream that matched.
        at: Capture time of the percept that made it fire, wall clock, ns.
        reference: Reference of that percept's sample, `frame:<stream>@<ns>`.
        similarity: Cosine similarity of that percept to the watch.
        threshold: Similarity that a match had to reach at that time.
    """

    watch: Watch
    stream: str
    at: int
    reference: str
    similarity: float
    threshold: float


class Watcher:
    """Compares percepts with watches. A listener; thread-safe.

    Deterministic: the only time it knows is that of the percepts.

    Attributes:
        rested: Matches that came within the cool-down of their watch, and were not reported.
    """

    def __init__(
        self,
        tell: Callable[[Alert], None],
        settings: WatchSettings | None = None,
        words: np.ndarray | None = None,
    ) -> None:
        """Prepare.

        Args:
            tell: Called when a watch fires, in the thread of the percept; must not wait.
            settings: When watches fire.
            words: Embeddings [W, D] of texts that name what percepts may be of, such as "a dog",
                "a bell"; of the same encoder as the watches. They show how similar a full match
                is, and what fits better than the watch does.
        """
        self.rested = 0
        self._tell = tell
        self._settings = settings or WatchSettings()
        self._words = None if words is None else np.stack([unit(word) for word in words])
        self._lock = threading.Lock()
        self._watches: dict[str, Watch] = {}
        self._rivals: dict[str, np.ndarray] = {}  # of each watch, bool [W]
        self._tracks: dict[tuple[str, str], _Track] = {}  # (watch, stream)
        self._tops: dict[str, _Usual] = {}  # stream -> similarity of percepts to their best word

    def watches(self) -> list[Watch]:
        """Return the watches, in the order in which they were added."""
        with self._lock:
            return list(self._watches.values())

    def put(self, watches: Sequence[Watch]) -> None:
        """Watch for these from now on, and for no others; known ones keep what they have learned.

        Raises:
            InputError: Too many, two of one name, or an embedding without direction.
        """
        if len(watches) > MAX_WATCHES:
            raise InputError(f"there can be {MAX_WATCHES} watches, not {len(watches)}")
        given = {watch.name: watch for watch in watches}
        if len(given) < len(watches):
            raise InputError("two watches have the same name")
        rivals = {name: self._rivals_of(watch) for name, watch in given.items()}
        with self._lock:
            same = {
                name
                for name, watch in given.items()
                if (old := self._watches.get(name)) == watch
                and old is not None
                and np.array_equal(old.embedding, watch.embedding)
            }
            self._tracks = {key: track for key, track in self._tracks.items() if key[0] in same}
            self._watches, self._rivals = given, rivals

    def __call__(self, percept: Percept) -> None:
        """Compare a percept with every watch; reports those that fire.

        What the weights do not know is like nothing, but for a watch for an example: it has no name
        that a text could be for.
        """
        bare = percept
        if not percept.header.known:
            nothing = replace(percept.header, present=False)
            percept = Percept(nothing, np.zeros_like(percept.embedding))
        header = percept.header
        with self._lock:
            words = None
            if self._words is not None and header.shape == self._words.shape[1:]:
                words = self._words @ percept.embedding  # [W]; zeros when nothing is perceived
            top = self._top(header.stream, header.monotonic, words, header.present)
            alerts = [
                alert
                for watch in self._watches.values()
                if watch.modality in ("", header.modality.value)
                and watch.model in ("", header.model)
                and header.shape == watch.embedding.shape
                and (alert := self._compare(watch, bare if watch.top else percept, words, top))
                is not None
            ]
        for alert in alerts:
            self._tell(alert)

    def _compare(
        self, watch: Watch, percept: Percept, words: np.ndarray | None, top: float | None
    ) -> Alert | None:
        settings, header = self._settings, percept.header
        now = header.monotonic
        track = self._tracks.setdefault(
            (watch.name, header.stream), _Track(_Usual(settings.background))
        )
        if not 0 <= now - track.last <= _GAP:
            track.holds, track.streak = False, 0
        track.last = now
        similarity = float(watch.embedding @ percept.embedding)
        low, high = self._limits(track, now, watch, top)
        rival = -1.0
        if words is not None and self._rivals[watch.name].any():
            rival = float(words[self._rivals[watch.name]].max())
        matches = similarity >= high and rival - similarity <= _SLACK * (high - low)
        gone = similarity < high - settings.release * (high - low)
        if not track.holds and not matches:
            track.usual.add(now, similarity)
        track.streak = track.streak + 1 if (gone if track.holds else matches) else 0
        if track.streak < settings.confirm:
            return None
        track.holds, track.streak = not track.holds, 0
        if not track.holds:
            return None
        if now - track.fired < settings.cooldown:
            self.rested += 1
            return None
        track.fired = now
        reference = header.observation or observation_reference(header.stream, header.captured_at)
        return Alert(watch, header.stream, header.captured_at, reference, similarity, high)

    def _limits(
        self, track: _Track, now: float, watch: Watch, top: float | None
    ) -> tuple[float, float]:
        """What is usual, and what a match must reach; beyond reach while nothing is known."""
        settings, usual = self._settings, track.usual.ordered(now)
        top = watch.top or top
        if len(usual) < settings.learn:
            return (0.0, settings.share * top) if top else (0.0, np.inf)
        low = float(np.median(usual))
        spread = max(1.4826 * float(np.median(np.abs(usual - low))), _SPREAD)
        high = low + settings.spreads * spread
        return low, max(high, low + settings.share * (top - low)) if top else high

    def _top(
        self, stream: str, now: float, words: np.ndarray | None, present: bool
    ) -> float | None:
        """How similar percepts of a stream are to the word that fits them; None if not known."""
        if words is None:
            return None
        tops = self._tops.setdefault(stream, _Usual(self._settings.background))
        if present:
            tops.add(now, float(words.max()))
        known = tops.ordered(now)
        return float(known[int(0.75 * (len(known) - 1))]) if len(known) else None

    def _rivals_of(self, watch: Watch) -> np.ndarray:
        """Which words mean something else than the watch, bool [W]."""
        vector = unit(watch.embedding)
        if self._words is None or vector.shape != self._words.shape[1:]:
            return np.zeros(0, bool)
        return self._words @ vector < _SAME


@dataclass(slots=True)
class _Usual:
    """A value as it usually is: samples of the last minutes, spread over all of them."""

    seconds: float
    samples: deque[tuple[float, float]] = field(default_factory=deque)  # (monotonic, value)
    known: np.ndarray = field(default_factory=lambda: np.zeros(0))
    sorted_at: float = -np.inf

    def add(self, now: float, value: float) -> None:
        if self.samples and len(self.samples) >= _DENSE:
            if 0 <= now - self.samples[-1][0] < self.seconds / _SAMPLES:
                return
            while self.samples and (
                len(self.samples) > _SAMPLES or now - self.samples[0][0] > self.seconds
            ):
                self.samples.popleft()
        self.samples.append((now, value))

    def ordered(self, now: float) -> np.ndarray:
        """The values, ascending; when there are many, as they were up to a second ago."""
        if len(self.known) < _DENSE or not 0 <= now - self.sorted_at < 1.0:
            self.known = np.sort([value for _, value in self.samples])
            self.sorted_at = now
        return self.known


@dataclass(slots=True)
class _Track:
    """One watch on one stream.

    Attributes:
        usual: Similarities while it does not match.
        holds: Whether it has fired and the object is still there.
        streak: Percepts in a row for a match, or for its end.
        fired: When it fired last, seconds of the monotonic clock.
        last: When the last percept came, seconds of the monotonic clock.
    """

    usual: _Usual
    holds: bool = False
    streak: int = 0
    fired: float = -np.inf
    last: float = -np.inf
