"""`sensebind eval recording`: questions to a recording of one's own, and what must be answered.

```yaml
- at: 2.5                    # seconds since the first entry of the recording
  ask: what do you see?
  expect: ball               # a word or phrase, or a list of which every one must be said
  refuse: [dog, cat]         # what must not be said
```

Nothing depends on how fast the machine is: at its time each question is asked about the newest
observation of every stream, so the same weights answer the same.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError

from sensebind.agent.conditioning.awareness import MAX_AGE
from sensebind.agent.conditioning.condition import Condition
from sensebind.agent.conditioning.perceived import Newest, perceived
from sensebind.agent.conditioning.sensed import Sensed
from sensebind.agent.llm.checkpoint import LoadedModel
from sensebind.agent.llm.one_question import answer
from sensebind.agent.robot.perceiver import Perceiver
from sensebind.errors import InputError
from sensebind.perception.frames.recording import Recording
from sensebind.perception.percept import Observation

_MAX_BYTES = 1 << 20


def _listed(given: Any) -> Any:
    return [given] if isinstance(given, str) else given


Words = Annotated[tuple[Annotated[str, Field(min_length=1)], ...], BeforeValidator(_listed)]


class Question(BaseModel):
    """One question to a recording.

    Attributes:
        at: When it is asked, seconds since the first entry.
        ask: What is asked.
        expect: Words or phrases that the answer has, all of them.
        refuse: Words or phrases that it has not.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    ask: Annotated[str, Field(min_length=1)]
    expect: Words = ()
    refuse: Words = ()

    def missed(self, said: str) -> list[str]:
        """Return what is wrong with an answer, in words; empty where it is right."""
        lacks = [f"lacks {one!r}" for one in self.expect if not _says(said, one)]
        return lacks + [f"has {one!r}" for one in self.refuse if _says(said, one)]


@dataclass(frozen=True, slots=True)
class Answered:
    """What became of a question.

    Attributes:
        at: When it was asked, seconds since the first entry.
        ask: What was asked.
        answer: What was said.
        missed: What is wrong with it, in words.
        percepts: What each stream perceived.
    """

    at: float
    ask: str
    answer: str
    missed: list[str]
    percepts: list[Sensed]

    def as_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return asdict(self)


def read_questions(file: Path) -> list[Question]:
    """Read a file of questions, JSON or YAML.

    Returns:
        The questions in the order of their times.

    Raises:
        InputError: It cannot be read, or is no list of questions; the message names the entry.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise InputError(f"{file} has more than {_MAX_BYTES:,} bytes")
        given = yaml.safe_load(file.read_text(encoding="utf-8"))
        questions = TypeAdapter(list[Question]).validate_python(given)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{file} cannot be read: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise InputError(f"{file}: question {where}: {first['msg']}") from error
    except (yaml.YAMLError, ValueError) as error:  # ValueError: of a date such as 2026-13-01
        raise InputError(f"{file} is not YAML: {str(error).splitlines()[0]}") from error
    if not questions:
        raise InputError(f"{file} has no questions")
    for number, one in enumerate(questions):
        if not one.expect and not one.refuse:
            raise InputError(f"{file}: question {number}: give expect: or refuse:")
    return sorted(questions, key=lambda one: one.at)


def answered(
    recording: Recording, questions: Sequence[Question], perceiver: Perceiver, llm: LoadedModel
) -> Iterator[Answered]:
    """Ask each question at its time.

    Args:
        recording: What was perceived.
        questions: In the order of their times.
        perceiver: Makes percepts of observations.
        llm: Answers.

    Raises:
        InputError: A question lies behind the recording's end, or the file cannot be read.
    """
    waiting = list(questions)
    newest: dict[str, _Seen] = {}
    first: float | None = None
    last = 0.0
    for recorded in recording:
        entry = recorded.entry
        first = recorded.at if first is None else first
        last = recorded.at - first
        while waiting and waiting[0].at < last:
            yield _ask(waiting.pop(0), newest, perceiver, llm)
        if isinstance(entry, Observation):
            newest[entry.stream] = _Seen(entry, last)
        elif entry.header.unchanged and (known := newest.get(entry.header.stream)):
            newest[entry.header.stream] = replace(known, at=last)
    if not newest:
        raise InputError("the recording has no observations to ask about")
    while waiting:
        if waiting[0].at > last + MAX_AGE:
            raise InputError(
                f"a question at {waiting[0].at:g} s: the recording ends after {last:.1f} s"
            )
        yield _ask(waiting.pop(0), newest, perceiver, llm)


@dataclass(frozen=True, slots=True)
class _Seen:
    """The newest observation of a stream.

    Attributes:
        observation: What the sensor gave.
        at: When it was last so, seconds since the first entry: percepts that are unchanged say
            that it still is.
    """

    observation: Observation
    at: float


def _ask(
    question: Question, newest: Mapping[str, _Seen], perceiver: Perceiver, llm: LoadedModel
) -> Answered:
    condition = _condition(question.at, newest, perceiver, llm)
    said = "".join(answer(llm, question.ask, condition)).strip()
    missed = question.missed(said)
    return Answered(question.at, question.ask, said, missed, list(condition.sensed))


def _condition(
    at: float, seen: Mapping[str, _Seen], perceiver: Perceiver, llm: LoadedModel
) -> Condition:
    """What was perceived then."""
    newest: dict[str, Newest] = {}
    for stream, one in sorted(seen.items(), key=lambda item: item[1].at):
        percept = perceiver.perceive(replace(one.observation, monotonic=one.at))
        newest[stream] = Newest(one.observation.modality.value, percept, at - one.at)
    return perceived(newest, MAX_AGE).condition(llm.senses, llm.bind_dim)


def _says(said: str, wanted: str) -> bool:
    """Whether words are said: whole words where a script has spaces between them."""
    text, phrase = said.casefold(), " ".join(wanted.casefold().split())
    if phrase.isascii():
        return re.search(rf"(?<!\w){re.escape(phrase)}(?!\w)", text) is not None
    return phrase in text
