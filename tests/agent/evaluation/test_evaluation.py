"""The evaluation's own arithmetic and reading; bad input; a whole run on a random checkpoint."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from fixtures.tiny_checkpoint import tiny_checkpoint

from sensebind.agent.corpus import utterance
from sensebind.agent.corpus.answers import Facts, count, everything, see, where
from sensebind.agent.corpus.conditions import NoPool
from sensebind.agent.corpus.dialog import sample_dialog
from sensebind.agent.evaluation import utterances
from sensebind.agent.evaluation.answering import Reply
from sensebind.agent.evaluation.detection import average_precision, iou, mean_average_precision
from sensebind.agent.evaluation.perception_to_words import run_tool
from sensebind.agent.evaluation.reading import kinds_in, numbers_in, read
from sensebind.agent.evaluation.report import Row, as_json, show
from sensebind.agent.evaluation.scenes import SceneSample
from sensebind.agent.llm.constrained_decoding import ParsedCall
from sensebind.errors import InputError

A, B, C = (0.0, 0.0, 10.0, 10.0), (20.0, 20.0, 30.0, 30.0), (0.0, 0.0, 10.0, 5.0)


def test_iou_of_boxes() -> None:
    assert iou(np.array([A]), np.array([A, B, C])).tolist() == [[1.0, 0.0, 0.5]]


def test_average_precision_by_hand() -> None:
    assert average_precision([[(0.9, A)]], [[A]]) == 1.0
    # Ranks: right, wrong, right: precision 1, 1/2, 2/3; half of the recall at 1, half at 2/3.
    found = [[(0.9, A), (0.8, (50.0, 50.0, 60.0, 60.0)), (0.7, B)]]
    assert average_precision(found, [[A, B]]) == pytest.approx(0.5 * 1 + 0.5 * 2 / 3)
    # A second box on the same thing is a false one.
    assert average_precision([[(0.9, A), (0.8, A)]], [[A, B]]) == 0.5
    assert average_precision([[]], [[A]]) == 0.0
    assert math.isnan(average_precision([[(0.5, A)]], [[]]))


def test_mean_average_precision_keeps_classes_and_images_apart() -> None:
    found = [[("dog", 0.9, A)], [("cat", 0.9, A)]]
    value, each = mean_average_precision(found, [[("dog", A)], [("dog", A), ("cat", B)]])
    assert each == {"dog": 0.5, "cat": 0.0} and value == 0.25


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_answers_of_the_grammar_are_read_back(lang: str) -> None:
    facts = Facts((("ball", "orange"), ("chair", "blue")), "dog", None)
    said = read(see(facts, lang))
    assert said.named == facts.sight and not said.nothing
    scene = SceneSample(1, ("ball", "orange"), (), "dog", None, {}, ())
    assert utterances.right_text(
        "all", "都说说" if lang == "zh" else "tell", everything(facts, lang), scene
    )
    assert not utterances.right_text("all", "tell", everything(Facts(), lang), scene)
    empty = read(see(Facts(), lang))
    assert empty.nothing and not empty.kinds
    assert numbers_in(count("ball", 2, lang)) == (2,)


def test_kinds_are_found_by_any_name_and_the_longest_wins() -> None:
    assert kinds_in("How many balls and two cats?") == ("ball", "cat")
    assert kinds_in("火车在哪里") == ("train",)
    assert kinds_in("education") == ()
    assert numbers_in("set it to twenty-one") == (21,)
    assert numbers_in("调到二十五度") == (25,)


def test_right_calls_need_the_exact_arguments() -> None:
    call = ParsedCall("detect", {"kind": "ball"}, "")
    assert utterances.right_call("count", "how many balls?", Reply("", call))
    assert not utterances.right_call("count", "how many dogs?", Reply("", call))
    assert not utterances.right_call("count", "how many balls?", Reply("two"))
    watch = ParsedCall("watch_add", {"what": "a red ball", "sense": "sight"}, "")
    assert utterances.right_call("watch_see", "tell me if a red ball comes", Reply("", watch))
    assert not utterances.right_call("watch_see", "tell me if a ball comes", Reply("", watch))
    spoiled = ParsedCall("detect", {"kind": "ball"}, "", error="x")
    assert not utterances.right_call("count", "how many balls?", Reply("", spoiled))


@pytest.mark.parametrize("intent", ["count", "where", "thermostat_set"])
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_arguments_are_read_from_the_grammars_own_phrasings(intent: str, lang: str) -> None:
    wrong = []
    for seed in range(150):
        said = utterance("heldout", intent, lang, random.Random(seed), noisy=False)
        wanted = (
            {"kind": said.slots["kind"]}
            if intent != "thermostat_set"
            else {"temperature": int(said.slots["temp"])}
        )
        if utterances.wanted_arguments(intent, said.text) != wanted:
            wrong.append((said.text, wanted))
    assert len(wrong) <= 6, wrong


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_answers_after_tools_are_judged_by_what_was_told(lang: str) -> None:
    question = "哪里" if lang == "zh" else "where"
    told = "2 ball: left near, right far"
    for answer, good in ((where("ball", ["left", "right"], lang), True), ("…", False)):
        assert utterances.right_after_tool("where", question, answer, told) is good
    assert utterances.right_after_tool("count", question, count("ball", 2, lang), told)
    assert not utterances.right_after_tool("count", question, count("ball", 3, lang), told)
    assert utterances.right_after_tool("count", question, count("ball", 0, lang), "0 ball")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("intent", ["approach", "turn_left", "recall_hear", "watch_see"])
def test_what_acting_tools_tell_is_answered_as_training_does(lang: str, intent: str) -> None:
    scene = SceneSample(1, None, (), None, None, {}, ())
    told = []
    for seed in range(8):
        asked, *_ = sample_dialog(
            random.Random(seed), NoPool(), split="heldout", lang=lang, turns=1, first=intent
        )
        (_, made), (_, result), (_, said) = asked.steps
        name, arguments = (json.loads(made)[key] for key in ("name", "arguments"))
        assert name == utterances.TOOL_OF[intent]
        if "error" not in result and "nothing" not in result and "just now" not in result:
            told.append(utterances.right_after_tool(intent, asked.user, said, result))
        assert run_tool(ParsedCall(name, arguments, ""), scene)
    assert sum(told) >= len(told) - 2 and sum(told) > 0  # a slip may hide what was asked for


def test_report_has_the_one_form(capsys: pytest.CaptureFixture[str]) -> None:
    rows = [Row("a", 0.5, 0.4, 10), Row("b", float("nan"), None, 0), Row("c", 0.1, 0.2, 5)]
    assert as_json(rows[:2])["ok"] and not as_json(rows)["ok"]
    assert show(rows, title="t", json_form=True) == 1
    printed = json.loads(capsys.readouterr().out)
    assert printed["rows"][0] == {"name": "a", "value": 0.5, "bar": 0.4, "n": 10}
    assert printed["rows"][1]["value"] is None
    assert show(rows[:1], title="t", json_form=False) == 0


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "cannot be read"),
        ("{", "is not JSON"),
        ("[]", "not empty"),
        ('[{"text": "hi"}]', "entry 1"),
        ('[{"text": "hi", "intent": "fly"}]', "unknown intent 'fly'"),
        ('[{"text": " ", "intent": "see"}]', "must be given"),
    ],
)
def test_bad_utterance_files_are_named(tmp_path: Path, content: str | None, message: str) -> None:
    path = tmp_path / "u.json"
    if content is not None:
        path.write_text(content)
    with pytest.raises(InputError, match=message):
        utterances.load_utterances(path)


@pytest.mark.extended
def test_all_rows_on_a_random_checkpoint(tmp_path: Path) -> None:
    from sensebind.agent.evaluation.perception_to_words import Chain
    from sensebind.agent.evaluation.scenes import HELD_OUT_SEEDS, perceive_scenes
    from sensebind.agent.evaluation.simhome import evaluate, evaluate_senses

    tiny_checkpoint(tmp_path)
    seeds = range(HELD_OUT_SEEDS, HELD_OUT_SEEDS + 12)
    scenes = perceive_scenes(tmp_path, seeds, workers=1, quiet=True)
    assert any(scene.main for scene in scenes) and scenes[0].vectors["sight"].shape == (16,)
    chain = Chain(tmp_path)
    rows = {row.name: row for row in evaluate(chain, scenes, 3, lambda _: None)}
    required = {
        "sight_kind_color": 0.90,
        "hearing_kind": 0.85,
        "scan_kind": 0.80,
        "slots_sight": -0.04,
        "slots_hearing": -0.04,
        "slots_scan": -0.04,
        "absent_sense": 0.95,
        "tool_chosen": 0.95,
        "tool_arguments": 0.90,
        "tool_json_valid": 1.0,
        "chinese_answered_right": 0.85,
        "detector_map50": 0.80,
    }
    assert {name: rows[name].bar for name in required} == required
    assert rows["tool_json_valid"].value == 1.0
    asked = [("what do you see", "see"), ("时间", "time"), ("set 21 degrees", "thermostat_set")]
    mine = utterances.evaluate(chain, asked, scenes)
    assert [row.name for row in mine] == ["see", "thermostat_set", "time", "all_utterances"]
    alone = evaluate_senses(Chain(tmp_path, tools=False), scenes, 3, lambda _: None)
    assert {row.name for row in alone} < rows.keys()
    assert {"sight_kind_color", "slots_scan", "absent_sense"} < {row.name for row in alone}
