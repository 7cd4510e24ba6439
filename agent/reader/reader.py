"""What words order: by the network that reads them raw, and by what own tools say of themselves."""

from __future__ import annotations

import re
import threading
from collections.abc import Sequence, Set
from dataclasses import replace
from pathlib import Path

import torch
from langchain_core.tools import BaseTool

from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.grounding.corrections import corrected
from sensebind.agent.grounding.names import things
from sensebind.agent.grounding.quantities import changes_temperature
from sensebind.agent.grounding.simplified import simplified
from sensebind.agent.reader.abilities import ability_said, asks_or_orders, in_general
from sensebind.agent.reader.actions import ACTIONS, ASKED, CATEGORIES, ORDERS, TOOLS_OF
from sensebind.agent.reader.conditional import conditional_parts
from sensebind.agent.reader.dependent import linked
from sensebind.agent.reader.features import MAX_TOKENS, tokens_of
from sensebind.agent.reader.hedges import excepted, hedged, held_back, reports_an_act
from sensebind.agent.reader.intent import Condition, Kind, Proposal, Reading, Step, Verdict
from sensebind.agent.reader.own_tools import SURE_GLOSS, best_call, glossed, question, text_of
from sensebind.agent.reader.plainer import plainer
from sensebind.agent.reader.said import device_named, unknown
from sensebind.agent.reader.scores import Scores
from sensebind.agent.reader.segments import Segment, reasons, segments_of
from sensebind.agent.reader.sequence import ordered, plain_order
from sensebind.agent.reader.steps import (
    ELSEWHERE,
    MAX_STEPS,
    MOVING,
    goes_on,
    meant,
    observing,
    parts_of,
    repeats,
    resolved,
    step_of,
    unknown_place,
    within,
)
from sensebind.agent.reader.watching import about_watches
from sensebind.agent.reader.weights import Weights, load_weights
from sensebind.tools.risk import ACTING, risk_of

_MEANT = ("order", "request", "hint", "question")
"""Categories of words that may mean one of a person's own tools."""
_REFUSED = ("condition", "hypothetical", "forbidden")
"""Categories of words that order nothing now, of any tool."""
_KNOWN = frozenset(tool for tools in TOOLS_OF.values() for tool in tools)
_TRAINED = _KNOWN | {
    "stop",
    "detect",
    "clock",
    "recall",
    "thermostat_get",
    "house_status",
    "watch_add",
    "watch_list",
    "watch_remove",
    "watches",
    "go_to",
    "look",
    "read",
    "read_codes",
}
"""Tools that the small model was trained on, or that serve the robot's own senses."""
_DO, _ASK = 2, 1
_NONE = Verdict.ANSWER
_SWITCHES = frozenset({"lamp_on", "radio_on", "fan_on", "door_open"})
_NO_STEPS = ("condition", "hypothetical", "forbidden", "quotation", "report")
"""Categories of words in which no clause is an order by itself."""
_NO_CONDITIONS = ("forbidden", "quotation", "report")
"""Categories of words that order nothing, whatever conditions they name."""
_CLEAR = 0.5  # probability from which an action is read
_NEVER = 2.0  # a score that none reaches
_TALKS = 0.8  # score of talk from which a robot whose own tools do not fit only talks
_REPLIES = {
    "forbidden": {"en": "All right, I will not do that.", "zh": "好的，我不会那样做。"},
    "condition": {
        "en": "I can only do that at once: tell me when it is time.",
        "zh": "我只能马上做，到时候请再告诉我。",
    },
}
"""What is said to words of a category that order nothing now."""
_CHINESE = re.compile(r"[㐀-鿿]")
_PLUS = re.compile(r"(?<![\w+])\+(?=\d{1,3}(?:[.,]\d)?(?!\d))")
"""A sign that says nothing: "turn +60 degrees"; a number of a telephone keeps it."""


class WordsReader:
    """A reader whose network is loaded when words are first read.

    Example:
        ```python
        reading = WordsReader(checkpoint / "reader").read("is the lamp on?", tools)
        assert reading.of("lamp_on") is Verdict.ANSWER
        ```
    """

    def __init__(self, folder: Path) -> None:
        """Remembers where the weights lie.

        Args:
            folder: The reader's part of a checkpoint directory.
        """
        self._folder = folder
        self._lock = threading.Lock()
        self._weights: Weights | None = None

    @property
    def weights(self) -> Weights:
        """The loaded network.

        Raises:
            CheckpointError: It is damaged.
        """
        with self._lock:
            if self._weights is None:
                self._weights = load_weights(self._folder)
            return self._weights

    def scores(self, words: str) -> Scores:
        """Reads words alone, without any tools.

        Args:
            words: What a person says, as it was said.
        """
        return self.scores_of([words])[0]

    def scores_of(self, texts: Sequence[str]) -> list[Scores]:
        """Reads several texts at once."""
        weights = self.weights
        encoded = weights.vocabulary.encode(texts)
        given = [torch.from_numpy(one) for one in (encoded.words, encoded.grams, encoded.shapes)]
        with torch.inference_mode():
            read = [member.attend(*given) for member in weights.members]
            heat = weights.calibration.temperature
            levels = torch.stack([(one / heat).softmax(-1) for one, _, _ in read]).mean(0)
            kinds = torch.stack([(one / heat).softmax(-1) for _, one, _ in read]).mean(0)
            places = torch.stack([one for _, _, one in read]).mean(0)
        return [
            Scores(
                {action: float(row[at, _DO]) for at, action in enumerate(ACTIONS)},
                {action: float(row[at, _ASK]) for at, action in enumerate(ACTIONS)},
                dict(zip(CATEGORIES, kind.tolist(), strict=True)),
                dict(zip(ACTIONS, place.tolist(), strict=True)),
            )
            for row, kind, place in zip(levels, kinds, places, strict=True)
        ]

    def read(
        self, words: str, tools: Sequence[BaseTool], *, language: str = "", answers: str = ""
    ) -> Reading:
        """Reads the words of one turn; see `intent.Reader`.

        Args:
            words: What the person says, as it was said.
            tools: What the language model may call in this turn.
            language: `en` or `zh`; "" if it is not known.
            answers: The robot's own question that the words answer; "" if they answer none.
        """
        speech = language or ("zh" if _CHINESE.search(words) else "en")
        words = simplified(words)
        words = words if answers else self._in_time(_PLUS.sub("", words))
        scores = self._heard(words, self.scores(words))
        reading = self._one(words, tools, scores, speech, answers)
        steps = () if answers else self._conditional(words, tools, scores, speech)
        if not steps and not answers:
            steps = self._steps(words, tools, scores, speech, reading)
        return replace(reading, steps=steps) if len(steps) > 1 else reading

    def _one(
        self, words: str, tools: Sequence[BaseTool], scores: Scores, speech: str, answers: str = ""
    ) -> Reading:
        """Reads words that ask for one thing."""
        limits = self.weights.calibration
        scores = scores if answers else self._without(words, self._clearer(words, scores))
        cut = len(tokens_of(words)) >= MAX_TOKENS  # what is longer was not read to its end
        known = {tool.name for tool in tools} & _KNOWN
        acting = {tool.name for tool in tools if risk_of(tool) in ACTING}
        act, meant = self._by_tool(scores, known)
        least = self.least(words)
        least = _NEVER if hedged(words) or asks_or_orders(words) else least
        verdicts: dict[str, Verdict] = {}
        most = max(meant.values(), default=0.0)
        for name in known & acting:
            enough = max(least, limits.act_moving) if name in MOVING else least
            if (answers and scores.kind in (Kind.ORDER, Kind.OTHER)) or (
                act[name] >= enough and not cut
            ):
                verdicts[name] = Verdict.CALL
            else:
                may = meant[name] >= max(limits.ask, most / 2)
                verdicts[name] = Verdict.ASK if may else Verdict.ANSWER
        if not answers and most >= limits.ask and in_general(words):  # a question, and no order
            scores, verdicts = scores.as_question(), dict.fromkeys(verdicts, _NONE)
        if "thermostat_set" in known & acting and self._warmer(words, scores):
            verdicts["thermostat_set"] = Verdict.ASK  # and the number is asked for
        ordered = [name for name, verdict in verdicts.items() if verdict is Verdict.CALL]
        others = Verdict.CALL if answers or self._means_something(scores) else Verdict.ANSWER
        reading = Reading(scores.kind, act, others, verdicts)
        if answers:
            return reading
        if ordered:
            plain = self._in_order(scores, ordered)
            if said := unknown_place(words, plain, tools, speech):
                return replace(reading, verdicts=dict.fromkeys(verdicts, _NONE), reply=said)
            return replace(reading, proposals=tuple(Proposal(name) for name in plain))
        unsure = any(verdict is Verdict.ASK for verdict in verdicts.values())
        if not unsure and (call := about_watches(words, tools)) is not None:
            return replace(reading, proposals=(call,))
        own = [tool for tool in tools if tool.name not in _TRAINED]
        able = not unsure and scores.kind is Kind.QUESTION
        if able and (said := ability_said(words, known, own, speech, self.scores, limits)):
            return replace(reading, reply=said, looking=False)
        alone = bool(own) and len(own) == len(tools)
        asked = None if unsure else observing(words, tools, scores.act, speech)
        if alone:  # whose tools may be about what the network takes for the robot's senses
            found = self._own(words, own, scores, speech, reading, alone=True)
            if asked is None or found.proposals or scores.category["request"] >= limits.order:
                return found
        if asked is not None:
            return replace(reading, **asked)
        if own:
            found = self._own(words, own, scores, speech, reading, alone=False)
            if found is not reading:
                return found
        if unsure:
            return self._asking(words, tools, reading, speech)
        if scores.category["request"] >= limits.order and any(name in _SWITCHES for name in known):
            return self._unable(words, tools, reading, speech)
        return replace(reading, reply=self._reply(scores, speech))

    def _clearer(self, words: str, scores: Scores) -> Scores:
        """The scores of words that are not clear, as plainer ones that mean the same.

        "20, no, 22 degrees" is 22 degrees. Of other ways to say it only those count that ask for
        something to be known.
        """
        limits = self.weights.calibration
        if any(score >= _CLEAR for score in scores.act.values()):
            return scores
        if (plain := corrected(words)) != words:
            return self.scores(plain)
        ways = plainer(words)
        for again in self.scores_of(ways) if ways else ():
            asks = any(again.act[name] >= _CLEAR for name in ASKED)
            acts = any(again.act[name] >= limits.ask for name in ORDERS)
            if asks and not acts:
                return again
        return scores

    def _warmer(self, words: str, scores: Scores) -> bool:
        """Whether words that the network does not read surely ask for some degrees more or less."""
        asks = sum(scores.category[name] for name in ("order", "request", "hint"))
        unclear = all(score < _CLEAR for score in scores.act.values())
        return unclear and asks >= self.weights.calibration.order and changes_temperature(words)

    def _without(self, words: str, scores: Scores) -> Scores:
        """The scores of words without the devices that they except: "all but the lamp"."""
        named = excepted(words)
        asked = [f"{one}开着吗？" if _CHINESE.search(one) else f"is {one} on?" for one in named]
        left = {
            action
            for read in (self.scores_of(asked) if asked else ())
            for action in ORDERS
            if read.act.get(f"{action.split('_')[0]}_state", 0.0) >= _CLEAR
        }
        return scores.without({*left, *ELSEWHERE}) if left else scores

    def _steps(
        self,
        words: str,
        tools: Sequence[BaseTool],
        scores: Scores,
        speech: str,
        whole: Reading,
    ) -> tuple[Step, ...]:
        """What the words ask for, where it is more than one thing; () where it is one, or none."""
        names = {tool.name for tool in tools}
        if not names & _KNOWN or len(tokens_of(words)) >= MAX_TOKENS:
            return ()
        watches = scores.act["watch"] >= self.weights.calibration.order  # "tell me when …"
        refused = sum(
            scores.category[name] for name in _NO_STEPS if not (watches and name == "condition")
        )
        if refused >= self.weights.calibration.order:
            return ()
        least = _NEVER if held_back(words) else self.weights.calibration.act
        steps: list[Step] = []
        segments = segments_of(words, self.scores_of) or [Segment(words, scores)]
        segments = resolved(segments, speech, self.scores_of)
        if any(goes_on(one.read.act) for one in segments):
            return ()  # "it" is what another clause names
        for one in segments:
            if isinstance(one.read, Scores):
                one = replace(one, read=self._heard(one.text, one.read))
            for text, read in parts_of(one, speech, self.scores_of):
                part = self._one(text, tools, read, speech)
                if one.then and not meant(part, read.act):
                    part = replace(part, reply=FIXED["cannot"][speech], looking=False)
                held = within(part, whole, least)
                called = held.proposals
                if steps and called and not one.then and repeats(steps[-1], called):
                    return ()  # "turn around, 180 degrees" is one turn
                steps.append(step_of(text, held, read.act, names))
        return tuple(steps) if len(steps) <= MAX_STEPS else ()

    def _conditional(
        self, words: str, tools: Sequence[BaseTool], scores: Scores, speech: str
    ) -> tuple[Step, ...]:
        """Steps of which some depend on what others find; () where there are none such.

        Each must be an order or a question by itself, beyond doubt, and each condition something
        that a step before it finds out: any other condition orders nothing now.
        """
        limits = self.weights.calibration
        parts = conditional_parts(words)
        refused = sum(scores.category[name] for name in _NO_CONDITIONS)
        if not parts or refused >= limits.order or len(tokens_of(words)) >= MAX_TOKENS:
            return ()
        names = {tool.name for tool in tools}
        steps: list[Step] = []
        first: list[int] = []  # number of the first step of each clause
        for one in linked(parts, speech, self.scores_of):
            first.append(len(steps))
            if not isinstance(one.segment.read, Scores) or goes_on(one.segment.read.act):
                return ()
            for text, read in parts_of(one.segment, speech, self.scores_of):
                part = self._one(text, tools, read, speech)
                if not self._orders(text, read):
                    return ()
                condition = Condition(first[one.of], one.test) if one.test is not None else None
                step = step_of(text, part, read.act, names)
                steps.append(replace(step, condition=condition))
        return tuple(steps) if len(steps) <= MAX_STEPS else ()

    def _in_time(self, words: str) -> str:
        """Words in the order in which what they say is done: "A before you B" as "A, then B"."""
        words = plain_order(words)
        verbs = self.weights.vocabulary.words
        for one in ordered(words, verbs.__contains__):
            first, second = self.scores_of([one.first, one.second])
            if self._orders(one.first, first) and (
                self._orders(one.second, second) or goes_on(second.act)
            ):
                return one.joined()
        return words

    def _orders(self, words: str, scores: Scores) -> bool:
        """Whether words by themselves surely order or ask for something, and are nothing else."""
        refused = sum(scores.category[name] for name in _NO_STEPS)
        least = self.least(words)
        sure = any(
            score >= (least if name in ORDERS else self.weights.calibration.order)
            for name, score in scores.act.items()
        )
        return sure and refused < self.weights.calibration.order

    def least(self, words: str) -> float:
        """Returns the score from which words order a tool: higher where one of them is not known.

        The names of things are as many as there are things; which one is meant is grounded apart.

        Args:
            words: What a person says.
        """
        limits = self.weights.calibration
        strange = [one for one in self.weights.vocabulary.strange(words) if not things(one)]
        return limits.act_strange if strange else limits.act

    def _asking(
        self, words: str, tools: Sequence[BaseTool], reading: Reading, speech: str
    ) -> Reading:
        """A reading that is not sure, with the one call that the person is asked about.

        Of several that words may mean ("it"), the language model chooses by the dialog.
        """
        meant = [name for name, verdict in reading.verdicts.items() if verdict is Verdict.ASK]
        if len(meant) > 1 or reading.kind not in (Kind.ORDER, Kind.OTHER):
            return reading
        if said := unknown_place(words, meant, tools, speech):
            return replace(reading, verdicts=dict.fromkeys(reading.verdicts, _NONE), reply=said)
        return replace(reading, proposals=tuple(Proposal(name) for name in meant))

    def _unable(
        self, words: str, tools: Sequence[BaseTool], reading: Reading, speech: str
    ) -> Reading:
        """A reading of what the robot cannot do; it denies no device that it has.

        What is asked of the thermostat, whatever it is, lacks a number.
        """
        device = device_named(words, speech)
        if device == "thermostat" and "thermostat_set" in reading.verdicts:
            verdicts = {**reading.verdicts, "thermostat_set": Verdict.ASK}
            return self._asking(words, tools, replace(reading, verdicts=verdicts), speech)
        has = device and any(name.startswith(f"{device}_") for name in reading.verdicts)
        said = FIXED["cannot"][speech] if has else unknown(words, speech)
        return replace(reading, reply=said, looking=False)

    def _heard(self, words: str, scores: Scores) -> Scores:
        """The scores of words without the actions that they only give as a reason for another."""
        return scores.without(reasons(words, scores.act, self.scores_of))

    def _reply(self, scores: Scores, speech: str) -> str:
        """What is said to words that are surely no order which the robot could carry out."""
        for category, replies in _REPLIES.items():
            if scores.category[category] >= self.weights.calibration.surely:
                return replies[speech]
        return ""

    def _by_tool(
        self, scores: Scores, known: Set[str]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """For each tool, the probability that it is ordered, and that it is ordered or meant."""
        act, meant = dict.fromkeys(known, 0.0), dict.fromkeys(known, 0.0)
        for action, names in TOOLS_OF.items():
            for name in set(names) & known:
                act[name] = min(1.0, act[name] + scores.act[action])
                meant[name] = min(1.0, meant[name] + scores.act[action] + scores.ask[action])
        return act, meant

    def _in_order(self, scores: Scores, ordered: Sequence[str]) -> list[str]:
        """Tools that are ordered by name, not by "it", which the dialog alone explains.

        "Set it to 21 degrees" needs no name: nothing else takes degrees.
        """
        limit = self.weights.calibration.act
        named = sorted(
            (scores.places[action], name)
            for action, names in TOOLS_OF.items()
            for name in names
            if name in ordered and action not in ELSEWHERE and scores.act[action] >= limit / 2
        )
        return list(dict.fromkeys(name for _, name in named))

    def _means_something(self, scores: Scores) -> bool:
        """Whether words may mean a tool that the network does not know."""
        meant = sum(scores.category[name] for name in _MEANT)
        return meant >= self.weights.calibration.order

    def _own(
        self,
        words: str,
        tools: Sequence[BaseTool],
        scores: Scores,
        speech: str,
        reading: Reading,
        *,
        alone: bool,
    ) -> Reading:
        """The call of a user's own tool that words mean, or that there is none.

        Args:
            words: What the person says.
            tools: The user's own.
            scores: Of the words.
            speech: `en` or `zh`.
            reading: Of the words, so far.
            alone: Whether there are no other tools; then the language model calls none by itself.
        """
        limits = self.weights.calibration
        texts_of = [text_of(tool) for tool in tools]
        best, arguments = best_call(words, texts_of)
        fits = best is not None and best.score >= limits.fits
        refused = sum(scores.category[name] for name in _REFUSED)
        texts = any(isinstance(one, str) for one in arguments.values.values())
        if not (fits and texts) or reports_an_act(words):
            # and what is to be written or sent may be given as a quotation or a report
            refused += scores.category["quotation"] + scores.category["report"]
        if refused >= limits.refuse:
            said = self._reply(scores, speech) if alone else ""
            if alone and not fits and not said:
                said = FIXED["cannot"][speech]
            return replace(reading, verdict=Verdict.ANSWER, reply=said, looking=not alone)
        if best is not None and fits:
            if arguments.missing:
                asked = question(best.tool, arguments.missing[0], speech)
                return replace(reading, reply=asked)
            call = Proposal(best.tool.name, arguments.values, whole=True)
            surely = SURE_GLOSS if glossed(words, texts_of) else limits.fits_surely
            may = Verdict.CALL if best.score >= surely else Verdict.ASK
            verdicts = {**reading.verdicts, call.tool: may}
            return replace(reading, verdicts=verdicts, proposals=(call,))
        if not alone:
            return reading
        talks = scores.category["talk"] > _TALKS
        return replace(reading, reply="" if talks else FIXED["cannot"][speech], looking=False)
