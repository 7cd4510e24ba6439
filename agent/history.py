"""What the language model is shown of one dialog: kept bounded, and mended after failures.

LangGraph keeps the messages, `Dialogs` the record of every completed turn. A turn is a human
message, whose id is that of the turn's record, and all that follows it up to the next one.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from uuid import uuid4

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, RemoveMessage
from langgraph.constants import END, START

from sensebind.agent.approval.doubts import Doubt, doubt_of
from sensebind.agent.approval.requests import Request, digest_of
from sensebind.agent.events import CallRecord, TurnRecord
from sensebind.agent.results.kept import KeptResults
from sensebind.agent.threads import Dialogs

MAX_TURNS = 32  # turns that a model is shown, whatever its context
FULL = 0.7  # share of the context at which the older half of the turns goes
CUT = "…"
"""How an answer ends that was cut off while it was spoken."""
_MAX_STEPS = 100  # of the graph in one turn; the limits of calls end it long before


class History:
    """The messages of one dialog. Methods may raise `sqlite3.Error` where they lie in a file.

    Attributes:
        config: What the agent's own methods need to work on this dialog.
    """

    def __init__(
        self,
        agent: Any,
        thread: str,
        dialogs: Dialogs | None,
        results: KeptResults | None = None,
    ) -> None:
        """Reads nothing yet.

        Args:
            agent: A LangGraph agent with a checkpointer.
            thread: Name of the dialog.
            dialogs: Where completed turns are kept; None keeps none.
            results: Where long results of tools are kept.
        """
        self._agent = agent
        self._thread = thread
        self._dialogs = dialogs
        self._results = results
        self.config: Any = {
            "configurable": {"thread_id": thread},
            "recursion_limit": _MAX_STEPS,
        }

    def messages(self) -> list[BaseMessage]:
        """Returns what the model is shown, the oldest first."""
        return list(self._agent.get_state(self.config).values.get("messages", []))

    def begin_with(self, said: Sequence[Mapping[str, Any]]) -> None:
        """Begins an empty dialog with what was said elsewhere; what was perceived is not known.

        Args:
            said: Messages with `role` ("user" or "assistant") and `content`.
        """
        made: list[BaseMessage] = [
            HumanMessage(one["content"], id=uuid4().hex)
            if one["role"] == "user"
            else AIMessage(one["content"], id=uuid4().hex)
            for one in said
        ]
        if made:
            self._agent.update_state(self.config, {"messages": made}, as_node=START)

    def pending(self) -> list[Request]:
        """Returns the calls of the last turn that wait for a person's decision."""
        state = self._agent.get_state(self.config)
        if not state.interrupts:
            return []
        checkpoint = str(state.config["configurable"].get("checkpoint_id", ""))
        return requests_of(state.values.get("messages", []), state.interrupts, checkpoint)

    def surplus(self, limit: int | None) -> list[RemoveMessage]:
        """Returns what leaves the dialog before the context is full: whole turns, oldest first.

        Args:
            limit: Most tokens that the model reads; None where it does not say.
        """
        messages = self.messages()
        starts = [i for i, one in enumerate(messages) if isinstance(one, HumanMessage)]
        read = next(
            (
                one.usage_metadata["input_tokens"] + one.usage_metadata["output_tokens"]
                for one in reversed(messages)
                if isinstance(one, AIMessage) and one.usage_metadata
            ),
            0,
        )
        full = limit is not None and read > FULL * limit
        if len(starts) < 2 or not (full or len(starts) >= MAX_TURNS):
            return []
        kept_from = starts[(len(starts) + 1) // 2]
        return _removal(messages[starts[0] : kept_from])

    def keep(self, record: TurnRecord) -> None:
        """Keeps a turn that is complete; one that failed is not kept.

        Raises:
            StorageError: It cannot be written.
        """
        if self._dialogs is not None and not record.error:
            self._dialogs.add(self._thread, record.id, record.as_json())
            self._dialogs.prune(self._thread)

    def forget_since(self, identity: str) -> None:
        """Takes a failed turn out, so that the next one begins clean.

        Args:
            identity: Of the message that begins it; what is not there is not missed.
        """
        if identity not in [message.id for message in self.messages()]:
            return
        # Results of calls that ended while others did not are no part of the checkpoint yet, and
        # what is not there cannot be removed: the step ends first, and they are messages then.
        self._agent.update_state(self.config, None, as_node=END)
        messages = self.messages()
        begin = next((i for i, one in enumerate(messages) if one.id == identity), len(messages))
        removed = _removal(messages[begin:])
        self._agent.update_state(self.config, {"messages": removed}, as_node=START)
        if self._dialogs is not None:  # what failed takes as little room as what was completed
            self._dialogs.prune(self._thread)
        if self._results is not None:
            self._results.drop(self._thread, identity)

    def keep_cut(self, record: TurnRecord) -> None:
        """Keeps what was done in a turn that was cut off: the calls that were completed.

        The model is not shown it: half a turn is no dialog. A turn in which nothing was done leaves
        nothing.

        Args:
            record: Of the turn, with its error.

        Raises:
            StorageError: It cannot be written.
        """
        done = [one for one in record.tool_calls if one.result]
        if self._dialogs is not None and done:
            kept = replace(record, tool_calls=done)
            self._dialogs.add(self._thread, record.id, kept.as_json())

    def cut(self, identity: str, said: str) -> None:
        """Shortens the answer of a turn to what a person heard of it, and marks it as cut.

        Args:
            identity: Of the message that begins the turn.
            said: What was heard.

        Raises:
            StorageError: It cannot be written.
        """
        messages = self.messages()
        begin = next((i for i, one in enumerate(messages) if one.id == identity), None)
        if begin is None or self.pending():
            return
        end = next(
            (i for i, one in enumerate(messages) if i > begin and isinstance(one, HumanMessage)),
            len(messages),
        )
        answer = messages[end - 1]
        if not isinstance(answer, AIMessage) or answer.tool_calls:
            return
        kept = f"{said} {CUT}".strip()
        changed = answer.model_copy(
            update={
                "content": kept,
                "additional_kwargs": {**answer.additional_kwargs, "cut": True},
            }
        )
        self._agent.update_state(self.config, {"messages": [changed]}, as_node=START)
        if self._dialogs is not None:
            self._dialogs.shorten(self._thread, identity, kept)

    def drop_unfinished(self) -> None:
        """Takes the last turn out, which has no answer."""
        last = _last_human(self.messages())
        if last is not None and last.id:
            self.forget_since(last.id)

    def unfinished(self) -> tuple[TurnRecord, dict[str, CallRecord]]:
        """Returns the record of the last turn, as far as messages say, and its calls by id."""
        record, calls = TurnRecord(""), {}
        for message in self.messages():
            if isinstance(message, HumanMessage):
                record, calls = TurnRecord(str(message.text), id=message.id or ""), {}
            elif isinstance(message, AIMessage):
                for call in message.tool_calls:
                    one = CallRecord(call["name"], dict(call["args"]))
                    calls[call["id"] or ""] = one
                    record.tool_calls.append(one)
        return record, calls

    def reconcile(self) -> None:
        """After a crash: a turn that was answered but not noted is noted; half a turn goes.

        Raises:
            StorageError: It cannot be written.
        """
        if self._dialogs is None:
            return
        messages = self.messages()
        last = _last_human(messages)
        if last is None or not last.id or self.pending():
            return
        answer = messages[-1]
        if not isinstance(answer, AIMessage) or answer.tool_calls:
            self.forget_since(last.id)
        elif not self._dialogs.knows(self._thread, last.id):
            record = TurnRecord(str(last.text), assistant=str(answer.text), id=last.id)
            self._dialogs.add(self._thread, last.id, record.as_json())


def requests_of(
    messages: Sequence[BaseMessage], interrupts: Sequence[Any], checkpoint: str
) -> list[Request]:
    """Returns the requests of a paused agent, in the order in which decisions are expected.

    Args:
        messages: The dialog.
        interrupts: Of the agent's state.
        checkpoint: Id of that state.
    """
    asked: list[Mapping[str, Any]] = []
    for interrupt in interrupts:
        value = getattr(interrupt, "value", None)
        if isinstance(value, Mapping):
            asked += value.get("action_requests", ())
    newest = next((one for one in reversed(messages) if isinstance(one, AIMessage)), None)
    found: list[Request] = []
    calls = enumerate(newest.tool_calls if newest is not None else ())
    for one in asked:  # some calls of the message may not need a person
        for position, call in calls:
            if digest_of(call["name"], call["args"]) == digest_of(one["name"], one["args"]):
                doubt = doubt_of(newest, str(call["id"])) if newest is not None else Doubt()
                found.append(
                    Request.of(
                        call,
                        position,
                        checkpoint,
                        question=doubt.question,
                        grounds=doubt.grounds,
                    )
                )
                break
    return found


def _last_human(messages: Sequence[BaseMessage]) -> HumanMessage | None:
    return next((one for one in reversed(messages) if isinstance(one, HumanMessage)), None)


def _removal(messages: Sequence[BaseMessage]) -> list[RemoveMessage]:
    return [RemoveMessage(id=one.id or "") for one in messages]
