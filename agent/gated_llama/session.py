"""A dialog with a gated language model that reads every token once.

Each turn keeps the condition it was read under, so the keys and values of earlier turns stay
valid when the world changes, and a new turn costs its own tokens only.

`Session` is what a dialog is to everybody who asks: its conditions, its tokens, its answers. What
computes them is an engine's: PyTorch in `DialogSession`, llama.cpp in `agent.llamacpp.session`.
"""

import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from sensebind.agent.gated_llama.attention import Injected
from sensebind.agent.gated_llama.decoder import Decoder
from sensebind.agent.gated_llama.model import ConditionedLM
from sensebind.agent.gated_llama.sampling import next_token
from sensebind.errors import InputError

NO_CONDITION = -1

LogitsProcessor = Callable[[Tensor, Tensor], Tensor]  # (ids [1, T], logits [1, V]) -> [1, V]


@dataclass(slots=True)
class GenerationStats:
    """What one generation cost and why it ended.

    Attributes:
        prompt_tokens: Tokens of the prompt.
        reused_tokens: Of those, tokens whose keys and values came from the cache.
        new_tokens: Tokens yielded.
        first_token_ms: From the call to the first token, milliseconds.
        stop_reason: "stop" (a stop id, kept in `stop_id`), "length", "cancelled", or "superseded"
            (another generation began, or the caller stopped asking).
        stop_id: The stop id that was drawn, if any.
    """

    prompt_tokens: int = 0
    reused_tokens: int = 0
    new_tokens: int = 0
    first_token_ms: float = 0.0
    stop_reason: str = "superseded"
    stop_id: int | None = None


class Session(ABC):
    """One dialog: its KV cache, its conditions, and token-by-token generation.

    A prompt is the whole dialog so far, as token ids with a condition id each. What it shares
    with the tokens already read (same ids under the same conditions) is not read again.

    A new `stream` supersedes an unfinished one. Calls from several threads are safe.

    An engine fulfils the abstract methods; all of them are called under the session's lock.

    Attributes:
        context: Most tokens that the model reads.
        device: Where logits come from, and random numbers for sampling are drawn.
        stats: Of the newest generation; complete once its iterator has ended.
    """

    def __init__(self, context: int, device: torch.device, max_conditions: int) -> None:
        """Begin an empty dialog.

        Args:
            context: Most tokens that the model reads.
            device: Where logits come from.
            max_conditions: Conditions kept beyond those of the newest prompt.
        """
        self.context = context
        self.device = device
        self.stats = GenerationStats()
        self._max_conditions = max_conditions
        self._lock = threading.RLock()
        self._forget()

    # --- what an engine does --------------------------------------------------------------------

    @abstractmethod
    def _adds(self, embeddings: Tensor, present: Tensor) -> Any:
        """What a condition adds to the layers, computed once.

        Args:
            embeddings: Float32 [slots, bind_dim], or a picture; finite.
            present: [slots] bool.

        Raises:
            InputError: Shapes that do not fit the model.
        """

    @abstractmethod
    def _crop(self, length: int) -> None:
        """Drop the keys and values of all tokens after the first `length`."""

    @abstractmethod
    def _logits(
        self, tokens: list[tuple[int, int]], cancel: threading.Event | None
    ) -> Tensor | None:
        """Read tokens after those that were read, and note them with `_note`.

        Args:
            tokens: Token ids, each with its condition id; at least one.
            cancel: May end the reading when set.

        Returns:
            Logits [1, vocabulary] after the last token, or None where `cancel` has ended it.
        """

    @abstractmethod
    def _copy(self, length: int) -> Self:
        """Make a session that holds the keys and values of the first `length` tokens."""

    # --- dialogs --------------------------------------------------------------------------------

    def reset(self) -> None:
        """Forgets all tokens and conditions (needed if the model's weights have changed)."""
        with self._lock:
            self._crop(0)
            self._forget()

    def _forget(self) -> None:
        self._read: list[tuple[int, int]] = []  # (token id, condition id) of each cached token
        self._run = object()  # identity of the generation that may extend the cache
        self._ids: dict[bytes, int] = {}
        self._added: dict[int, Any] = {}  # id -> what the condition adds, oldest first
        self._next_id = 0

    def branch(self, length: int) -> Self:
        """A session that has read the same first tokens and knows the same conditions.

        For dialogs that begin alike: what they share (a system prompt with its tools) is read
        once. The two go their own ways from there. Condition ids are the same in both.

        Args:
            length: How many tokens.
        """
        with self._lock:
            other = self._copy(min(length, len(self._read)))
            other._read = self._read[:length]
            other._ids, other._added = dict(self._ids), dict(self._added)
            other._next_id = self._next_id
            return other

    # --- conditions -----------------------------------------------------------------------------

    @torch.inference_mode()
    def condition(self, embeddings: np.ndarray | Tensor, present: np.ndarray | Tensor) -> int:
        """Makes a condition known and computes its vectors, once per distinct content.

        Args:
            embeddings: [slots, bind_dim], or a picture [1, 3, height, width] where the model
                sees for itself; `config.condition_shape` says which.
            present: [slots] bool.

        Returns:
            Its id in this session, for `condition_ids`.

        Raises:
            InputError: Shapes that do not fit the model, or NaN.
        """
        vectors = torch.as_tensor(embeddings, dtype=torch.float32)
        filled = torch.as_tensor(present, dtype=torch.bool)
        if not torch.isfinite(vectors).all():
            raise InputError("a condition with NaN or infinite numbers cannot be used")
        key = vectors.cpu().numpy().tobytes() + filled.cpu().numpy().tobytes()
        with self._lock:
            if (known := self._ids.get(key)) is not None:
                return known
            added = self._adds(vectors, filled)
            new, self._next_id = self._next_id, self._next_id + 1
            self._ids[key], self._added[new] = new, added
            return new

    def _drop_conditions(self, used: set[int]) -> None:
        """Forgets the oldest conditions that the prompt does not use, down to the limit."""
        surplus = len(self._added) - self._max_conditions
        unused = [known for known in self._added if known not in used]
        dropped = set(unused[: max(surplus, 0)])
        if dropped:
            self._ids = {key: known for key, known in self._ids.items() if known not in dropped}
            for known in dropped:
                del self._added[known]

    # --- tokens ---------------------------------------------------------------------------------

    @property
    def cached_tokens(self) -> int:
        """Tokens whose keys and values are held."""
        return len(self._read)

    def _note(self, tokens: list[tuple[int, int]]) -> None:
        """Note tokens whose keys and values are held from now on."""
        self._read.extend(tokens)

    def _shorten(self, length: int) -> None:
        """Forget all tokens after the first `length`."""
        self._crop(length)
        del self._read[length:]

    def _keep_common_prefix(self, prompt: list[tuple[int, int]]) -> int:
        """Crops the cache to what the prompt shares with it; returns how many tokens that is."""
        limit = min(len(prompt) - 1, len(self._read))  # the last token is read for its logits
        common = 0
        while common < limit and prompt[common] == self._read[common]:
            common += 1
        self._shorten(common)
        return common

    def stream(
        self,
        token_ids: Sequence[int],
        condition_ids: Sequence[int],
        *,
        stop_ids: Collection[int] = (),
        max_new_tokens: int = 256,
        temperature: float = 0.0,
        top_p: float = 0.75,
        logits_processor: LogitsProcessor | None = None,
        cancel: threading.Event | None = None,
        generator: torch.Generator | None = None,
        exact: bool = False,
    ) -> Iterator[int]:
        """Generates token by token; new tokens are read under the prompt's last condition.

        Args:
            token_ids: The whole dialog.
            condition_ids: For each token an id from `condition`, or `NO_CONDITION`.
            stop_ids: Tokens that end the generation; they are not yielded.
            max_new_tokens: Most tokens to yield; the context length of the model may end it first.
            temperature: 0 takes the most probable token.
            top_p: Nucleus, see `sampling.nucleus`.
            logits_processor: Called with all ids [1, T] and the logits [1, V] of each step, as
                transformers' processors are.
            cancel: Ends the generation before the next token when set; llama.cpp reads no token
                of a prompt to its end then.
            generator: Source of randomness.
            exact: Read the whole dialog again, under its last condition.

        Returns:
            An iterator over token ids.

        Raises:
            InputError: An empty or too long prompt, or condition ids that do not fit it.
        """
        prompt = self._checked_prompt(token_ids, condition_ids, exact)
        started = time.perf_counter()
        with self._lock:
            if exact:
                self._shorten(0)
            self._run = run = object()
            self._drop_conditions({known for _, known in prompt})
            self.stats = stats = GenerationStats(prompt_tokens=len(prompt))
            stats.reused_tokens = self._keep_common_prefix(prompt)
        room = self.context - len(prompt)
        limit = min(max_new_tokens, room)

        def tokens() -> Iterator[int]:
            pending = prompt[stats.reused_tokens :]
            last = prompt[-1][1]
            seen = torch.tensor([token_ids], device=self.device)
            while True:
                if stats.new_tokens >= limit:
                    stats.stop_reason = "length"
                    return
                if cancel is not None and cancel.is_set():
                    stats.stop_reason = "cancelled"
                    return
                with self._lock:
                    if self._run is not run:  # its conditions may be forgotten already
                        return
                    logits = self._logits(pending, cancel)
                if logits is None:
                    stats.stop_reason = "cancelled"
                    return
                if logits_processor is not None:
                    logits = logits_processor(seen, logits)
                token = int(next_token(logits, temperature, top_p, generator))
                if not stats.new_tokens:
                    stats.first_token_ms = (time.perf_counter() - started) * 1e3
                if token in stop_ids:
                    stats.stop_reason, stats.stop_id = "stop", token
                    return
                stats.new_tokens += 1
                yield token
                pending = [(token, last)]
                if logits_processor is not None:
                    seen = torch.cat([seen, seen.new_tensor([[token]])], dim=1)

        return tokens()

    def _checked_prompt(
        self, token_ids: Sequence[int], condition_ids: Sequence[int], exact: bool
    ) -> list[tuple[int, int]]:
        if not token_ids or len(token_ids) != len(condition_ids):
            raise InputError(
                f"a prompt needs tokens and as many condition ids, got {len(token_ids)} and "
                f"{len(condition_ids)}"
            )
        if len(token_ids) >= self.context:
            raise InputError(
                f"the dialog has {len(token_ids)} tokens, the model reads {self.context}"
            )
        if exact:
            condition_ids = [condition_ids[-1]] * len(token_ids)
        if unknown := set(condition_ids) - self._added.keys() - {NO_CONDITION}:
            raise InputError(f"unknown or forgotten condition ids: {sorted(unknown)}")
        return list(zip(token_ids, condition_ids, strict=True))


class DialogSession(Session):
    """A dialog that PyTorch computes.

    Attributes:
        model: In eval mode; the session never changes it.
    """

    def __init__(
        self,
        model: ConditionedLM,
        *,
        max_conditions: int = 64,
        compiled: bool = False,
    ) -> None:
        """Begin an empty dialog.

        Args:
            model: In eval mode; the session holds it, and never changes it.
            max_conditions: Conditions kept beyond those of the newest prompt.
            compiled: Compile the decoding step, see `Decoder`.
        """
        super().__init__(model.config.max_position_embeddings, model.device, max_conditions)
        self.model = model
        self._compiled = compiled
        self._begin()

    def reset(self) -> None:
        """Forgets all tokens and conditions (needed if the model's weights have changed)."""
        with self._lock:
            self._begin()
            self._forget()

    def _begin(self) -> None:
        with torch.inference_mode():
            self._decoder = Decoder(self.model, compiled=self._compiled)
            self._standing = self.model.standing()
        self._following: tuple[int, Injected | None] | None = None  # of the newest single token

    def _adds(self, embeddings: Tensor, present: Tensor) -> Tensor:
        device, dtype = self.device, self.model.dtype
        return self.model.injection(
            embeddings.to(device, dtype)[None, None], present.to(device)[None, None]
        )

    def _crop(self, length: int) -> None:
        self._decoder.crop(length)

    def _copy(self, length: int) -> Self:
        other = type(self)(self.model, max_conditions=self._max_conditions, compiled=self._compiled)
        other._decoder = self._decoder.branch(length)
        return other

    def _logits(self, tokens: list[tuple[int, int]], cancel: threading.Event | None) -> Tensor:
        ids = torch.tensor([[token for token, _ in tokens]], device=self.device)
        logits = self._decoder.read(ids, self._injected([known for _, known in tokens]))
        self._note(tokens)
        return logits

    def _injected(self, condition_ids: Sequence[int]) -> Injected | None:
        """Prepares the injection of one forward pass over tokens with these condition ids."""
        if len(condition_ids) > 1:
            return self._prepared(condition_ids)
        if self._following is None or self._following[0] != condition_ids[0]:
            self._following = condition_ids[0], self._prepared(condition_ids)
        return self._following[1]

    @torch.inference_mode()
    def _prepared(self, condition_ids: Sequence[int]) -> Injected | None:
        used = sorted(set(condition_ids) - {NO_CONDITION})
        if not used:
            return self._standing
        injection = torch.cat([self._added[known] for known in used], dim=1)
        if len(used) == 1 and NO_CONDITION not in condition_ids:
            return self.model.inject(injection, None, len(condition_ids))
        index = {known: place for place, known in enumerate(used)} | {NO_CONDITION: -1}
        ids = torch.tensor([[index[known] for known in condition_ids]], device=injection.device)
        return self.model.inject(injection, ids, len(condition_ids))
