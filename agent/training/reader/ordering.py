"""Orders joined by time ("a before you b", a之后再b), and orders of everything but one device.

Next to them what only looks alike: when somebody else has done something, or when the robot is to
ask first, nothing is done now.
"""

from __future__ import annotations

import random

from sensebind.agent.training.reader.language import Language, filled, framed, lines_of
from sensebind.agent.training.reader.phrases import DO, Example, Phrase

# `{a…}` is done first, `{b…}` after it.
_JOINED = {
    "en": """{avp} before you {bvp}
{avp} before {bving}
{avp}, before you {bvp}
before you {bvp}, {avp}
before {bving}, {avp}
{bvp} after {aving}
{bvp} after you have {avpp}
{bvp} after you {avp}
after {aving}, {bvp}
after you have {avpp}, {bvp}
once you have {avpp}, {bvp}
once you've {avpp}, {bvp}
when you have {avpp}, {bvp}
as soon as you have {avpp}, {bvp}
{bvp} once you have {avpp}
{bvp} as soon as you've {avpp}
{bvp} when you've {avpp}
{avp}, and when you're done, {bvp}
{avp}, and when that's done, {bvp}
{avp} and once you are there, {bvp}
{avp} and {bvp} once you are there
{avp} and {bvp} when you're done
{avp}. when you're finished, {bvp}
{avp}, and after that {bvp}
having {avpp}, {bvp}
first {avp}, only then {bvp}
{bvp}, but first {avp}
{bvp}, but {avp} first
{bvp}, but before that {avp}
{avp} first, then {bvp}
{avp} first and {bvp} afterwards
start by {aving}, then {bvp}
start with {aving} and finish by {bving}""",
    "zh": """{bvp}之前先{avp}
{bvp}之前，{avp}
在{bvp}之前，先{avp}
{bvp}前先{avp}
{bvp}以前{avp}
{avp}之后再{bvp}
{avp}之后{bvp}
{avp}以后{bvp}
{avp}以后再{bvp}
{avp}完了再{bvp}
{avp}后{bvp}
先{avp}，之后{bvp}
先{avp}，再{bvp}
先{avp}再{bvp}
先{avp}然后{bvp}
{avp}，完事以后{bvp}
{avp}，做完了再{bvp}
{avp}，到了以后{bvp}
{bvp}，不过先{avp}
{bvp}，但在那之前{avp}
{bvp}，但要先{avp}
等你{avp}好了，再{bvp}""",
}
_NOT_NOW = {
    "en": """{avp} before {who} {bv3}
before {who} {bv3}, {avp}
{avp} after {who} has {bvpp}
after {who} has {bvpp}, {avp}
{avp} once {who} has {bvpp}
once i have {bvpp}, {avp}
{avp} when i {bvp}
when i {bvp}, {avp}
as soon as i've {bvpp}, {avp}
the next time you {bvp}, {avp}
whenever you {bvp}, {avp}
{avp} whenever you {bvp}
if you have {bvpp}, {avp}
every time you {bvp}, {avp}
{avp} before i {bvp}
ask me before you {bvp}
before you {bvp}, ask me
before {bving}, ask {who}
you should always {avp} before {bving}
i always {avp} before i {bvp}
{who} always {av3} before {bving}
did you {avp} before you {bvpast}
should i {avp} before i {bvp}
is it better to {avp} before {bving}
don't {avp} before you {bvp}
never {avp} before {bving}
tell {who} to {avp} and to {bvp}
ask {who} to {avp} and then {bvp}
{who} {avpast}, so i {bvpast}
{who} {avpast}, but i {bvpast}
i {avpast} because {who} {bvpast}
i {avpast} and {who} {bvpast}
{who} {avpast} after {bving}
after {aving} {who} {bvpast}
did {who} {avp} or did you {bvp}""",
    "zh": """{who}{bvp}之前{avp}
{who}{bvp}之后再{avp}
等{who}{bvp}了再{avp}
等我{bvp}了再{avp}
我{bvp}以后你再{avp}
我{bvp}的时候{avp}
下次{bvp}之前先{avp}
以后{bvp}之前都要先{avp}
每次{bvp}都要先{avp}
{bvp}之前先问我
{bvp}之前要告诉我
我每次{bvp}之前都先{avp}
{who}{avp}之后才{bvp}的
{who}先{avp}再{bvp}的
你{bvp}之前{avp}了吗
应该先{avp}还是先{bvp}
别先{avp}再{bvp}
不要在{bvp}之前{avp}
{who}{avp}了，所以我{bvp}了
叫{who}先{avp}再{bvp}
我{avp}了，{who}{bvp}了""",
}
# one of several clauses orders something; the other says how things stand
_SO = {
    "en": """i {bvpast}; now {avp} too
i {bvpast}; now {avp}
i {bvpast}, so {avp} as well
i've {bvpp}, now you {avp}
i've already {bvpp}, so just {avp}
{who} {bvpast}, now {avp}
{who} has {bvpp}; please {avp}
you can leave {bd} alone but {avp}
you may {avp}, but {bd} stays as it is
{bd} is fine as it is, but {avp}
{avp}, and never mind {bd}
{avp}, {bd} can wait
{bd} can wait, {avp}
{avp}, though not {bd}
{avp} and nothing else
{avp}, i'll do {bd} myself
{avp}, only {bd} stays as it is
{avp} without {bving}
{avp}, and if {clause}, {bvp}
if {clause} {bvp}, but {avp} now
{bvp} if {clause}, and {avp} right now
{avp}, and once {clause}, {bvp}
when {clause} {bvp}; for now {avp}
for now {avp}, and {bvp} when {clause}
{bvp}? no, {avp}
{avp}, not the other way round""",
    "zh": """我{bvp}了，你把剩下的做了：{avp}
我{bvp}了，你{avp}
{who}{bvp}了，你现在{avp}
{bd}先放着，{avp}
{bd}就那样，{avp}
{avp}，{bd}不用管了
{avp}，{bd}我自己来
{avp}，别的不用动
{avp}，其他的等{clause}再说
现在{avp}，等{clause}了再{bvp}
等{clause}再{bvp}，现在先{avp}
如果{clause}就{bvp}，现在先{avp}
{bvp}不用了，{avp}
{avp}就行，不要{bvp}
不是{bvp}，是{avp}""",
}
_ALL = {
    "en": """turn {way} everything
turn everything {way}
switch everything {way} [please|]
switch {way} (everything|all of it|all devices|all the devices|the lot) [in here|please|]
(everything|all devices|all of it) {way} [please|]
turn {way} all [the|] devices
(can|could) you turn everything {way}
i want everything {way}
shut everything down""",
    "zh": """把(所有的|所有设备|全部|全部设备|东西都|都|所有东西都){verb}
(全部|全都|统统|都){verb}
所有(设备|东西|的|电器){verb}
全{verb}了""",
}
_BUT = {
    "en": """turn {way} everything (except|but|apart from|save|other than) {d}
turn everything {way} (except|but|apart from|except for) {d}
everything {way} (except|but|apart from) {d}
switch {way} everything (except|but) {d}
switch everything {way}, but not {d}
turn everything {way}, only {d} stays
(except|apart from) {d}, turn everything {way}
leave {d} and turn everything else {way}""",
    "zh": """除了{d}，其他的都{verb}
除了{d}以外，全部{verb}
除{d}外都{verb}
把{d}以外的都{verb}
{d}留着，别的都{verb}
{d}不动，其余的都{verb}""",
}
_SWITCHED = ("lamp", "radio", "fan")


def _named(way: str, phrase: Phrase) -> dict[str, str]:
    return {f"{way}{form}": said for form, said in phrase.forms.items()} | {
        f"{way}d": phrase.device
    }


def _two(tongue: Language, rng: random.Random) -> tuple[Phrase, Phrase]:
    """Two phrases of different devices, none of them "it"."""
    while True:
        first, second = tongue.phrase(rng), tongue.phrase(rng)
        names = [one.action.split("_")[0] for one in (first, second)]
        if names[0] != names[1] and "it" not in names:
            return first, second


def _said(tongue: Language, lines: str, rng: random.Random, first: Phrase, second: Phrase) -> str:
    frames = lines_of(lines)
    while True:
        frame = rng.choice(frames)
        if "{bd}" not in frame or second.device:
            break
    names = _named("a", first) | _named("b", second)
    for name, said in names.items():
        frame = frame.replace(f"{{{name}}}", said)
    return tongue.fill_in(frame, rng)


def in_time(tongue: Language, rng: random.Random) -> Example:
    """Two orders of which words of time say the order; or words alike that order none, or one."""
    first, second = _two(tongue, rng)
    draw = rng.random()
    if draw < 0.45:
        text = _said(tongue, _JOINED[tongue.lang], rng, first, second)
        return Example(text, "order", {first.action: DO, second.action: DO})
    if draw < 0.75:
        text = _said(tongue, _NOT_NOW[tongue.lang], rng, first, second)
        return Example(text, _category(text, tongue.lang))
    text = _said(tongue, _SO[tongue.lang], rng, first, second)
    return Example(text, "order", {first.action: DO})


def _category(text: str, lang: str) -> str:
    """Of words of time that order nothing now."""
    marks = {
        "en": (
            ("did ", "question"),
            ("should i ", "question"),
            ("is it ", "question"),
            ("don't ", "forbidden"),
            ("never ", "forbidden"),
        ),
        "zh": (("别", "forbidden"), ("不要", "forbidden"), ("应该", "question")),
    }[lang]
    for start, category in marks:
        if text.startswith(start):
            return category
    if lang == "zh" and text.endswith("吗"):
        return "question"
    reports = (", so i ", ", but i ", " because ") if lang == "en" else ("了，所以", "的时候来")
    told = text.startswith(("i ", "after ")) if lang == "en" else text.endswith("的")
    if any(one in text for one in reports) or told:
        return "report"
    return "condition"


def everything(tongue: Language, rng: random.Random) -> Example:
    """All that can be switched, or all but one device."""
    way = rng.choice(("on", "off", "off"))
    kept = rng.choice(_SWITCHED) if rng.random() < 0.6 else ""
    lines = (_BUT if kept else _ALL)[tongue.lang]
    frame = tongue.grammar_line(rng.choice(lines_of(lines)), rng)
    if "down" in frame:
        way = "off"
    verb = rng.choice(("打开", "开起来")) if way == "on" else rng.choice(("关掉", "关了", "关上"))
    device = tongue.phrase(rng, f"{kept}_{way}").device if kept else ""
    fill = {"way": lambda: way, "verb": lambda: verb, "d": lambda: device}
    levels = {f"{name}_{way}": DO for name in _SWITCHED if name != kept}
    return Example(filled(frame, fill), "order", levels)


def in_frame(tongue: Language, rng: random.Random) -> Example:
    """Two sentences around orders, neither of which is one, with a mark between them."""
    first, second = _two(tongue, rng)
    names = rng.sample(("report", "question", "condition", "hypothetical", "negation"), 2)
    texts = [
        framed(tongue, name, one, rng) for name, one in zip(names, (first, second), strict=True)
    ]
    mark = rng.choice((". ", ", ", "; ") if tongue.lang == "en" else ("。", "，", "；"))
    category = {"negation": "forbidden"}.get(names[0], names[0])
    return Example(mark.join(texts), category)
