"""`sensebind eval simhome`: from pixels, samples and points to words, on held-out scenes.

Scenes have seeds from 10,000,000 on and phrasings are those that training leaves out. Every answer
is given with all tools at hand, so a call where words were asked for is a wrong answer.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import Progress

from sensebind.agent.conditioning.embedder import Embedder
from sensebind.agent.corpus import utterance
from sensebind.agent.corpus.phrasing import article
from sensebind.agent.evaluation import utterances as phrasings
from sensebind.agent.evaluation.answering import Reply
from sensebind.agent.evaluation.detection import mean_average_precision
from sensebind.agent.evaluation.perception_to_words import Chain, Question
from sensebind.agent.evaluation.reading import is_chinese, read
from sensebind.agent.evaluation.report import Row, show
from sensebind.agent.evaluation.scenes import HELD_OUT_SEEDS, SceneSample, perceive_scenes
from sensebind.checkpoints import default_checkpoint
from sensebind.checkpoints.layout import CacheSettings
from sensebind.perception.simhome.catalog import COLORS, KINDS

SCENES_PER_ROW = 3  # scenes perceived per trial of a row: not every scene has what a row needs
ASKS = {"sight": "see", "hearing": "hear", "scan": "scan"}
SLOT_TOLERANCE = 0.04
CAPTION_BAR = 0.80  # ours: no issue asks for it, but recall and watches are lost without
CACHES: dict[str, CacheSettings | None] = {
    "off": None,
    "k1": CacheSettings(k=1),
    "k10": CacheSettings(k=10),
    "k50": CacheSettings(k=50),
    "w0.25": CacheSettings(weight=0.25),
    "w0.5": CacheSettings(weight=0.5),
    "w0.9": CacheSettings(weight=0.9),
}

Tick = Callable[[int], None]


def run(
    *,
    n: int = 500,
    utterances: Path | None = None,
    as_json: bool = False,
    checkpoint: Path | None = None,
    senses_only: bool = False,
) -> int:
    """Evaluates a checkpoint and prints the rows.

    Args:
        n: Trials per row.
        utterances: File of phrasings to evaluate instead of the rows.
        as_json: Print one JSON object.
        checkpoint: Directory of the weights; the embedded ones by default.
        senses_only: Ask about the senses only, in English and without tools at hand: for an
            adapter that was trained without them.

    Returns:
        0, or 1 when a row is below its bar.

    Raises:
        SenseBindError: The file or the checkpoint cannot be used.
    """
    given = phrasings.load_utterances(utterances) if utterances else None
    directory = checkpoint or default_checkpoint()
    torch.set_num_threads(max(1, torch.get_num_threads()))
    chain = Chain(directory, tools=not senses_only)
    if given is not None:
        seeds = range(HELD_OUT_SEEDS, HELD_OUT_SEEDS + 240)
        scenes = perceive_scenes(directory, seeds, quiet=as_json)
        with _progress(as_json) as progress:
            task = progress.add_task("asking", total=None)
            rows = phrasings.evaluate(chain, given, scenes, lambda k: progress.advance(task, k))
        return show(rows, title="Your phrasings", json_form=as_json)
    seeds = range(HELD_OUT_SEEDS, HELD_OUT_SEEDS + SCENES_PER_ROW * n)
    scenes = perceive_scenes(directory, seeds, quiet=as_json)
    with _progress(as_json) as progress:
        task = progress.add_task("asking", total=(7 if senses_only else 17) * n)
        measure = evaluate_senses if senses_only else evaluate
        rows = measure(chain, scenes, n, lambda k: progress.advance(task, k))
    return show(rows, title=f"SimHome, held-out scenes from seed {seeds[0]}", json_form=as_json)


def _progress(quiet: bool) -> Progress:
    return Progress(console=Console(stderr=True), disable=quiet)


def evaluate(chain: Chain, scenes: Sequence[SceneSample], n: int, tick: Tick) -> list[Row]:
    """Computes all rows.

    Args:
        chain: The checkpoint.
        scenes: Perceived scenes; about three times as many as trials.
        n: Most trials per row.
        tick: Called with how many questions were answered.
    """
    rows = evaluate_senses(chain, scenes, n, tick)
    rows += _tools(chain, scenes, n, tick)
    rows.append(_chinese(chain, scenes, n, tick))
    rows.append(_detector(scenes))
    rows += _by_caption(chain, scenes, n)
    rows += _cache_table(chain, scenes, n, tick)
    return rows


def evaluate_senses(chain: Chain, scenes: Sequence[SceneSample], n: int, tick: Tick) -> list[Row]:
    """Computes the rows about what is said of each sense; see `evaluate`."""
    alone, rows = _senses_alone(chain, scenes, n, tick)
    rows += _slots(chain, scenes, n, alone, tick)
    rows.append(_absent(chain, scenes, n, tick))
    return rows


def _kind_of(sense: str, scene: SceneSample) -> str | None:
    if sense == "sight":
        return scene.main[0] if scene.main else None
    return scene.heard if sense == "hearing" else scene.nearest


def _by_caption(chain: Chain, scenes: Sequence[SceneSample], n: int) -> list[Row]:
    """What recall and watches live on: among texts, the nearest to what is perceived is right."""
    embedder = Embedder(chain.llm.path)
    things = [(kind, color) for kind in KINDS for color in COLORS]
    named = np.stack([embedder.text(f"{article(color)} {kind}") for kind, color in things])
    kinds = np.stack([embedder.text(article(kind)) for kind in KINDS])
    rows = []
    for sense in ASKS:
        chosen = [scene for scene in _where(sense, scenes, n) if sense in scene.vectors]
        seen = np.stack([scene.vectors[sense] for scene in chosen])
        if sense == "sight":
            right = [
                things[i] == s.main for i, s in zip((seen @ named.T).argmax(1), chosen, strict=True)
            ]
        else:
            right = [
                KINDS[i] == _kind_of(sense, s)
                for i, s in zip((seen @ kinds.T).argmax(1), chosen, strict=True)
            ]
        rows.append(Row(f"{sense}_by_caption", _share(right), CAPTION_BAR, len(right)))
    return rows


def _where(sense: str, scenes: Sequence[SceneSample], n: int) -> list[SceneSample]:
    """The first scenes in which there is something to perceive."""
    return [scene for scene in scenes if _kind_of(sense, scene)][:n]


def _vector(chain: Chain, sense: str, scene: SceneSample) -> dict[str, np.ndarray]:
    whole = chain.perceived(scene)
    return {sense: whole[sense]} if sense in whole else {}


def _phrase(intent: str, lang: str, seed: int, **wish: str) -> str:
    return utterance("heldout", intent, lang, random.Random(seed), wish=wish or None).text


def _right(sense: str, reply: Reply, scene: SceneSample) -> bool:
    return reply.call is None and phrasings.right_sense(sense, reply.text, scene)


def _share(goods: Sequence[bool]) -> float:
    return sum(goods) / len(goods) if goods else float("nan")


def _senses_alone(
    chain: Chain, scenes: Sequence[SceneSample], n: int, tick: Tick
) -> tuple[dict[str, float], list[Row]]:
    """Each sense by itself: one slot filled, asked for in English."""
    names = {"sight": ("sight_kind_color", 0.90), "hearing": ("hearing_kind", 0.85)}
    names |= {"scan": ("scan_kind", 0.80)}
    shares: dict[str, float] = {}
    rows: list[Row] = []
    for sense, (name, bar) in names.items():
        chosen = _where(sense, scenes, n)
        asked = [
            Question(_phrase(ASKS[sense], "en", scene.seed), scene, _vector(chain, sense, scene))
            for scene in chosen
        ]
        replies = [reply for _, reply in chain.ask(asked, tick)]
        goods = [_right(sense, r, s) for r, s in zip(replies, chosen, strict=True)]
        shares[sense] = _share(goods)
        rows.append(Row(name, shares[sense], bar, len(goods)))
        if sense == "sight":
            said = [read(reply.text).named for reply in replies]
            pairs = list(zip(said, chosen, strict=True))
            kinds = [
                s.main is not None and s.main[0] in [k for k, _ in named] for named, s in pairs
            ]
            true = [
                all((k, c) in [(v[0], v[1]) for v in s.visible] for k, c in named)
                for named, s in pairs
            ]
            rows.append(Row("sight_kind", _share(kinds), None, len(kinds)))
            rows.append(Row("sight_names_only_what_is_there", _share(true), None, len(true)))
    return shares, rows


def _slots(
    chain: Chain,
    scenes: Sequence[SceneSample],
    n: int,
    alone: dict[str, float],
    tick: Tick,
) -> list[Row]:
    """All slots filled with different things (from different scenes), each asked for.

    The value is the difference to the sense alone, on the same scenes with the same questions.
    """
    rng = random.Random(0)
    pools = {sense: _where(sense, scenes, len(scenes)) for sense in ASKS}
    rows: list[Row] = []
    for sense in ASKS:
        chosen = _where(sense, scenes, n)
        asked: list[Question] = []
        for scene in chosen:
            vectors = _vector(chain, sense, scene)
            taken = {_kind_of(sense, scene)}
            for other in ASKS:
                if other == sense:
                    continue
                while True:
                    source = rng.choice(pools[other])
                    if _kind_of(other, source) not in taken:
                        break
                taken.add(_kind_of(other, source))
                vectors |= _vector(chain, other, source)
            asked.append(Question(_phrase(ASKS[sense], "en", scene.seed), scene, vectors))
        replies = [reply for _, reply in chain.ask(asked, tick)]
        share = _share([_right(sense, r, s) for r, s in zip(replies, chosen, strict=True)])
        rows.append(Row(f"slots_{sense}", share - alone[sense], -SLOT_TOLERANCE, len(chosen)))
        rows.append(Row(f"slots_{sense}_share", share, None, len(chosen)))
    return rows


def _absent(chain: Chain, scenes: Sequence[SceneSample], n: int, tick: Tick) -> Row:
    """A sense that perceives nothing, while the others may perceive something."""
    asked: list[Question] = []
    each = -(-n // len(ASKS))
    for sense in ASKS:
        empty = [scene for scene in scenes if _nothing(sense, scene)]
        for number in range(each if empty else 0):
            scene = empty[number % len(empty)]
            text = _phrase(ASKS[sense], "en", scene.seed + number * 7919)
            asked.append(Question(text, scene, chain.perceived(scene)))
    goods: list[bool] = []
    for _, reply in chain.ask(asked, tick):
        said = read(reply.text)
        goods.append(reply.call is None and said.nothing and not said.kinds)
    return Row("absent_sense", _share(goods), 0.95, len(goods))


def _nothing(sense: str, scene: SceneSample) -> bool:
    """Whether there is truly nothing for a sense: not even something far or faint."""
    if sense == "sight":
        return not scene.visible
    return _kind_of(sense, scene) is None


def _tools(chain: Chain, scenes: Sequence[SceneSample], n: int, tick: Tick) -> list[Row]:
    """Questions that need a tool, in both languages, in scenes as they come."""
    intents = list(phrasings.TOOL_OF)
    questions: list[Question] = []
    asked_for: list[tuple[str, Mapping[str, object]]] = []
    for number in range(n):
        intent, lang = intents[number % len(intents)], "zh" if number % 4 == 3 else "en"
        scene = scenes[number % len(scenes)]
        said = utterance("heldout", intent, lang, random.Random(scene.seed * 3 + number))
        kind, color, degrees = (said.slots.get(name) for name in ("kind", "color", "temp"))
        wanted = phrasings.arguments_of(intent, kind, color, int(degrees) if degrees else None)
        questions.append(Question(said.text, scene, chain.perceived(scene)))
        asked_for.append((intent, wanted))
    first = chain.ask(questions, tick)
    last = chain.go_on(questions, first)
    calls = [reply.call for _, reply in first]
    chosen = [
        call is not None and call.name == phrasings.TOOL_OF[intent]
        for call, (intent, _) in zip(calls, asked_for, strict=True)
    ]
    exact = [
        good and call is not None and call.arguments == wanted
        for good, call, (_, wanted) in zip(chosen, calls, asked_for, strict=True)
    ]
    made = [call for call in calls if call is not None]
    valid = [not call.error for call in made]
    told = [
        phrasings.right_after_tool(intent, question.text, answer.text, result)
        for question, (intent, _), (answer, result), good in zip(
            questions, asked_for, last, chosen, strict=True
        )
        if good
    ]
    return [
        Row("tool_chosen", _share(chosen), 0.95, n),
        Row("tool_arguments", _share(exact), 0.90, n),
        Row("tool_json_valid", _share(valid) if made else 1.0, 1.0, len(made)),
        Row("answer_after_tool", _share(told), None, len(told)),
    ]


def _chinese(chain: Chain, scenes: Sequence[SceneSample], n: int, tick: Tick) -> Row:
    """Chinese questions about all senses, in scenes as they come."""
    questions: list[Question] = []
    senses: list[str] = []
    each = -(-n // len(ASKS))
    for sense in ASKS:
        for scene in _where(sense, scenes, each):
            text = _phrase(ASKS[sense], "zh", scene.seed * 5)
            questions.append(Question(text, scene, chain.perceived(scene)))
            senses.append(sense)
    goods = [
        reply.call is None
        and is_chinese(reply.text)
        and _kind_of(sense, question.scene) in read(reply.text).kinds
        for sense, question, (_, reply) in zip(
            senses, questions, chain.ask(questions, tick), strict=True
        )
    ]
    return Row("chinese_answered_right", _share(goods), 0.85, len(goods))


def _detector(scenes: Sequence[SceneSample]) -> Row:
    """A checkpoint without a detector finds nothing, and is below the bar."""
    found = [[(d.label, d.score, d.box) for d in scene.detections] for scene in scenes]
    truth = [[(kind, _box(box)) for kind, _, box in scene.visible] for scene in scenes]
    value, _ = mean_average_precision(found, truth)
    return Row("detector_map50", value, 0.80, len(scenes))


def _box(box: Sequence[int]) -> tuple[float, float, float, float]:
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])


def _cache_table(chain: Chain, scenes: Sequence[SceneSample], n: int, tick: Tick) -> list[Row]:
    """What the paper does not show: what the cache does for senses that were never trained."""
    rows: list[Row] = []
    for sense in ("hearing", "scan"):
        chosen = _where(sense, scenes, n)
        with_vector = [scene for scene in chosen if sense in scene.vectors]
        shares: dict[CacheSettings | None, float] = {}
        for name, settings in CACHES.items():
            if settings not in shares:  # k10 and w0.5 are the same setting
                vectors = chain.enhanced([s.vectors[sense] for s in with_vector], settings)
                by_seed = {s.seed: v for s, v in zip(with_vector, vectors, strict=True)}
                asked = [
                    Question(
                        _phrase(ASKS[sense], "en", scene.seed),
                        scene,
                        {sense: by_seed[scene.seed]} if scene.seed in by_seed else {},
                    )
                    for scene in chosen
                ]
                replies = [reply for _, reply in chain.ask(asked, tick)]
                goods = [_right(sense, r, s) for r, s in zip(replies, chosen, strict=True)]
                shares[settings] = _share(goods)
            rows.append(Row(f"{sense}_cache_{name}", shares[settings], None, len(chosen)))
    return rows
