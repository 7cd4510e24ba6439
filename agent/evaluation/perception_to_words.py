"""The whole chain on held-out scenes: embeddings to conditions, questions, tools, answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from langchain_core.utils.function_calling import convert_to_openai_tool

from sensebind.agent.conditioning.condition import compose
from sensebind.agent.evaluation.answering import Answerer, Asked, Reply
from sensebind.agent.evaluation.scenes import SceneSample
from sensebind.agent.llm.checkpoint import LoadedModel, load_llm
from sensebind.agent.llm.constrained_decoding import ParsedCall
from sensebind.agent.robot.motion import REACH, moving_tools
from sensebind.checkpoints.layout import CacheSettings, cache_directory
from sensebind.memory.visual_cache import VisualCache
from sensebind.perception.modality import modality_of
from sensebind.perception.percept import Observation
from sensebind.perception.simhome.devices import DeviceState
from sensebind.perception.simhome.house_api import create_house_app
from sensebind.perception.simhome.sampling import sample_scene
from sensebind.tools.api import ApiTools
from sensebind.tools.clock import clock_tool
from sensebind.tools.detection import THRESHOLD, Detector, describe, detect_tool, distinct
from sensebind.tools.motion import Motion, Place
from sensebind.tools.recall import recall_tool
from sensebind.tools.watch import watch_tools

IMAGE_SIDE = 224
CLOCK = "14:05"
THERMOSTAT = 20


@dataclass(frozen=True, slots=True)
class Question:
    """A question in a scene.

    Attributes:
        text: What is typed.
        scene: Where.
        vectors: Sense to embedding as the language model gets it.
    """

    text: str
    scene: SceneSample
    vectors: Mapping[str, np.ndarray]


class Chain:
    """A checkpoint under evaluation.

    Attributes:
        llm: The language model.
        cache: The visual cache; None if the checkpoint has none.
    """

    def __init__(self, checkpoint: Path, *, tools: bool = True) -> None:
        """Loads language model, cache and tools.

        Args:
            checkpoint: Directory of the weights.
            tools: Whether all tools are at hand in every answer, as in the demo.

        Raises:
            CheckpointError: Something is missing or damaged.
        """
        self.llm: LoadedModel = load_llm(checkpoint)
        directory = cache_directory(checkpoint)
        self.cache = None if directory is None else VisualCache.load(directory)
        self._answerer = Answerer(self.llm, tool_list(checkpoint) if tools else [])

    def enhanced(
        self, vectors: Sequence[np.ndarray], settings: CacheSettings | None = None
    ) -> list[np.ndarray]:
        """Enhances embeddings; None leaves them as they are."""
        if settings is None or self.cache is None or not vectors:
            return list(vectors)
        rows = self.cache.enhance(
            np.stack(vectors), settings.k, settings.temperature, settings.weight
        )
        return list(rows)

    def perceived(self, scene: SceneSample) -> dict[str, np.ndarray]:
        """What the language model gets of a scene at run time: all senses, cache as shipped."""
        vectors = dict(scene.vectors)
        for sense in ("hearing", "scan"):
            if sense in vectors:
                vectors[sense] = self.enhanced([vectors[sense]], CacheSettings())[0]
        return vectors

    def ask(
        self, questions: Sequence[Question], tick: Callable[[int], None] | None = None
    ) -> list[tuple[Asked, Reply]]:
        """Answers first questions in batches; the order is kept."""
        asked: list[Asked] = []
        for one in questions:
            embeddings = {modality_of(sense): vector for sense, vector in one.vectors.items()}
            condition = compose(
                embeddings, senses=self.llm.senses, dim=self.llm.bind_dim, reference="x"
            )
            asked.append(Asked.once(one.text, condition.embeddings, condition.present))
        return list(zip(asked, self._answerer.answer(asked, tick), strict=True))

    def go_on(
        self, questions: Sequence[Question], first: Sequence[tuple[Asked, Reply]]
    ) -> list[tuple[Reply, str]]:
        """Runs the tools that were called, and lets the model answer.

        Returns:
            Per question the last answer, and the tool's result (empty if none was called).
        """
        results = [
            run_tool(reply.call, question.scene)
            if reply.call is not None and not reply.call.error
            else ""
            for question, (_, reply) in zip(questions, first, strict=True)
        ]
        waiting = [i for i, result in enumerate(results) if result]
        after: list[Asked] = []
        for i in waiting:
            asked, reply = first[i]
            assert reply.call is not None
            after.append(asked.after(reply.call, results[i]))
        answers = dict(zip(waiting, self._answerer.answer(after), strict=True))
        return [(answers.get(i, first[i][1]), results[i]) for i in range(len(first))]


def tool_list(checkpoint: Path) -> list[dict[str, Any]]:
    """Returns the demo's tools in OpenAI form; nothing is started."""
    scene = sample_scene(0)
    devices = DeviceState.for_scene(scene, clock=lambda: 0.0)
    with ApiTools(create_house_app(devices).openapi(), "http://127.0.0.1:9") as house:
        tools = [clock_tool(), *house.tools()]
    detector = None
    if (checkpoint / "detector").is_dir():
        detector = Detector.from_pretrained(checkpoint / "detector")
        tools.insert(0, detect_tool(detector, _no_frame))
    nobody = cast(Any, None)  # moves, remembers or watches while tools are only listed
    tools += moving_tools(Motion(nobody, REACH), nobody if detector is None else _nowhere)
    tools += [recall_tool(nobody, nobody), *watch_tools(nobody, nobody)]
    return [convert_to_openai_tool(tool) for tool in tools]


def _no_frame() -> Observation:
    raise AssertionError("tools are not run through this list")


def _nowhere(_kind: str) -> Place:
    raise AssertionError("tools are not run through this list")


def run_tool(call: ParsedCall, scene: SceneSample) -> str:
    """Returns what a tool would report in a scene."""
    match call.name:
        case "detect":
            kind = str(call.arguments.get("kind"))
            found = distinct([d for d in scene.detections if d.score >= THRESHOLD])
            wanted = [one for one in found if one.label == kind]
            return describe(kind, wanted, IMAGE_SIDE, IMAGE_SIDE)
        case "clock":
            return CLOCK
        case "approach":
            return "arrived at (1.2, -0.4)"
        case "turn":
            return f"turned {float(call.arguments['degrees']):.1f} degrees"
        case "drive":
            return f"drove {float(call.arguments['metres']):.1f} m"
        case "stop":
            return "stopped"
        case "recall":
            heard = call.arguments.get("sense") == "hearing"
            verb, how = ("hear", "heard by microphone") if heard else ("see", "seen by camera")
            told = f"7 minutes ago: I {verb} {call.arguments.get('what')}."
            return f"{told} ({how}, {CLOCK}:00 to {CLOCK}:09, similarity 0.62)"
        case "watch_add":
            return f"watching for {call.arguments['what']} by {call.arguments.get('sense')}"
        case "watch_list" | "watch_remove":
            return "nothing is watched for"
        case "thermostat_set":
            return f"thermostat {call.arguments.get('temperature')}"
        case "thermostat_get":
            return f"thermostat {THERMOSTAT}"
        case "door_open":
            return "door open"
        case "door_close":
            return "door closed"
        case "house_status":
            return "lamp off, radio off, fan off, door closed, thermostat 20"
    device, _, state = call.name.partition("_")
    return f"{device} {state}"
