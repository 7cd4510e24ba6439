"""The steps of one turn, as our own model is given them: one clause after the other.

Where a turn stands lies in its messages, so that it goes on after an approval or a restart: each
call of a step names the step, and what was said before it. What a step is answered is kept until
all are done; a step that was not done is said to be so, whatever the model makes of it. A step
with a condition is done only if the step that it depends on has found so; where that found nothing
of the kind, the person is asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain.agents.middleware import ModelResponse
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from sensebind.agent.approval.doubts import KEY as DOUBTS
from sensebind.agent.approval.requests import NOT_ALLOWED
from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.grounding.sources import ASKS
from sensebind.agent.reader.findings import Finding, satisfied
from sensebind.agent.reader.intent import Step, Verdict
from sensebind.agent.reader.outcomes import outcomes_of
from sensebind.agent.reader.said import cannot_do, not_done

KEY = "steps"
"""Of a message's `additional_kwargs`: `at`, the number of the step, `said`, what was said so far,
and `found`, what came of each step before. A message without calls is the answer to all of them,
and none of it was streamed."""
_QUESTIONS = ("?", "？")


class Work:
    """What is done, and what is left.

    Attributes:
        response: The answer to all steps, once nothing is left.
    """

    def __init__(self, steps: Sequence[Step], messages: Sequence[BaseMessage], speech: str) -> None:
        """Reads from the messages how far the turn has come.

        Args:
            steps: Of the turn.
            messages: Of the dialog; the turn begins with the last one of a person.
            speech: `zh` or `en`.
        """
        self._steps, self._speech = list(steps), speech
        start = max(i for i, one in enumerate(messages) if isinstance(one, HumanMessage))
        self._before, self._person = list(messages[:start]), messages[start]
        self._at, self._said, self._asked = 0, [], ""
        self._own: list[BaseMessage] = []
        self._lost = False  # whether the robot is not where a step before should have brought it
        self._found: list[Finding] = []
        for message in messages[start + 1 :]:
            kept = message.additional_kwargs.get(KEY) if isinstance(message, AIMessage) else None
            if isinstance(kept, Mapping) and int(kept["at"]) != self._at:
                self._at, self._own = int(kept["at"]), []
            if isinstance(kept, Mapping):
                self._said = [str(one) for one in kept["said"]]
                self._asked, self._lost = str(kept["asked"]), bool(kept["lost"])
                self._found = [Finding.of_json(one) for one in kept.get("found", ())]
            self._own.append(message)
        self.response: ModelResponse | None = None

    @property
    def step(self) -> Step:
        """The one that is to be done now; asked about where nobody knows whether it is to be."""
        step = self._steps[self._at]
        return _asked_about(step) if self._satisfied(step) is None else step

    def _satisfied(self, step: Step) -> bool | None:
        """Whether a step's condition is met; None where what was found does not say."""
        if step.condition is None:
            return True
        at = step.condition.step
        return satisfied(step.condition.test, self._found[at]) if at < len(self._found) else None

    @property
    def messages(self) -> list[BaseMessage]:
        """The dialog as if nothing but this step was asked for."""
        words = self._person.model_copy(update={"content": self.step.words})
        return [*self._before, words, *self._own]

    def take(self, response: ModelResponse) -> ModelResponse:
        """Takes what the model answers to a step.

        Args:
            response: With calls, or with the words that end the step.

        Returns:
            The same, its calls marked with where the turn stands.
        """
        made = next(one for one in response.result if isinstance(one, AIMessage))
        if made.tool_calls:
            kwargs = {**made.additional_kwargs, KEY: self._state()}
            if self._satisfied(self._steps[self._at]) is None:
                kwargs[DOUBTS] = self._with_found(kwargs.get(DOUBTS))
            marked = made.model_copy(update={"additional_kwargs": kwargs})
            result = [marked if one is made else one for one in response.result]
            return replace(response, result=result)
        self._end_step(made)
        if self._at == len(self._steps):
            self.response = replace(response, result=[self._answer(made)])
        return response

    def _state(self) -> dict[str, object]:
        return {
            "at": self._at,
            "said": self._said,
            "asked": self._asked,
            "lost": self._lost,
            "found": [one.as_json() for one in self._found],
        }

    def _with_found(self, doubts: Any) -> dict[str, Any]:
        """Doubts of calls, whose questions say first what was found."""
        found = ("" if self._speech == "zh" else " ").join(one for one in self._said if one)
        return {
            call: {**one, "question": f"{found} {one['question']}".strip()}
            for call, one in (doubts.items() if isinstance(doubts, Mapping) else ())
        }

    def _answer(self, made: AIMessage) -> AIMessage:
        said = [*self._said, self._asked] if self._asked else self._said
        text = ("" if self._speech == "zh" else " ").join(one for one in said if one)
        more: dict[str, object] = {KEY: self._state()}
        if self._asked:
            more[ASKS] = True
        return AIMessage(
            text,
            id=made.id,
            additional_kwargs=more,
            response_metadata=made.response_metadata,
            usage_metadata=made.usage_metadata,
        )

    def _end_step(self, made: AIMessage) -> None:
        step, text = self.step, str(made.text).strip()
        results = [one for one in self._own if isinstance(one, ToolMessage)]
        failed = next((one for one in reversed(results) if one.status == "error"), None)
        rejected = failed is not None and NOT_ALLOWED in str(failed.text)
        asks = bool(made.additional_kwargs.get(ASKS))
        if failed is not None:
            self._said.append(not_done(step.words, str(failed.text), self._speech))
        elif asks and text.endswith(_QUESTIONS) and not self._asked:
            self._asked = text
        elif asks:
            self._said.append(not_done(step.words, text, self._speech))
        elif text in FIXED["unknown"].values():
            self._said.append(not_done(step.words, "", self._speech))
        elif text in FIXED["cannot"].values():
            self._said.append(cannot_do(step.words, self._speech))
        else:
            self._said.append(text)
        last = results[-1] if results else None
        short = any(one.incomplete for one in outcomes_of(self.messages))
        done = failed is None and not asks and not short and self._said[-1:] == [text]
        self._found.append(
            Finding(
                str(last.name or "") if last is not None else "",
                str(last.text) if last is not None else "",
                not done,
                text,
            )
        )
        self._lost = self._lost or (step.moves and (failed is not None or asks or short))
        self._at, self._own = self._at + 1, []
        while self._at < len(self._steps):
            later = self._steps[self._at]
            met = self._satisfied(later)
            left = rejected or (self._lost and later.depends)
            unclear = met is None and not _acts(later)
            if not left and not unclear and met is not False:
                break
            if left or unclear:  # where the condition is not met, what was found says all
                self._said.append(not_done(later.words, "", self._speech))
            self._found.append(Finding(failed=True))
            self._at += 1


def _acts(step: Step) -> bool:
    """Whether a step may act, so that a person can be asked about its call."""
    return any(one is not Verdict.ANSWER for one in step.reading.verdicts.values())


def _asked_about(step: Step) -> Step:
    """A step whose acting calls a person is asked about first."""
    verdicts = {
        name: Verdict.ASK if verdict is Verdict.CALL else verdict
        for name, verdict in step.reading.verdicts.items()
    }
    return replace(step, reading=replace(step.reading, verdicts=verdicts))
