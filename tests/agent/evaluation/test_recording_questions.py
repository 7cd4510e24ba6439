"""`sensebind eval recording` on two simulated homes, one after the other."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from sensebind.agent.cli import main
from sensebind.agent.evaluation.recording import Question, read_questions
from sensebind.errors import InputError
from sensebind.perception.frames import recording
from sensebind.perception.frames.recording import Recorder
from sensebind.perception.percept import Modality, Observation
from sensebind.perception.simhome.home import SimHome
from sensebind.perception.simhome.sampling import sample_scene

RATE = 16_000


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A red ball and a dog that barks; ten seconds later a blue ball, and nothing to hear."""
    file = tmp_path_factory.mktemp("visit") / "visit.mcap"
    clock = SimpleNamespace(now=100.0)
    time = SimpleNamespace(
        time_ns=lambda: 10**18,
        monotonic_ns=lambda: int(clock.now * 1e9),
        monotonic=lambda: clock.now,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(recording, "time", time)
        with Recorder(file) as recorder:
            for kind, color, sounding in (("ball", "red", "dog"), ("ball", "blue", False)):
                scene = sample_scene(30_999_000, main=(kind, color), empty=False, sounding=sounding)
                with SimHome(scene) as home:
                    home.step(2.0)
                    given: list[tuple[str, Modality, Any, int]] = [
                        ("camera", Modality.VISION, home.camera().copy(), 0)
                    ]
                    if sounding:
                        heard = home.microphone(2.0)
                        given.append(("microphone", Modality.AUDIO, heard, RATE))
                for stream, modality, data, rate in given:
                    stamp = 10**18 + int(clock.now * 1e9)
                    recorder.observe(
                        Observation(data, stream, modality, stamp, clock.now, 0, stream, rate)
                    )
                clock.now += 10.0
    return file


def run(visit: Path, folder: Path, questions: object, capsys: Any) -> tuple[int, str, str]:
    file = folder / "questions.yaml"
    file.write_text(json.dumps(questions))  # JSON is YAML
    with pytest.raises(SystemExit) as ended:
        main(["eval", "recording", str(visit), "--questions", str(file), "--json"])
    said = capsys.readouterr()
    return int(ended.value.code or 0), said.out, said.err


def test_each_question_is_asked_about_its_own_time(
    visit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = [
        {"at": 10.5, "ask": "what do you see?", "expect": ["blue", "ball"], "refuse": "red"},
        {"at": 0.5, "ask": "what do you see?", "expect": ["red ball"], "refuse": ["blue"]},
        {"at": 1.0, "ask": "what do you hear?", "expect": "dog"},
        {"at": 10.5, "ask": "what do you hear?", "refuse": "dog"},  # ten seconds old
    ]
    code, out, errors = run(visit, tmp_path, questions, capsys)
    answers = [json.loads(line) for line in out.splitlines()]
    assert [one["missed"] for one in answers] == [[]] * 4, out
    assert code == 0 and "4 of 4 right" in errors
    assert [one["at"] for one in answers] == [0.5, 1.0, 10.5, 10.5]
    states = {one["stream"]: one["state"] for one in answers[-1]["percepts"]}
    assert states == {"camera": "present", "microphone": "stale"}


def test_a_wrong_answer_is_named_and_ends_with_1(
    visit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = [{"at": 0.5, "ask": "what do you see?", "expect": "cat", "refuse": "ball"}]
    code, out, _ = run(visit, tmp_path, questions, capsys)
    assert code == 1
    assert json.loads(out)["missed"] == ["lacks 'cat'", "has 'ball'"]


def test_a_question_behind_the_end_is_refused(
    visit: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = [{"at": 60.0, "ask": "what do you see?", "expect": "cat"}]
    code, _, errors = run(visit, tmp_path, questions, capsys)
    assert code == 2 and "the recording ends after 10.0 s" in errors


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a: [", "is not YAML"),
        ("a: 2026-13-01", "is not YAML: month must be in 1..12"),
        ("[]", "has no questions"),
        ("[{at: 1, ask: x}]", "question 0: give expect: or refuse:"),
        ("[{at: -1, ask: x, expect: y}]", "question 0.at"),
        ("[{at: .nan, ask: x, expect: y}]", "question 0.at"),
        ("[{at: 1, ask: x, expects: y}]", "question 0.expects"),
        ("{at: 1}", "question"),
    ],
)
def test_a_file_that_is_wrong_is_refused_in_one_line(
    tmp_path: Path, given: str, message: str
) -> None:
    file = tmp_path / "q.yaml"
    file.write_text(given)
    with pytest.raises(InputError, match=message) as refused:
        read_questions(file)
    assert len(str(refused.value).splitlines()) == 1


@pytest.mark.parametrize(
    ("said", "word", "right"),
    [
        ("I see a yellow ball.", "ball", True),
        ("I see a yellow ball.", "Yellow  Ball", True),
        ("I see three balls.", "ball", False),
        ("I see a catalogue.", "cat", False),
        ("我看到一个红色的球。", "红色的球", True),
        ("我看到一个红色的球。", "蓝色", False),
    ],
)
def test_words_are_whole_where_a_script_has_spaces(said: str, word: str, right: bool) -> None:
    question = Question.model_validate({"at": 0, "ask": "x", "expect": word})
    assert (not question.missed(said)) is right
