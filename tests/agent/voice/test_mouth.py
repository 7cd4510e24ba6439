"""Speaking, and being cut off."""

import threading
import time
from pathlib import Path

import pytest
import soundfile
from fixtures.scripted_voice import BeepSpeaker, HeldLoudspeaker

from sensebind.agent.voice.loudspeakers import FileLoudspeaker, loudspeaker_of
from sensebind.agent.voice.mouth import Mouth
from sensebind.agent.voice.parts import RATE
from sensebind.agent.voice.sentences import Sentences
from sensebind.errors import StorageError


def test_an_answer_is_said_sentence_by_sentence() -> None:
    speaker, loudspeaker = BeepSpeaker(), HeldLoudspeaker()
    with Mouth(speaker, loudspeaker) as mouth:
        answer = mouth.begin()
        mouth.say(answer, "One two.")
        mouth.say(answer, "Three.")
        mouth.wait(answer)
        assert answer.said == ["One two.", "Three."] == speaker.said and not answer.cut
        assert loudspeaker.samples == 300 and not mouth.speaking


def test_what_is_played_is_known() -> None:
    speaker = BeepSpeaker()
    before = time.monotonic()
    with Mouth(speaker, HeldLoudspeaker()) as mouth:
        answer = mouth.begin()
        mouth.say(answer, "One two three.")
        mouth.wait(answer)
        first = round(before * RATE)
        read = mouth.played.read(first, round((time.monotonic() + 1 - before) * RATE))
    assert (read > 0.5).sum() == pytest.approx(0.3 * RATE, rel=0.01)


def test_a_cut_leaves_what_was_heard() -> None:
    loudspeaker = HeldLoudspeaker()
    with Mouth(BeepSpeaker(), loudspeaker) as mouth:
        answer = mouth.begin()
        loudspeaker.open.clear()
        mouth.say(answer, "One two three four.")
        mouth.say(answer, "Never.")
        assert loudspeaker.playing.wait(60)
        assert mouth.cut()
        loudspeaker.open.set()
        mouth.wait(answer)
        assert answer.cut and " ".join(answer.said) in ("", "One")
        assert loudspeaker.samples <= 20 and loudspeaker.drops == 1
        mouth.say(answer, "Nothing of an answer that was cut.")
        mouth.wait(answer)
        assert loudspeaker.samples <= 20


def test_a_new_answer_cuts_the_one_before() -> None:
    loudspeaker = HeldLoudspeaker()
    with Mouth(BeepSpeaker(), loudspeaker) as mouth:
        first = mouth.begin()
        loudspeaker.open.clear()
        mouth.say(first, "A long story begins.")
        assert loudspeaker.playing.wait(60)
        second = mouth.begin()
        mouth.say(second, "Stop.")
        loudspeaker.open.set()
        mouth.wait(first)
        mouth.wait(second)
        assert first.cut and second.said == ["Stop."] and not second.cut
    assert not mouth.cut()


def test_a_loudspeaker_that_fails_does_not_end_the_robot() -> None:
    class Broken(HeldLoudspeaker):
        def write(self, piece: object) -> None:
            raise OSError("unplugged")

    loudspeaker: HeldLoudspeaker = Broken()
    with Mouth(BeepSpeaker(), loudspeaker) as mouth:
        answer = mouth.begin()
        mouth.say(answer, "Hello.")
        mouth.wait(answer)
        assert mouth.trouble == "unplugged" and answer.said == []


def test_ending_does_not_wait_for_what_is_to_be_said() -> None:
    loudspeaker = HeldLoudspeaker()
    with Mouth(BeepSpeaker(), loudspeaker) as mouth:
        loudspeaker.open.clear()
        answer = mouth.begin()
        mouth.say(answer, "word " * 50)
        assert loudspeaker.playing.wait(60)
        mouth.cut()
        loudspeaker.open.set()
    assert answer.cut and "mouth" not in {one.name for one in threading.enumerate()}


def test_speech_into_a_file(tmp_path: Path) -> None:
    file = tmp_path / "said.wav"
    speaker = BeepSpeaker()
    with Mouth(speaker, FileLoudspeaker(file, speaker.rate)) as mouth:
        answer = mouth.begin()
        mouth.say(answer, "One two")
        mouth.wait(answer)
    samples, rate = soundfile.read(file)
    assert rate == 1000 and len(samples) == 200 + 1500 and not samples[200:].any()


def test_a_file_that_cannot_be_written(tmp_path: Path) -> None:
    with (
        pytest.raises(StorageError, match=r"said\.wav cannot be written"),
        loudspeaker_of(str(tmp_path / "missing" / "said.wav"), 1000),
    ):
        pass


def test_sentences_of_an_answer_that_comes_in_pieces() -> None:
    sentences, found = Sentences(), []
    for piece in ("I see 1.5 d", "ogs. And ", "e.g. a cat! 你好，我在。", "It is", " done"):
        found += sentences.add(piece)
    assert found == ["I see 1.5 dogs.", "And e.g. a cat!", "你好，我在。"]
    assert [*sentences.rest()] == ["It is done"] and not [*sentences.rest()]
