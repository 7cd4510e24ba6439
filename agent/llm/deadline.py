"""A limit on the time of one answer, whatever the provider's client allows itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler

from sensebind.errors import LanguageModelError

ANSWER_SECONDS = 180.0
"""Longest time from a request to the end of its answer."""


class Interrupted(Exception):
    """The turn was cancelled while the model was answering."""


class Deadline(BaseCallbackHandler):
    """Ends an answer between two tokens: when it takes too long, or when its turn is cancelled.

    A server that sends nothing at all is the HTTP client's to give up, see `factory.make_llm`.

    Attributes:
        raise_error: True: LangChain raises what a method raises, instead of logging it.
        run_inline: True: async runs call the methods at once, not in an executor.
    """

    raise_error = True
    run_inline = True

    def __init__(
        self,
        cancelled: threading.Event,
        seconds: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with the first request.

        Args:
            cancelled: Set when the turn is cancelled.
            seconds: Longest time of one answer; `ANSWER_SECONDS` by default.
            now: Clock, for tests.
        """
        self._cancelled = cancelled
        self._seconds = ANSWER_SECONDS if seconds is None else seconds
        self._now = now
        self._begun: dict[UUID, float] = {}

    def on_chat_model_start(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Note when a request begins."""
        self._begun[run_id] = self._now()

    def on_llm_new_token(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """End the answer where it has to.

        Raises:
            Interrupted: The turn is cancelled.
            LanguageModelError: The answer takes too long.
        """
        if self._cancelled.is_set():
            raise Interrupted
        if self._now() - self._begun.get(run_id, self._now()) > self._seconds:
            raise LanguageModelError(
                f"the language model was still answering after {self._seconds:.0f} s"
            )

    def on_llm_end(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Forget a request that is over."""
        self._begun.pop(run_id, None)

    def on_llm_error(self, *_: Any, run_id: UUID, **__: Any) -> None:
        """Forget a request that failed."""
        self._begun.pop(run_id, None)
