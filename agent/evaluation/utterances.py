"""Anyone's own phrasings: for each intent, what is right in a scene, and how often it is said."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from sensebind.agent.corpus.acts import MOVES, SENSE_OF, named
from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.evaluation.answering import Reply
from sensebind.agent.evaluation.perception_to_words import CLOCK, THERMOSTAT, Chain, Question
from sensebind.agent.evaluation.reading import is_chinese, kinds_in, numbers_in, read
from sensebind.agent.evaluation.report import Row
from sensebind.agent.evaluation.scenes import SceneSample
from sensebind.errors import InputError

REMEMBERED = {f"recall_{sense}": "recall" for sense in ("see", "hear")} | {
    f"watch_{sense}": "watch_add" for sense in ("see", "hear", "scan")
}
TOOL_OF = {
    name: name
    for name in (
        "lamp_on",
        "lamp_off",
        "radio_on",
        "radio_off",
        "fan_on",
        "fan_off",
        "door_open",
        "door_close",
        "thermostat_set",
        "thermostat_get",
    )
} | {"time": "clock", "count": "detect", "where": "detect"}
TOOL_OF |= {intent: tool for intent, (tool, _, _) in MOVES.items()}
TOOL_OF |= {"approach": "approach"} | REMEMBERED
SPOKEN = ("see", "hear", "scan", "color", "all")
INTENTS = (*SPOKEN, *TOOL_OF, "greeting", "thanks", "who", "cannot")
SCENES_PER_UTTERANCE = 8
_CLAUSE = re.compile(r",\s*|，")


def load_utterances(path: Path) -> list[tuple[str, str]]:
    """Reads `[{"text": …, "intent": …}, …]`.

    Returns:
        (text, intent) pairs.

    Raises:
        InputError: Missing, not JSON of that form, empty, or with an unknown intent.
    """
    try:
        if path.stat().st_size > 10_000_000:
            raise InputError(f"{path} is larger than 10 MB")
        rows = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON: {error}") from error
    if not isinstance(rows, list) or not rows:
        raise InputError(f'{path} must hold a list of {{"text": …, "intent": …}}, not empty')
    pairs: list[tuple[str, str]] = []
    for number, row in enumerate(rows, 1):
        text = row.get("text") if isinstance(row, dict) else None
        intent = row.get("intent") if isinstance(row, dict) else None
        if not isinstance(text, str) or not text.strip() or not isinstance(intent, str):
            raise InputError(f'{path}, entry {number}: "text" and "intent" must be given')
        if intent not in INTENTS:
            raise InputError(
                f"{path}, entry {number}: unknown intent {intent!r}; known: {', '.join(INTENTS)}"
            )
        if len(text) > 500:
            raise InputError(f"{path}, entry {number}: the text is longer than 500 characters")
        pairs.append((text, intent))
    return pairs


def suits(intent: str, scene: SceneSample) -> bool:
    """Whether an intent can be asked about in a scene."""
    match intent:
        case "see" | "color":
            return scene.main is not None
        case "hear":
            return scene.heard is not None
        case "scan":
            return scene.nearest is not None
    return True


def right_sense(sense: str, clause: str, scene: SceneSample) -> bool:
    """Whether a clause says what a sense perceives: the thing, or that there is none."""
    said = read(clause)
    if sense == "sight":
        return scene.main in said.named if scene.main else said.nothing and not said.kinds
    kind = scene.heard if sense == "hearing" else scene.nearest
    return set(said.kinds) == {kind} if kind else said.nothing and not said.kinds


def right_text(intent: str, text: str, answer: str, scene: SceneSample) -> bool:
    """Whether an answer in words is right, and in the language of the question."""
    if is_chinese(text) != is_chinese(answer):
        return False
    said = read(answer)
    match intent:
        case "see":
            return right_sense("sight", answer, scene)
        case "hear":
            return right_sense("hearing", answer, scene)
        case "scan":
            return right_sense("scan", answer, scene)
        case "all":
            clauses = _CLAUSE.split(answer.strip("。. "))
            senses = ("sight", "hearing", "scan")
            return len(clauses) == 3 and all(
                right_sense(sense, clause, scene)
                for sense, clause in zip(senses, clauses, strict=True)
            )
        case "color":
            asked = kinds_in(text)
            colors = {color for kind, color, _ in scene.visible if not asked or kind in asked}
            if asked and not colors:
                return not said.colors
            if not asked and scene.main:
                return said.colors == (scene.main[1],)
            return bool(said.colors) and set(said.colors) <= colors
    lang = "zh" if is_chinese(text) else "en"
    return answer == FIXED[intent][lang]


def arguments_of(
    intent: str, kind: str | None, color: str | None = None, degrees: int | None = None
) -> Mapping[str, object]:
    """The arguments that a tool must be called with, given what the question names."""
    if intent in MOVES:
        return MOVES[intent][1]
    if intent == "thermostat_set" and degrees is not None:
        return {"temperature": degrees}
    if intent in ("count", "where", "approach") and kind:
        return {"kind": kind}
    if intent in REMEMBERED and kind:
        wanted = {"what": named(kind, color), "sense": SENSE_OF[intent.partition("_")[2]]}
        return wanted | ({"when": "last"} if intent.startswith("recall") else {})
    return {}


def wanted_arguments(intent: str, text: str) -> Mapping[str, object]:
    """The arguments that a tool must be called with, read from the question."""
    kinds, colors = kinds_in(text), read(text).colors
    numbers = [number for number in numbers_in(text) if 10 <= number <= 30]
    return arguments_of(
        intent,
        kinds[0] if kinds else None,
        colors[0] if colors else None,
        numbers[-1] if numbers else None,
    )


def right_call(intent: str, text: str, reply: Reply) -> bool:
    """Whether the right tool was called with exactly the right arguments."""
    call = reply.call
    if call is None or call.error or call.name != TOOL_OF[intent]:
        return False
    return call.arguments == wanted_arguments(intent, text)


def right_after_tool(intent: str, text: str, answer: str, told: str) -> bool:
    """Whether the answer says what the tool reported, in the language of the question."""
    if not answer or is_chinese(text) != is_chinese(answer):
        return False
    match intent:
        case "count":
            return (numbers_in(answer) or (0,))[0] == int(told.split()[0])
        case "where":
            places = {"left": "左", "right": "右", "middle": "中间"}
            return all(
                (word in answer or places[word] in answer) == (word in told)
                for word in ("left", "right", "middle")
            )
        case "time":
            return CLOCK in answer
        case "thermostat_get":
            return str(THERMOSTAT) in answer
        case "thermostat_set":
            return told.split()[-1] in answer
        case "approach" | "watch_see" | "watch_hear" | "watch_scan":
            return kinds_in(answer)[:1] == kinds_in(text)[:1]
        case "recall_see" | "recall_hear":
            return numbers_in(answer)[:1] == numbers_in(told)[:1]
    return True


def evaluate(
    chain: Chain,
    utterances: Sequence[tuple[str, str]],
    scenes: Sequence[SceneSample],
    tick: Callable[[int], None] | None = None,
) -> list[Row]:
    """Asks each utterance in several scenes.

    Returns:
        Per intent the share of right answers (for tools: right call and right answer after it),
        and the share over all.
    """
    questions: list[Question] = []
    intents: list[str] = []
    seen = {scene.seed: chain.perceived(scene) for scene in scenes}
    for number, (text, intent) in enumerate(utterances):
        suited = [scene for scene in scenes if suits(intent, scene)]
        for step in range(min(SCENES_PER_UTTERANCE, len(suited))):
            scene = suited[(number * SCENES_PER_UTTERANCE + step) % len(suited)]
            questions.append(Question(text, scene, seen[scene.seed]))
            intents.append(intent)
    first = chain.ask(questions, tick)
    last = chain.go_on(questions, first)
    right: dict[str, list[bool]] = {}
    for question, intent, (_, reply), (answer, told) in zip(
        questions, intents, first, last, strict=True
    ):
        if intent in TOOL_OF:
            good = right_call(intent, question.text, reply) and right_after_tool(
                intent, question.text, answer.text, told
            )
        else:
            good = reply.call is None and right_text(
                intent, question.text, reply.text, question.scene
            )
        right.setdefault(intent, []).append(good)
    rows = [
        Row(intent, sum(right[intent]) / len(right[intent]), None, len(right[intent]))
        for intent in INTENTS
        if intent in right
    ]
    everything = [good for goods in right.values() for good in goods]
    return [*rows, Row("all_utterances", sum(everything) / len(everything), None, len(everything))]
