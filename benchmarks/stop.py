"""Stops: 1,000 of a moving robot, 400 killed or stopped processes, 1,000 boxes in the way.

The base is a process behind a socket that starts to move 0 to 500 ms late, drops 10 % of the
messages and integrates its pose (`sensebind.tools.motion.simulation`); everything is judged by what
it did. Meanwhile three streams of a simulated home are encoded and the language model generates
without a pause.

stops    A tool moves the robot (drive, turn, go_to, approach). At a random moment a stop is sent
         through one of the channels. The latency lasts from then until the last command that moves
         has ended, the base's own delay left out. Lost is a stop after which the robot goes on.
deaths   While the robot drives, a process gets SIGKILL or SIGSTOP (the agent, the supervisor that
         started the driving process, the driving process itself), or the link to the base is cut.
         Measured is when the last command that moves has ended, and whether the base stands after
         its own delay and braking.
boxes    A box is put ahead of the driving robot, whose base does not look itself: from the stopping
         distance at that speed (sweep period, delay, braking) + 0.1 m up to 2 m, it must not come
         closer than 0.1 m; for nearer ones zero must be sent within a sweep period + 50 ms.

Every trial is written to a file (`--state`); the same command goes on where an earlier one ended,
and removes the file at the end. Exit code 1 when a bar is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import stop_parts
from report import AtMost, Parser, Row, run
from stop_parts import MOVES, Child, settings, words_of

from sensebind.errors import ConfigurationError, SenseBindError
from sensebind.tools.motion import (
    MotionClient,
    MotionServer,
)
from sensebind.tools.motion.simulation import (
    BRAKING,
    RADIUS,
    REACTION,
    SWEEP_SECONDS,
    Order,
    Report,
    Simulation,
)

DROP, LATEST_START = 0.1, 0.5
CHANNELS = ("text", "key", "mcp", "cancel", "call", "sigint")
KEY = "\x1c"  # Ctrl-\\ at a terminal
WORDS = ("stop", "stop now", "please stop", "don't move", "emergency stop", "别动", "停下来")
DEATHS = tuple(
    f"{word} {who}"
    for word in ("SIGKILL", "SIGSTOP")
    for who in ("agent", "supervisor", "driving process")
)
STOP_BAR, DEATH_BAR, KEPT_CLEAR = 0.1, 0.4, 0.1
LANES = 1  # robots at a time
BOX_LANES = 4  # a box needs a driving process and a base, next to the one load


@contextmanager
def simulated() -> Iterator[Simulation]:
    """Start a simulated base that no load delays: a real one has a processor of its own."""
    with Simulation() as simulation:
        with suppress(OSError):  # only some users may come first
            os.setpriority(os.PRIO_PROCESS, simulation.pid, -15)
        yield simulation


# --- trials --------------------------------------------------------------------------------------


class State:
    """The trials so far, one JSON line each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        self.over = threading.Event()
        self.trials: dict[str, list[dict[str, Any]]] = defaultdict(list)
        if path.exists():
            for line in path.read_text().splitlines():
                with suppress(ValueError):  # the last one may be cut off
                    trial = json.loads(line)
                    self.trials[trial["kind"]].append(trial)

    def add(self, kind: str, **fields: Any) -> None:
        """Keep a trial."""
        trial = {"kind": kind, **fields}
        with self._lock, self.path.open("a") as file:
            self.trials[kind].append(trial)
            file.write(json.dumps(trial) + "\n")


def after(simulation: Simulation, since: float, seconds: float, standing: bool) -> Report:
    """Return what the base did in the seconds after a moment, or until it stands."""
    while True:
        report = simulation.order(Order(since=since))
        stands = report.stands_since is not None and report.now - since > 0.3
        if report.now - since > seconds or (standing and stands):
            return report
        time.sleep(0.05)


def stops(state: State, wanted: int, chance: random.Random) -> None:
    """Stop moving robots through every channel."""
    plan = [(channel, move) for channel in CHANNELS for move in MOVES]
    missing = [plan[i % len(plan)] for i in range(wanted)]
    for trial in state.trials["stop"]:
        with suppress(ValueError):  # more than are wanted now
            missing.remove((trial["channel"], trial["move"]))
    _in_lanes(state, missing, chance, lambda mine, seed: _stops_of_a_lane(state, mine, seed))


def _stops_of_a_lane(state: State, missing: list[tuple[str, str]], chance: random.Random) -> None:
    with ExitStack() as stack:
        simulation = stack.enter_context(simulated())
        agent = Child("agent", str(simulation.port), simulation.lidar, typed=True)
        stack.callback(agent.close)
        mcp = stack.enter_context(mcp_stop(Path(agent.hear("ready", 300))))
        for channel, move in missing:
            if state.over.is_set():
                return
            late = chance.uniform(0, LATEST_START)
            simulation.order(Order(reset=True, start=late, drop=DROP))
            time.sleep(0.1)
            agent.type(f"{words_of(move)}\n")
            agent.hear("started", 20)
            time.sleep(chance.uniform(0, 1.5))
            going = simulation.order().stands_since is None
            at = time.monotonic()
            if channel == "mcp":
                mcp()
            elif channel == "sigint":
                os.kill(agent.process.pid, signal.SIGINT)
            elif channel == "text":
                agent.type(chance.choice(WORDS) + "\n")
            elif channel == "key":
                agent.type(KEY)
            else:
                agent.say(stop=channel)
            report = after(simulation, at, 2.0, standing=True)
            with suppress(TimeoutError):
                agent.hear("done", 10)
            driven = simulation.order(Order(since=at))
            lag = max(report.moving_until - at, 0.0)
            lost = driven.stands_since is None or driven.moving_until - at > 1.0
            state.add(
                "stop",
                channel=channel,
                move=move,
                late=late,
                going=going,
                lag=lag,
                driven=driven.driven,
                turned=driven.turned,
                lost=lost,
            )


@contextmanager
def mcp_stop(address: Path) -> Iterator[Callable[[], None]]:
    """Give a function that calls `stop` over MCP."""
    from langchain_core.tools import BaseTool

    from sensebind.tools.mcp import McpTools

    server = {
        "transport": "stdio",
        "command": sys.executable,
        "args": [stop_parts.__file__, "mcp", str(address)],
        "env": dict(os.environ),
    }
    with McpTools({"robot": server}, allow=["stop"], timeout=60.0) as tools:
        offered: list[BaseTool] = tools.tools()
        yield lambda: offered[0].invoke({})


def deaths(state: State, wanted: int, chance: random.Random) -> None:
    """Kill and stop what a driving robot depends on, and cut its link."""
    kinds = [*DEATHS, "link cut"]
    have = {kind: sum(one["what"] == kind for one in state.trials["death"]) for kind in kinds}
    each = {kind: math.ceil(wanted / 3) for kind in kinds}
    missing = [kind for kind in kinds for _ in range(each[kind] - have[kind])]
    _in_lanes(state, missing, chance, lambda mine, seed: _deaths_of_a_lane(state, mine, seed))


def _deaths_of_a_lane(state: State, kinds: list[str], chance: random.Random) -> None:
    with simulated() as simulation, ExitStack() as stack:
        forker = Child("forker")
        stack.callback(forker.close)
        running: tuple[int, int, str] | None = None
        for kind in kinds:
            if state.over.is_set():
                break
            simulation.order(Order(reset=True, start=0.1, drop=DROP, cut=False))
            if running is None:
                forker.say(
                    fork="supervisor",
                    simulation=(simulation.port, simulation.lidar),
                    **{"as": "supervisor"},
                )
                running = tuple(forker.hear("supervisor", 60))
                time.sleep(0.3)
            supervisor, driver, address = running
            forker.say(fork="agent", address=address, **{"as": "agent"})
            agent = forker.hear("agent", 20)
            until = time.monotonic() + 5
            while not simulation.order().speed:
                if time.monotonic() > until:
                    raise ConfigurationError("a robot that was to be stopped did not drive")
                time.sleep(0.02)
            time.sleep(chance.uniform(0.0, 0.8))
            speed = simulation.order().speed
            pids = {"agent": agent, "supervisor": supervisor, "driving process": driver}
            at = time.monotonic()
            if kind == "link cut":
                simulation.order(Order(cut=True))
            else:
                word, _, who = kind.partition(" ")
                os.kill(pids[who], getattr(signal, word))
            report = after(simulation, at, 1.2, standing=False)
            ended = max(report.moving_until - at, 0.0)
            stood = report.stands_since if report.stands_since is not None else math.inf
            # From the end of the last command on: the base's own reaction and its braking.
            own = REACTION + report.speed_then / BRAKING
            stands = stood - at <= ended + own + 0.05  # and ten steps of the simulation
            state.add("death", what=kind, ended=ended, stands=stands, speed=speed)
            for pid in (driver, supervisor, agent):
                with suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGCONT)
            with suppress(ProcessLookupError):
                os.kill(agent, signal.SIGKILL)
            if kind.startswith("SIGKILL") and "agent" not in kind:
                with suppress(ProcessLookupError):
                    os.kill(supervisor, signal.SIGKILL)
                running = None
            time.sleep(0.3)
        if running is not None:
            os.kill(running[0], signal.SIGKILL)


def boxes(state: State, wanted: int, chance: random.Random) -> None:
    """Put boxes ahead of driving robots."""
    missing = list(range(len(state.trials["box"]), wanted))

    def some(mine: list[Any], seed: random.Random) -> None:
        _boxes_of_a_lane(state, len(mine), seed)

    _in_lanes(state, missing, chance, some, robots=BOX_LANES)


def _boxes_of_a_lane(state: State, count: int, chance: random.Random) -> None:
    with (
        simulated() as simulation,
        MotionServer(settings((simulation.port, simulation.lidar))) as server,
        MotionClient(server.address) as robot,
    ):
        time.sleep(0.5)
        missing = count
        while missing:
            if state.over.is_set():
                return
            simulation.order(Order(reset=True, start=0.0, drop=0.0))
            time.sleep(0.25)
            metres = chance.choice((5.0, -5.0))
            driving = threading.Thread(target=_drive, args=(robot, metres))
            driving.start()
            time.sleep(chance.uniform(0.3, 1.0))
            speed = simulation.order().speed
            late, driven = SWEEP_SECONDS + 0.05 + REACTION, settings((0, ""))
            fast = min(abs(speed) + late * driven.acceleration, driven.speed)  # it speeds up
            own = fast * late + fast * fast / (2 * BRAKING)
            near = chance.random() < 0.2
            away = chance.uniform(0.02, own) if near else chance.uniform(own + KEPT_CLEAR, 2.0)
            width = chance.uniform(0.1, 0.8)
            left = chance.uniform(-0.5, 0.5) * min(width, 2 * RADIUS) * 0.8
            # Behind it where it drives back: the place is given from its front.
            ahead = away if metres > 0 else -away - 2 * RADIUS - 0.3
            at = time.monotonic()
            simulation.order(Order(box=(ahead, left, 0.3, width)))
            drives = driving.is_alive()
            driving.join()
            report = simulation.order(Order(since=at))
            if not drives or report.clearance is None or (not near and report.clearance > 0.5):
                state.add("ended by itself")  # such as for want of a sweep: no box was driven at
                continue
            zero = math.inf if report.first_zero is None else report.first_zero - at
            clear = math.inf if report.clearance is None else report.clearance
            missing -= 1
            state.add("box", near=near, away=away, speed=fast, zero=zero, clear=clear)


def _drive(robot: MotionClient, metres: float) -> None:
    with suppress(SenseBindError):
        robot.drive(metres)


def _in_lanes(
    state: State,
    missing: list[Any],
    chance: random.Random,
    work: Callable[[list[Any], random.Random], None],
    robots: int = LANES,
) -> None:
    chance.shuffle(missing)
    shares = [missing[lane::robots] for lane in range(robots)]
    seeds = [random.Random(chance.random()) for _ in shares]
    with ThreadPoolExecutor(robots) as pool:
        pairs = zip(shares, seeds, strict=True)
        lanes = [pool.submit(work, share, seed) for share, seed in pairs if share]
        try:
            for lane in lanes:
                lane.result()
        finally:  # Ctrl-C, or a lane that failed: the others end after their trial
            if not all(lane.done() for lane in lanes):
                state.over.set()


# --- figures -------------------------------------------------------------------------------------


def rows_of(state: State) -> list[Row]:
    """Return the figures of all trials."""
    found = state.trials["stop"]
    rows: list[Row] = []
    for channel in CHANNELS:
        lags = [one["lag"] for one in found if one["channel"] == channel]
        if lags:
            rows += _percentiles(f"stop through {channel}", lags)
    if found:
        lags = [one["lag"] for one in found]
        rows += _percentiles("stop through any channel", lags, bar=1000 * STOP_BAR)
        rows.append(AtMost("stops that were lost", sum(o["lost"] for o in found), 0, len(found)))
        driven = [one["driven"] for one in found]
        rows.append(AtMost("m driven after a stop, worst", max(driven), None, len(driven)))
    for kind in (*DEATHS, "link cut"):
        deaths = [one for one in state.trials["death"] if one["what"] == kind]
        if deaths:
            worst = max(one["ended"] for one in deaths)
            rows.append(
                AtMost(
                    f"{kind}: last command ended after, worst, ms",
                    1000 * worst,
                    1000 * DEATH_BAR,
                    len(deaths),
                )
            )
    if state.trials["box"]:
        alone = len(state.trials["ended by itself"])
        rows.append(
            AtMost("drives that ended without a box", alone, None, alone + len(state.trials["box"]))
        )
    if every := state.trials["death"]:
        late = sum(not one["stands"] for one in every)
        rows.append(AtMost("base did not stand after its delay and braking", late, 0, len(every)))
    for near in (False, True):
        mine = [one for one in state.trials["box"] if one["near"] is near]
        if mine and near:
            zeros = [1000 * one["zero"] for one in mine]
            bar = 1000 * (SWEEP_SECONDS + 0.05)
            rows.append(AtMost("near box: zero sent after, worst, ms", max(zeros), bar, len(mine)))
        elif mine:
            closest = min(one["clear"] for one in mine)
            rows.append(Row("box: closest, m", closest, KEPT_CLEAR, len(mine)))
            missed = sum(one["clear"] < KEPT_CLEAR for one in mine)
            rows.append(AtMost("boxes missed", missed, 0, len(mine)))
    return rows


def _percentiles(what: str, lags: list[float], bar: float | None = None) -> list[Row]:
    p50, p99, worst = (1000 * float(np.percentile(lags, p)) for p in (50, 99, 100))
    return [
        AtMost(f"{what}, p50, ms", p50, None, len(lags)),
        AtMost(f"{what}, p99, ms", p99, bar, len(lags)),
        AtMost(f"{what}, worst, ms", worst, None, len(lags)),
    ]


def measure(options: argparse.Namespace) -> list[Row]:
    """Run what is missing, and return all figures."""
    options.state.parent.mkdir(parents=True, exist_ok=True)
    state, chance = State(options.state), random.Random(time.time_ns())
    stops(state, options.stops, chance)
    with ExitStack() as stack:
        load = Child("load")
        stack.callback(load.close)
        load.hear("ready", 300)
        load.say(talk=True)
        deaths(state, options.deaths, chance)
        boxes(state, options.boxes, chance)
    rows = rows_of(state)
    with contextlib.suppress(OSError):
        options.state.unlink()
    return rows


def main() -> int:
    """Parse the command line and run."""
    parser = Parser(__doc__)
    parser.amount("--stops", 1000, 20, "stops")
    parser.amount("--deaths", 200, 3, "processes killed, as many stopped, a third of links cut")
    parser.amount("--boxes", 1000, 9, "boxes")
    default = Path(tempfile.gettempdir()) / f"sensebind-stop-{os.getuid()}.jsonl"
    parser.add_argument("--state", type=Path, default=default, help="file of the trials so far")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
