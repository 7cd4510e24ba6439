"""Dialogs: killed, interrupted, and a day long.

- Kills: a process that talks is killed (SIGKILL) at a random moment; the thread must resume with
  every turn that was completed, and nothing half.
- Interruptions: a turn that calls tools without end is cancelled at a random moment; no tool may
  begin after `cancel` has returned.
- A day: one thread of many turns. The file, what the model is shown, and the time of a turn must
  stay bounded: the last tenth of the turns at most 1.5 times as slow as the second tenth.

The language model is scripted, so that what is measured is the agent. Exit code 1 below a bar.
"""

import os
import random
import signal
import statistics
import sys
import tempfile
import threading
import time
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import StructuredTool
from report import AtMost, Parser, Row, run

from sensebind.agent.approval import Policy
from sensebind.agent.assistant import Assistant
from sensebind.agent.threads import Dialogs
from sensebind.tools.risk import Risk, label

MAX_MEGABYTES = 50
SLOWER = 1.5


class Scripted(BaseChatModel):
    """A chat model that is a function of the messages."""

    script: Any

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable:
        return self.bind(**kwargs)

    def _generate(self, messages: list[BaseMessage], *args: Any, **kwargs: Any) -> ChatResult:
        return ChatResult(generations=[ChatGeneration(message=self.script(messages))])


def answer(messages: list[BaseMessage]) -> AIMessage:
    """A long answer, with the usage that a model of 4,096 tokens would report."""
    text = f"{len(messages)} messages. " * 10
    read = sum(len(str(message.text)) for message in messages) // 4
    usage: Any = {"input_tokens": read, "output_tokens": 50, "total_tokens": read + 50}
    return AIMessage(text, usage_metadata=usage)


def talk(file: Path) -> Assistant:
    profile: Any = {"max_input_tokens": 4096}
    return Assistant(Scripted(script=answer, profile=profile), dialogs=file, thread="day")


def kills(file: Path, count: int, rng: random.Random) -> int:
    """Returns how many threads resumed whole after a kill."""
    whole = 0
    for _ in range(count):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            with talk(file) as assistant:
                while True:
                    record = assistant.ask("go on")
                    os.write(writing, f"{record.id}\n".encode())
        os.close(writing)
        with os.fdopen(reading) as pipe:
            first = pipe.readline()
            time.sleep(rng.uniform(0.0, 0.1))
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
            finished = {line.strip() for line in (first, *pipe) if line.endswith("\n")}
        with talk(file) as assistant, Dialogs(file) as kept:
            known = {turn["id"] for turn in kept.turns("day")}
            stored = assistant.history.messages()
            whole += finished <= known and stored[-1].type == "ai"
    return whole


def interruptions(count: int, rng: random.Random) -> int:
    """Returns how many tools began after the cancelling of their turn had returned."""
    cancelled_at = [float("inf")]
    late = [0]

    def work(n: int) -> str:
        late[0] += time.monotonic() > cancelled_at[0]
        return f"worked {n}"

    tool = StructuredTool.from_function(
        work, name="work", description="Works.", metadata=label(Risk.OBSERVE)
    )

    def calls(messages: list[BaseMessage]) -> AIMessage:
        made: Any = {"name": "work", "args": {"n": len(messages)}, "id": f"c{len(messages)}"}
        return AIMessage("", tool_calls=[made])

    assistant = Assistant(Scripted(script=calls), [tool], policy=Policy(rates={}))
    for _ in range(count):
        cancelled_at[0] = float("inf")
        thread = threading.Thread(target=assistant.ask, args=("work",))
        thread.start()
        time.sleep(rng.uniform(0.0, 0.06))
        assistant.cancel()
        cancelled_at[0] = time.monotonic()
        thread.join()
    return late[0]


def day(file: Path, turns: int) -> tuple[float, float, int]:
    """Returns megabytes of the file, how much slower the end is, and most messages shown."""
    times: list[float] = []
    shown = 0
    with talk(file) as assistant:
        for turn in range(turns):
            begun = time.thread_time()
            record = assistant.ask(f"question {turn}")
            times.append(time.thread_time() - begun)
            shown = max(shown, int(record.assistant.split()[0]))
    tenth = max(turns // 10, 1)
    slower = statistics.median(times[-tenth:]) / statistics.median(times[tenth : 2 * tenth])
    size = sum(one.stat().st_size for one in file.parent.glob(f"{file.name}*")) / 1e6
    return size, slower, shown


def measure(options: Namespace) -> list[Row]:
    """Kill, interrupt, talk for a day, and return the figures."""
    rng, turns = random.Random(0), max(options.turns, 20)
    with tempfile.TemporaryDirectory() as folder:
        whole = kills(Path(folder) / "kills.sqlite", options.kills, rng)
        late = interruptions(options.interruptions, rng)
        size, slower, shown = day(Path(folder) / "day.sqlite", turns)
    return [
        Row("kill -9: threads resumed whole", whole / options.kills, 1.0, options.kills),
        AtMost("interruptions with a late tool", late, 0, options.interruptions),
        AtMost("a day: megabytes on disk", size, MAX_MEGABYTES, turns),
        AtMost("a day: late / early time of a turn", slower, SLOWER, turns),
        Row("a day: most messages shown", shown, None, turns),
    ]


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--kills", 100, 5, "processes that are killed")
    parser.amount("--interruptions", 200, 10, "turns that are cancelled")
    parser.amount("--turns", 2000, 400, "of the long thread, at least 20")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
