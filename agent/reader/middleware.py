"""Holds acting calls to what was said: limits our own model's grammar, checks other models.

Our model cannot write a number or a name that nobody has said. Another model is shown once what is
not grounded; what it then still wants, a person is asked about. Where a number is missing or out of
range, the robot asks, and nothing is called.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from langchain.agents.middleware import AgentMiddleware, ModelResponse
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, ToolMessage
from langchain_core.tools import BaseTool
from langgraph.constants import TAG_NOSTREAM

from sensebind.agent.approval.doubts import KEY, Doubt
from sensebind.agent.approval.origins import Influence
from sensebind.agent.corpus.answers import FIXED
from sensebind.agent.grounding.checking import Grounds, grounds_of
from sensebind.agent.grounding.names import choices, holds
from sensebind.agent.grounding.narrowing import Narrowed, narrowed
from sensebind.agent.grounding.questions import lacking, should_i
from sensebind.agent.grounding.repairs import takes_back
from sensebind.agent.grounding.sources import ASKS, Sources
from sensebind.agent.llm.chat_model import ChatSenseBind
from sensebind.agent.llm.openai_form import openai_form
from sensebind.agent.llm.reply_parser import ACT_SCORES
from sensebind.agent.llm.tool_forms import parameters_of
from sensebind.agent.reader import reader_of
from sensebind.agent.reader.intent import LetThrough, Reader, Reading, Verdict
from sensebind.agent.reader.outcomes import claims
from sensebind.agent.reader.proposed import all_sentences, proposals_left, spoken, whole_schema
from sensebind.agent.reader.recalled_places import place_said
from sensebind.agent.reader.work import Work
from sensebind.tools.risk import ACTING, risk_of

Asking = Generator[Any, ModelResponse, ModelResponse]


class GroundCalls(AgentMiddleware):
    """Asks the model, and holds the acting calls of its reply to the turn's words and results."""

    def __init__(
        self, chat: BaseChatModel, tools: Sequence[BaseTool], reader: Reader | None = None
    ) -> None:
        """Reads the tools' schemas.

        Args:
            chat: The language model.
            tools: What it may call.
            reader: Reads a turn's words first; by default that of the model's checkpoint.
        """
        super().__init__()
        self._chat = chat if isinstance(chat, ChatSenseBind) else None
        self._given = reader
        self._tools = list(tools)
        self._influence = Influence(tools)
        self._schemas = {tool.name: parameters_of(openai_form(tool)) for tool in tools}
        self._acting = {tool.name: tool for tool in tools if risk_of(tool) in ACTING}
        self._read: tuple[tuple[str, str], Reading] | None = None

    # --- the model ------------------------------------------------------------------------------

    def wrap_model_call(self, request: Any, handler: Callable[[Any], Any]) -> Any:
        """Asks the model; what it must not call, it cannot call, or is asked once more."""
        asking = self._asking(request)
        try:
            wanted = next(asking)
            while True:
                wanted = asking.send(handler(wanted))
        except StopIteration as end:
            return end.value

    async def awrap_model_call(self, request: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        """As `wrap_model_call`, for asynchronous agents."""
        asking = self._asking(request)
        try:
            wanted = next(asking)
            while True:
                wanted = asking.send(await handler(wanted))
        except StopIteration as end:
            return end.value

    def _asking(self, request: Any) -> Asking:
        """Yields what the model is asked, is sent its responses, and returns the reply."""
        if not self._tools or _chosen(request):
            return (yield request)
        sources = Sources.of(request.messages, self._influence)
        reading = self._reading(sources)
        if self._chat is None:
            response = yield request
            if wrong := self._wrong(response, sources, reading):
                response = yield request.override(messages=[*request.messages, *wrong])
            return self._marked(response, sources, reading)
        if len(reading.steps) < 2:
            return (yield from self._answering(request, sources, reading))
        work = Work(reading.steps, request.messages, sources.language)
        while work.response is None:
            asked = request.override(messages=work.messages, model=self._quiet(request.model))
            own = Sources.of(asked.messages, self._influence)
            response = work.take((yield from self._answering(asked, own, work.step.reading)))
            if _calls(response):
                return response
        return work.response

    def _answering(self, request: Any, sources: Sources, reading: Reading) -> Asking:
        """As `_asking`, for words that ask our own model for one thing."""
        if said := spoken(reading, request.messages):
            return ModelResponse([AIMessage(said)])
        request, held = self._held(request, sources, reading)
        if not reading.scores or reading.perceived:  # nothing is claimed to have been done
            return self._answered((yield request), held, sources, reading)
        response = yield request.override(model=self._quiet(request.model))
        return self._answered(_true(response, request.messages, sources), held, sources, reading)

    def _quiet(self, chat: Any) -> Any:
        """The model without streaming: what it says is not the answer yet."""
        return chat.model_copy(update={"tags": [*(chat.tags or ()), TAG_NOSTREAM]})

    def _reading(self, sources: Sources) -> Reading:
        """How the words of the turn are read, once a turn."""
        key = sources.words, sources.question
        if self._read is None or self._read[0] != key:
            reading = self._reader().read(
                sources.words,
                self._tools,
                language=sources.language,
                answers=sources.question,
            )
            self._read = key, reading
        return self._read[1]

    def _reader(self) -> Reader:
        if self._given is None:
            self._given = reader_of(self._chat.llm.path) if self._chat else LetThrough()
        return self._given

    # --- our own model --------------------------------------------------------------------------

    def _held(
        self, request: Any, sources: Sources, reading: Reading
    ) -> tuple[Any, dict[str, Narrowed]]:
        """A request limited to what may be called, which must be what the reader proposes.

        Returns:
            The request, and what may be called, by name of the tool.
        """
        held = self._narrowed(sources, reading)
        left = proposals_left(reading.proposals, request.messages)
        if left and left[0].tool not in self._acting and left[0].tool in held:
            named = _named(self._schemas[left[0].tool], sources)
            held = {**held, left[0].tool: Narrowed(named)}
        if left is None:
            return _limited(request, held), held
        if not left:  # all is done: what is left is to say so
            free = {name: one for name, one in held.items() if name not in self._acting}
            return _limited(request, free), free
        one = left[0]
        if one.tool not in held:
            return _limited(request, held), held
        schema = Narrowed(whole_schema(one.arguments)) if one.whole else held[one.tool]
        chosen = {one.tool: schema}
        return _limited(request, chosen).override(tool_choice=one.tool), chosen

    def _narrowed(self, sources: Sources, reading: Reading) -> dict[str, Narrowed]:
        """What may be called, by name of the tool."""
        held: dict[str, Narrowed] = {}
        for name, schema in self._schemas.items():
            if name not in self._acting:
                if reading.looking:
                    held[name] = Narrowed(schema)
            elif reading.of(name) is not Verdict.ANSWER:
                held[name] = narrowed(schema, sources)
        return held

    def _answered(
        self,
        response: ModelResponse,
        held: Mapping[str, Narrowed],
        sources: Sources,
        reading: Reading,
    ) -> ModelResponse:
        """A reply whose call lacks a number becomes the question for it."""
        for message in response.result:
            for call in message.tool_calls if isinstance(message, AIMessage) else ():
                if lacks := held.get(call["name"], Narrowed({})).lacks:
                    parameter, found = next(iter(lacks.values()))
                    tool = self._acting[call["name"]]
                    return _saying(response, lacking(tool, parameter, found, sources.language))
        return self._marked(response, sources, reading)

    # --- other models ---------------------------------------------------------------------------

    def _wrong(
        self, response: ModelResponse, sources: Sources, reading: Reading
    ) -> list[BaseMessage]:
        """The reply and what is wrong with its calls, as the model is shown it; [] if nothing."""
        for message in response.result:
            if not isinstance(message, AIMessage) or not message.tool_calls:
                continue
            errors = [self._error(call, sources, reading) for call in message.tool_calls]
            if not any(errors):
                continue
            shown = [
                ToolMessage(
                    f"error: {error or 'not made, as another call of this message is wrong'}",
                    tool_call_id=str(call["id"] or ""),
                    name=call["name"],
                    status="error",
                )
                for call, error in zip(message.tool_calls, errors, strict=True)
            ]
            return [message, *shown]
        return []

    def _error(self, call: Mapping[str, Any], sources: Sources, reading: Reading) -> str:
        name = call["name"]
        if name not in self._acting:
            return ""
        if reading.of(name) is Verdict.ANSWER:
            return f"{name} was not asked for: answer the person instead"
        missing = self._grounds(call, sources).missing
        if not missing:
            return ""
        return (
            f"{name}: the person has not said {'; '.join(missing)}. Use what was said, in the unit "
            "of the schema, or ask for it"
        )

    def _grounds(self, call: Mapping[str, Any], sources: Sources) -> Grounds:
        return grounds_of(self._schemas[call["name"]], call["args"], sources)

    # --- doubts ---------------------------------------------------------------------------------

    def _marked(self, response: ModelResponse, sources: Sources, reading: Reading) -> ModelResponse:
        """Notes in a reply what a person is to be asked about its calls."""
        return replace(
            response, result=[self._noted(one, sources, reading) for one in response.result]
        )

    def _noted(self, message: BaseMessage, sources: Sources, reading: Reading) -> BaseMessage:
        if not isinstance(message, AIMessage):
            return message
        doubts = {
            str(call["id"]): doubt.as_json()
            for call in message.tool_calls
            if call["name"] in self._acting
            and (doubt := self._doubt(call, message, sources, reading)) != Doubt()
        }
        if not doubts:
            return message
        noted = {**message.additional_kwargs, KEY: doubts}
        return message.model_copy(update={"additional_kwargs": noted})

    def _doubt(
        self, call: Mapping[str, Any], message: AIMessage, sources: Sources, reading: Reading
    ) -> Doubt:
        name, grounds = call["name"], self._grounds(call, sources)
        why = ""
        if grounds.outside:
            why = "outside"
        elif grounds.missing:
            why = "ungrounded"
        elif takes_back(sources.words):
            why = "corrected"
        elif reading.of(name) is not Verdict.CALL:
            why = "reader"
        elif _score(message, str(call["id"])) < self._least:
            why = "score"
        question = should_i(self._acting[name], call["args"], sources.language) if why else ""
        return Doubt(question, grounds.shown, why)

    @property
    def _least(self) -> float:
        return self._chat.llm.act_score if self._chat is not None else 0.5


def _limited(request: Any, held: Mapping[str, Narrowed]) -> Any:
    """A request whose calls are limited to what may be called."""
    schemas = {name: one.schema for name, one in held.items()}
    return request.override(model_settings={**request.model_settings, "call_schemas": schemas})


def _score(message: AIMessage, call: str) -> float:
    scores = message.additional_kwargs.get(ACT_SCORES)
    score = scores.get(call) if isinstance(scores, Mapping) else None
    return float(score) if isinstance(score, int | float) else 1.0


def _saying(response: ModelResponse, question: str) -> ModelResponse:
    """A reply that asks, and calls nothing."""
    made = next(one for one in response.result if isinstance(one, AIMessage))
    asked = AIMessage(
        question,
        id=made.id,
        additional_kwargs={ASKS: True},
        response_metadata=made.response_metadata,
        usage_metadata=made.usage_metadata,
    )
    return replace(response, result=[asked])


def _true(
    response: ModelResponse, messages: Sequence[BaseMessage], sources: Sources
) -> ModelResponse:
    """An answer that says of acts what their results say, and claims none that was not made."""
    made = next((one for one in response.result if isinstance(one, AIMessage)), None)
    if made is None or made.tool_calls:
        return response
    text = all_sentences(messages)
    if not text and claims(str(made.text)):
        text = FIXED["unknown"][sources.language]
    if place := place_said(messages):
        text = f"{text or made.text} {place}"
    if not text or text == str(made.text):
        return response
    said = made.model_copy(update={"content": text})
    return replace(response, result=[said if one is made else one for one in response.result])


def _calls(response: ModelResponse) -> bool:
    return any(isinstance(one, AIMessage) and one.tool_calls for one in response.result)


def _named(schema: Mapping[str, Any], sources: Sources) -> Mapping[str, Any]:
    """A schema whose choices are those that the words name, where they name any."""
    properties = schema.get("properties")
    if not isinstance(properties, Mapping):
        return schema
    changed = dict(properties)
    for name, one in properties.items():
        if isinstance(one, Mapping) and (allowed := choices(one)):
            said = [each for each in allowed if holds(sources.words, each)]
            changed[name] = {**one, "enum": said} if said else one
    return {**schema, "properties": changed}


def _chosen(request: Any) -> bool:
    """Whether the call is fixed already, with words of the person: "this is my mug" teaches."""
    return bool(request.tool_choice)
