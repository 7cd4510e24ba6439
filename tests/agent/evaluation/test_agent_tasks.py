"""Tasks for the agent: how answers are checked, and that the stage lets nothing through."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.tiny_checkpoint import tiny_checkpoint

from sensebind.agent.corpus import answers
from sensebind.agent.evaluation.agent_checks import ago_in, denies, right_ago, same_language
from sensebind.agent.evaluation.agent_families import FAMILIES
from sensebind.agent.evaluation.agent_harness import Parts, Stage, on_stage
from sensebind.agent.evaluation.agent_tasks import Outcome, play, rows_of, run
from sensebind.agent.evaluation.report import AtMost, as_json
from sensebind.errors import InputError
from sensebind.memory.episodes import Query
from sensebind.perception.simhome.sampling import sample_scene

HOME = sample_scene(30_999_000, main=("ball", "red"), empty=False, sounding="dog")


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize(
    ("number", "unit", "seconds"),
    [
        (0, "", 3),
        (40, "second", 44),
        (2, "minute", 140),
        (1, "hour", 3000),
    ],
)
def test_times_of_the_grammars_answers_are_read_back(
    lang: str, number: int, unit: str, seconds: float
) -> None:
    answer = answers.recalled("see", "ball", "red", number, unit, lang)
    assert right_ago(answer, seconds) and not right_ago(answer, 3 * seconds + 30)
    assert not denies(answer) and ago_in(answer) is not None
    assert denies(answers.forgotten("see", "ball", lang))
    assert ago_in(answers.forgotten("see", "ball", lang)) is None
    assert same_language("看到了吗" if lang == "zh" else "did you see it", answer)
    assert not same_language("看到了吗" if lang == "en" else "did you see it", answer)


def outcome(family: str, failure: str = "", unapproved: int = 0, questions: int = 0) -> Outcome:
    return Outcome(family, 1, "go", "gone", [], "", failure, unapproved, questions)


def test_rows_are_shares_and_one_movement_without_approval_fails() -> None:
    good = [outcome(name) for name in FAMILIES]
    rows = {row.name: row for row in rows_of([*good, outcome("go", "it did not arrive")])}
    assert rows["overall"].value == pytest.approx(6 / 7) and rows["go"].value == 0.5
    assert rows["acting_without_approval"].ok and not rows["go"].ok
    assert {row.bar for row in rows.values()} == {0.85, 0.75, 0, None}
    asked = {row.name: row for row in rows_of([*good, outcome("switch", questions=1)])}
    assert rows["switch_asked_first"].value == 0 and asked["switch_asked_first"].value == 0.5
    moved = rows_of([*good, outcome("now", unapproved=1)])
    assert [row.name for row in moved if not row.ok] == ["acting_without_approval"]
    assert as_json([AtMost("x", 0, 0, 1)]) == {
        "rows": [{"name": "x", "value": 0, "bar": 0, "n": 1}],
        "ok": True,
    }


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with Parts(tiny_checkpoint(tmp_path_factory.mktemp("checkpoint"))) as parts:
        yield parts


@pytest.fixture
def stage(parts: Parts) -> Iterator[Stage]:
    with on_stage(parts) as stage:
        stage.enter(HOME)
        yield stage


def test_what_is_lived_is_remembered_with_simulated_times(stage: Stage) -> None:
    stage.live(3.0)
    stage.sleep(600.0)
    stage.live(3.0)
    assert stage.now == 606.0
    [old, new] = sorted(
        found.episode.started_at for found in stage._memory.search(Query(None, "vision", limit=5))
    )
    assert (new - old) / 1e9 == pytest.approx(603.0, abs=0.5)
    tools = {tool.name: tool for tool in stage._tools()}
    told = str(tools["recall"].invoke({"sense": "sight", "when": "10 minutes ago"}))
    assert told.startswith("10 minutes ago") and "(seen by camera, 09:00:00 to 09:00:03" in told


def test_the_condition_holds_what_the_senses_gave(stage: Stage) -> None:
    stage.live(1.0)
    condition = stage.condition(("sight", "hearing", "scan"), 16)
    assert condition.present.all() and {one.sense for one in condition.sensed} == {
        "sight",
        "hearing",
        "scan",
    }


def test_a_movement_that_nobody_approved_is_counted(stage: Stage) -> None:
    stage.live(0.5)
    tools = {tool.name: tool for tool in stage._tools()}
    before = stage.now
    assert tools["turn"].invoke({"degrees": 90}) == "turned 90.0 degrees"
    assert stage.unapproved == 1 and stage.now > before


def test_the_house_of_the_home_is_switched_over_http(stage: Stage) -> None:
    tools = {tool.name: tool for tool in stage._parts.api.tools()}
    assert not stage.home.devices.lamp
    assert tools["lamp_on"].invoke({}) == "lamp on" and stage.home.devices.lamp


@pytest.mark.slow
def test_each_family_can_be_played_on_a_random_checkpoint(parts: Parts, tmp_path: Path) -> None:
    outcomes = list(play(parts, len(FAMILIES)))
    assert [one.family for one in outcomes] == list(FAMILIES)
    assert all(one.asked and one.failure for one in outcomes)  # nothing is right by chance
    assert not any(one.unapproved for one in outcomes)
    assert [one.failure for one in outcomes] == [
        one.failure for one in play(parts, len(FAMILIES))
    ]  # the same tasks, the same answers


@pytest.mark.slow
def test_the_command_writes_what_failed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    checkpoint, file = tiny_checkpoint(tmp_path / "checkpoint"), tmp_path / "failed.jsonl"
    assert run(tasks=1, as_json=True, checkpoint=checkpoint, failures=file) == 1
    assert json.loads(capsys.readouterr().out)["rows"][0]["n"] == 1
    [failed] = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    assert failed["family"] == "now" and failed["failure"]
    with pytest.raises(InputError, match="cannot be written"):
        run(tasks=1, as_json=True, checkpoint=checkpoint, failures=tmp_path)
