"""The tools of MCP servers for our agent; `mcp_server.py` is the other way.

A server is not believed what it says of its own tools: whatever it calls read-only must be
approved all the same, unless the server is trusted by name.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Collection, Mapping
from contextlib import AsyncExitStack
from typing import Any, Self

from langchain_core.tools import BaseTool, ToolException

from sensebind.errors import ConfigurationError, MissingDependencyError, one_line
from sensebind.printable import printable
from sensebind.tools.base import make_tool
from sensebind.tools.json_schema import bounded, wrong_arguments
from sensebind.tools.mcp_results import content_of
from sensebind.tools.mcp_server import EXTRA
from sensebind.tools.risk import Origin, Risk, label

log = logging.getLogger(__name__)

MAX_TEXT = 1 << 20
"""Characters of an answer; a larger one is refused, as a larger body of an API is."""
MAX_TOOLS = 64


class McpTools:
    """The tools of MCP servers. A context manager: connections live from enter to exit.

    Attributes:
        unusable: Name of a tool whose input schema cannot be used, and why.

    Example:
        ```python
        servers = {"files": {"transport": "stdio", "command": "files-server", "args": []}}
        with McpTools(servers, allow=["read_file"]) as remote:
            assistant = Assistant(chat, remote.tools())
        ```
    """

    def __init__(
        self,
        servers: Mapping[str, Mapping[str, Any]],
        *,
        allow: Collection[str] | None = None,
        trusted: Collection[str] = (),
        timeout: float = 10.0,
    ) -> None:
        """Connects to nothing yet.

        Args:
            servers: Name to connection, as langchain-mcp-adapters takes it.
            allow: Names of tools to offer; all by default.
            trusted: Servers whose word that a tool only reads is believed.
            timeout: Seconds to wait for a connection, and for an answer.

        Raises:
            MissingDependencyError: The extra is not installed.
        """
        try:
            from langchain_mcp_adapters.client import MultiServerMCPClient
        except ImportError as error:
            raise MissingDependencyError(EXTRA) from error
        connections: Any = {name: dict(one) for name, one in servers.items()}
        self._client = MultiServerMCPClient(connections)
        self._allow = allow
        self._trusted = frozenset(trusted)
        self._timeout = timeout
        self._loop = asyncio.new_event_loop()
        self._thread: threading.Thread | None = None
        self._ready = threading.Event()
        self._stop: asyncio.Event | None = None
        self._failure: BaseException | None = None
        self._found: list[tuple[str, Any, BaseTool]] = []
        self.unusable: dict[str, str] = {}

    def __enter__(self) -> Self:
        """Connects.

        Raises:
            ConfigurationError: A server cannot be reached or started, or offers too many tools.
        """
        self._thread = threading.Thread(target=self._run, name="mcp", daemon=True)
        self._thread.start()
        in_time = self._ready.wait(self._timeout * max(len(self._client.connections), 1))
        if not in_time or self._failure is not None:
            self.close()
            reason = self._failure or TimeoutError(f"no answer within {self._timeout:g} s")
            raise ConfigurationError(f"an MCP server cannot be used: {_root(reason)}")
        if self._allow is not None:
            missing = sorted(set(self._allow) - {tool.name for *_, tool in self._found})
            if missing:
                self.close()
                raise ConfigurationError(f"no MCP server has a tool {', '.join(missing)}")
            self._found = [one for one in self._found if one[2].name in self._allow]
        self._put_aside()
        if len(self._found) > MAX_TOOLS:
            self.close()
            raise ConfigurationError(
                f"{len(self._found)} MCP tools are too many for a model: choose with `allow`"
            )
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _put_aside(self) -> None:
        """Leaves out tools whose input no model could write; one that was asked for is an error."""
        for one in list(self._found):
            server, _, tool = one
            try:
                bounded(_schema(tool), arguments=True)
            except ConfigurationError as error:
                if self._allow is not None:
                    self.close()
                    raise ConfigurationError(f"MCP tool {tool.name}: {error}") from error
                self.unusable[f"{server}_{tool.name}"] = str(error)
                self._found.remove(one)
                log.warning("the MCP tool %s of %s cannot be used: %s", tool.name, server, error)

    def close(self) -> None:
        """Ends the connections and joins the thread; may be called again."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        # The loop of a thread that has failed is closed already.
        with contextlib.suppress(RuntimeError):
            end = self._cancel_all if self._stop is None else self._stop.set
            self._loop.call_soon_threadsafe(end)
        thread.join(self._timeout)

    def _cancel_all(self) -> None:
        for task in asyncio.all_tasks(self._loop):
            task.cancel()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        except BaseException as error:
            # The thread's end is reported to who waits for it; nobody else could see it.
            self._failure = error
        finally:
            self._ready.set()
            self._loop.close()

    async def _serve(self) -> None:
        """Holds the sessions open, in one task as their scopes demand."""
        from langchain_mcp_adapters.tools import load_mcp_tools

        stop = asyncio.Event()
        async with AsyncExitStack() as stack:
            for name in self._client.connections:
                session = await stack.enter_async_context(self._client.session(name))
                tools = await load_mcp_tools(session)
                self._found += [(name, session, tool) for tool in tools]
            self._stop = stop
            self._ready.set()
            await stop.wait()

    def tools(self) -> list[BaseTool]:
        """Returns one tool per remote tool, named `server_tool`."""
        return [self._tool(*one) for one in self._found]

    def _tool(self, server: str, session: Any, remote: BaseTool) -> BaseTool:
        hints = remote.metadata or {}
        reads = server in self._trusted and hints.get("readOnlyHint") is True
        schema: Any = _schema(remote)

        def call(**arguments: Any) -> tuple[Any, Any]:
            if wrong := wrong_arguments(arguments, schema):
                raise ToolException(f"wrong arguments: {wrong}")
            return self._call(session, remote.name, arguments)

        return make_tool(
            call,
            _described(server, remote),
            name=f"{server}_{remote.name}"[:64],
            arguments=schema,
            metadata=label(
                Risk.OBSERVE if reads else Risk.CHANGE,
                server=server,
                origin=Origin.OUTSIDE,
                description_origin=Origin.ROBOT if server in self._trusted else Origin.OUTSIDE,
            ),
        )

    def _call(self, session: Any, name: str, arguments: Mapping[str, Any]) -> tuple[Any, Any]:
        if self._thread is None:
            raise ToolException("the connection to the MCP server is closed")
        asked = session.call_tool(name, dict(arguments))
        waiting = asyncio.run_coroutine_threadsafe(asked, self._loop)
        try:
            result = waiting.result(self._timeout)
        except TimeoutError as error:
            waiting.cancel()
            raise ToolException(f"no answer within {self._timeout:g} s") from error
        except Exception as error:  # whatever a stranger's session raises is reported, not raised
            raise ToolException(_root(error)) from error
        content, text = content_of(result)
        if len(text) > MAX_TEXT:
            raise ToolException(f"the answer has {len(text):,} characters, {MAX_TEXT:,} are read")
        if result.isError:
            raise ToolException(text)
        whole = [one.model_dump(mode="json", exclude_none=True) for one in result.content]
        return content, {"text": text, "content": whole, "structured": result.structuredContent}


def _schema(tool: BaseTool) -> Any:
    """The input schema as the server gave it."""
    schema: Any = tool.args_schema
    return schema if isinstance(schema, Mapping) else tool.get_input_jsonschema()


def _described(server: str, remote: BaseTool) -> str:
    """What a server says of a tool, as its words: they are no instruction of ours."""
    words = " ".join(printable(remote.description).split())[:500] or remote.name
    return f"(the MCP server {server} says of this tool:) {words}"


def _root(error: BaseException) -> str:
    """The first cause in a group of errors, in one line."""
    while isinstance(error, BaseExceptionGroup) and error.exceptions:
        error = error.exceptions[0]
    return one_line(error)
