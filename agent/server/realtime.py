"""One session of OpenAI's Realtime protocol, over any connection that sends and receives JSON.

It answers in text: no voice is installed, and an error says so to a client that wants sound. No
recogniser is installed either: sound that a client sends is shown to the robot as sound.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from uuid import uuid4

from sensebind.agent.robot.control_messages import Ask, Complete
from sensebind.agent.server.content import REALTIME_RATE, Content, decode, read_content
from sensebind.agent.server.link import RobotLink
from sensebind.agent.server.turns import Turns, new_thread
from sensebind.errors import InputError, SenseBindError, one_line

log = logging.getLogger(__name__)

MAX_ITEMS = 512
"""Items of one conversation."""
MAX_SECONDS = 60
"""Longest sound that a client may send at once."""
_BUFFER = 2 * REALTIME_RATE * MAX_SECONDS
_OF_SOUND = "what do you hear?"

Event = dict[str, Any]
Item = dict[str, Any]


class RealtimeSession:
    """A conversation. Without tools of the client's the robot answers, with them its model."""

    def __init__(
        self,
        link: RobotLink,
        turns: Turns,
        model: str,
        send: Callable[[str], Awaitable[None]],
    ) -> None:
        """Prepare.

        Args:
            link: To the robot.
            turns: Takes turns with it.
            model: Name of the robot, as clients name it.
            send: Sends a text message to the client.
        """
        self._link = link
        self._turns = turns
        self._write = send
        self._thread = new_thread("realtime")
        self._items: list[Item] = []
        self._read = 0  # items that were answered, or are being answered
        self._sound = bytearray()
        self._response: asyncio.Task[None] | None = None
        self._session: Item = {
            "type": "realtime",
            "object": "realtime.session",
            "id": f"sess_{uuid4().hex}",
            "model": model,
            "output_modalities": ["text"],
            "instructions": "",
            "tools": [],
            "tool_choice": "auto",
            "audio": {
                "input": {
                    "format": {"type": "audio/pcm", "rate": REALTIME_RATE},
                    "turn_detection": None,
                    "transcription": None,
                }
            },
        }

    async def begin(self) -> None:
        """Send the first event."""
        await self._send("session.created", session=self._session)

    async def close(self) -> None:
        """End the response that is being made."""
        await self._cancel()

    async def take(self, message: str | bytes) -> None:
        """Do what a client's event says; what cannot be done is answered with an error event."""
        identity = None
        try:
            event = _object(message)
            identity = event.get("event_id")
            handlers = {
                "session.update": self._update,
                "input_audio_buffer.append": self._append,
                "input_audio_buffer.commit": self._commit,
                "input_audio_buffer.clear": self._clear,
                "conversation.item.create": self._create_item,
                "conversation.item.retrieve": self._retrieve_item,
                "conversation.item.delete": self._delete_item,
                "response.create": self._create_response,
                "response.cancel": self._cancel_response,
            }
            kind = event.get("type")
            if not isinstance(kind, str) or kind not in handlers:
                raise InputError(f"an event of type {str(kind)[:60]!r} is not understood")
            await handlers[kind](event)
        except SenseBindError as error:
            await self._error(error, identity)

    # --- session and sound ----------------------------------------------------------------------

    async def _update(self, event: Event) -> None:
        given = event.get("session")
        if not isinstance(given, dict):
            raise InputError("session.update needs a session")
        _check_text(given)
        changed = dict(self._session)
        for name in ("instructions", "tools", "tool_choice"):
            if name in given:
                changed[name] = given[name]
        if not isinstance(changed["instructions"], str):
            raise InputError("session.instructions is not a text")
        _functions(changed["tools"])
        sound = given.get("audio")
        heard = sound.get("input") if isinstance(sound, dict) else None
        if isinstance(heard, dict):
            form = heard.get("format")
            if isinstance(form, dict) and form.get("type") not in (None, "audio/pcm"):
                raise InputError("audio.input.format: only audio/pcm at 24000 Hz is understood")
            if heard.get("turn_detection") is not None:
                raise InputError(
                    "audio.input.turn_detection: none is installed; commit the buffer, and create "
                    "a response (turn_detection: null)"
                )
            if heard.get("transcription") is not None:
                raise InputError("audio.input.transcription: no recogniser is installed")
        self._session = changed
        await self._send("session.updated", session=self._session)

    async def _append(self, event: Event) -> None:
        given = event.get("audio")
        samples = decode(given, "audio") if given != "" else b""
        if len(self._sound) + len(samples) > _BUFFER:
            raise InputError(f"the audio buffer holds {MAX_SECONDS} s: commit or clear it")
        self._sound += samples

    async def _commit(self, _event: Event) -> None:
        if not self._sound:
            raise InputError("the audio buffer is empty")
        audio = base64.b64encode(bytes(self._sound)).decode()
        content = [{"type": "input_audio", "audio": audio}]
        item = {"type": "message", "role": "user", "content": content}
        before = self._items[-1]["id"] if self._items else None
        read_content(content)
        self._sound.clear()
        item = self._add(item)
        committed = {"item_id": item["id"], "previous_item_id": before}
        await self._send("input_audio_buffer.committed", **committed)
        await self._announce(item)

    async def _clear(self, _event: Event) -> None:
        self._sound.clear()
        await self._send("input_audio_buffer.cleared")

    # --- items ----------------------------------------------------------------------------------

    async def _create_item(self, event: Event) -> None:
        item = event.get("item")
        if not isinstance(item, dict):
            raise InputError("conversation.item.create needs an item")
        _message_of(item)  # refused before it is kept
        await self._announce(self._add(item))

    async def _retrieve_item(self, event: Event) -> None:
        item = self._items[self._find(event)]
        await self._send("conversation.item.retrieved", item=_shown(item))

    async def _delete_item(self, event: Event) -> None:
        place = self._find(event)
        gone = self._items.pop(place)
        self._read -= place < self._read
        self._thread = new_thread("realtime")  # what the robot holds is another conversation now
        await self._send("conversation.item.deleted", item_id=gone["id"])

    def _find(self, event: Event) -> int:
        wanted = event.get("item_id")
        for place, one in enumerate(self._items):
            if one["id"] == wanted:
                return place
        raise InputError(f"there is no item {str(wanted)[:60]!r}")

    def _add(self, item: Item) -> Item:
        if len(self._items) >= MAX_ITEMS:
            raise InputError(f"a conversation has at most {MAX_ITEMS} items: begin another session")
        identity = item.get("id")
        if identity is not None and (
            not isinstance(identity, str) or any(one["id"] == identity for one in self._items)
        ):
            raise InputError("item.id: it is not a text, or taken already")
        added = item | {
            "id": identity or f"item_{uuid4().hex[:20]}",
            "object": "realtime.item",
            "status": "completed",
        }
        self._items.append(added)
        return added

    async def _announce(self, item: Item) -> None:
        place = self._items.index(item)
        before = self._items[place - 1]["id"] if place else None
        for kind in ("conversation.item.added", "conversation.item.done"):
            await self._send(kind, item=_shown(item), previous_item_id=before)

    # --- responses ------------------------------------------------------------------------------

    async def _create_response(self, event: Event) -> None:
        if self._response is not None and not self._response.done():
            raise InputError("a response is being made already: cancel it, or wait")
        wanted = event.get("response") or {}
        if not isinstance(wanted, dict):
            raise InputError("response is not an object")
        _check_text(wanted)
        command = self._command(wanted)
        self._read = len(self._items)
        self._response = asyncio.create_task(self._respond(command))

    async def _cancel_response(self, _event: Event) -> None:
        if self._response is None or self._response.done():
            raise InputError("no response is being made")
        await self._cancel()

    async def _cancel(self) -> None:
        if self._response is not None and not self._response.done():
            self._response.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._response

    def _command(self, wanted: Item) -> Ask | Complete:
        """What the robot is asked; what is wrong with it is said before anything begins."""
        tools = wanted.get("tools", self._session["tools"])
        functions = _functions(tools)
        instructions = wanted.get("instructions") or self._session["instructions"]
        messages = [_message_of(one) for one in self._items]
        if functions or any(one["role"] == "tool" for one in messages):
            if not messages or messages[-1]["role"] not in ("user", "tool"):
                raise InputError("nothing was said that could be answered: create an item first")
            if instructions:
                messages.insert(0, {"role": "system", "content": str(instructions)})
            choice = wanted.get("tool_choice", self._session["tool_choice"])
            return Complete(messages, functions, _choice(choice))
        now = Content()
        for one in self._items[self._read :]:
            if one.get("type") == "message" and one.get("role") == "user":
                said = read_content(one["content"])
                now.text += ("\n" if now.text and said.text else "") + said.text
                now.media += said.media
        if not now.text and not now.media:
            raise InputError("nothing was said that could be answered: create an item first")
        text = now.text or str(instructions) or _OF_SOUND
        history = [one for one in messages[: self._read] if one["role"] in ("user", "assistant")]
        return Ask(text, now.media, self._thread, history)

    async def _respond(self, command: Ask | Complete) -> None:
        making = _Response(self._send)
        try:
            await making.begin()
            async with contextlib.aclosing(self._steps(command)) as steps:
                async for kind, value in steps:
                    if kind == "text":
                        await making.text(value if isinstance(value, str) else value["text"])
                    elif kind == "waiting":
                        await making.text(_waits(value))
                    elif kind == "completed":
                        for call in value.get("calls", ()):
                            await making.call(call)
                    elif kind == "finished" and value["error"]:
                        raise InputError(f"the robot did not answer: {value['error']}")
                    elif kind in ("call", "called", "pending", "decided"):
                        await self._send(f"sensebind.{kind}", response_id=making.id, value=value)
            await self._finish(making, "completed")
        except asyncio.CancelledError:
            await self._finish(making, "cancelled")
            raise
        except SenseBindError as error:
            await self._finish(making, "failed", one_line(error))
        except Exception:  # whatever it was: the client must hear that nothing more comes
            log.exception("a response failed")
            await self._finish(making, "failed", "the server failed")

    def _steps(self, command: Ask | Complete) -> AsyncGenerator[tuple[str, Any], None]:
        if isinstance(command, Ask):
            return self._turns.take(command)
        return self._link.events(command)

    async def _finish(self, making: _Response, status: str, why: str = "") -> None:
        for item in await making.end(status, why):
            self._items.append(item)
        self._read = len(self._items)

    # --- sending --------------------------------------------------------------------------------

    async def _send(self, kind: str, **fields: Any) -> None:
        await self._write(json.dumps({"type": kind, "event_id": f"event_{uuid4().hex}"} | fields))

    async def _error(self, error: Exception, identity: Any) -> None:
        kind = "invalid_request_error" if isinstance(error, InputError) else "server_error"
        what = {"type": kind, "code": None, "message": one_line(error), "param": None}
        await self._send("error", error=what | {"event_id": identity})


class _Response:
    """Sends the events of one response, and collects its items."""

    def __init__(self, send: Callable[..., Awaitable[None]]) -> None:
        self._send = send
        self.id = f"resp_{uuid4().hex[:20]}"
        self._items: list[Item] = []
        self._text: Item | None = None

    async def begin(self) -> None:
        await self._send("response.created", response=self._shown("in_progress"))

    async def text(self, piece: str) -> None:
        if not piece:
            return
        if self._text is None:
            self._text = await self._added({"type": "message", "role": "assistant", "content": []})
            part = {"type": "text", "text": ""}
            self._text["content"].append({"type": "output_text", "text": ""})
            await self._of(self._text, "response.content_part.added", part=part, content_index=0)
        self._text["content"][0]["text"] += piece
        await self._of(self._text, "response.output_text.delta", delta=piece, content_index=0)

    async def call(self, call: Item) -> None:
        arguments = json.dumps(call["arguments"], ensure_ascii=False)
        item = {"type": "function_call", "call_id": call["id"], "name": call["name"]}
        item = await self._added(item | {"arguments": ""})
        named = {"call_id": call["id"]}
        kind = "response.function_call_arguments"
        await self._of(item, f"{kind}.delta", delta=arguments, **named)
        item["arguments"] = arguments
        await self._of(item, f"{kind}.done", arguments=arguments, name=call["name"], **named)

    async def end(self, status: str, why: str) -> list[Item]:
        """Send the last events, and return the items that the conversation keeps."""
        if self._text is not None:
            text = self._text["content"][0]["text"]
            part = {"type": "text", "text": text}
            await self._of(self._text, "response.output_text.done", text=text, content_index=0)
            await self._of(self._text, "response.content_part.done", part=part, content_index=0)
        for item in self._items:
            item["status"] = "completed" if status == "completed" else "incomplete"
            place = self._items.index(item)
            done = {"response_id": self.id, "output_index": place, "item": item}
            await self._send("response.output_item.done", **done)
            await self._send("conversation.item.done", item=item, previous_item_id=None)
        details: Item = {"type": status} | (
            {"reason": "client_cancelled"} if status == "cancelled" else {}
        )
        if why:
            details["error"] = {"type": "server_error", "code": None, "message": why}
        shown = self._shown(status) | {"status_details": details if status != "completed" else None}
        await self._send("response.done", response=shown)
        return self._items

    async def _added(self, item: Item) -> Item:
        item = {"id": f"item_{uuid4().hex[:20]}", "object": "realtime.item"} | item
        item["status"] = "in_progress"
        self._items.append(item)
        place = len(self._items) - 1
        added = {"response_id": self.id, "output_index": place, "item": item}
        await self._send("response.output_item.added", **added)
        await self._send("conversation.item.added", item=item, previous_item_id=None)
        return item

    async def _of(self, item: Item, kind: str, **fields: Any) -> None:
        place = {"item_id": item["id"], "output_index": self._items.index(item)}
        await self._send(kind, response_id=self.id, **place, **fields)

    def _shown(self, status: str) -> Item:
        return {
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": None,
            "output": self._items,
            "output_modalities": ["text"],
        }


def _object(message: str | bytes) -> Event:
    try:
        event = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise InputError(f"a message that is not JSON: {one_line(error)}") from error
    if not isinstance(event, dict):
        raise InputError("a message that is not an object")
    return event


def _check_text(given: Item) -> None:
    wanted = given.get("output_modalities", given.get("modalities"))
    if isinstance(wanted, list) and "audio" in wanted and "text" not in wanted:
        raise InputError(
            'output_modalities: no voice is installed, so that answers are text: ask for ["text"]'
        )


def _functions(tools: Any) -> list[Item]:
    """Return tools in the form of chat completions."""
    if not isinstance(tools, list) or len(tools) > 128:
        raise InputError("tools is not a list of at most 128")
    found = []
    for one in tools:
        if not isinstance(one, dict) or one.get("type") != "function" or not one.get("name"):
            raise InputError("tools: only functions, with a name, can be called")
        kept = {name: one[name] for name in ("name", "description", "parameters") if name in one}
        found.append({"type": "function", "function": kept})
    return found


def _choice(given: Any) -> str:
    name = given.get("name") if isinstance(given, dict) else given
    if not isinstance(name, str) or not name:
        raise InputError("tool_choice: use auto, none, required, or a function")
    return name


def _message_of(item: Item) -> Item:
    """Return an item as a message of a chat.

    Raises:
        InputError: It is none.
    """
    kind = item.get("type")
    if kind == "message":
        role, content = item.get("role"), item.get("content")
        if role not in ("user", "assistant", "system") or not isinstance(content, list):
            raise InputError("a message needs a role (user, assistant, system) and its content")
        if not all(isinstance(one, dict) for one in content):
            raise InputError("a message's content is a list of parts")
        return {"role": role, "content": read_content(content).blocks}
    if kind == "function_call":
        call = {"name": item.get("name"), "arguments": item.get("arguments") or "{}"}
        if not isinstance(call["name"], str) or not isinstance(call["arguments"], str):
            raise InputError("a function_call needs a name, and arguments as a text")
        made = {"id": item.get("call_id"), "type": "function", "function": call}
        return {"role": "assistant", "content": "", "tool_calls": [made]}
    if kind == "function_call_output":
        output, identity = item.get("output"), item.get("call_id")
        if not isinstance(output, str) or not isinstance(identity, str):
            raise InputError("a function_call_output needs a call_id, and its output as a text")
        return {"role": "tool", "content": output, "tool_call_id": identity}
    raise InputError(f"an item of type {str(kind)[:40]!r} is not understood")


def _shown(item: Item) -> Item:
    """Return an item as clients are shown it: without the sound that they have sent."""
    content = item.get("content")
    if not isinstance(content, list):
        return item
    kept = [{k: v for k, v in part.items() if k != "audio"} for part in content]
    return item | {"content": kept}


def _waits(pending: list[Item]) -> str:
    if not pending:
        return "The robot was stopped."
    return f"{', '.join(str(one['tool']) for one in pending)} waits for a person's approval."
