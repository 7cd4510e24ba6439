"""Watches that act: what has been asked for is watched for, and when it comes the agent speaks up.

The list lives in the file of the episodes, so that a tool, a command and this process share it. A
watch speaks, or runs a tool that was permitted beforehand; what it did is written down.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Self

import numpy as np
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sensebind.errors import InputError, SenseBindError
from sensebind.memory.episode_store import EpisodeStore
from sensebind.memory.watch_store import WatchBook
from sensebind.memory.watches import Alert, Watcher, WatchSettings
from sensebind.perception.modality import modality_info
from sensebind.perception.percept import Percept

log = logging.getLogger(__name__)

Say = Callable[[str, Alert], None]
"""Takes what is to be said, and the alert that it is about."""
_QUEUE = 64  # alerts that wait to be acted on
_REREAD = 1.0  # seconds after which a change of the list is in force
_MAX_OUTCOME = 300


class ToolAction(BaseModel):
    """A tool that runs when a watch fires.

    Attributes:
        tool: Its name.
        arguments: What it is called with.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tool: str = Field(pattern=r"^[\w.-]{1,64}$")
    arguments: Mapping[str, Any] = {}

    @classmethod
    def parse(cls, text: str) -> ToolAction:
        """Read `lamp_on` or `thermostat_set {"temperature": 21}`.

        Raises:
            InputError: It is neither.
        """
        name, _, arguments = text.strip().partition(" ")
        try:
            return cls(tool=name, arguments=json.loads(arguments or "{}"))
        except (ValueError, ValidationError, RecursionError) as error:
            raise InputError(
                f"{text!r} is no tool with arguments: write NAME or NAME {{…JSON…}}"
            ) from error


class WatchKeeper:
    """Watches, and does what watches ask for. A listener for `Awareness`; a context manager.

    Attributes:
        book: The list of watches and alerts, in the file of the episodes.
        dropped: Alerts for which the queue had no room.
    """

    def __init__(
        self,
        path: Path | str,
        say: Say,
        *,
        tools: Sequence[BaseTool] = (),
        words: np.ndarray | None = None,
        settings: WatchSettings | None = None,
    ) -> None:
        """Open the file of the episodes; `start` begins.

        Args:
            path: Of the `EpisodeStore`.
            say: Speaks; called in a thread of its own.
            tools: Those that watches may run, permitted by whoever wires this; no others.
            words: Embeddings [W, D] of texts to compare with; see `Watcher`.
            settings: When watches fire.

        Raises:
            StorageError: The file cannot be opened.
        """
        self._store = EpisodeStore(path)
        self.book = WatchBook(self._store)
        self.dropped = 0
        self._say = say
        self._tools = {tool.name: tool for tool in tools}
        self._watcher = Watcher(self._enqueue, settings, words)
        self._alerts: queue.Queue[Alert | None] = queue.Queue(_QUEUE)  # None wakes it to end
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._watcher.put(self.book.watches())

    def __call__(self, percept: Percept) -> None:
        """Compare a percept with the watches; never waits."""
        self._watcher(percept)

    def start(self) -> None:
        """Act on alerts from now on, and follow changes of the list."""
        self._thread = threading.Thread(target=self._run, name="watches", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End, and close the file; may be called again."""
        self._stop.set()
        with suppress(queue.Full):  # it has something to do, and looks afterwards
            self._alerts.put_nowait(None)
        if self._thread is not None:
            self._thread.join()
            self._thread = None
        self._store.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def act(self, alert: Alert) -> str:
        """Do what a watch asks for, and write it down.

        Returns:
            What was done, in words.
        """
        try:
            outcome = self._carry_out(alert)
        except SenseBindError as error:
            outcome = f"failed: {error}"
        except Exception as error:  # a tool of others: whatever it raises must not end the watches
            log.exception("watch %r failed", alert.watch.name)
            outcome = f"failed: {type(error).__name__}: {error}"
        outcome = " ".join(outcome.split())[:_MAX_OUTCOME]
        try:
            self.book.note(alert, outcome)
        except SenseBindError as error:
            log.error("an alert of %r was not written down: %s", alert.watch.name, error)
        return outcome

    def _carry_out(self, alert: Alert) -> str:
        watch = alert.watch
        if not watch.action:
            said = sentence(alert)
            self._say(said, alert)
            return f"said: {said}"
        action = ToolAction.parse(watch.action)
        tool = self._tools.get(action.tool)
        if tool is None:
            return f"refused: {action.tool} is not permitted for watches"
        return f"ran {action.tool}: {tool.invoke(dict(action.arguments))}"

    def _enqueue(self, alert: Alert) -> None:
        try:
            self._alerts.put_nowait(alert)
        except queue.Full:
            self.dropped += 1
            log.error("an alert of %r was dropped: %d wait", alert.watch.name, _QUEUE)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                alert = self._alerts.get(timeout=_REREAD)
            except queue.Empty:
                self._follow()
                continue
            if alert is not None:
                self.act(alert)

    def _follow(self) -> None:
        try:
            self._watcher.put(self.book.watches())
        except SenseBindError as error:
            log.warning("the list of watches was not read: %s", error)


def sentence(alert: Alert) -> str:
    """Say an alert: "I hear a dog"."""
    name = alert.watch.name
    article = "" if name.split()[0].lower() in ("a", "an", "the", "my", "some") else "a "
    if article and name[0].lower() in "aeiou":
        article = "an "
    return f"{modality_info(alert.watch.modality).verb} {article}{name}"
