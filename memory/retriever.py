"""The memory as a LangChain retriever: questions in words, episodes as documents."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from typing import Any

import numpy as np
from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from pydantic import Field

from sensebind.errors import InputError
from sensebind.memory.episodes import MAX_RESULTS, Near, Query, Recollection
from sensebind.memory.recall import EpisodeMemory
from sensebind.memory.time_expressions import bounded, parse_when
from sensebind.perception.modality import modality_info, modality_of, senses

SENSES = {sense: modality_of(sense) for sense in senses()}
"""What people call the modalities."""
NO_PLACES = "-"
"""A frame in which no place is said."""
SENSE_OF = {modality: sense for sense, modality in SENSES.items()}


class EpisodeRetriever(BaseRetriever):
    """Finds episodes for a text.

    Example:
        ```python
        retriever = EpisodeRetriever(memory=EpisodeMemory("memory.db"), embed=embedder.text)
        retriever.invoke("a dog", k=1, sense="hearing", when="between 10 and 11")
        ```

    Attributes:
        memory: What is searched; whoever made it closes it.
        embed: Text to float32 [D], in the space of the percepts.
        k: Most documents.
        sense: "sight", "hearing" or "scan"; "" searches all.
        when: A time as people say it; see `parse_when`.
    """

    memory: EpisodeMemory = Field(exclude=True, repr=False)
    embed: Callable[[str], np.ndarray] = Field(exclude=True, repr=False)
    k: int = Field(4, ge=1, le=MAX_RESULTS)
    sense: str = ""
    when: str = ""

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,
        k: int | None = None,
        sense: str | None = None,
        when: str | None = None,
        **_: Any,
    ) -> list[Document]:
        """Search; arguments of `invoke` go before those of the constructor.

        Raises:
            InputError: A time that cannot be read, an unknown sense, or k out of range.
        """
        asked = ask(
            self.embed(query) if query.strip() else None,
            sense=self.sense if sense is None else sense,
            when=self.when if when is None else when,
            limit=self.k if k is None else k,
        )
        return [document(found) for found in self.memory.search(asked)]


def ask(
    embedding: np.ndarray | None,
    *,
    sense: str = "",
    when: str = "",
    limit: int = 3,
    model: str = "",
    now: datetime | None = None,
    example: bool = False,
    after: str = "",
    before: str = "",
    near: Near | None = None,
) -> Query:
    """Make a query out of what people say.

    Args:
        embedding: What to look for, float [D]; None asks for the time alone.
        sense: "sight", "hearing", "scan", a modality, or "" for any.
        when: A time as people say it.
        limit: Most episodes.
        model: Digest of the encoder of the embedding, if it is to be checked.
        now: The present by default.
        example: Whether the embedding is of a thing that was shown.
        after: A time after which it was, in addition to `when`; "" is no bound.
        before: A time before which it was, likewise.
        near: Where the robot was then; None is anywhere.

    Raises:
        InputError: A time that cannot be read, an unknown sense, or a limit out of range.
    """
    time = bounded(parse_when(when, now), after, before, now)
    if sense not in ("", *SENSES, *SENSE_OF):
        raise InputError(f"no sense {sense!r}: there are {', '.join(SENSES)}")
    return Query(
        embedding,
        SENSES.get(sense, sense),
        since=time.since,
        until=time.until,
        newest=time.newest,
        limit=limit,
        model=model,
        example=example,
        near=near,
    )


def document(
    found: Recollection,
    now: datetime | None = None,
    frame: str | None = None,
    *,
    places: bool = True,
) -> Document:
    """Return a recollection as a document: a sentence, and everything that is known of it.

    Args:
        found: The recollection.
        now: The present by default.
        frame: That places are said in, see `sentence`.
        places: Whether the sentence says them, too.
    """
    episode = found.episode
    return Document(
        page_content=sentence(found, now, frame if places else NO_PLACES),
        id=str(episode.id),
        metadata={
            "episode": episode.id,
            "stream": episode.stream,
            "modality": episode.modality,
            "started_at": episode.started_at,
            "ended_at": episode.ended_at,
            "at": found.at,
            "reference": found.reference,
            "similarity": found.similarity,
            "description": found.description,
            "pose": None if found.pose is None else asdict(found.pose),
            "place": _place(found, frame),
        },
    )


def sentence(found: Recollection, now: datetime | None = None, frame: str | None = None) -> str:
    """Say a recollection, when and what first, the rest in brackets.

    For instance: "2 minutes ago: I hear a dog. (heard by microphone from (1.2, -0.4), 10:15:02 to
    10:15:31, similarity 0.62)": the robot was at x = 1.2, y = -0.4 metres then.

    Args:
        found: The recollection.
        now: The present by default.
        frame: That the robot knows its place in now: a place in another one is not said, for
            nobody can go there. None says all of them, and `NO_PLACES` none.
    """
    episode = found.episode
    now = now or datetime.now()
    begin, end = (datetime.fromtimestamp(ns / 1e9) for ns in (episode.started_at, episode.ended_at))
    day = "" if begin.date() == now.date() else f"{begin:%Y-%m-%d} "
    verb = modality_info(episode.modality).past
    place = "" if frame == NO_PLACES else _place(found, frame)
    rest = [
        f"{verb} by {episode.stream}{f' from {place}' if place else ''}",
        f"{day}{begin:%H:%M:%S} to {end:%H:%M:%S}",
    ]
    if found.similarity is not None:
        rest.append(f"similarity {found.similarity:.2f}")
    said = f": {found.description}" if found.description else ""
    return f"{ago((now - end).total_seconds())}{said} ({', '.join(rest)})"


def _place(found: Recollection, frame: str | None) -> str:
    """Where it was, in words; "" where nobody knows."""
    if found.pose is None:
        return ""
    return str(found.pose) if frame in (None, found.pose.frame) else "a place of an earlier run"


def ago(seconds: float) -> str:
    """Say how long ago something was: "just now", "3 minutes ago"."""
    for unit, name in ((86_400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= unit:
            count = round(seconds / unit)
            return f"{count} {name}{'s' * (count != 1)} ago"
    return f"{round(seconds)} seconds ago" if seconds >= 5 else "just now"
