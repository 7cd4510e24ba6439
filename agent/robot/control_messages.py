"""What a robot and its clients say to each other: one JSON object a line, over a Unix socket.

A client sends one request on a connection, and reads events until one that ends it. The socket's
mode, 0600, is what lets the user in and nobody else.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any

import msgspec

from sensebind.errors import MessageError
from sensebind.perception.storage.spans import Span

MAX_LINE = 64 << 20
"""Longest message in bytes; an image in a question is part of it."""


class Ask(msgspec.Struct, tag="turn", tag_field="do"):
    """Take one turn.

    Attributes:
        text: What the user says.
        media: Content blocks that come with it.
        thread: Name of the dialog.
        history: What was said before, of a dialog that the client keeps and the robot does not:
            messages with `role` and `content`. None for a dialog of the robot's own.
    """

    text: str
    media: list[dict[str, Any]] = []
    thread: str = ""
    history: list[dict[str, Any]] | None = None


class Decide(msgspec.Struct, tag="decide", tag_field="do"):
    """Go on with a turn that waits for approval.

    Attributes:
        decisions: One for each request: kind, arguments, reason, the request's id, and who
            decided.
        thread: Name of the dialog.
    """

    decisions: list[dict[str, Any]]
    thread: str = ""


class Pending(msgspec.Struct, tag="pending", tag_field="do"):
    """Return the calls that wait for a decision.

    Attributes:
        thread: Name of the dialog.
    """

    thread: str = ""


class Waiting(msgspec.Struct, tag="waiting", tag_field="do"):
    """Return the calls of all dialogs that wait for a decision, by name of the dialog."""


class Follow(msgspec.Struct, tag="follow", tag_field="do"):
    """Send what happens in all turns, until the client goes."""


class Embed(msgspec.Struct, tag="embed", tag_field="do"):
    """Embed texts and media in the space of the percepts.

    Attributes:
        items: Content blocks: of text, or of one medium.
    """

    items: Annotated[list[dict[str, Any]], msgspec.Meta(min_length=1, max_length=256)]


class Embedded(msgspec.Struct, frozen=True):
    """Embeddings of what a client sent.

    Attributes:
        model: Digest of the encoder, as in percept headers.
        vectors: float32 [D] each, little-endian, unit norm.
    """

    model: str
    vectors: list[bytes]


class Complete(msgspec.Struct, tag="complete", tag_field="do"):
    """Let the language model answer a client that has tools of its own.

    Attributes:
        messages: The conversation, in OpenAI form.
        tools: What the client can run, in OpenAI form.
        choice: "auto", "none", "required", or the name of the tool to call.
    """

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] = []
    choice: str = "auto"


class Stop(msgspec.Struct, tag="stop", tag_field="do"):
    """Stop whatever moves, and what would.

    Attributes:
        reason: For the audit log.
    """

    reason: str = ""


class CancelTurn(msgspec.Struct, tag="cancel", tag_field="do"):
    """End the turn of a dialog that runs; what it moves, its own tools stop.

    Attributes:
        thread: Name of the dialog.
    """

    thread: str = ""


class Cut(msgspec.Struct, tag="cut", tag_field="do"):
    """Keep of an answer that was spoken only what was heard of it; see `Assistant.cut`.

    Attributes:
        turn: Id of the turn's record.
        said: What was heard.
        thread: Name of the dialog.
    """

    turn: str
    said: str
    thread: str = ""


class Look(msgspec.Struct, tag="report", tag_field="do"):
    """Return how the streams are doing, and which tools there are."""


class Vocabulary(msgspec.Struct, tag="words", tag_field="do"):
    """Return the vocabulary of the robot's weights, embedded."""


class Embedding(msgspec.Struct, frozen=True):
    """A word, as an encoder of texts embeds it.

    Attributes:
        word: From a vocabulary.
        text: float32 [D], little-endian.
    """

    word: str
    text: bytes


class Detect(msgspec.Struct, tag="detect", tag_field="do"):
    """Return what the detector finds now; see `sensebind.agent.robot.looking`."""


class Where(msgspec.Struct, tag="where", tag_field="do"):
    """Return where the robot is, as x, y and heading; nothing where that is not known."""


class Track(msgspec.Struct, tag="track", tag_field="do"):
    """Return where the robot was of late, in its memory's frames.

    Attributes:
        since: `Poses.until` of the answer before; None returns no poses, and where to go on.
    """

    since: float | None = None


class RobotPose(msgspec.Struct, frozen=True):
    """Where a robot was.

    Attributes:
        captured_at: When, wall clock, ns.
        x: Metres.
        y: Metres.
        yaw: Radians.
        frame: As of `Pose`.
    """

    captured_at: int
    x: float
    y: float
    yaw: float
    frame: str


class Poses(msgspec.Struct, frozen=True):
    """Where a robot was of late.

    Attributes:
        until: Names the newest of them for the next request; None where none is known yet.
        poses: In order.
    """

    until: float | None
    poses: list[RobotPose] = []


class Answer(msgspec.Struct, frozen=True):
    """What a tool that observes answered.

    Attributes:
        text: In words.
        image: The image that it looked at, JPEG; None without one.
    """

    text: str
    image: bytes | None = None


class Call(msgspec.Struct, tag="call", tag_field="do"):
    """Call a tool that only observes.

    Attributes:
        tool: Its name.
        arguments: As its schema says.
    """

    tool: str
    arguments: dict[str, Any] = {}


class Act(msgspec.Struct, tag="act", tag_field="do"):
    """Make a call of a tool that acts, which waits for a person where the policy says so.

    Attributes:
        tool: Its name.
        arguments: As its schema says.
        thread: Name of a dialog of its own.
    """

    tool: str
    arguments: dict[str, Any]
    thread: str


class Forget(msgspec.Struct, tag="forget", tag_field="do"):
    """Forget what was perceived and said; see `sensebind.agent.robot.forgetting`.

    Attributes:
        spans: What goes.
        dry: Count alone, and change nothing.
    """

    spans: Annotated[list[Span], msgspec.Meta(max_length=10_000)]
    dry: bool = True


class Devices(msgspec.Struct, tag="devices", tag_field="do"):
    """Return the state of the simulated home's devices, by name; nothing where it has none."""


class Explain(msgspec.Struct, tag="explain", tag_field="do"):
    """Return how a kept percept came into an answer; see `sensebind.agent.robot.explaining`.

    Attributes:
        reference: `frame:<stream>@<ns>`.
    """

    reference: str


class Recall(msgspec.Struct, tag="recall", tag_field="do"):
    """Return what is remembered; see `Remembering.find`.

    Attributes:
        text: What to look for; "" goes by time alone, where nothing is shown either.
        example: Content block of an image, a sound or a point cloud to look for; {} shows nothing.
        sense: Sense slot that perceived it; "" takes all.
        since: Only what went on at or after this, seconds since 1970.
        until: Only what went on at or before this, likewise; None is no bound.
        limit: Most episodes.
    """

    text: str = ""
    example: dict[str, Any] = {}
    sense: str = ""
    since: float = 0.0
    until: float | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=100)] = 12


class Watching(msgspec.Struct, tag="watching", tag_field="do"):
    """Return the watches, and what became of them; see `Remembering.watching`."""


class WatchFor(msgspec.Struct, tag="watch", tag_field="do"):
    """Add a watch that speaks when it fires.

    Attributes:
        what: What to watch for, in words; also the name of the watch.
        sense: Sense slot that is watched; "" watches all.
    """

    what: Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
    sense: str = ""


class Unwatch(msgspec.Struct, tag="unwatch", tag_field="do"):
    """Remove a watch.

    Attributes:
        name: Of the watch.
    """

    name: str


Command = (
    Ask
    | Decide
    | Pending
    | Waiting
    | Stop
    | CancelTurn
    | Cut
    | Look
    | Call
    | Act
    | Forget
    | Follow
    | Embed
    | Complete
    | Vocabulary
    | Detect
    | Where
    | Track
    | Devices
    | Explain
    | Recall
    | Watching
    | WatchFor
    | Unwatch
)

_encoder = msgspec.json.Encoder(enc_hook=str)


def encode(message: Command | Mapping[str, Any]) -> bytes:
    """Return a message as a line."""
    return _encoder.encode(message) + b"\n"


@cache
def _decoder() -> msgspec.json.Decoder[Command]:
    return msgspec.json.Decoder(Command)  # of a robot: clients only encode


def decode_command(line: bytes) -> Command:
    """Return a client's request.

    Raises:
        MessageError: It is malformed.
    """
    try:
        return _decoder().decode(line)
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise MessageError(f"a request that cannot be read: {error}") from error
