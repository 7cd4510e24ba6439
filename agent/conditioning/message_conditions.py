"""The media of messages become conditions: each turn is read under what came with it."""

import contextlib
import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from langchain_core.messages import BaseMessage, HumanMessage, ToolMessage

from sensebind.agent.conditioning.condition import Condition, ConditionStore
from sensebind.agent.conditioning.media import FRAME, Medium, media_of, text_of
from sensebind.agent.conditioning.media_encoder import MediaEncoder, sensed_as
from sensebind.agent.conditioning.sensed import Sensed
from sensebind.errors import InputError, StorageError
from sensebind.perception.modality import sense_of
from sensebind.perception.vectors import unit


class MediaConditions:
    """Embeds media once per distinct content, and puts conditions into a store."""

    def __init__(
        self,
        store: ConditionStore,
        encoders: Callable[[], MediaEncoder],
        *,
        senses: tuple[str, ...],
        dim: int,
        read_files: bool = True,
        frames_kept: bool = False,
    ) -> None:
        """Prepare; the encoders are not loaded yet.

        Args:
            store: Where conditions go.
            encoders: Gives the encoders when they are first needed.
            senses: Slot names of the language model.
            dim: Width of its embeddings.
            read_files: Whether messages may name local files.
            frames_kept: Whether the encoders have a frame store to make lost conditions from.
        """
        self._store = store
        self._encoders = encoders
        self._senses = senses
        self._dim = dim
        self._read_files = read_files
        self._frames_kept = frames_kept

    def prepare(self, messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        """Returns the messages as text that refers to conditions.

        A user's media fill their slots for that turn; a tool's media replace what the turn
        perceived by the same sense, from the tool's message on.

        Raises:
            InputError: A medium that cannot be perceived, or in a message of another kind.
        """
        prepared: list[BaseMessage] = []
        reference = ""
        for message in messages:
            own = str(message.additional_kwargs.get("condition") or "")
            if own or isinstance(message, HumanMessage):
                reference = own
                self._remake(own, message.additional_kwargs.get("frames") or ())
            media = media_of(message, read_files=self._read_files)
            if media:
                if not isinstance(message, HumanMessage | ToolMessage):
                    raise InputError(
                        f"media in a message of type {message.type!r}: only users and tools show"
                    )
                reference = self._condition(media, reference)
                carried = {**message.additional_kwargs, "condition": reference}
                message = message.model_copy(
                    update={"content": text_of(message), "additional_kwargs": carried}
                )
            prepared.append(message)
        return prepared

    def _remake(self, reference: str, frames: Sequence[str]) -> None:
        """Makes a condition of an earlier process again, if its frames are still kept.

        Without them it stays lost, and the model's answer counts it.
        """
        if not (self._frames_kept and reference and frames) or self._store.get(reference):
            return
        media = [Medium("", str(frame), "", False, 1.0, str(frame)) for frame in frames]
        with contextlib.suppress(InputError, StorageError):
            self._store.put(self._perceived(media, None, reference))

    def _condition(self, media: Sequence[Medium], base: str) -> str:
        """Returns the reference of the condition of these media on top of another one."""
        identity = hashlib.sha256("|".join([base, *(one.digest for one in media)]).encode())
        reference = f"condition:{identity.hexdigest()[:24]}"
        if self._store.get(reference) is None:
            self._store.put(self._perceived(media, self._store.get(base), reference))
        return reference

    def _perceived(
        self, media: Sequence[Medium], base: Condition | None, reference: str
    ) -> Condition:
        encoders = self._encoders()
        sums: dict[str, np.ndarray] = {}  # several pictures of a turn share the slot of sight
        weights: dict[str, float] = {}
        sensed: list[Sensed] = []
        for medium in media:
            modality, perceived = encoders.perceive(medium)
            sense = sense_of(modality)
            frame = medium.data if isinstance(medium.data, str) else ""
            stream = frame.removeprefix(FRAME).partition("@")[0] or "message"
            sensed.append(sensed_as(perceived, sense, stream, frame))
            if perceived is not None and perceived.known and perceived.embedding.any():
                shown = unit(perceived.embedding)
                sums[modality] = sums.get(modality, 0.0) + medium.weight * shown
                weights[modality] = weights.get(modality, 0.0) + medium.weight
        shares = {modality: min(weight, 1.0) for modality, weight in weights.items()}
        shown = encoders.lay_out(
            sums,
            senses=self._senses,
            dim=self._dim,
            weights=shares,
            sensed=sensed,
            reference=reference,
        )
        if base is None or len(self._senses) == 1:
            return shown
        given = {one.sense for one in sensed}
        kept = np.array([sense not in given for sense in self._senses])
        return Condition(
            reference,
            np.where(kept[:, None], base.embeddings, shown.embeddings).astype(np.float32),
            np.where(kept, base.present, shown.present),
            (*(one for one in base.sensed if one.sense not in given), *sensed),
        )
