"""The senses in words, for a language model that takes no embeddings.

Each sense is tagged zero-shot: its embedding is compared with those of the words of a vocabulary,
in ImageBind's joint space. What the model is told has scores and ages; if it can take pictures, it
gets the newest one, too. Only references are kept in the dialog.
"""

import base64
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from langchain.agents.middleware import AgentMiddleware
from langchain_core.messages import BaseMessage, HumanMessage

from sensebind.agent.conditioning.condition import Sensed, SenseState
from sensebind.checkpoints.layout import imagebind_directory
from sensebind.errors import InputError
from sensebind.perception.imagebind import ImageBind, ImageBindProcessor
from sensebind.perception.modality import modality_info, modality_of
from sensebind.perception.percept import Percept
from sensebind.perception.simhome.catalog import KINDS

MAX_WORDS = 10_000
TAGS = 3  # told of each sense
LEAST = 0.05  # probability below which a tag is not told
_KEPT_PICTURES = 8


@dataclass(frozen=True, slots=True)
class Tag:
    """A word for what a sense perceives.

    Attributes:
        word: From the vocabulary.
        score: Its share of the probability over the vocabulary, 0..1.
    """

    word: str
    score: float


class Tagger:
    """Names embeddings by the words of a vocabulary."""

    def __init__(self, checkpoint: Path, words: Sequence[str]) -> None:
        """Embeds the vocabulary once.

        Args:
            checkpoint: Directory with `imagebind/`, which must have a text trunk.
            words: Words or short phrases.

        Raises:
            InputError: No words, or too many.
            CheckpointError: No encoder there.
            ConfigurationError: The encoder has no text trunk.
        """
        if not 0 < len(words) <= MAX_WORDS:
            raise InputError(f"a vocabulary has 1 to {MAX_WORDS} words, not {len(words)}")
        directory = imagebind_directory(checkpoint)
        processor = ImageBindProcessor.from_pretrained(directory)
        model = ImageBind.from_pretrained(directory, ["text"])
        self.words = tuple(words)
        with torch.inference_mode():
            batches = [
                model.encode("text", processor.text(list(words[start : start + 256])))
                for start in range(0, len(words), 256)
            ]
        # [W, D]; their length is ImageBind's learned scale of the softmax
        self._texts = torch.cat(batches).double().numpy()

    def tags(self, embedding: np.ndarray, count: int = TAGS) -> list[Tag]:
        """Returns the words that fit best, best first.

        Args:
            embedding: [D].
            count: Most words.

        Raises:
            InputError: Another width than the vocabulary's.
        """
        if embedding.shape != (self._texts.shape[1],):
            raise InputError(
                f"an embedding of {list(embedding.shape)} does not fit a vocabulary of width "
                f"{self._texts.shape[1]}"
            )
        scores = self._texts @ (embedding / max(float(np.linalg.norm(embedding)), 1e-12))
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        best = np.argsort(-shares, kind="stable")[:count]
        return [Tag(self.words[i], float(shares[i])) for i in best if shares[i] >= LEAST]


class Snapshots(Protocol):
    """Where percepts come from; `Awareness` is one."""

    def snapshot(self) -> tuple[dict[str, Percept], tuple[Sensed, ...]]:
        """Returns the fresh percepts by stream, and what became of every stream."""
        ...


class ToldSenses:
    """Perceives a turn in words.

    Attributes:
        middleware: Puts words and pictures before the model when it is called.
    """

    def __init__(
        self,
        senses: Snapshots,
        tagger: Tagger,
        *,
        pictures: bool = False,
        says: Callable[[], str] | None = None,
    ) -> None:
        """Args:
        senses: Where percepts come from.
        tagger: Names them.
        pictures: Whether the language model takes pictures.
        says: What our own model says of the senses, asked once per turn.
        """
        self._senses = senses
        self._tagger = tagger
        self._pictures = pictures
        self._says = says
        self._jpegs: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()
        self.middleware = TellSenses(self.picture)

    def report(self) -> Mapping[str, Any]:
        """How the streams are doing, as `Awareness.report` tells it."""
        report = getattr(self._senses, "report", None)
        return report() if report is not None else {}

    def perceive(self) -> tuple[dict[str, Any], tuple[Sensed, ...]]:
        """Returns the words of this moment, and the reference of its picture."""
        percepts, sensed = self._senses.snapshot()
        told = [self._tell(one, percepts.get(one.stream)) for one in sensed]
        if self._says is not None and (words := self._says().strip()):
            told.append(f"in its own words: {words}")
        carried: dict[str, Any] = {"senses": f"[{'; '.join(told)}]"} if told else {}
        if self._pictures:
            for percept in percepts.values():
                if percept.header.modality == "vision" and percept.payload:
                    carried["picture"] = percept.header.observation
                    self._remember(percept.header.observation, percept.payload)
        return carried, sensed

    def _tell(self, sensed: Sensed, percept: Percept | None) -> str:
        begin = f"{sensed.stream} {modality_info(modality_of(sensed.sense)).third}"
        match sensed.state:
            case SenseState.MISSING:
                return f"{sensed.stream} has given no data yet"
            case SenseState.STALE:
                return f"{sensed.stream} is {sensed.age_ms / 1e3:.0f} s behind and not shown"
            case SenseState.NOTHING:
                return f"{begin} nothing, {sensed.age_ms / 1e3:.1f} s ago"
        if percept is None:
            return f"{begin} something"
        tags = self._tagger.tags(percept.embedding)
        words = ", ".join(f"{tag.word} {tag.score:.2f}" for tag in tags) or "something unknown"
        return f"{begin} {words}, {sensed.age_ms / 1e3:.1f} s ago"

    def _remember(self, reference: str, jpeg: bytes) -> None:
        with self._lock:
            self._jpegs[reference] = jpeg
            while len(self._jpegs) > _KEPT_PICTURES:
                self._jpegs.popitem(last=False)

    def picture(self, reference: str) -> bytes | None:
        """Returns a JPEG that was perceived lately, or None."""
        with self._lock:
            return self._jpegs.get(reference)


class TellSenses(AgentMiddleware):
    """Shows the model what each turn perceived, without storing it in the dialog."""

    def __init__(self, picture: Callable[[str], bytes | None]) -> None:
        """Args:
        picture: Gives the JPEG of a reference, while it is remembered.
        """
        super().__init__()
        self._picture = picture

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Calls the model with the senses told."""
        return handler(request.override(messages=self._told(request.messages)))

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """As `wrap_model_call`, for asynchronous agents."""
        return await handler(request.override(messages=self._told(request.messages)))

    def _told(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        last = max(
            (i for i, one in enumerate(messages) if isinstance(one, HumanMessage)), default=-1
        )
        return [self._tell(one, newest=i == last) for i, one in enumerate(messages)]

    def _tell(self, message: BaseMessage, *, newest: bool) -> BaseMessage:
        senses = message.additional_kwargs.get("senses")
        if not isinstance(message, HumanMessage) or not senses:
            return message
        content: Any = f"{senses}\n{message.text}"
        reference = str(message.additional_kwargs.get("picture") or "")
        if newest and reference and (jpeg := self._picture(reference)) is not None:
            encoded = base64.b64encode(jpeg).decode()
            shown = {"type": "image", "base64": encoded, "mime_type": "image/jpeg"}
            content = [{"type": "text", "text": content}, shown]
        return message.model_copy(update={"content": content, "additional_kwargs": {}})


def takes_pictures(profile: Mapping[str, Any] | None) -> bool:
    """Whether a language model says of itself that it takes pictures."""
    return bool((profile or {}).get("image_inputs"))


def vocabulary(checkpoint: Path) -> list[str]:
    """Return the words of a checkpoint: its vocabulary.txt, else those of the simulated home.

    Raises:
        InputError: The file cannot be read.
    """
    file = checkpoint / "vocabulary.txt"
    return read_vocabulary(file) if file.is_file() else list(KINDS)


def read_vocabulary(file: Path) -> list[str]:
    """Reads a vocabulary file: a word or phrase per line; `#` begins a remark.

    Raises:
        InputError: It cannot be read.
    """
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"the vocabulary {file} cannot be read: {error}") from error
    words = (line.strip() for line in lines)
    return [word for word in words if word and not word.startswith("#")]
