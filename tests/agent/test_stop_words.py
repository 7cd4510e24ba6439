"""What is a stop, what is one with more to say, and what is none."""

import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sensebind.agent.corpus import utterance
from sensebind.agent.corpus.grammar import Split
from sensebind.agent.stop_words import is_stop, says_more

STOPS = (
    """
Don't! Stop!|别！停！
stop|STOP!!!|stop now|please stop|Stop it.|don't move|Don’t move!|dont move|do not move|halt
freeze|emergency stop|e-stop|wait|Wait!|wait a second|cancel|cancel that|hold on|enough
that's enough|whoa|ｓｔｏｐ|ＳＴＯＰ！|stoooop|stpo|sotp|stp|s t o p|st0p|sto\u200bp
stop stop stop|no no no stop|oh my god stop|robot, stop|hey robot stop moving
stop what you're doing|please don't go|No! Don't! Stop!|no dont stop stop|/stop|could you stop?
pause|don't|Nooooo|stay there|stand still|stop the robot|别动|停下来|停|停！|不要动|等一下|取消
立刻停下|请停下|快停|机器人停下|停止|别走|等等|够了|站住|暂停|不要|別動|不要動|停車|請停下來
取消吧|住手|急停|s.t.o.p|st op|stopit|STOPSTOP|stahp|wiat|hlat|frezee|cease|hold!|quit moving|cut!
not so fast|too close!|far enough|it's enough|never mind|forget it|kill the motors
hit the brakes|don't you dare|🛑|✋|⏹️|/e-stop|别去|不要过去|危险|救命|要撞了|煞车|等我|慢
原地不动|待在原地|停在原地
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
MORE = (
    """
stop the radio|stop and turn left|could you stop the radio please|wait, there is a cat
停止播放收音机|cancel the timer|don't move the chair|go to the bus stop|等一下，你看到什么？
stop watching for a dog|you're going to hit the cat|danger, a child|stop 🛑 and look at the dog
原地待命|原地待命转告他|原地待着看我转|原地站着，看我转圈|原地别转|别在原地转了|不要原地转
""".replace("\n", "|")
    .strip("|")
    .split("|")
)
NONE = (
    """
don't stop|Do not stop!|Don’t stop now|never stop|别停|不要停下|non-stop|turn on the lamp
go to the ball|what do you see?|no|不|No.|yes|y|step|shop|what is the weight
tell me when you see a dog|向前走|你看到什么？|/wait 3|/quit|drive 1 m|is the music stopped
how many balls are there?|打开灯|别忘了开灯|?|turn left|go on|when did you last hear a cat?
where is the waiter|no, go ahead|unstoppable|forget it when I leave|turn the lamp off|help|等级
what did you hear?|I want a salt shaker|is it halved|switch off the radio|back up 1 m|听音乐
a.b.c|e.g. a dog|1.5 m|10.0.0.1
原地转一圈|原地左转90度|在原地慢慢向右转|请原地掉头|原地旋转一周|原地轉半圈
""".replace("\n", "|")
    .strip("|")
    .split("|")
)


@pytest.mark.parametrize("text", STOPS)
def test_a_stop_and_nothing_else(text: str) -> None:
    assert is_stop(text) and not says_more(text)


@pytest.mark.parametrize("text", MORE)
def test_a_stop_whose_rest_is_still_to_be_answered(text: str) -> None:
    assert is_stop(text) and says_more(text)


@pytest.mark.parametrize("text", [*NONE, ""])
def test_no_stop(text: str) -> None:
    assert not is_stop(text)


def test_a_page_is_looked_at_where_it_begins_and_ends() -> None:
    page = "s t o " * 100_000  # what takes long must not keep a stop waiting
    assert is_stop(f"stop! {page}") and is_stop(f"{page} stop!") and says_more(f"stop! {page}")
    assert not is_stop("a ball " * 100_000)


@given(
    st.sampled_from(["stop", "halt", "don't move", "停下来", "别动"]),
    st.text(alphabet=string.whitespace + '.,!?…。！，“”"()*-\u200b\u202e', max_size=6),
    st.text(alphabet=string.whitespace + '.,!?…。！，“”"()*-\u200b\u202e', max_size=6),
    st.sampled_from([str, str.upper, str.title]),
)
def test_marks_capitals_and_what_nobody_sees_do_not_matter(
    stop: str, before: str, after: str, case: type[str]
) -> None:
    text = before + case(stop) + after
    assert is_stop(text) and not says_more(text)


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_strong_word_stops_wherever_it_stands(before: str, after: str) -> None:
    assert is_stop(f"so, {before} ! 停 ! {after}")
    assert is_stop(f"so, {before} ! stop ! {after}")
    assert isinstance(is_stop(before), bool) and isinstance(says_more(after), bool)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("split", ["train", "heldout"])
def test_every_stop_of_the_corpus_is_one_and_no_other_order_is_only_a_stop(
    lang: str, split: Split
) -> None:
    rng = random.Random(7)

    def said(intent: str) -> list[str]:
        return [utterance(split, intent, lang, rng, noisy=False).text for _ in range(100)]

    assert [text for text in said("stop") if not is_stop(text)] == []
    others = (
        "approach",
        "drive_back",
        "turn_left",
        "recall_hear",
        "watch_hear",
        "fan_off",
        "radio_off",
    )
    for intent in others:
        assert [text for text in said(intent) if is_stop(text) and not says_more(text)] == []
