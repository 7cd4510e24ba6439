"""What our model answers about something that its weights do not know, or know by a taught name.

The embedding of such a thing lies anywhere, and a model conditioned on it names something that it
was trained with. So its slot stays empty, and while the model answers, it is kept from saying that
there is nothing: its own tokens are decoded under a constraint.

Whether an answer speaks of an unknown thing at all is asked of the model itself. The answer with
the empty slot is read once more with known things in that slot: where the model would now go on
in another way, the answer depends on what is perceived there, and that is not known. "I turned the
lamp on." stays as it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sensebind.agent.conditioning.condition import Condition
from sensebind.agent.gated_llama.session import LogitsProcessor, Session
from sensebind.agent.llm.checkpoint import LoadedModel
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.perception.imagebind.guard import examples
from sensebind.perception.modality import modality_info


@dataclass(frozen=True, slots=True)
class Wording:
    """How an answer says, in one language, what a sense perceives that has no slot.

    Attributes:
        unknown: The sentence about something unknown.
        named: The sentence about something with a taught name, `{name}`.
        nothing: The words with which an answer of several senses says that there is nothing.
        something: What takes their place, of something unknown.
        someone: What takes their place, of something with a name.
    """

    unknown: str
    named: str
    nothing: str
    something: str
    someone: str

    def whole(self, name: str = "") -> str:
        """The sentence; "" is unknown."""
        return self.named.format(name=name) if name else self.unknown

    def part(self, name: str = "") -> str:
        """What takes the place of `nothing`."""
        return self.someone.format(name=name) if name else self.something


WORDINGS: dict[str, tuple[Wording, Wording]] = {
    "sight": (
        Wording(
            modality_info("vision").unknown,
            "I see {name}.",
            "I see nothing",
            "I see something I do not know",
            "I see {name}",
        ),
        Wording(
            "我看到了我不认识的东西。",
            "我看到{name}。",
            "什么也没看到",
            "看到了我不认识的东西",
            "看到{name}",
        ),
    ),
    "hearing": (
        Wording(
            modality_info("audio").unknown,
            "I hear {name}.",
            "I hear nothing",
            "I hear something I do not know",
            "I hear {name}",
        ),
        Wording(
            "我听到了我不认识的声音。",
            "我听到{name}。",
            "什么也没听到",
            "听到了我不认识的声音",
            "听到{name}",
        ),
    ),
    "scan": (
        Wording(
            modality_info("point").unknown,
            "There is {name} near me.",
            "here is nothing near me",
            "here is something near me that I do not know",
            "here is {name} near me",
        ),
        Wording(
            "我附近有我不认识的东西。",
            "我附近有{name}。",
            "附近什么也没有",
            "附近有我不认识的东西",
            "附近有{name}",
        ),
    ),
}
"""By sense slot, in English and Chinese."""

_CHINESE = re.compile("[\u4e00-\u9fff]")

Stream = Callable[[LogitsProcessor, Sequence[int]], Iterator[int]]
"""Generates under a processor, with these condition ids."""


def answered(
    llm: LoadedModel,
    session: Session,
    condition: Condition | None,
    stream: Stream,
    processor: Callable[[], LogitsProcessor],
    condition_ids: Sequence[int],
) -> Iterator[int]:
    """Generate an answer: as it comes, or under the constraint where something is unknown.

    Args:
        llm: The checkpoint.
        session: Of the dialog.
        condition: Of the turn.
        stream: Generates, see `Stream`.
        processor: Makes the processor of the grammar that the answer must keep.
        condition_ids: Of the prompt, as `Session.stream` takes them.
    """
    beyond = {} if condition is None else condition.beyond_slots
    beyond = {one: beyond[one] for one in llm.senses if one in beyond and one in WORDINGS}
    if condition is None or not beyond:
        return stream(processor(), condition_ids)
    constrained = Constrained(llm, session, condition, beyond, stream, processor)
    return constrained.tokens(condition_ids)


class Constrained:
    """Answers one turn in which something unknown is perceived."""

    def __init__(
        self,
        llm: LoadedModel,
        session: Session,
        condition: Condition,
        beyond: Mapping[str, str],
        stream: Stream,
        processor: Callable[[], LogitsProcessor],
    ) -> None:
        """Prepare.

        Args:
            llm: The checkpoint.
            session: Of the dialog.
            condition: Of the turn; the slots of what is unknown or has a taught name are empty.
            beyond: The senses that perceive such a thing, with its name; "" is unknown.
            stream: Generates, see `Stream`.
            processor: Makes the processor of the grammar that the answer must keep.
        """
        self._llm = llm
        self._session = session
        self._condition = condition
        self._beyond = dict(beyond)
        self._stream = stream
        self._processor = processor

    def tokens(self, condition_ids: Sequence[int]) -> Iterator[int]:
        """Generate the answer, token by token.

        Args:
            condition_ids: Of the prompt, as `Session.stream` takes them.
        """
        draft = list(self._stream(_Greedy(self._processor()), condition_ids))
        start = self._llm.grammars.style.start_id
        text = self._decoded(draft)
        if not draft or draft[0] == start or not text.strip():
            # A call: its tool knows what is known, and how sure the model is of it must be seen.
            yield from self._stream(self._processor(), condition_ids)
            return
        unknown = [one for one in self._beyond if self._depends(draft, one, condition_ids)]
        others = [one for one in WORDINGS if one not in self._beyond and _claims(text, one)]
        elsewhere = others and not any(_claims(text, one) for one in unknown)
        if not unknown or elsewhere:  # it speaks of nothing that is unknown
            yield from self._along(draft, condition_ids)
            return
        if (joined := self._joined(text, unknown)) is not None:
            yield from self._along(self._encoded(joined), condition_ids)
            return
        # In the language that the model has chosen for its draft.
        english, chinese = WORDINGS[unknown[0]]
        wording = chinese if _CHINESE.search(text) else english
        whole = wording.whole(self._beyond[unknown[0]])
        yield from self._along(self._encoded(whole), condition_ids)

    def _depends(self, draft: list[int], sense: str, condition_ids: Sequence[int]) -> bool:
        """Whether the model would answer something else if it perceived known things instead.

        Slots are not wholly apart in a small model, so most of the examples must say so.
        """
        slot = self._llm.senses.index(sense)
        last = condition_ids[-1]
        known = examples(imagebind_directory(self._llm.path))
        differs = 0
        for example in known:
            embeddings, present = self._condition.embeddings.copy(), self._condition.present.copy()
            embeddings[slot], present[slot] = example, True
            other = self._session.condition(embeddings, present)
            ids = [other if one == last else one for one in condition_ids]
            reading = _Reading(draft, self._llm.stop_ids[0], self._processor())
            for _ in self._stream(reading, ids):
                pass
            differs += reading.differs
        return 2 * differs > len(known)

    def _joined(self, text: str, unknown: Sequence[str]) -> str | None:
        """The answer with what is unknown in it, where it speaks of several senses; else None."""
        changed = text
        for sense in unknown:
            for wording in WORDINGS[sense]:
                changed = changed.replace(wording.nothing, wording.part(self._beyond[sense]))
        others = [one for one in WORDINGS if one not in unknown and _claims(text, one)] or unknown[
            1:
        ]
        return changed if changed != text and others else None

    def _along(self, way: Sequence[int], condition_ids: Sequence[int]) -> Iterator[int]:
        """Generate these tokens and no others, so that they are read as the model's own."""
        yield from self._stream(_Way(way, self._llm.stop_ids[0]), condition_ids)

    def _encoded(self, text: str) -> list[int]:
        return list(self._llm.tokenizer(text, add_special_tokens=False)["input_ids"])

    def _decoded(self, tokens: list[int]) -> str:
        return str(self._llm.tokenizer.decode(tokens, skip_special_tokens=True))


def _claims(text: str, sense: str) -> bool:
    """Whether an answer speaks of a sense: "I hear a dog" does."""
    verbs = {"sight": ("I see ", "看到"), "hearing": ("I hear ", "听到")}
    near = ("near me", "附近")
    return any(word in text for word in verbs.get(sense, near))


class _Greedy:
    """Admits only what is most probable, whatever the temperature: a draft is read again."""

    def __init__(self, grammar: LogitsProcessor) -> None:
        self._grammar = grammar

    def __call__(self, seen: Tensor, logits: Tensor) -> Tensor:
        return _only(logits, [int(self._grammar(seen, logits)[0].argmax())])


class _Reading:
    """Reads a text again, and notes whether the model would have gone on in another way."""

    def __init__(self, text: Sequence[int], end: int, grammar: LogitsProcessor) -> None:
        self._wanted = [*text, end]
        self._grammar = grammar
        self._at = 0
        self.differs = False

    def __call__(self, seen: Tensor, logits: Tensor) -> Tensor:
        if self._at >= len(self._wanted) or self.differs:
            wanted = self._wanted[-1]  # it is known, and the rest need not be read
        else:
            wanted = self._wanted[self._at]
            self._at += 1
            chosen = int(self._grammar(seen, logits)[0].argmax())
            if chosen != wanted:
                self.differs, wanted = True, self._wanted[-1]
        return _only(logits, [wanted])


class _Way:
    """Admits one token sequence, and then the end."""

    def __init__(self, way: Sequence[int], end: int) -> None:
        self._left = [*reversed(way)]
        self._end = end

    def __call__(self, _seen: Tensor, logits: Tensor) -> Tensor:
        return _only(logits, [self._left.pop() if self._left else self._end])


def _only(logits: Tensor, tokens: Sequence[int]) -> Tensor:
    """Logits [1, V] of these tokens, and no others."""
    kept = torch.full_like(logits, float("-inf"))
    kept[:, list(tokens)] = logits[:, list(tokens)].clamp(min=-1e4)
    return kept
