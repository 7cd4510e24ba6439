"""Words that the recogniser's dictionary lacks are given pronunciations."""

from pathlib import Path

import pytest

from sensebind.agent.robot.voice_section import VoiceConfig
from sensebind.agent.voice.pronunciations import dictionary_of, phones_of
from sensebind.errors import InputError

DICTIONARY = """lamp L AE M P
read R EH D
read(2) R IY D
reads R IY D Z
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
    asked: list[str] = []

    def phonemes(word: str) -> list[str]:
        asked.append(word)
        return ["ɹ", "ˈoʊ", "v", "ɚ"] if word == "rover" else ["ǃ"]

    found = dictionary_of(["lamp", "read", "rover"], file, {"lamp": "L AA M P"}, phonemes)
    assert found == {"lamp": ["L AA M P"], "read": ["R EH D", "R IY D"], "rover": ["R OW V ER"]}
    assert asked == ["rover"]
    with pytest.raises(InputError, match=r"cannot pronounce 'click'.*voice: \{words\}"):
        dictionary_of(["click"], file, {}, phonemes)


def test_phones_of_the_robots_file_are_checked() -> None:
    with pytest.raises(ValueError, match=r"words: rover: \['XX'\] is not a phone"):
        VoiceConfig(words={"rover": "R OW XX"})
    with pytest.raises(ValueError, match="is not a phone"):
        VoiceConfig(words={"rover": ""})
