"""HTTP requests of tools: bounded in time and size, ended with the turn, to allowed hosts only.

Time is one deadline for all of a call: finding the host, connecting, every redirect, headers that
come letter by letter, and the body. `httpx.Client` bounds each step by itself, so a server that
sends a little all the time is never given up; and it logs addresses with what is in their query.
Here requests go through its asynchronous transport in a thread of its own, where a deadline and a
cancelled turn end whatever is under way.
"""

import asyncio
import threading
import time
from collections.abc import Collection, Coroutine, Mapping
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import NamedTuple, TypeVar
from urllib.parse import urljoin, urlsplit

import httpx
from langchain_core.tools import ToolException

from sensebind.errors import InputError
from sensebind.tools.cancellation import turn_event
from sensebind.tools.ssrf_guard import checked_address

MAX_BODY = 64 * 1024
"""Most bytes of a body that is sent, and by default of one that is read."""
MAX_REDIRECTS = 3
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_TICK = 0.02  # seconds between looks whether the turn is cancelled
_LAST_SECONDS = 2.0  # for connections to be closed at the end
_T = TypeVar("_T")


class Answer(NamedTuple):
    """What a server answered.

    Attributes:
        status: Its status code.
        body: All of it.
        media: Its Content-Type, "" where it names none.
    """

    status: int
    body: bytes
    media: str = ""


class HttpClient:
    """Sends requests from any thread. To be closed at the end.

    Args:
        private: Hosts that may have a private, loopback or link-local address.
        headers: Sent with each request.
    """

    def __init__(self, private: Collection[str] = (), headers: Mapping[str, str] | None = None):
        self._private = tuple(private)
        self._headers = {
            "accept": "*/*",
            "user-agent": "sensebind",
            **(headers or {}),
            "accept-encoding": "identity",  # nothing that swells when it is unpacked
        }
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._transport: httpx.AsyncHTTPTransport | None = None
        self._closed = False

    def send(
        self,
        method: str,
        url: str,
        *,
        timeout: float,
        max_bytes: int = MAX_BODY,
        query: str = "",
        payload: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Sends a request, follows redirects inside its host, and reads a bounded answer.

        Args:
            method: In lower case.
            url: Without a query.
            timeout: Seconds for all of it.
            max_bytes: Most bytes of the answer.
            query: Of the URL, already encoded.
            payload: Body; at most `MAX_BODY` bytes.
            headers: In addition to those of the client.

        Raises:
            ToolException: No answer in time, one that is too large, or not allowed; the turn was
                cancelled. The message is meant for the model.
        """
        if payload is not None and len(payload) > MAX_BODY:
            raise ToolException(f"the request is larger than {MAX_BODY} bytes")
        url = f"{url}?{query}" if query else url
        every = {**self._headers, **(headers or {})}
        future = self._submit(self._exchange(method, url, payload, every, timeout, max_bytes))
        turn = turn_event()
        until = time.monotonic() + timeout + _LAST_SECONDS
        while not future.done():
            wait([future], _TICK)
            if turn is not None and turn.is_set():
                future.cancel()
                raise ToolException("the call was cancelled with its turn")
            if time.monotonic() > until:  # its thread does not come to look at the clock
                future.cancel()
                raise ToolException(f"no answer within {timeout:g} s")
        try:
            return future.result()
        except TimeoutError as error:
            raise ToolException(f"no answer within {timeout:g} s") from error
        except InputError as error:  # an address that is refused
            raise ToolException(str(error)) from error
        except (httpx.LocalProtocolError, UnicodeError) as error:
            # These name the header in full, which may be a secret.
            raise ToolException(
                "the request cannot be written: a header, such as a key, holds a character that "
                "no header may hold"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise ToolException(f"cannot reach the server: {error}") from error

    def close(self) -> None:
        """Closes the connections; may be called again."""
        with self._lock:
            self._closed = True
            loop, thread, self._loop = self._loop, self._thread, None
        if loop is None or thread is None:
            return
        with suppress(TimeoutError):
            asyncio.run_coroutine_threadsafe(self._end(), loop).result(_LAST_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()

    async def _end(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
        if self._transport is not None:
            await self._transport.aclose()

    def _submit(self, work: Coroutine[None, None, _T]) -> "Future[_T]":
        with self._lock:
            if self._closed:
                work.close()
                raise ToolException("the connection to this server is closed")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="http-client", daemon=True
                )
                self._thread.start()
            return asyncio.run_coroutine_threadsafe(work, self._loop)

    async def _exchange(
        self,
        method: str,
        url: str,
        payload: bytes | None,
        headers: Mapping[str, str],
        timeout: float,
        max_bytes: int,
    ) -> Answer:
        async with asyncio.timeout(timeout):
            for _ in range(MAX_REDIRECTS + 1):
                answer = await self._answer(method, url, payload, headers)
                try:
                    if answer.status_code not in _REDIRECTS:
                        body = await _read(answer, max_bytes)
                        media = answer.headers.get("content-type", "")
                        return Answer(answer.status_code, body, media)
                    target = urljoin(url, answer.headers.get("location", ""))
                finally:
                    await answer.aclose()
                if method != "get" or _origin(target) != _origin(url):
                    raise ToolException(
                        f"the server wants to redirect ({answer.status_code}), which is not allowed"
                    )
                url = target
        raise ToolException("the server redirects for ever")

    async def _answer(
        self, method: str, url: str, payload: bytes | None, headers: Mapping[str, str]
    ) -> httpx.Response:
        """Sends one request to the address of its host, which is checked each time."""
        request = httpx.Request(method.upper(), url, content=payload, headers=headers)
        host = request.url.host
        port = request.url.port or (443 if request.url.scheme == "https" else 80)
        address = await checked_address(host, port, self._private)
        request.extensions = {**request.extensions, "sni_hostname": host}
        request.url = request.url.copy_with(host=address)  # the Host header stays as it is
        if self._transport is None:
            self._transport = httpx.AsyncHTTPTransport(trust_env=False)
        return await self._transport.handle_async_request(request)


async def _read(answer: httpx.Response, max_bytes: int) -> bytes:
    if answer.headers.get("content-encoding", "identity") != "identity":
        raise ToolException("the answer is packed, which was not asked for")
    chunks = bytearray()
    async for chunk in answer.aiter_raw():
        chunks += chunk
        if len(chunks) > max_bytes:
            raise ToolException(f"the answer is larger than {max_bytes} bytes")
    return bytes(chunks)


def _origin(url: str) -> tuple[str, str | None, int | None]:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port
