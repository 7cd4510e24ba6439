"""`ChatSenseBind`: the gated LLaMA as a LangChain chat model.

A user message may carry `additional_kwargs={"condition": reference}`; the reference is looked up
in `conditions`, and the turn is read and answered under it. Embeddings never enter a message.
"""

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import torch
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.chat_models import generate_from_stream
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_openai_tool
from pydantic import ConfigDict, Field, PrivateAttr

from sensebind.agent.brain import Brain, load_brain
from sensebind.agent.conditions import ConditionStore
from sensebind.agent.gated_llama.session import NO_CONDITION, DialogSession, GenerationStats
from sensebind.agent.grammar import GrammarLogitsProcessor, parse_call
from sensebind.agent.prompt import Prompt, PromptBuilder

MAX_IDLE_SESSIONS = 4
MAX_CALL_TOKENS = 1024  # a call is finite by its grammar; this only guards against a wrong one


@dataclass(slots=True)
class _Seat:
    """A dialog session and the prompt it has read last."""

    session: DialogSession
    read: list[int] = field(default_factory=list)

    def shared(self, token_ids: list[int]) -> int:
        """How many first tokens it shares with a prompt."""
        same = 0
        for ours, theirs in zip(self.read, token_ids, strict=False):
            if ours != theirs:
                break
            same += 1
        return same


@dataclass(slots=True)
class _Text:
    """Turns tokens into text pieces; holds back half characters and what may become a stop."""

    decode: Callable[[list[int]], str]
    stops: tuple[str, ...]
    tokens: list[int] = field(default_factory=list)
    given: int = 0
    stopped: bool = False

    def push(self, token: int | None) -> str:
        """Takes a token (None: the end) and returns the text that is now certain."""
        if token is not None:
            self.tokens.append(token)
        text = self.decode(self.tokens)
        if token is not None and text.endswith("\ufffd"):
            return ""
        cuts = [at for stop in self.stops if (at := text.find(stop)) >= 0]
        end = len(text)
        if cuts:
            end, self.stopped = min(cuts), True
        elif token is not None:
            end -= max((_overlap(text, stop) for stop in self.stops), default=0)
        piece = text[self.given : end]
        self.given = max(self.given, end)
        return piece


def _overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that begins `stop`."""
    for size in range(min(len(stop) - 1, len(text)), 0, -1):
        if text.endswith(stop[:size]):
            return size
    return 0


class ChatSenseBind(BaseChatModel):
    """A gated LLaMA checkpoint as a chat model, with tools and conditions.

    Example:
        ```python
        chat = ChatSenseBind(model="path/to/checkpoint")
        chat.conditions.put(condition)
        chat.invoke([HumanMessage("what do you see?",
                                  additional_kwargs={"condition": condition.reference})])
        ```

    Attributes:
        model: Checkpoint directory; empty for the embedded one. Loaded at first use.
        temperature: 0 takes the most probable token.
        max_tokens: Most tokens of a text answer; the checkpoint's own limit (`max_new_tokens` in
            generation_config.json) by default.
        top_p: Nucleus of sampling.
        seed: Makes sampling repeatable.
        stop: Texts that end an answer; they are not part of it.
        reread: Read the whole dialog anew under its last condition, every time.
        device: `"auto"` or a torch device.
        conditions: Where references are looked up.
    """

    model: str = ""
    temperature: float = 0.0
    max_tokens: int | None = None
    top_p: float = 0.75
    seed: int | None = None
    stop: list[str] | None = None
    reread: bool = False
    device: str = "auto"
    conditions: ConditionStore = Field(default_factory=ConditionStore, exclude=True, repr=False)

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="ignore")

    _brain: Brain | None = PrivateAttr(default=None)
    _prompts: PromptBuilder | None = PrivateAttr(default=None)
    _idle: list[_Seat] = PrivateAttr(default_factory=list)
    _running: set[threading.Event] = PrivateAttr(default_factory=set)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    # --- what it is -----------------------------------------------------------------------------

    @property
    def _llm_type(self) -> str:
        return "sensebind"

    @property
    def _identifying_params(self) -> dict[str, Any]:
        return {
            "model": self.model,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "top_p": self.top_p,
            "seed": self.seed,
        }

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = LangSmithParams(
            ls_provider="sensebind",
            ls_model_name=kwargs.get("model") or self.model or "simhome",
            ls_model_type="chat",
            ls_temperature=kwargs.get("temperature", self.temperature),
            ls_max_tokens=kwargs.get("max_tokens", self.max_tokens),
        )
        if stops := stop or self.stop:
            params["ls_stop"] = stops
        return params

    @property
    def brain(self) -> Brain:
        """The loaded checkpoint.

        Raises:
            CheckpointError: It cannot be loaded.
        """
        with self._lock:
            if self._brain is None:
                self._brain = load_brain(self.model or None, device=self.device)
                self._prompts = PromptBuilder(self._brain.tokenizer)
                self.profile = ModelProfile(
                    name=self.model or "simhome",
                    max_input_tokens=self._brain.context,
                    tool_calling=True,
                    tool_choice=True,
                    structured_output=True,
                    image_inputs=False,
                    audio_inputs=False,
                    video_inputs=False,
                )
            return self._brain

    def get_num_tokens(self, text: str) -> int:
        """Returns how many tokens a text takes."""
        return len(self.brain.tokenizer(text, add_special_tokens=False)["input_ids"])

    # --- tools ----------------------------------------------------------------------------------

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable | BaseTool],
        *,
        tool_choice: str | dict | bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Binds tools; a call is always valid against its tool's schema.

        Args:
            tools: Tools, functions, pydantic classes or JSON schemas.
            tool_choice: `"auto"`, `"any"`, `"none"`, or the name of the tool to call.
            **kwargs: Bound too.
        """
        formatted = [convert_to_openai_tool(tool) for tool in tools]
        return self.bind(tools=formatted, tool_choice=tool_choice, **kwargs)

    # --- generation -----------------------------------------------------------------------------

    def cancel(self) -> None:
        """Ends all running generations; a call that was not whole is never made."""
        with self._lock:
            for event in self._running:
                event.set()

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return generate_from_stream(self._stream(messages, stop, None, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        *,
        tools: Sequence[dict[str, Any]] = (),
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        brain = self.brain
        assert self._prompts is not None
        max_tokens = int(kwargs.get("max_tokens") or self.max_tokens or brain.max_new_tokens)
        grammar = brain.grammars.compile(tools, tool_choice)
        reserve = min(max_tokens, brain.context // 4)
        prompt = self._prompts.build(messages, tools=tools, limit=brain.context - reserve)
        seat, cancel = self._take_seat(prompt.token_ids), threading.Event()
        with self._lock:
            self._running.add(cancel)
        try:
            condition_ids, lost = self._condition_ids(seat.session, prompt.references)
            seed = kwargs.get("seed", self.seed)
            generator = None
            if seed is not None:
                generator = torch.Generator(brain.model.device).manual_seed(int(seed))
            tokens = seat.session.stream(
                prompt.token_ids,
                condition_ids,
                stop_ids=brain.stop_ids,
                max_new_tokens=max(max_tokens, MAX_CALL_TOKENS if tools else 0),
                temperature=float(kwargs.get("temperature", self.temperature)),
                top_p=float(kwargs.get("top_p", self.top_p)),
                logits_processor=GrammarLogitsProcessor([grammar], len(prompt.token_ids)),
                cancel=cancel,
                generator=generator,
                exact=self.reread,
            )
            stats = seat.session.stats
            reply: list[int] = []
            stops = tuple(one for one in (stop or self.stop or ()) if one)
            for chunk in self._chunks(tokens, reply, stats, stops, max_tokens, tools):
                if run_manager and chunk.text:
                    run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
            seat.read = prompt.token_ids + reply
            yield self._last_chunk(stats, prompt, lost, len(reply))
        finally:
            with self._lock:
                self._running.discard(cancel)
                self._idle.append(seat)
                del self._idle[:-MAX_IDLE_SESSIONS]

    def _take_seat(self, token_ids: list[int]) -> _Seat:
        """Takes the idle session that has read most of the prompt, or a new one."""
        with self._lock:
            best = max(self._idle, key=lambda seat: seat.shared(token_ids), default=None)
            if best is not None:
                self._idle.remove(best)
                return best
        return _Seat(DialogSession(self.brain.model))

    def _condition_ids(
        self, session: DialogSession, references: list[str]
    ) -> tuple[list[int], list[str]]:
        """Returns each token's condition id, and the references that were evicted."""
        known: dict[str, int] = {"": NO_CONDITION}
        lost: list[str] = []
        for reference in dict.fromkeys(references):
            if not reference:
                continue
            condition = self.conditions.get(reference)
            if condition is None:
                lost.append(reference)
                known[reference] = NO_CONDITION
            else:
                known[reference] = session.condition(condition.embeddings, condition.present)
        return [known[reference] for reference in references], lost

    def _chunks(
        self,
        tokens: Iterator[int],
        reply: list[int],
        stats: GenerationStats,
        stops: tuple[str, ...],
        max_tokens: int,
        tools: Sequence[dict[str, Any]],
    ) -> Iterator[ChatGenerationChunk]:
        """Yields text as it comes, and a call once it is whole."""
        brain = self.brain
        style = brain.grammars.style
        marker = style.start or "{"

        def decode(ids: list[int]) -> str:
            return str(brain.tokenizer.decode(ids, skip_special_tokens=True))

        text = _Text(decode, stops)
        # None: cannot be told yet (the marker is spelled out in several tokens)
        is_call: bool | None = None if tools else False
        for token in tokens:
            reply.append(token)
            if is_call is None:
                if style.start_id is not None:
                    is_call = token == style.start_id
                else:
                    so_far = decode(reply).lstrip()
                    if so_far.startswith(marker):
                        is_call = True
                    elif not marker.startswith(so_far):
                        is_call = False
                        for earlier in reply[:-1]:
                            if piece := text.push(earlier):
                                yield _text_chunk(piece)
            if is_call is False:
                if piece := text.push(token):
                    yield _text_chunk(piece)
                if text.stopped or len(reply) >= max_tokens:
                    stats.stop_reason = "stop" if text.stopped else "length"
                    break
        if is_call:
            yield from self._call_chunk(decode(reply), stats, tools)
        elif not text.stopped and (piece := text.push(None)):
            yield _text_chunk(piece)

    def _call_chunk(
        self, text: str, stats: GenerationStats, tools: Sequence[dict[str, Any]]
    ) -> Iterator[ChatGenerationChunk]:
        if stats.stop_reason in ("cancelled", "superseded"):
            return
        call = parse_call(text, self.brain.grammars.style, tools)
        # A JSON string in place of the arguments makes LangChain list the call as invalid;
        # broken JSON would be repaired by it, and a call that the model never made would run.
        args = json.dumps(call.text if call.error else call.arguments, ensure_ascii=False)
        chunk = tool_call_chunk(name=call.name, args=args, id=f"call_{uuid4().hex[:16]}", index=0)
        yield ChatGenerationChunk(message=AIMessageChunk(content="", tool_call_chunks=[chunk]))

    def _last_chunk(
        self, stats: GenerationStats, prompt: Prompt, lost: list[str], written: int
    ) -> ChatGenerationChunk:
        read = len(prompt.token_ids)
        metadata: dict[str, Any] = {
            "model_name": self.model or "simhome",
            "finish_reason": stats.stop_reason,
            "first_token_ms": round(stats.first_token_ms, 2),
            "conditions_lost": len(lost),
            "turns_dropped": prompt.dropped_turns,
        }
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content="",
                response_metadata=metadata,
                usage_metadata={
                    "input_tokens": read,
                    "output_tokens": written,
                    "total_tokens": read + written,
                    "input_token_details": {"cache_read": stats.reused_tokens},
                },
                chunk_position="last",
            )
        )


def _text_chunk(text: str) -> ChatGenerationChunk:
    return ChatGenerationChunk(message=AIMessageChunk(content=text))
