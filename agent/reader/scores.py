"""What the reader's network says of one text."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sensebind.agent.reader.actions import ORDERS
from sensebind.agent.reader.intent import Kind

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


@dataclass(frozen=True, slots=True)
class Scores:
    """Probabilities of one text.

    Attributes:
        act: That it orders an action, by the action.
        ask: That an action may be meant, and is to be asked about.
        category: Of each category.
        places: Where in the text each action is ordered, in tokens.
    """

    act: Mapping[str, float]
    ask: Mapping[str, float]
    category: Mapping[str, float]
    places: Mapping[str, float]

    @property
    def kind(self) -> Kind:
        """What the text most probably is."""
        return _KINDS[max(self.category, key=lambda name: self.category[name])]

    def without(self, actions: Iterable[str]) -> Scores:
        """Returns the scores without some actions.

        Args:
            actions: Their names.
        """
        none = dict.fromkeys(actions, 0.0)
        if not none:
            return self
        return replace(self, act={**self.act, **none}, ask={**self.ask, **none})

    def as_question(self) -> Scores:
        """Returns the scores of words that are a question, whatever the network takes them for."""
        nothing = dict.fromkeys(self.category, 0.0)
        return replace(self.without(ORDERS), category={**nothing, "question": 1.0})
