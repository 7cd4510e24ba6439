"""What words order: by the network that reads them raw, and by what own tools say of themselves."""

from __future__ import annotations

import re
import threading
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from langchain_core.tools import BaseTool

from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.llm.intent import Kind, Proposal, Reading, Verdict
from sensebind.agent.llm.openai_form import openai_form
from sensebind.agent.llm.reader.actions import ACTIONS, CATEGORIES, TOOLS_OF
from sensebind.agent.llm.reader.features import MAX_TOKENS, tokens_of
from sensebind.agent.llm.reader.tool_arguments import Arguments, arguments_of
from sensebind.agent.llm.reader.tool_matcher import Match, ToolMatcher, ToolText
from sensebind.agent.llm.reader.weights import Weights, load_weights
from sensebind.agent.llm.tool_forms import function_of, parameters_of
from sensebind.tools.risk import ACTING, risk_of

_KINDS: dict[str, Kind] = {
    "order": Kind.ORDER,
    "request": Kind.ORDER,
    "hint": Kind.OTHER,
    "question": Kind.QUESTION,
    "report": Kind.REPORT,
    "condition": Kind.CONDITION,
    "hypothetical": Kind.QUESTION,
    "forbidden": Kind.FORBIDDEN,
    "quotation": Kind.REPORT,
    "talk": Kind.OTHER,
}
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
_MISSING = 0.6  # of a score, where a required argument is not said
_ASKING = {"en": "What is the {}?", "zh": "{}是什么？"}
_CHINESE = re.compile(r"[㐀-鿿]")


@dataclass(frozen=True, slots=True)
class Scores:
    """Probabilities of one text.

    Attributes:
        act: That it orders an action, by the action.
        ask: That an action may be meant, and is to be asked about.
        category: Of each category.
    """

    act: Mapping[str, float]
    ask: Mapping[str, float]
    category: Mapping[str, float]

    @property
    def kind(self) -> Kind:
        """What the text most probably is."""
        return _KINDS[max(self.category, key=lambda name: self.category[name])]


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
            read = [member(*given) for member in weights.members]
            heat = weights.calibration.temperature
            levels = torch.stack([(one / heat).softmax(-1) for one, _ in read]).mean(0)
            kinds = torch.stack([(one / heat).softmax(-1) for _, one in read]).mean(0)
        return [
            Scores(
                {action: float(row[at, _DO]) for at, action in enumerate(ACTIONS)},
                {action: float(row[at, _ASK]) for at, action in enumerate(ACTIONS)},
                dict(zip(CATEGORIES, kind.tolist(), strict=True)),
            )
            for row, kind in zip(levels, kinds, strict=True)
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
        scores = self.scores(words)
        limits = self.weights.calibration
        speech = language or ("zh" if _CHINESE.search(words) else "en")
        cut = len(tokens_of(words)) >= MAX_TOKENS  # what is longer was not read to its end
        known = {tool.name for tool in tools} & _KNOWN
        acting = {tool.name for tool in tools if risk_of(tool) in ACTING}
        act, meant = self._by_tool(scores, known)
        verdicts = {}
        for name in known & acting:
            if (answers and scores.kind in (Kind.ORDER, Kind.OTHER)) or (
                act[name] >= limits.act and not cut
            ):
                verdicts[name] = Verdict.CALL
            else:
                verdicts[name] = Verdict.ASK if meant[name] >= limits.ask else Verdict.ANSWER
        ordered = [name for name, verdict in verdicts.items() if verdict is Verdict.CALL]
        proposals: tuple[Proposal, ...] = ()
        reply = ""
        if answers:
            pass
        elif ordered:
            plain = self._in_order(scores, ordered)
            proposals = tuple(Proposal(name) for name in plain)
        elif own := [tool for tool in tools if tool.name not in _KNOWN and not _ours(tool)]:
            alone = len(own) == len(tools)
            proposals, reply = self._own(words, own, scores, speech, alone=alone)
        elif scores.category["request"] >= limits.cannot and not any(
            verdict is Verdict.ASK for verdict in verdicts.values()
        ):
            reply = FIXED["cannot"][speech]
        others = Verdict.CALL if answers or self._means_something(scores) else Verdict.ANSWER
        return Reading(scores.kind, act, others, verdicts, proposals, reply)

    def _by_tool(
        self, scores: Scores, known: Set[str]
    ) -> tuple[dict[str, float], dict[str, float]]:
        """For each tool, the probability that it is ordered, and that it is ordered or meant."""
        act, meant = dict.fromkeys(known, 0.0), dict.fromkeys(known, 0.0)
        for action, names in TOOLS_OF.items():
            for name in known.intersection(names):
                act[name] = min(1.0, act[name] + scores.act[action])
                meant[name] = min(1.0, meant[name] + scores.act[action] + scores.ask[action])
        return act, meant

    def _in_order(self, scores: Scores, ordered: Sequence[str]) -> list[str]:
        """Tools that are ordered by name, not by "it", which the dialog alone explains."""
        limit = self.weights.calibration.act
        return [
            name
            for action, names in TOOLS_OF.items()
            for name in names
            if name in ordered and not action.startswith("it_") and scores.act[action] >= limit / 2
        ]

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
        *,
        alone: bool,
    ) -> tuple[tuple[Proposal, ...], str]:
        """The call of a user's own tool that words mean, or that there is none.

        Args:
            words: What the person says.
            tools: The user's own.
            scores: Of the words.
            speech: `en` or `zh`.
            alone: Whether there are no other tools.
        """
        limits = self.weights.calibration
        best, arguments = best_call(words, [_text_of(tool) for tool in tools])
        fits = best is not None and best.score >= limits.fits
        refused = sum(scores.category[name] for name in _REFUSED)
        if not (fits and any(isinstance(one, str) for one in arguments.values.values())):
            # and what is to be written or sent may be told as a quotation or a report
            refused += scores.category["quotation"] + scores.category["report"]
        if refused >= limits.order:
            return (), ""
        if best is not None and fits:
            if arguments.missing:
                return (), _ASKING[speech].format(arguments.missing[0].replace("_", " "))
            return (Proposal(best.tool.name, arguments.values, whole=True),), ""
        answered = not alone or scores.category["talk"] > 0.5  # by the language model
        return (), "" if answered else FIXED["cannot"][speech]


def best_call(words: str, tools: Sequence[ToolText]) -> tuple[Match | None, Arguments]:
    """The tool that fits words best, with its arguments.

    Args:
        words: What a person says.
        tools: What can be called.
    """
    matcher = ToolMatcher(tools)
    best: Match | None = None
    chosen = Arguments({})
    for match in matcher.rank(words):
        arguments = arguments_of(words, match.tool)
        again = matcher.match(match.tool, words, arguments.explained)
        score = max(match.score, again.score) * (_MISSING if arguments.missing else 1.0)
        if best is None or score > best.score:
            best, chosen = replace(again, score=score), arguments
    return best, chosen


def _text_of(tool: BaseTool) -> ToolText:
    formed = openai_form(tool)
    function = function_of(formed)
    return ToolText.of(
        function["name"], str(function.get("description") or ""), parameters_of(formed)
    )


def _ours(tool: BaseTool) -> bool:
    """Whether a tool is one of those that the language model was trained on."""
    return tool.name in _TRAINED
