"""`ChatSenseBind`: the gated LLaMA as a LangChain chat model.

Media in a message (see `media.py`) are embedded and become the condition of their turn. A message
may also carry `additional_kwargs={"condition": reference}`; the reference is looked up in
`conditions`, and the turn is read and answered under it. Embeddings need never enter a message.
"""

import asyncio
import sys
import threading
import warnings
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from typing import Any

import torch
from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel, LanguageModelInput, ModelProfile
from langchain_core.language_models.base import LangSmithParams
from langchain_core.language_models.chat_models import (
    agenerate_from_stream,
    generate_from_stream,
)
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from langchain_core.utils.function_calling import convert_to_json_schema
from pydantic import ConfigDict, Field, PrivateAttr

from sensebind.agent.conditioning.condition import ConditionStore
from sensebind.agent.conditioning.media_encoder import MediaEncoder
from sensebind.agent.conditioning.message_conditions import MediaConditions
from sensebind.agent.gated_llama.session import (
    NO_CONDITION,
    GenerationStats,
    LogitsProcessor,
    Session,
)
from sensebind.agent.llm.checkpoint import LoadedModel, facts, load_llm
from sensebind.agent.llm.constrained_decoding import (
    Grammar,
    GrammarLogitsProcessor,
)
from sensebind.agent.llm.openai_form import openai_form
from sensebind.agent.llm.prompt import Prompt, PromptBuilder
from sensebind.agent.llm.reply_parser import ReplyReader, text_chunk
from sensebind.agent.llm.retry import corrections
from sensebind.agent.llm.seats import Seat, Seats
from sensebind.agent.llm.structured_output import parsed
from sensebind.agent.llm.tool_forms import with_schemas
from sensebind.agent.llm.unknown import answered
from sensebind.errors import InputError
from sensebind.tools.cancellation import Cancel

MAX_CALL_TOKENS = 1024  # a call is brought to its end within them


class ChatSenseBind(BaseChatModel):
    """A gated LLaMA checkpoint as a chat model, with tools and senses.

    Example:
        ```python
        chat = ChatSenseBind(model="path/to/checkpoint")
        chat.invoke([HumanMessage(["what do you see?", {"type": "image", "path": "kitchen.jpg"}])])
        ```

    Attributes:
        model: Checkpoint directory, or a GGUF file in one, which llama.cpp computes; empty for the
            embedded one. Loaded at first use.
        temperature: 0 takes the most probable token.
        max_tokens: Most tokens of a text answer; the checkpoint's own limit (`max_new_tokens` in
            generation_config.json) by default.
        top_p: Nucleus of sampling.
        seed: Makes sampling repeatable.
        stop: Texts that end an answer; they are not part of it.
        reread: Read the whole dialog again under its last condition, every time.
        compiled: Compile the decoding step: minutes before the first token, then fast on a GPU.
        device: `"auto"` or a torch device.
        conditions: Where references to conditions are looked up.
        frames: Where `frame:<stream>@<ns>` is looked up, such as a `FrameStore`.
        read_files: Whether blocks may name local files; a server switches it off.
    """

    model: str = ""
    temperature: float = 0.0
    max_tokens: int | None = None
    top_p: float = 0.75
    seed: int | None = None
    stop: list[str] | None = None
    reread: bool = False
    compiled: bool = False
    device: str = "auto"
    conditions: ConditionStore = Field(default_factory=ConditionStore, exclude=True, repr=False)
    frames: Any = Field(default=None, exclude=True, repr=False)
    read_files: bool = True

    model_config = ConfigDict(arbitrary_types_allowed=True, extra="ignore")

    _llm: LoadedModel | None = PrivateAttr(default=None)
    _prompts: PromptBuilder | None = PrivateAttr(default=None)
    _media: MediaConditions | None = PrivateAttr(default=None)
    _encoders: MediaEncoder | None = PrivateAttr(default=None)
    _seats: Seats = PrivateAttr(default_factory=Seats)
    _running: set[Cancel] = PrivateAttr(default_factory=set)
    _lock: Any = PrivateAttr(default_factory=threading.RLock)

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
    def llm(self) -> LoadedModel:
        """The loaded checkpoint.

        Raises:
            CheckpointError: It cannot be loaded.
        """
        with self._lock:
            if self._llm is None:
                llm = self._llm = load_llm(self.model or None, device=self.device)
                self._prompts = PromptBuilder(llm.tokenizer)
                self._media = MediaConditions(
                    self.conditions,
                    self._encode_with,
                    senses=llm.senses,
                    dim=llm.bind_dim,
                    read_files=self.read_files,
                    frames_kept=self.frames is not None,
                )
            return self._llm

    @property
    def brain(self) -> LoadedModel:
        """The old name of `llm`, for one release."""
        message = "ChatSenseBind.brain is now called llm"
        warnings.warn(message, DeprecationWarning, stacklevel=2)
        return self.llm

    def _encode_with(self) -> MediaEncoder:
        with self._lock:
            if self._encoders is None:
                self._encoders = MediaEncoder(self.llm.path, frames=self.frames)
            return self._encoders

    def _resolve_model_profile(self) -> ModelProfile:
        """Reads the profile from the checkpoint's configuration; loads no weights."""
        known = facts(self.model or None)
        return ModelProfile(
            name=known.name,
            open_weights=True,
            max_input_tokens=known.context,
            max_output_tokens=known.max_new_tokens,
            text_inputs=True,
            text_outputs=True,
            image_inputs="vision" in known.modalities,
            image_tool_message="vision" in known.modalities,
            image_url_inputs=False,
            video_inputs="vision" in known.modalities,
            audio_inputs="audio" in known.modalities,
            pdf_inputs=False,
            pdf_tool_message=False,
            image_outputs=False,
            audio_outputs=False,
            video_outputs=False,
            reasoning_output=False,
            tool_calling=True,
            tool_choice=True,
            tool_call_streaming=True,
            structured_output=True,
        )

    def get_num_tokens(self, text: str) -> int:
        """Returns how many tokens a text takes."""
        encoded = self.llm.tokenizer(text, add_special_tokens=False, verbose=False)
        return len(encoded["input_ids"])

    def room(self, messages: Sequence[BaseMessage], tools: Sequence[dict[str, Any]] = ()) -> int:
        """Returns how many more tokens a turn may have; negative where it is too long as it is.

        Args:
            messages: The turn.
            tools: In OpenAI form.

        Raises:
            InputError: A message that cannot be read.
        """
        llm = self.llm
        assert self._prompts is not None
        read = self._prompts.build(list(messages), tools=tools, limit=sys.maxsize)
        reserve = self._reserve(self.max_tokens or llm.max_new_tokens, self._grammar(tools))
        return llm.context - reserve - len(read.token_ids)

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
            **kwargs: Bound too; `parallel_tool_calls=True` allows several calls in one reply (by
                default, what the checkpoint's tokenizer_config.json says of them).
                `call_schemas` narrows what may be called, without a word in the prompt: the tools
                that it names, each with its schema of the arguments.
        """
        formatted = [openai_form(tool) for tool in tools]
        return self.bind(tools=formatted, tool_choice=tool_choice, **kwargs)

    def with_structured_output(
        self,
        schema: dict[str, Any] | type,
        *,
        include_raw: bool = False,
        method: str = "function_calling",
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Returns a model that answers with values of a schema.

        Args:
            schema: Pydantic class, typed dict, or JSON schema.
            include_raw: Return the message and any parsing error, too.
            method: `"function_calling"` (a forced call), or `"json_schema"` (the answer is JSON of
                the schema and nothing else; `"json_mode"` is the same).
            **kwargs: `strict` is accepted, and always so.

        Raises:
            InputError: Another method.
        """
        if method == "function_calling":
            return super().with_structured_output(schema, include_raw=include_raw, **kwargs)
        if method not in ("json_schema", "json_mode"):
            raise InputError(f"method {method!r}: use function_calling or json_schema")
        wanted = convert_to_json_schema(schema)
        described = {"kwargs": {"method": method}, "schema": wanted}
        model = self.bind(response_schema=wanted, ls_structured_output_format=described)
        return parsed(model, schema, include_raw=include_raw)

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

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return await agenerate_from_stream(self._astream(messages, stop, None, **kwargs))

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in self._reply(Cancel(), messages, stop, **kwargs):
            if run_manager and chunk.text:
                run_manager.on_llm_new_token(chunk.text, chunk=chunk)
            yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        """Computes one chunk at a time in a thread; cancelling the task ends the generation."""
        loop, cancel = asyncio.get_running_loop(), Cancel()
        chunks = self._reply(cancel, messages, stop, **kwargs)
        step: asyncio.Future[ChatGenerationChunk | None] | None = None
        try:
            while True:
                step = loop.run_in_executor(None, next, chunks, None)
                chunk = await asyncio.shield(step)
                if chunk is None:
                    return
                if run_manager and chunk.text:
                    await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                yield chunk
        finally:
            cancel.set()
            if step is not None and not step.done():
                await asyncio.wait([step])  # it ends with the token that is being computed
            chunks.close()

    def _reply(
        self,
        cancel: Cancel,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Generates one reply; once more if it fails what its grammar leaves to validation."""
        tools, schema = kwargs.get("tools", ()), kwargs.get("response_schema")
        checked = bool(self._grammar(**kwargs).later)
        held: list[ChatGenerationChunk] = []
        for chunk in self._attempt(cancel, messages, stop, **kwargs):
            if checked and not (chunk.text and schema is None):
                held.append(chunk)
            else:
                yield chunk
        usable = with_schemas(tools, kwargs.get("call_schemas"))
        wrong = corrections(held, self.llm.grammars.style, usable, schema) if held else []
        if wrong and not cancel.is_set():
            yield from self._attempt(cancel, [*messages, *wrong], stop, **kwargs)
        else:
            yield from held

    def _attempt(
        self,
        cancel: Cancel,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        *,
        tools: Sequence[dict[str, Any]] = (),
        tool_choice: Any = None,
        parallel_tool_calls: bool | None = None,
        response_schema: dict[str, Any] | None = None,
        call_schemas: Mapping[str, Mapping[str, Any]] | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        """Generates one reply once: text as it comes, or calls once they are whole."""
        llm = self.llm
        assert self._prompts is not None and self._media is not None
        if (other := kwargs.get("model")) not in (None, self.model):
            raise InputError(f"this model is {self.model or 'simhome'}, not {other}: make another")
        max_tokens = int(kwargs.get("max_tokens") or self.max_tokens or llm.max_new_tokens)
        grammar = self._grammar(
            tools, tool_choice, parallel_tool_calls, response_schema, call_schemas
        )
        prompt = self._prompts.build(
            self._media.prepare(messages),
            tools=tools,
            limit=llm.context - self._reserve(max_tokens, grammar),
        )
        formal = bool(tools) or response_schema is not None
        budget = min(
            max(max_tokens, MAX_CALL_TOKENS if formal else 0),
            llm.context - len(prompt.token_ids),
        )
        reader = ReplyReader(
            lambda ids: str(llm.tokenizer.decode(ids, skip_special_tokens=True)),
            llm.grammars.style,
            tools=with_schemas(tools, call_schemas) if response_schema is None else (),
            stops=[one for one in (stop or self.stop or ()) if one],
            max_tokens=budget if response_schema is not None else max_tokens,
        )
        seat = self._take_seat(prompt.token_ids, cancel)
        try:
            condition_ids, lost = self._condition_ids(seat.session, prompt.references)

            def stream(processor: LogitsProcessor, ids: Sequence[int]) -> Iterator[int]:
                return seat.session.stream(
                    prompt.token_ids,
                    ids,
                    stop_ids=llm.stop_ids,
                    max_new_tokens=budget,
                    temperature=float(kwargs.get("temperature", self.temperature)),
                    top_p=float(kwargs.get("top_p", self.top_p)),
                    logits_processor=processor,
                    cancel=cancel,
                    generator=self._generator(kwargs.get("seed", self.seed)),
                    exact=self.reread,
                )

            made: list[GrammarLogitsProcessor] = []  # the last one is that of what is answered

            def processor() -> LogitsProcessor:
                length, most = len(prompt.token_ids), budget if formal else None
                made[:] = [GrammarLogitsProcessor([grammar], length, most)]
                return made[0]

            perceived = None if response_schema else self.conditions.get(prompt.references[-1])
            tokens = answered(llm, seat.session, perceived, stream, processor, condition_ids)
            for token in tokens:
                if piece := reader.push(token, _certainty(made[0].masked, token)):
                    yield text_chunk(piece)
                if reader.ended_by:
                    seat.session.stats.stop_reason = reader.ended_by
                    break
            stats = seat.session.stats
            if piece := reader.rest():
                yield text_chunk(piece)
            if stats.stop_reason not in ("cancelled", "superseded") and not cancel.is_set():
                yield from reader.calls()
            yield self._last_chunk(stats, prompt, lost, len(reader.tokens))
        finally:
            seat.read = prompt.token_ids + reader.tokens
            self._give_back(seat, cancel)

    def _reserve(self, max_tokens: int, grammar: Grammar) -> int:
        """Tokens of the context that are left to an answer."""
        context = self.llm.context
        return max(min(max_tokens, context // 4), min(grammar.ending, context // 2))

    def _grammar(
        self,
        tools: Sequence[dict[str, Any]] = (),
        tool_choice: Any = None,
        parallel_tool_calls: bool | None = None,
        response_schema: dict[str, Any] | None = None,
        call_schemas: Mapping[str, Mapping[str, Any]] | None = None,
        **_: Any,
    ) -> Grammar:
        grammars, parallel = self.llm.grammars, parallel_tool_calls
        if parallel is None:
            parallel = grammars.style.parallel
        usable = with_schemas(tools, call_schemas)
        return grammars.compile(usable, tool_choice, parallel=parallel, schema=response_schema)

    def _generator(self, seed: Any) -> torch.Generator | None:
        if seed is None:
            return None
        return torch.Generator(self.llm.device).manual_seed(int(seed))

    def _take_seat(self, token_ids: list[int], cancel: Cancel) -> Seat:
        with self._lock:
            self._running.add(cancel)
            return self._seats.take(token_ids, lambda: self.llm.session(compiled=self.compiled))

    def _give_back(self, seat: Seat, cancel: Cancel) -> None:
        with self._lock:
            self._running.discard(cancel)
            self._seats.give_back(seat)

    def _condition_ids(
        self, session: Session, references: list[str]
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


def _certainty(scores: torch.Tensor | None, token: int) -> float:
    """The probability of a token among those that scores [1, vocab] allow."""
    if scores is None:
        return 1.0
    row = scores[0].float()
    return float(torch.exp(row[token] - row.logsumexp(dim=-1)))
