"""What the small model says: every answer, in English and Chinese, from the facts of a turn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sensebind.agent.corpus import chinese
from sensebind.agent.corpus.phrasing import article, number_zh, plural

Named = tuple[str, str]  # kind, colour


@dataclass(frozen=True, slots=True)
class Facts:
    """What there is to perceive in a turn.

    Attributes:
        sight: Things in view, the main one first; empty for nothing.
        hearing: Kind that is heard, or None.
        scan: Kind that is near, or None.
    """

    sight: tuple[Named, ...] = ()
    hearing: str | None = None
    scan: str | None = None


_NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_PLACES_ZH = {"left": "左边", "middle": "中间", "right": "右边"}
_KIND_ZH = {kind: names[0] for kind, names in chinese.NOUNS.items()}
_COLOR_ZH = {color: names[0] for color, names in chinese.COLOR_NAMES.items()}
FIXED: dict[str, dict[str, str]] = {
    "greeting": {"en": "Hello! How can I help you?", "zh": "你好！我能帮你做什么？"},
    "thanks": {"en": "You are welcome.", "zh": "不客气。"},
    "bye": {"en": "Goodbye!", "zh": "再见！"},
    "who": {
        "en": "I am SenseBind, a robot that sees, hears and scans.",
        "zh": "我是SenseBind，一个会看、会听、会扫描的机器人。",
    },
    "abilities": {
        "en": "I can see, hear and scan, count and find things, and run the house.",
        "zh": "我会看、会听、会扫描，会数东西、找东西，还能控制家里的设备。",
    },
    "cannot": {"en": "I am sorry, I cannot do that.", "zh": "对不起，我做不到。"},
    "unknown": {"en": "I did not understand that.", "zh": "我没听懂。"},
    "state": {
        "en": "I cannot tell, but I can change it.",
        "zh": "我不知道，但是我可以控制它。",
    },
    "thermostat_vague": {"en": "To how many degrees?", "zh": "要调到多少度？"},
    "forgotten": {"en": "I do not remember.", "zh": "我不记得了。"},
    "turn_left": {"en": "I turned left.", "zh": "我向左转了。"},
    "turn_right": {"en": "I turned right.", "zh": "我向右转了。"},
    "turn_around": {"en": "I turned around.", "zh": "我转过身了。"},
    "drive_ahead": {"en": "I drove forward.", "zh": "我往前走了。"},
    "drive_back": {"en": "I drove back.", "zh": "我往后退了。"},
    "blocked": {"en": "Something is in the way.", "zh": "有东西挡住了。"},
    "stop": {"en": "I stopped.", "zh": "我停下了。"},
    "which": {"en": "Which one do you mean?", "zh": "你指的是哪一个？"},
    "only_heard": {"en": "I cannot tell, I only hear it.", "zh": "我不知道，我只听到它。"},
    "only_scanned": {"en": "I cannot tell, I do not see it.", "zh": "我不知道，我没看到它。"},
}
_SWITCHED: dict[str, tuple[str, str]] = {
    "lamp_on": ("I turned the lamp on.", "我把灯打开了。"),
    "lamp_off": ("I turned the lamp off.", "我把灯关了。"),
    "radio_on": ("I turned the radio on.", "我把收音机打开了。"),
    "radio_off": ("I turned the radio off.", "我把收音机关了。"),
    "fan_on": ("I turned the fan on.", "我把风扇打开了。"),
    "fan_off": ("I turned the fan off.", "我把风扇关了。"),
    "door_open": ("I opened the door.", "我把门打开了。"),
    "door_close": ("I closed the door.", "我把门关上了。"),
}


def _one_zh(kind: str) -> str:
    return f"一{chinese.MEASURES[kind]}{_KIND_ZH[kind]}"


def _seen(thing: Named, lang: str) -> str:
    kind, color = thing
    if lang == "zh":
        return f"一{chinese.MEASURES[kind]}{_COLOR_ZH[color]}的{_KIND_ZH[kind]}"
    return f"{article(color)} {kind}"


def _sight(things: Sequence[Named], lang: str) -> str:
    return ("和" if lang == "zh" else " and ").join(_seen(thing, lang) for thing in things)


def see(facts: Facts, lang: str, *, past: bool = False) -> str:
    """ "I see a red ball and a blue chair." """
    if lang == "zh":
        who = "我之前" if past else "我"
        return f"{who}看到{_sight(facts.sight, lang)}。" if facts.sight else f"{who}什么也没看到。"
    return f"I {'saw' if past else 'see'} {_sight(facts.sight, lang) or 'nothing'}."


def hear(facts: Facts, lang: str, *, past: bool = False) -> str:
    """ "I hear a dog." """
    if lang == "zh":
        who = "我之前" if past else "我"
        return f"{who}听到{_one_zh(facts.hearing)}。" if facts.hearing else f"{who}什么也没听到。"
    what = article(facts.hearing) if facts.hearing else "nothing"
    return f"I {'heard' if past else 'hear'} {what}."


def scan(facts: Facts, lang: str, *, past: bool = False) -> str:
    """ "There is a chair near me." """
    if lang == "zh":
        where = "我附近之前" if past else "我附近"
        return f"{where}有{_one_zh(facts.scan)}。" if facts.scan else f"{where}什么也没有。"
    what = article(facts.scan) if facts.scan else "nothing"
    return f"There {'was' if past else 'is'} {what} near me."


def everything(facts: Facts, lang: str) -> str:
    """ "I see a red ball, I hear a dog, and there is a chair near me." """
    if lang == "zh":
        heard = f"听到{_one_zh(facts.hearing)}" if facts.hearing else "什么也没听到"
        near = f"附近有{_one_zh(facts.scan)}" if facts.scan else "附近什么也没有"
        return f"{see(facts, lang)[:-1]}，{heard}，{near}。"
    near = scan(facts, lang)
    return f"{see(facts, lang)[:-1]}, {hear(facts, lang)[:-1]}, and t{near[1:]}"


SENSES = {"see": see, "hear": hear, "scan": scan}


def color(facts: Facts, lang: str) -> str:
    """ "It is red." — of the main thing in sight."""
    if not facts.sight:
        return see(facts, lang)
    if lang == "zh":
        return f"它是{_COLOR_ZH[facts.sight[0][1]]}的。"
    return f"It is {facts.sight[0][1]}."


def color_of(facts: Facts, kind: str, lang: str) -> str:
    """ "The ball is red." / "I do not see a ball." """
    found = dict(reversed(facts.sight)).get(kind)
    if lang == "zh":
        return (
            f"{_KIND_ZH[kind]}是{_COLOR_ZH[found]}的。" if found else f"我没看到{_KIND_ZH[kind]}。"
        )
    return f"The {kind} is {found}." if found else f"I do not see {article(kind)}."


def see_is(facts: Facts, lang: str, kind: str | None, hue: str | None) -> str:
    """ "Yes, I see a black dog." / "No, I see a red ball." """
    found = [thing for thing in facts.sight if kind in (None, thing[0]) and hue in (None, thing[1])]
    if lang == "zh":
        return f"是的，我看到{_seen(found[0], lang)}。" if found else f"没有，{see(facts, lang)}"
    return f"Yes, I see {_seen(found[0], lang)}." if found else f"No, {see(facts, lang)}"


def hear_is(facts: Facts, lang: str, kind: str) -> str:
    """ "Yes, I hear a dog." / "No, I hear a cat." """
    same = facts.hearing == kind
    if lang == "zh":
        return f"{'是的' if same else '没有'}，{hear(facts, lang)}"
    return f"{'Yes' if same else 'No'}, {hear(facts, lang)}"


def scan_is(facts: Facts, lang: str, kind: str) -> str:
    """ "Yes, there is a dog near me." / "No, there is nothing near me." """
    same = facts.scan == kind
    if lang == "zh":
        return f"{'是的' if same else '没有'}，{scan(facts, lang)}"
    return f"{'Yes' if same else 'No'}, t{scan(facts, lang)[1:]}"


def count(kind: str, number: int, lang: str) -> str:
    """ "There are two balls." """
    if lang == "zh":
        if number == 0:
            return f"没有{_KIND_ZH[kind]}。"
        how_many = "两" if number == 2 else number_zh(number)
        return f"有{how_many}{chinese.MEASURES[kind]}{_KIND_ZH[kind]}。"
    if number == 1:
        return f"There is one {kind}."
    return f"There are {_NUMBERS[number]} {plural(kind)}."


def where(kind: str, places: Sequence[str], lang: str) -> str:
    """ "The ball is on the left." / "There are two balls: one on the left and …" """
    if not places:
        return f"我没看到{_KIND_ZH[kind]}。" if lang == "zh" else f"I do not see {article(kind)}."
    if len(places) == 1:
        if lang == "zh":
            return f"{_KIND_ZH[kind]}在{_PLACES_ZH[places[0]]}。"
        return f"The {kind} is {_place(places[0])}."
    if len(places) > 3:
        return count(kind, len(places), lang)
    if lang == "zh":
        measure = chinese.MEASURES[kind]
        each = "，".join(f"一{measure}在{_PLACES_ZH[place]}" for place in places)
        return f"{count(kind, len(places), lang)[:-1]}：{each}。"
    each = [f"one {_place(place)}" for place in places]
    return f"{count(kind, len(places), lang)[:-1]}: {', '.join(each[:-1])} and {each[-1]}."


def _place(place: str) -> str:
    return "in the middle" if place == "middle" else f"on the {place}"


def switched(tool: str, lang: str) -> str:
    """ "I turned the radio off." """
    return _SWITCHED[tool][lang == "zh"]


def thermostat_set(degrees: int, lang: str) -> str:
    """ "I set the thermostat to 21 degrees." """
    return (
        f"我把温度设为{degrees}度。"
        if lang == "zh"
        else f"I set the thermostat to {degrees} degrees."
    )


def thermostat_get(degrees: int, lang: str) -> str:
    """ "The thermostat is at 21 degrees." """
    return f"温度是{degrees}度。" if lang == "zh" else f"The thermostat is at {degrees} degrees."


def time(clock: str, lang: str) -> str:
    """ "It is 14:05." """
    return f"现在是{clock}。" if lang == "zh" else f"It is {clock}."


def approached(kind: str, lang: str) -> str:
    """ "I am at the ball." """
    return f"我到{_KIND_ZH[kind]}那里了。" if lang == "zh" else f"I am at the {kind}."


_PAST = {"see": ("saw", "看到"), "hear": ("heard", "听到")}
UNITS_ZH = {"second": "秒", "minute": "分钟", "hour": "小时", "day": "天"}


def recalled(sense: str, kind: str, color: str | None, number: int, unit: str, lang: str) -> str:
    """ "2 minutes ago I heard a dog." — as the tool has it; `number` 0 is "just now"."""
    if lang == "zh":
        ago = f"{number}{UNITS_ZH[unit]}前" if number else "刚才"
        return f"{ago}我{_PAST[sense][1]}{_thing(kind, color, lang)}。"
    ago = f"{number} {unit}{'s' * (number != 1)} ago" if number else "Just now"
    return f"{ago} I {_PAST[sense][0]} {_thing(kind, color, lang)}."


def forgotten(sense: str, kind: str, lang: str) -> str:
    """ "I do not remember a dog." """
    if lang == "zh":
        return f"我不记得{_PAST[sense][1]}过{_KIND_ZH[kind]}。"
    return f"I do not remember {article(kind)}."


def watched(sense: str, kind: str, color: str | None, lang: str) -> str:
    """ "I will tell you when I hear a dog." """
    what = _thing(kind, color, lang)
    if lang == "zh":
        told = {"see": f"看到{what}", "hear": f"听到{what}", "scan": f"附近有{what}"}[sense]
        return f"{told}我就告诉你。"
    told = {"see": f"I see {what}", "hear": f"I hear {what}", "scan": f"{what} is near me"}[sense]
    return f"I will tell you when {told}."


def _thing(kind: str, color: str | None, lang: str) -> str:
    if color:
        return _seen((kind, color), lang)
    return _one_zh(kind) if lang == "zh" else article(kind)


def failed(error: str, lang: str) -> str:
    """ "I could not do that: the house does not answer." """
    return f"我没能做到：{error}。" if lang == "zh" else f"I could not do that: {error}."
