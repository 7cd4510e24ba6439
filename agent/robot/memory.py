"""Wires the memory of a robot: recorder, watches, and the tools that ask them.

with Remembering(RememberingOptions(path), embedder, describe=describer(chat)) as memory:
    with Awareness(endpoints, streams, listeners=[memory]) as awareness:
        tools += memory.tools(awareness, streams)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self

import numpy as np
from langchain_core.messages import HumanMessage
from langchain_core.tools import BaseTool
from langgraph.constants import TAG_NOSTREAM

from sensebind.agent.conditioning.condition import compose
from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.conditioning.tagging import vocabulary
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.robot.config import RobotConfig
from sensebind.agent.robot.watch_runner import Say, WatchKeeper
from sensebind.errors import InputError
from sensebind.memory.episodes import Episode
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.recorder import Recorder, RecorderSettings
from sensebind.memory.retriever import SENSE_OF, SENSES, ask, document
from sensebind.memory.taught import TaughtNames
from sensebind.memory.watches import Watch, WatchSettings
from sensebind.perception.geometry.pose import PoseTrack
from sensebind.perception.modality import modality_info, modality_of
from sensebind.perception.percept import Percept
from sensebind.tools.look import Newest, look_tools
from sensebind.tools.recall import Taught, recall_tool
from sensebind.tools.watch import watch_for, watch_tools

Describe = Callable[[str, np.ndarray], str]
"""Modality and embedding [D] to what a language model says of it."""


@dataclass(frozen=True, slots=True)
class RememberingOptions:
    """What is remembered, and what for.

    Attributes:
        path: SQLite file of the memory.
        recorder: How it is kept.
        watches: When watches fire.
        words: Texts of what there may be, such as "a dog"; they make watches by text more certain,
            and keep `recall` from reporting something else.
    """

    path: Path
    recorder: RecorderSettings = field(default_factory=RecorderSettings)
    watches: WatchSettings = field(default_factory=WatchSettings)
    words: Sequence[str] = ()


class Remembering:
    """The memory of one robot: a listener for `Awareness`, and a context manager.

    Leave it after the `Awareness` that it listens to.

    Attributes:
        recorder: Writes the episodes.
        keeper: Holds the watches, and does what they ask for.
        memory: Searches the episodes.
    """

    def __init__(
        self,
        options: RememberingOptions,
        embedder: Embedder,
        *,
        describe: Describe | None = None,
        say: Say | None = None,
        permitted: Sequence[BaseTool] = (),
        taught: Taught | None = None,
        track: PoseTrack | None = None,
        places: bool = True,
    ) -> None:
        """Open the memory.

        Args:
            options: Where and how.
            embedder: Embeds what is looked and watched for.
            describe: Says what a remembered embedding was of; None leaves that out.
            say: Speaks when a watch fires; None only writes it down.
            permitted: Tools that watches may run.
            taught: Gives what a taught name stands for; nothing has one by default.
            track: Where the robot is and was; None where that is not known.
            places: Whether the language model reads places in the answers of `recall`.

        Raises:
            StorageError: The file cannot be opened.
        """
        self._track, self._places = track, places
        self._embedder = embedder
        self._describe = describe
        self._taught = taught
        with ExitStack() as stack:
            where = track.of if track is not None else None
            self.recorder = Recorder(options.path, options.recorder, where=where)
            stack.callback(self.recorder.stop)
            texts = [embedder.text(word) for word in options.words]
            words = np.stack(texts) if texts else None
            self.keeper = WatchKeeper(
                options.path,
                say or _silent,
                tools=permitted,
                words=words,
                settings=options.watches,
            )
            stack.callback(self.keeper.stop)
            self.memory = EpisodeMemory(
                options.path, episode_describer(describe) if describe else None, words
            )
            stack.callback(self.memory.close)
            self._stack = stack.pop_all()

    def __call__(self, percept: Percept) -> None:
        """Remember a percept, and compare it with the watches; never waits."""
        self.recorder(percept)
        self.keeper(percept)

    def tools(
        self, senses: Newest | None = None, streams: Mapping[str, str] | None = None
    ) -> list[BaseTool]:
        """Return `recall`, the watch tools, and one tool per sense that can be described.

        Args:
            senses: Where the newest percepts are.
            streams: Stream to modality.
        """
        tools = [self.recall_tool(), *self.watch_tools()]
        describe = self._describe
        if senses is not None and describe is not None:
            tools += look_tools(
                senses, streams or {}, lambda p: describe(p.header.modality.value, p.embedding)
            )
        return tools

    def find(
        self,
        text: str = "",
        example: Mapping[str, Any] | None = None,
        *,
        sense: str = "",
        since: float = 0.0,
        until: float | None = None,
        limit: int = 12,
    ) -> list[dict[str, Any]]:
        """Search what was perceived, for people who look at the robot.

        Nothing is asked of the language model: an episode that it has not described yet comes
        without a description.

        Args:
            text: What to look for, in words or by a taught name; "" goes by time alone, newest
                first.
            example: Content block of an image, a sound or a point cloud to look for instead.
            sense: Sense slot that perceived it; "" takes all.
            since: Only what went on at or after this, seconds since 1970.
            until: Only what went on at or before this, likewise; None is no bound.
            limit: Most episodes.

        Returns:
            Of each episode: `stream`, `modality`, `began`, `ended` and `at` (seconds since 1970),
            `reference` of the sample that fits best, its `similarity` (None by time alone),
            `description`, `place`, and `seen_then`, references of what cameras saw at that time.

        Raises:
            InputError: Text and example at once, one that cannot be embedded, an unknown sense, or
                a time that ends before it begins.
            StorageError: The memory cannot be read.
        """
        if text.strip() and example:
            raise InputError("look for a text or for an example, not for both")
        vector, shown = None, None
        if example:
            vector = self._embedder.block(example)
        elif text.strip():
            shown = self._taught(text) if self._taught is not None else None
            vector = self._embedder.text(text) if shown is None else shown
        asked = ask(
            vector,
            sense=sense,
            limit=limit,
            model=self._embedder.model if vector is not None else "",
            example=shown is not None,
        )
        query = replace(
            asked,
            since=max(0, _nanoseconds(since)),
            until=asked.until if until is None else _nanoseconds(until),
            newest=vector is None,
        )
        frame = self._track.frame if self._track is not None else ""
        return [
            {
                "stream": one.episode.stream,
                "modality": one.episode.modality,
                "began": one.episode.started_at / 1e9,
                "ended": one.episode.ended_at / 1e9,
                "at": one.at / 1e9,
                "reference": one.reference,
                "similarity": one.similarity,
                "description": one.description,
                "place": document(one, frame=frame).metadata["place"],
                "seen_then": [reference for _, reference in self.memory.companions(one)],
            }
            for one in self.memory.search(query, describe=False)
        ]

    def watching(self) -> dict[str, Any]:
        """Return what is watched for, and what fired last.

        Returns:
            `watches`, each with `name`, `sense` ("" for all) and the tool that it runs as `run` (""
            where it speaks); and `alerts`, newest first: `watch`, `stream`, `at` (seconds since
            1970), `reference`, `similarity` and `outcome`.

        Raises:
            StorageError: The memory cannot be read.
        """
        book = self.keeper.book
        return {
            "watches": [
                {"name": one.name, "sense": SENSE_OF.get(one.modality, ""), "run": one.action}
                for one in book.watches()
            ],
            "alerts": [asdict(one) | {"at": one.at / 1e9} for one in book.newest_alerts()],
        }

    def watch_for(self, what: str, sense: str = "") -> None:
        """Add a watch that speaks when it fires.

        Args:
            what: What to watch for, in words or by a taught name.
            sense: Sense slot that is watched; "" watches all.

        Raises:
            InputError: It cannot be embedded, an unknown sense, or there are too many watches.
        """
        if sense not in ("", *SENSES):
            raise InputError(f"no sense {sense!r}: there are {', '.join(SENSES)}")
        embed, model = self._embedder.text, self._embedder.model
        watch_for(self.keeper.book, what, sense, embed, model, self._taught)

    def recall_tool(self) -> BaseTool:
        """Return the tool that searches what was perceived."""
        track = self._track
        return recall_tool(
            self.memory,
            self._embedder.text,
            taught=self._taught,
            frame=(lambda: track.frame) if track is not None else None,
            places=self._places,
        )

    def watch_tools(self) -> list[BaseTool]:
        """Return the tools that add, list and remove watches."""
        return watch_tools(
            self.keeper.book,
            self._embedder.text,
            lambda: self._embedder.model,
            self._taught,
        )

    def start(self) -> None:
        """Remember and watch from now on."""
        self.recorder.start()
        self.keeper.start()

    def stop(self) -> None:
        """Write what is going on, and close everything; may be called again."""
        self._stack.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def open_memory(
    file: Path,
    config: RobotConfig,
    embedder: Embedder,
    names: TaughtNames,
    *,
    chat: ChatSenseBind | None = None,
    say: Say | None = None,
    track: PoseTrack | None = None,
) -> Remembering:
    """The memory that a robot's file describes, with the watches that stand in it.

    Args:
        file: SQLite file of the memory; its folder is made.
        config: The robot's file; `memory:` is given.
        embedder: Embeds what is looked and watched for.
        names: What the robot was taught by showing.
        chat: Our own model, which describes what is remembered; None leaves that out.
        say: Speaks when a watch fires.
        track: Where the robot is and was; None where that is not known.

    Raises:
        StorageError: The file cannot be opened.
    """
    assert config.memory is not None
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = RememberingOptions(
        file,
        recorder=RecorderSettings(
            max_age=24 * 3600 * config.memory.max_days,
            max_bytes=config.memory.max_mb << 20,
        ),
        words=[f"a {word}" for word in vocabulary(config.weights)],
    )
    describe = describer(chat) if chat is not None else None
    memory = Remembering(
        options,
        embedder,
        describe=describe,
        say=say,
        taught=names.example,
        track=track,
        places=chat is None,  # ours was trained on answers without; `place_said` says them
    )
    for watch in config.watches:
        name = " ".join(watch.what.split())
        shown = names.example(name)
        vector = embedder.text(name) if shown is None else shown
        top = 0.0 if shown is None else 1.0  # how similar what was shown is to itself
        modality = modality_of(watch.sense)
        memory.keeper.book.add(Watch(name, vector, embedder.model, modality, watch.run, top))
    return memory


def describer(chat: ChatSenseBind) -> Describe:
    """Return what our own model says of an embedding, asked as if it perceived that alone, now."""

    def describe(modality: str, embedding: np.ndarray) -> str:
        llm = chat.llm
        condition = compose({modality: embedding}, senses=llm.senses, dim=llm.bind_dim)
        carried = {"condition": chat.conditions.put(condition)}
        question = HumanMessage(modality_info(modality).question, additional_kwargs=carried)
        # A tool that describes is no part of the answer that is being streamed.
        return str(chat.invoke([question], {"tags": [TAG_NOSTREAM]}).text).strip()

    return describe


def episode_describer(describe: Describe) -> Callable[[Episode], str]:
    """Return what is said of an episode: that of its mean."""
    return lambda episode: describe(episode.modality, episode.moments[0].embedding)


def _silent(_said: str, _alert: object) -> None:
    """Nobody is there to hear it; the alert is written down all the same."""


def _nanoseconds(seconds: float) -> int:
    """Seconds since 1970 in ns, within what the memory's file can hold.

    Raises:
        InputError: They are not a number.
    """
    if not math.isfinite(seconds):
        raise InputError("a time to search is a number of seconds since 1970")
    return int(min(max(seconds, 0.0), 9e9) * 1e9)
