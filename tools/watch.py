"""Watches as tools: "tell me when a dog barks", which watches there are, and enough of that."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from langchain_core.tools import BaseTool
from pydantic import BaseModel, Field

from sensebind.memory.retriever import SENSE_OF, SENSES
from sensebind.memory.watch_store import WatchBook
from sensebind.memory.watches import MAX_NAME, Watch
from sensebind.tools.base import NoArguments, make_tool
from sensebind.tools.recall import Embed, Taught
from sensebind.tools.risk import Origin, Risk, label

_What = Annotated[
    str, Field(min_length=1, max_length=MAX_NAME, description="What to watch for, such as: a dog")
]


class WatchAdd(BaseModel):
    """Arguments of `watch_add`.

    Attributes:
        what: What to watch for, in words; also the name of the watch.
        sense: Sense slot that is watched.
    """

    what: _What
    sense: Annotated[
        Literal["any", "sight", "hearing", "scan"], Field(description="How to watch for it")
    ] = "any"


class WatchRemove(BaseModel):
    """Arguments of `watch_remove`.

    Attributes:
        what: Name of the watch, as it was added.
    """

    what: _What


def watch_for(
    book: WatchBook, what: str, sense: str, embed: Embed, model: str, taught: Taught | None = None
) -> Watch:
    """Adds a watch that speaks when it fires.

    Args:
        book: The list of watches.
        what: What to watch for, in words; also the name of the watch.
        sense: Sense slot that is watched; any other name watches all.
        embed: Embeds the text.
        model: Digest of the encoder that does.
        taught: Gives what a taught name stands for; nothing has one by default.

    Returns:
        The watch.

    Raises:
        InputError: It has no name that can be embedded, or there are too many.
        StorageError: It could not be written.
    """
    name = " ".join(what.split())
    modality = SENSES.get(sense, "")
    shown = taught(name) if taught is not None else None
    if shown is not None:
        watch = Watch(name, shown, model, modality, top=1.0)
    else:
        watch = Watch(name, embed(name), model, modality)
    book.add(watch)
    return watch


def watch_tools(
    book: WatchBook,
    embed: Embed,
    model: Callable[[], str] = lambda: "",
    taught: Taught | None = None,
) -> list[BaseTool]:
    """Returns `watch_add`, `watch_list` and `watch_remove`.

    A watch made by a tool speaks when it fires; only people can have it run another tool.

    Args:
        book: The list of watches.
        embed: Embeds the text to watch for.
        model: Gives the digest of the encoder that does.
        taught: Gives what a taught name stands for; nothing has one by default.
    """

    def watch_add(what: str, sense: str = "any") -> tuple[str, dict[str, Any]]:
        watch = watch_for(book, what, sense, embed, model(), taught)
        how = f" by {sense}" if watch.modality else ""
        return f"watching for {watch.name}{how}", {"name": watch.name, "modality": watch.modality}

    def watch_list() -> tuple[str, list[dict[str, Any]]]:
        watches = book.watches()
        rows = [{"name": one.name, "modality": one.modality} for one in watches]
        told = "; ".join(
            one.name + (f" by {SENSE_OF[one.modality]}" if one.modality in SENSE_OF else "")
            for one in watches
        )
        return told or "nothing is watched for", rows

    def watch_remove(what: str) -> tuple[str, dict[str, Any]]:
        book.remove(" ".join(what.split()))
        return f"no longer watching for {what}", {"name": what}

    def tool(function: Callable[..., Any], description: str, schema: type[BaseModel]) -> BaseTool:
        return make_tool(
            function,
            description,
            arguments=schema,
            metadata=label(Risk.OBSERVE, origin=Origin.ROBOT),
            wrong_arguments="say in a few words what to watch for",
        )

    return [
        tool(watch_add, "Watches for something, and speaks up when it comes.", WatchAdd),
        tool(watch_list, "Tells what is watched for.", NoArguments),
        tool(watch_remove, "Stops watching for something.", WatchRemove),
    ]
