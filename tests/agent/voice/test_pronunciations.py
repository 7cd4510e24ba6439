"""Words that the recogniser's dictionary lacks are given pronunciations."""

from pathlib import Path

import pytest

from sensebind.agent.robot.voice_section import VoiceConfig
from sensebind.agent.voice.espeak import espeak_library
from sensebind.agent.voice.pronunciations import AMERICAN, BRITISH, dictionary_of, phones_of
from sensebind.errors import InputError

DICTIONARY = """lamp L AE M P
read R EH D
read(2) R IY D
reads R IY D Z
turn T ER N
"""


@pytest.mark.parametrize(
    ("phonemes", "phones"),
    [
        (["θ", "ˈɜː", "m", "ə", "s", "t", "ˌæ", "t"], "TH ER M AH S T AE T"),
        (["tʃ", "ˈɛ", "ɹ"], "CH EH R"),
        (["z", "ˈɔːɹ", "b", "l", "æ", "k", "s"], "Z AO R B L AE K S"),
        (["dʒ", "ˈoʊ", "əl"], "JH OW AH L"),
        ([], ""),
    ],
)
def test_phonemes_become_phones(phonemes: list[str], phones: str) -> None:
    assert phones_of(phonemes) == phones


def test_a_sound_that_english_lacks() -> None:
    with pytest.raises(InputError, match="no English phone for 'ǃ'"):
        phones_of(["ǃ"])


def test_where_pronunciations_come_from(tmp_path: Path) -> None:
    file = tmp_path / "words.dict"
    file.write_text(DICTIONARY)
    asked: list[tuple[str, str]] = []

    def phonemes(word: str, voice: str) -> list[str]:
        asked.append((word, voice))
        if voice == AMERICAN:
            return ["ɹ", "ˈoʊ", "v", "ɚ"] if word == "rover" else ["ǃ"]
        british = {"rover": ["ɹ", "ˈəʊ", "v", "ə"], "turn": ["t", "ˈɜː", "n"]}
        return british.get(word, ["ǃ"])

    words = ["lamp", "read", "reads", "rover", "turn"]
    found = dictionary_of(words, file, {"lamp": "L AA M P"}, phonemes)
    assert found == {
        "lamp": ["L AA M P"],  # as the robot's file has it, and not otherwise
        "read": ["R EH D", "R IY D"],
        "reads": ["R IY D Z"],  # a sound that English lacks costs the British one alone
        "rover": ["R OW V ER", "R OW V AH"],
        "turn": ["T ER N", "T AH N", "T UH N"],  # between the two, without an r
    }
    assert [one for one in asked if one[1] == AMERICAN] == [("rover", AMERICAN)]
    with pytest.raises(InputError, match=r"cannot pronounce 'click'.*voice: \{words\}"):
        dictionary_of(["click"], file, {}, phonemes)


@pytest.mark.parametrize(("word", "phones"), [("car", "K AA"), ("door", "D AO"), ("no", "N OW")])
def test_british_voices_leave_out_the_r(word: str, phones: str) -> None:
    pytest.importorskip("espeakng_loader", reason="needs the extra voice")
    assert phones in {phones_of(espeak_library().phonemes(word, voice)) for voice in BRITISH}


def test_phones_of_the_robots_file_are_checked() -> None:
    with pytest.raises(ValueError, match=r"words: rover: \['XX'\] is not a phone"):
        VoiceConfig(words={"rover": "R OW XX"})
    with pytest.raises(ValueError, match="is not a phone"):
        VoiceConfig(words={"rover": ""})
