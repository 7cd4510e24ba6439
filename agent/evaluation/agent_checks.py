"""Reads what the agent said about before, and compares it with what was true."""

from __future__ import annotations

import re

from sensebind.agent.evaluation.reading import is_chinese
from sensebind.agent.evaluation.scenes import SceneSample
from sensebind.perception.simhome.ground_truth import truth
from sensebind.perception.simhome.home import SimHome

_UNITS = {"second": 1.0, "minute": 60.0, "hour": 3600.0, "day": 86_400.0}
_UNITS_ZH = {"秒": 1.0, "分钟": 60.0, "小时": 3600.0, "天": 86_400.0}
_AGO = re.compile(r"(\d+) (second|minute|hour|day)s? ago")
_AGO_ZH = re.compile(r"(\d+) ?(秒|分钟|小时|天)前")
SLACK = 10.0  # seconds by which "just now" and the ends of episodes are off at most


def sample_of(home: SimHome) -> SceneSample:
    """What is true in a home now, as other evaluations have it."""
    known = truth(home)
    return SceneSample(
        seed=home.scene.seed,
        main=(known.main.kind, known.main.color) if known.main else None,
        visible=tuple((one.kind, one.color, one.box) for one in known.visible),
        heard=known.heard[0][0] if known.heard else None,
        nearest=known.nearest.kind if known.nearest else None,
        vectors={},
        detections=(),
    )


def ago_in(answer: str) -> tuple[float, float] | None:
    """Returns how long ago an answer says that something was, and the unit, in seconds.

    None where it says no time.
    """
    if found := _AGO.search(answer.lower()):
        unit = _UNITS[found[2]]
    elif found := _AGO_ZH.search(answer):
        unit = _UNITS_ZH[found[2]]
    elif "just now" in answer.lower() or "刚才" in answer:
        return 0.0, 1.0
    else:
        return None
    return int(found[1]) * unit, unit


def right_ago(answer: str, true: float) -> bool:
    """Whether an answer says that something was so many seconds ago, as exactly as its unit is."""
    told = ago_in(answer)
    return told is not None and abs(told[0] - true) <= max(SLACK, 0.5 * told[1] + SLACK)


def denies(answer: str) -> bool:
    """Whether an answer says that nothing of the kind is remembered."""
    return "not remember" in answer.lower() or "不记得" in answer


def same_language(question: str, answer: str) -> bool:
    """Whether question and answer are both Chinese, or both not."""
    return bool(answer) and is_chinese(question) == is_chinese(answer)
