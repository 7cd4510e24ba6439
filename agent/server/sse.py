"""Server-sent events, which end with the client that reads them."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response

from sensebind.perception.http_server import Receive, Scope, Send

log = logging.getLogger(__name__)

_ALIVE_SECONDS = 10.0  # between signs of life, while a turn waits for a person
_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
)
T = TypeVar("T")


class EventStream(Response):
    """Sends JSON values as they come; closes their generator when the client goes."""

    def __init__(self, values: AsyncGenerator[Any, None]) -> None:
        """Send nothing yet.

        Args:
            values: What is sent, each as one event; `[DONE]` follows the last one.
        """
        super().__init__()
        self._values = values

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the events."""
        await send({"type": "http.response.start", "status": 200, "headers": list(_HEADERS)})
        sending = asyncio.create_task(self._send(send))
        await _first(sending, _gone(receive))
        if not sending.cancelled() and (error := sending.exception()) is not None:
            log.error("an answer broke off", exc_info=error)
        with contextlib.suppress(Exception):  # the client has gone
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, send: Send) -> None:
        async with contextlib.aclosing(self._values) as values:
            step: asyncio.Task[Any] | None = None
            try:
                while True:
                    step = step or asyncio.create_task(anext(values, None))  # type: ignore[arg-type]
                    done, _ = await asyncio.wait([step], timeout=_ALIVE_SECONDS)
                    if not done:
                        await _chunk(send, b": waiting\n\n")
                        continue
                    value, step = step.result(), None
                    if value is None:
                        break
                    await _chunk(send, f"data: {json.dumps(value)}\n\n".encode())
            finally:
                if step is not None:
                    step.cancel()
                    with contextlib.suppress(asyncio.CancelledError):
                        await step
        await _chunk(send, b"data: [DONE]\n\n")


async def unless_gone(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """Return what work gives, which is cancelled when the client goes.

    Raises:
        asyncio.CancelledError: It went.
    """
    task = asyncio.create_task(work)
    await _first(task, _gone(request.receive))
    return await task


async def _first(task: asyncio.Task[Any], gone: Awaitable[None]) -> None:
    """Wait for a task; cancel it when the client goes first."""
    watching = asyncio.ensure_future(gone)
    try:
        await asyncio.wait([task, watching], return_when=asyncio.FIRST_COMPLETED)
    finally:
        watching.cancel()
        if not task.done():
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _chunk(send: Send, body: bytes) -> None:
    await send({"type": "http.response.body", "body": body, "more_body": True})
