"""What the reader's network is given of a text."""

from sensebind.agent.llm.reader.features import (
    GRAMS,
    MAX_TOKENS,
    UNKNOWN,
    Vocabulary,
    tokens_of,
)


def texts(said: str) -> list[str]:
    return [token.text for token in tokens_of(said)]


def test_marks_and_apostrophes_are_kept() -> None:
    assert texts('Don’t "open" it - now?') == ["don't", '"', "open", '"', "it", "-", "now", "?"]


def test_case_is_told_apart() -> None:
    shapes = [token.shape for token in tokens_of("stop Stop STOP 21 灯 !")]
    assert len(set(shapes)) == 6


def test_numbers_are_known_by_their_length_alone() -> None:
    assert texts("21 7 21.5 1,5") == ["#2", "#1", "#.", "#."]


def test_a_unit_is_a_token_of_its_own() -> None:
    assert texts("30cm 21°C") == ["#2", "cm", "#2", "°", "c"]


def test_chinese_is_read_by_the_character() -> None:
    assert texts("把灯关掉。") == ["把", "灯", "关", "掉", "。"]


def test_what_is_invisible_is_left_out() -> None:
    assert texts("open\u200b the\u00a0door") == texts("open the door")


def test_a_slip_shares_most_trigrams_with_what_was_meant() -> None:
    words = Vocabulary(["radio"], 8192)
    right, slipped = (set(words.row(one)[1][1]) for one in ("radio", "raddio"))
    assert words.row("raddio")[0][1] == UNKNOWN
    assert len(right & slipped) >= 3


def test_rows_are_padded_to_the_longest_and_cut() -> None:
    encoded = Vocabulary(["a"], 64).encode(["a", "a " * 200])
    assert encoded.words.shape == (2, MAX_TOKENS)
    assert encoded.grams.shape == (2, MAX_TOKENS, GRAMS)
    assert (encoded.words[0, 2:] == 0).all()
