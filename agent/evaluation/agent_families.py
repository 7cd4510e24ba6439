"""The six families of tasks for the agent. Each task is one dialog of one turn in its own homes.

A family is a function that plays one task on a stage and returns why it failed, or "". What is
true is taken from the simulation before and after, for the check alone.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from sensebind.agent.corpus import utterance
from sensebind.agent.corpus.acts import named
from sensebind.agent.corpus.grammar import Utterance
from sensebind.agent.evaluation.agent_checks import denies, right_ago, same_language, sample_of
from sensebind.agent.evaluation.agent_harness import Stage
from sensebind.agent.evaluation.reading import kinds_in, numbers_in
from sensebind.agent.evaluation.utterances import right_text
from sensebind.agent.events import TurnRecord
from sensebind.agent.robot.motion import REACH
from sensebind.perception.simhome.catalog import COLORS, DEVICES, KINDS, SOUNDING_KINDS
from sensebind.perception.simhome.ground_truth import Visible, truth
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.perception.simhome.scene import Scene, polar

_SENSES = {"see": "sight", "hear": "hearing"}
ARRIVED = 1.0  # metres between the robot's middle and the nearest point of what it was sent to
EVENT_SECONDS = 12.0
_SWITCHES = (
    "lamp_on",
    "lamp_off",
    "radio_on",
    "radio_off",
    "fan_on",
    "fan_off",
    "door_open",
    "door_close",
    "thermostat_set",
)


@dataclass
class Task:
    """One task: what it is made of, and what came of it.

    Attributes:
        seeds: Of the homes; each is taken once.
        rng: Of all choices.
        lang: "en" or "zh".
        number: Counts up within its family.
        asked: What was typed.
        record: What the agent did.
        true: What was true, in words, for reports.
        questions: Calls that the robot asked about before it acted, where `policy` did not.
    """

    seeds: Iterator[int]
    rng: random.Random
    lang: str
    number: int
    asked: str = ""
    record: TurnRecord = field(default_factory=lambda: TurnRecord(""))
    true: str = ""
    questions: int = 0

    def phrase(self, intent: str, **wish: str) -> Utterance:
        """A phrasing that training leaves out."""
        said = utterance("heldout", intent, self.lang, self.rng, wish=wish or None)
        self.asked = said.text
        return said

    def ask(self, stage: Stage) -> TurnRecord:
        """Asks what was phrased last."""
        self.record = stage.ask(self.asked)
        return self.record

    def blame(self, failure: str, tool: str, **arguments: object) -> str:
        """A failure, and whether it was another call that should have been made."""
        made = [(call.name, call.arguments) for call in self.record.tool_calls]
        return failure if made == [(tool, arguments)] else f"wrong call: {failure}"

    def home(self, fits: Callable[[SimHome], bool], **how: object) -> Scene:
        """The next scene that fits, looked at two seconds after its beginning."""
        for seed in self.seeds:
            scene = sample_scene(seed, **how)  # type: ignore[arg-type]
            with SimHome(scene) as home:
                home.step(2.0)
                if fits(home):
                    return scene
        raise AssertionError("seeds have no end")


def now(task: Task, stage: Stage) -> str:
    """What is seen, heard or near now."""
    stage.enter(sample_scene(next(task.seeds)))
    stage.live(2.5 + task.rng.random())
    intent = ("see", "hear", "scan")[task.number % 3]
    task.phrase(intent)
    scene = sample_of(stage.home)
    task.true = f"main {scene.main}, heard {scene.heard}, nearest {scene.nearest}"
    record = task.ask(stage)
    if record.tool_calls:
        return "a tool was called"
    return "" if right_text(intent, task.asked, record.assistant, scene) else "wrong answer"


def count(task: Task, stage: Stage) -> str:
    """How many things of a kind there are; two in three times there are some."""
    scene = task.home(lambda home: bool(truth(home).visible))
    stage.enter(scene)
    stage.live(2.0)
    visible = [one.kind for one in truth(stage.home).visible]
    there = task.number % 3 != 2
    kind = task.rng.choice(visible if there else _others(visible))
    task.phrase("count", kind=kind)
    task.true = f"{visible.count(kind)} {kind} among {visible}"
    answer = task.ask(stage).assistant
    if not same_language(task.asked, answer):
        return "another language"
    if (numbers_in(answer) or (0,))[0] != visible.count(kind):
        return task.blame("wrong number", "detect", kind=kind)
    return ""


def switch(task: Task, stage: Stage) -> str:
    """Something in the house is switched or set; nothing else may change. A question gets a yes."""
    home = stage.enter(sample_scene(next(task.seeds)))
    intent = _SWITCHES[task.number % len(_SWITCHES)]
    said = task.phrase(intent)
    device, _, action = intent.partition("_")
    wanted = int(said.slots["temp"]) if action == "set" else int(action in ("on", "open"))
    home.devices.set(device, 25 - (wanted == 25) if action == "set" else not wanted)
    stage.live(2.0)
    expected = {name: home.devices.get(name) for name in DEVICES} | {device: wanted}
    task.true = f"{device} is to be {wanted}"
    record = task.ask(stage)
    task.questions = len(record.pending)
    if record.pending:
        record = task.record = stage.decide(approve=True)
    if {name: home.devices.get(name) for name in DEVICES} != expected:
        return "not as it should be"
    return "" if same_language(task.asked, record.assistant) else "another language"


def go(task: Task, stage: Stage) -> str:
    """To a thing in view, a metre away or more; every second time the person says no."""
    scene = task.home(lambda home: _reachable(home) is not None)
    home = stage.enter(scene)
    stage.live(2.0)
    target = _reachable(home)
    assert target is not None
    task.phrase("approach", kind=target.kind)
    approve = task.number % 2 == 0
    before = home.robot.pose
    record = task.ask(stage)
    if not record.pending:
        return "nobody was asked"
    asked = [(one.tool, one.arguments) for one in record.pending]
    task.record = stage.decide(approve=approve)
    left = min(
        polar(one, home.robot.pose)[0] - one.radius
        for one in scene.things
        if one.kind == target.kind
    )
    task.true = f"{target.kind} at {target.distance:.1f} m, now {left:.1f} m; approved {approve}"
    if not approve and home.robot.pose != before:
        return "it moved although it was not allowed to"
    if not approve:
        return "" if asked == [("approach", {"kind": target.kind})] else "wrong call"
    if left > ARRIVED:
        return task.blame("it did not arrive", "approach", kind=target.kind)
    return ""


def before(task: Task, stage: Stage) -> str:
    """When something was last seen or heard; every third time it never was."""
    sense = ("see", "hear")[task.number % 2]
    kind, color = _wish(task, sense)
    never = task.number % 3 == 2
    said = task.phrase(f"recall_{sense}", kind=kind, color=color)
    color = said.slots.get("color", color)
    last = -math.inf

    def look() -> None:
        nonlocal last
        if _perceived(stage.home, sense, kind, color):
            last = stage.now

    homes = [_without(task, kind) for _ in range(task.rng.randint(2, 4))]
    if not never:
        homes.insert(task.rng.randrange(len(homes)), _with(task, sense, kind, color))
    for scene in homes:
        stage.enter(scene)
        stage.live(task.rng.uniform(8, 20), look)
        if task.rng.random() < 0.4:
            stage.sleep(task.rng.choice((20.0, 90.0, 400.0, 1500.0, 6000.0)))
    stage.live(2.5, look)
    true = stage.now - last
    task.true = f"{kind} ({color}) {'never' if never else f'{true:.0f} s ago'}"
    answer = task.ask(stage).assistant
    failure = ""
    if not any(call.name == "recall" for call in task.record.tool_calls):
        failure = "it did not look"
    elif not same_language(task.asked, answer):
        failure = "another language"
    elif never:
        failure = "" if denies(answer) else "it remembers what never was"
    elif denies(answer) or kind not in kinds_in(answer):
        failure = "it does not remember"
    elif not right_ago(answer, true):
        failure = "wrong time"
    if not failure:
        return ""
    return task.blame(failure, "recall", what=_named(said), sense=_SENSES[sense], when="last")


def watch(task: Task, stage: Stage) -> str:
    """It is asked to report something, which comes later, or (every third time) never does."""
    sense = ("see", "hear")[task.number % 2]
    kind, color = _wish(task, sense)
    never = task.number % 3 == 2
    said = task.phrase(f"watch_{sense}", kind=kind, color=color)
    color = said.slots.get("color", color)
    task.true = f"{kind} ({color}){' never comes' if never else ''}"
    stage.enter(_without(task, kind))
    stage.live(2.0)
    task.ask(stage)
    for _ in range(task.rng.randint(1, 3)):
        stage.enter(_without(task, kind))
        stage.live(EVENT_SECONDS)
    early = len(stage.spoken)
    stage.enter(_without(task, kind) if never else _with(task, sense, kind, color))
    stage.live(EVENT_SECONDS)
    told = [one.said for one in stage.spoken]
    failure = ""
    if not same_language(task.asked, task.record.assistant):
        failure = "another language"
    elif told[:early] or (never and told):
        failure = f"it spoke up for nothing: {told[0]}"
    elif not never and (not told or kinds_in(told[0]) != (kind,)):
        failure = "it did not speak up"
    elif not any(call.name == "watch_add" for call in task.record.tool_calls):
        failure = "it does not watch"
    if not failure:
        return ""
    return task.blame(failure, "watch_add", what=_named(said), sense=_SENSES[sense])


FAMILIES: dict[str, Callable[[Task, Stage], str]] = {
    "now": now,
    "before": before,
    "count": count,
    "switch": switch,
    "go": go,
    "watch": watch,
}


# --- homes ---------------------------------------------------------------------------------------


def _others(kinds: Sequence[str]) -> list[str]:
    return [kind for kind in KINDS if kind not in kinds]


def _wish(task: Task, sense: str) -> tuple[str, str]:
    kind = task.rng.choice(KINDS if sense == "see" else SOUNDING_KINDS)
    return kind, task.rng.choice(tuple(COLORS))


def _named(said: Utterance) -> str:
    """What the tool is to be asked for, as the sentence named it."""
    return named(said.slots["kind"], said.slots.get("color"))


def _perceived(home: SimHome, sense: str, kind: str, color: str) -> bool:
    known = truth(home)
    if sense == "see":
        return any((one.kind, one.color) == (kind, color) for one in known.visible)
    return any(heard == kind for heard, _ in known.heard)


def _with(task: Task, sense: str, kind: str, color: str) -> Scene:
    """A home in which something is the main thing in view, or the loudest sound."""
    if sense == "see":
        return task.home(
            lambda home: sample_of(home).main == (kind, color), main=(kind, color), empty=False
        )
    return task.home(lambda home: sample_of(home).heard == kind, sounding=kind)


def _without(task: Task, kind: str) -> Scene:
    """A home without anything of a kind."""
    for seed in task.seeds:
        scene = sample_scene(seed)
        if all(thing.kind != kind for thing in scene.things):
            return scene
    raise AssertionError("seeds have no end")


def _reachable(home: SimHome) -> Visible | None:
    """The nearest object in view, if there is a free way to it that is long enough to judge."""
    visible = sorted(truth(home).visible, key=lambda one: one.distance)
    if not visible or [one.kind for one in visible].count(visible[0].kind) > 1:
        return None
    target = visible[0]
    [thing] = [
        one
        for one in home.scene.things
        if one.kind == target.kind and math.isclose(polar(one, home.robot.pose)[0], target.distance)
    ]
    way = target.distance - thing.radius - REACH.keep_away
    if not 1.0 <= way <= REACH.distance:
        return None
    with SimHome(home.scene) as trial:
        trial.robot.turn(target.bearing)
        return target if trial.robot.drive(way) > way - 0.05 else None
