"""The processes of the trials of `stop.py`: each is this script, in the part that it is given.

An agent at a terminal has its encoders, its home and its driving process in its own session, as a
robot of `sensebind chat` has: Linux shares the processors out among sessions before it looks at
nice values (`sched_autogroup`).
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket as sockets
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

from sensebind.errors import ConfigurationError, SenseBindError, ToolError
from sensebind.tools.motion import (
    Footprint,
    LidarMount,
    MotionClient,
    MotionServer,
    MotionSettings,
    Part,
)
from sensebind.tools.motion.simulation import (
    BRAKING,
    RADIUS,
    REACTION,
)

MOVES: dict[str, dict[str, Any]] = {
    "drive": {"metres": 3.0},
    "turn": {"degrees": 175},
    "go_to": {"x": 1.5, "y": 2.0},
    "approach": {"kind": "ball"},
}


def words_of(move: str) -> str:
    """What a person says for it: an acting call is held to what was said."""
    return f"{move} {', '.join(f'{name} = {value}' for name, value in MOVES[move].items())}"


def settings(simulation: tuple[int, str]) -> MotionSettings:
    """Return how the simulated base is driven."""
    port, lidar = simulation
    return MotionSettings(
        base=Part(
            factory="sensebind.tools.motion.simulation:SimulatedBase", arguments={"port": port}
        ),
        footprint=Footprint.round(RADIUS),
        lidar={"source": f"simhome:{lidar}"},
        mount=LidarMount(height=0.3),
        acceleration=1.0,
        braking=BRAKING,
        delay=REACTION,
    )


class Child:
    """This script as another process: it takes orders and says things in lines of JSON."""

    def __init__(self, part: str, *arguments: str, typed: bool = False) -> None:
        """Start it.

        Args:
            part: What it is to be.
            arguments: Of its own.
            typed: Whether it is at a terminal, at which `type` types.
        """
        self.socket, theirs = sockets.socketpair()
        self._keyboard, screen = os.openpty() if typed else (-1, subprocess.DEVNULL)
        with theirs:
            self.process = subprocess.Popen(
                [sys.executable, __file__, part, *arguments, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=screen,
                stdout=screen if typed else None,
                start_new_session=typed,
            )
        if typed:
            os.close(screen)
            threading.Thread(target=self._watch_screen, daemon=True).start()
        self._lines = self.socket.makefile("rb")

    def say(self, **fields: Any) -> float:
        """Give an order; returns when."""
        at = time.monotonic()
        self.socket.sendall(json.dumps(fields).encode() + b"\n")
        return at

    def type(self, keys: str) -> float:
        """Type at its terminal; returns when."""
        at = time.monotonic()
        os.write(self._keyboard, keys.encode())
        return at

    def _watch_screen(self) -> None:
        """Read what it prints, so that it need not wait."""
        with suppress(OSError):
            while os.read(self._keyboard, 65536):
                pass

    def hear(self, key: str, timeout: float) -> Any:
        """Return the next thing that it says under a key; what else it says is passed over."""
        self.socket.settimeout(timeout)
        while line := self._lines.readline():
            said = json.loads(line)
            if key in said:
                return said[key]
        raise ConfigurationError(f"the process of a trial ended ({self.process.wait()})")

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self.socket.shutdown(sockets.SHUT_RDWR)
        if self._keyboard >= 0:
            with suppress(OSError):
                os.write(self._keyboard, b"\x04")  # the end of what is typed
        self._lines.close()
        self.socket.close()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Line:
    """A child's end of its socket."""

    def __init__(self, descriptor: int) -> None:
        self._socket = sockets.socket(fileno=descriptor)
        self._lock = threading.Lock()

    def say(self, **fields: Any) -> None:
        """Say something."""
        with self._lock, suppress(OSError):
            self._socket.sendall(json.dumps(fields).encode() + b"\n")

    def __iter__(self) -> Iterator[dict[str, Any]]:
        with self._socket.makefile("rb") as lines, suppress(OSError):
            for line in lines:
                yield json.loads(line)


def be_load(line: Line) -> None:
    """Three streams of a simulated home, encoded; and the language model, which talks on and on."""
    import torch

    from sensebind.agent.llm.chat_model import ChatSenseBind
    from sensebind.agent.robot.robot import Robot
    from sensebind.agent.robot.simhome import simhome_robot
    from sensebind.tools.motion.priority import give_way

    give_way()
    torch.set_num_threads(1)
    encoders = {"llm": None, "memory": None, "tools": (), "watches": (), "motion": None}
    with Robot(simhome_robot(7).model_copy(update=encoders), transient=True):
        chat, over, silent = ChatSenseBind(), threading.Event(), threading.Event()

        def talk() -> None:
            while not over.is_set():
                for _ in chat.stream("what do you see? what do you hear? what is near you?"):
                    while silent.is_set() and not over.is_set():
                        time.sleep(0.1)
                    if over.is_set():
                        return

        talker = threading.Thread(target=talk)
        talker.start()
        line.say(ready=True)
        for order in line:
            (silent.clear if order["talk"] else silent.set)()
        over.set()
        talker.join()


def be_agent(line: Line, port: int, lidar: str) -> None:
    """A robot: its driving process, its senses, and an agent that does what it is ordered."""
    with MotionServer(settings((port, lidar))) as server:
        load = Child("load")
        try:
            load.hear("ready", 300)
            load.say(talk=False)  # the agent talks itself
            _be_agent(line, server.address)
        finally:
            load.close()


def _be_agent(line: Line, address: Path) -> None:
    """An agent with a language model that does what it is ordered, and the motion tools."""
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, ToolMessage
    from langchain_core.outputs import ChatGeneration, ChatResult

    from sensebind.agent import Assistant, ChatSenseBind, Policy
    from sensebind.agent.approval.rates import Rates
    from sensebind.agent.cli.terminal import Terminal
    from sensebind.tools.motion import Limits, Motion, motion_tools
    from sensebind.tools.motion.priority import give_way

    class Obedient(BaseChatModel):
        @property
        def _llm_type(self) -> str:
            return "obedient"

        def bind_tools(self, tools: Any, **kwargs: Any) -> Any:
            return self.bind(**kwargs)

        def _generate(self, messages: Any, *_: Any, **__: Any) -> ChatResult:
            last = messages[-1]
            if isinstance(last, ToolMessage):
                answer = AIMessage(str(last.text))
            else:
                tool = str(last.text).split()[0]
                call = {"name": tool, "args": MOVES[tool], "id": f"call-{time.monotonic_ns()}"}
                answer = AIMessage("", tool_calls=[call])  # type: ignore[list-item]
            return ChatResult(generations=[ChatGeneration(message=answer)])

    class Announced(MotionClient):
        def _move(self, kind: Any, amount: float) -> float:
            line.say(started=kind)
            return super()._move(kind, amount)

    client = Announced(address)
    motion = Motion(client, Limits(distance=5.0))
    tools = motion_tools(motion, lambda kind: (1.5, 1.5))
    policy = Policy(approved=frozenset(MOVES), rates={})
    assistant = Assistant(Obedient(), tools, policy=policy, stop=motion.stop, robot=Rates())
    give_way(2)
    over = threading.Event()
    chat = ChatSenseBind()

    def talk() -> None:  # its own model talks, too, as it would in another dialog
        give_way(3)
        while not over.is_set():
            for _ in chat.stream("what do you see? what do you hear? what is near you?"):
                if over.is_set():
                    return

    def listen() -> None:
        stops: dict[str, Callable[[], Any]] = {"cancel": assistant.cancel, "call": motion.stop}
        for order in line:
            threading.Thread(target=_quietly, args=(stops[order["stop"]],)).start()

    threads = [threading.Thread(target=talk), threading.Thread(target=listen)]
    for thread in threads:
        thread.start()
    terminal = Terminal()
    line.say(ready=str(address))
    with terminal.stopping(assistant.stop):
        for text in terminal.questions():
            with suppress(KeyboardInterrupt):
                terminal.turn(text, partial(assistant.turn, text), assistant.decide)
            line.say(done=text)
    over.set()
    for thread in threads:
        thread.join()
    client.close()


def _quietly(stop: Callable[[], Any]) -> None:
    with suppress(SenseBindError, ToolError):
        stop()


def be_mcp(address: str) -> None:
    """An MCP server on standard input and output that offers the tool `stop`."""
    import asyncio

    from sensebind.tools.mcp_server import mcp_server, offered, serve_stdio
    from sensebind.tools.motion import Motion, motion_tools

    with MotionClient(address) as client:
        asyncio.run(serve_stdio(mcp_server(offered(motion_tools(Motion(client))))))


def be_forker(line: Line) -> None:
    """Forks supervisors and agents within milliseconds, to be killed."""
    for order in line:
        if os.fork() == 0:
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            with suppress(Exception):
                if order["fork"] == "agent":
                    _agent_to_be_killed(line, order)
                else:
                    _supervisor_to_be_killed(line, order)
            os._exit(0)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def _agent_to_be_killed(line: Line, order: dict[str, Any]) -> None:
    with MotionClient(order["address"]) as client:
        line.say(**{order["as"]: os.getpid()})
        asked = time.monotonic()
        while time.monotonic() - asked < 0.1:  # refused at once: no sweep has come yet
            time.sleep(0.05)
            asked = time.monotonic()
            with suppress(ToolError):
                client.drive(20.0)


def _supervisor_to_be_killed(line: Line, order: dict[str, Any]) -> None:
    with MotionServer(settings(tuple(order["simulation"]))) as server:
        line.say(**{order["as"]: [os.getpid(), server.pid, str(server.address)]})
        time.sleep(3600)


def _be(part: str, *arguments: str) -> int:
    """Be one of the processes of a trial."""
    if part == "mcp":
        be_mcp(arguments[0])
        return 0
    line = Line(int(arguments[-1]))
    if part == "agent":  # its terminal sends it a signal for a key
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    if part == "load":
        be_load(line)
    elif part == "agent":
        be_agent(line, int(arguments[0]), arguments[1])
    else:
        be_forker(line)
    return 0


if __name__ == "__main__":
    sys.exit(_be(*sys.argv[1:]))
