"""Episodes: stretches of a percept stream that belong together, and what a search for them is.

An episode belongs to one stream. A few moments stand for it: the mean of its percepts, and those
percepts that are least like the mean. Raw samples are only referred to, as `frame:<stream>@<ns>`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from sensebind.errors import InputError
from sensebind.perception.geometry.pose import Pose
from sensebind.perception.modality import modality_info

MAX_RESULTS = 100


@dataclass(frozen=True, slots=True)
class Moment:
    """One embedding that stands for an episode.

    Attributes:
        at: When the sample that `reference` names was captured, wall clock, ns.
        reference: Of that sample, `frame:<stream>@<ns>`.
        embedding: float32 [D] of unit norm.
        pose: Where the robot was at that time; None where that was not known.
    """

    at: int
    reference: str
    embedding: np.ndarray = field(repr=False, compare=False)
    pose: Pose | None = None


@dataclass(frozen=True, slots=True)
class Episode:
    """A stretch of one stream.

    Attributes:
        stream: Name of the stream.
        modality: Modality that the stream perceives, such as "vision".
        model: Digest of the encoder weights; only embeddings of the same one can be compared.
        started_at: Capture time of its first percept, wall clock, ns.
        ended_at: Capture time of its last percept, wall clock, ns.
        percepts: Number of percepts.
        moments: What stands for it; the first is the mean of all.
        open: Whether it was still going on when this was written.
        id: Number in the store; 0 before it is stored.
        description: What a language model said of it; "" until somebody asked. Of what the weights
            do not know nobody is asked: it says so from the beginning.
    """

    stream: str
    modality: str
    model: str
    started_at: int
    ended_at: int
    percepts: int
    moments: tuple[Moment, ...] = ()
    open: bool = False
    id: int = 0
    description: str = ""

    @property
    def known(self) -> bool:
        """Whether the weights knew what was perceived; otherwise its moments name nothing."""
        return self.description != modality_info(self.modality).unknown

    @property
    def seconds(self) -> float:
        """How long it lasted."""
        return (self.ended_at - self.started_at) / 1e9


@dataclass(frozen=True, slots=True)
class Near:
    """A circle on the floor.

    Attributes:
        x: Of its middle, metres.
        y: Of its middle, metres.
        radius: Metres.
        frame: Of the middle, see `Pose.frame`; "" is that of the newest place in the memory.

    Raises:
        InputError: It is not a circle.
    """

    x: float
    y: float
    radius: float
    frame: str = ""

    def __post_init__(self) -> None:
        if not (math.isfinite(self.x) and math.isfinite(self.y) and 0 < self.radius < math.inf):
            raise InputError(f"within {self.radius:g} m of ({self.x:g}, {self.y:g}) is not a place")

    def holds(self, pose: Pose | None) -> bool:
        """Whether a pose lies in it; one of another frame does not."""
        if pose is None or pose.frame != self.frame:
            return False
        return pose.distance(self.x, self.y) <= self.radius


@dataclass(frozen=True, slots=True)
class Query:
    """What to look for; everything that is given must hold.

    Attributes:
        embedding: float [D], of a text, image, sound or point cloud; None searches by time alone.
        modality: Only streams of this one, such as "audio"; "" takes all.
        stream: Only this stream; "" takes all.
        since: Only episodes that went on at or after this, ns.
        until: Only episodes that went on at or before this, ns.
        newest: The newest of those that fit, instead of those that fit best.
        limit: Most results, 1 to `MAX_RESULTS`.
        model: Digest of the encoder of `embedding`; "" does not check it.
        example: Whether `embedding` is of a thing that was shown, and not of a text: then also what
            the weights do not know is found, and only what is much like it.
        near: Only moments at which the robot was there; None takes those anywhere, also where the
            place was not known.
    """

    embedding: np.ndarray | None = field(default=None, repr=False)
    modality: str = ""
    stream: str = ""
    since: int = 0
    until: int = 2**63 - 1
    newest: bool = False
    limit: int = 3
    model: str = ""
    example: bool = False
    near: Near | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.limit <= MAX_RESULTS:
            raise InputError(f"a search gives 1 to {MAX_RESULTS} episodes, not {self.limit}")
        if self.since > self.until:
            raise InputError("the time to search ends before it begins")


@dataclass(frozen=True, slots=True)
class Recollection:
    """An episode that was found.

    Attributes:
        episode: The episode; without its moments.
        at: When the sample that fits best was captured, wall clock, ns.
        reference: Of that sample.
        similarity: Cosine to what was asked for; None when only time was.
        score: How far the similarity stands out from that of other episodes of the same modality,
            in their spreads; comparable between modalities.
        description: What a language model says of it, "" without one.
        pose: Where the robot was at that time; None where that was not known.
    """

    episode: Episode
    at: int
    reference: str
    similarity: float | None
    score: float
    description: str = ""
    pose: Pose | None = None
