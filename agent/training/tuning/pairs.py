"""A user's own image-text pairs: the official forms, and folders and tar files of samples.

| form | what it is |
|---|---|
| `.csv`, `.tsv` | a table with the columns `url` (path or web address of an image) and `caption`, tab or comma |
| `.parquet` | a table with `url` or `image` (path, address, or the bytes), and `caption`, `text` or `conversations` |
| `.json`, `.jsonl` | items with `image` and `conversations` (`from`, `value`), or `instruction`, `input` and `output` without an image |
| `.yaml` | `META`, a list of such files |
| folder | images, each with a `.txt` (caption) or `.json` (item) of the same name |
| `.tar` | the same, as webdataset keeps it |
"""  # noqa: E501

from __future__ import annotations

import csv
import io
import json
import logging
import tarfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.training.llama.official_data import CAPTION_INSTRUCTION
from sensebind.agent.training.tuning.dialogs import Dialog, Message
from sensebind.agent.training.tuning.parquet_files import parquet_rows
from sensebind.agent.training.tuning.stored_images import MOST_IMAGE, ImageStore
from sensebind.errors import InputError, one_line

log = logging.getLogger(__name__)

IMAGES = (".jpg", ".jpeg", ".png", ".webp", ".bmp")
_LISTS = (".csv", ".tsv", ".json", ".jsonl", ".parquet", ".yaml", ".yml", ".tar")
_PEOPLE = frozenset({"human", "user"})
_MODELS = frozenset({"gpt", "assistant", "model", "bot"})
_MOST_TEXT = 16 << 20  # bytes of what is said of one image
_MARK = "<image>"  # where LLaVA's lists put the image into the text


@dataclass(frozen=True, slots=True)
class Picture:
    """Where an image is.

    Attributes:
        path: Its file, or the tar file that it is in.
        member: Its name in a tar file; "" for a file.
    """

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}:{self.member}" if self.member else str(self.path)


@dataclass(frozen=True, slots=True)
class Pair:
    """One sample.

    Attributes:
        item: In the official form: `url` and `caption`, or `conversations`, or `instruction`.
        picture: Its image; None for text alone.
        url: Where its image is fetched from; "" if it is here.
    """

    item: Mapping[str, Any]
    picture: Picture | None
    url: str = ""


def read_pairs(path: Path, store: ImageStore) -> list[Pair]:
    """Reads a list, a folder or a tar file of pairs.

    Paths of images are relative to the file that names them.

    Args:
        path: What to read.
        store: Takes images out of tables; those on the web are named there, and not fetched.

    Raises:
        InputError: It is not there, in no known form, or holds no pair; names the entry.
        MissingDependencyError: A Parquet file without pyarrow.
    """
    pairs = list(_read(path, store, 0))
    if not pairs:
        raise InputError(f"{path} holds no pairs of image and text")
    return pairs


def fetched_pairs(pairs: Sequence[Pair], store: ImageStore) -> list[Pair]:
    """The pairs whose images are here, after those on the web were fetched.

    Raises:
        InputError: None is.
        StorageError: An image cannot be written.
    """
    urls = [pair.url for pair in pairs if pair.url]
    if not urls:
        return list(pairs)
    failed = store.fetch(urls)
    kept = [pair for pair in pairs if pair.url not in failed]
    if not kept:
        url, why = next(iter(failed.items()))
        raise InputError(f"none of {len(failed)} images can be fetched; {url}: {why}")
    if failed:
        log.warning(
            "%d of %d images cannot be fetched: their pairs are left out", len(failed), len(urls)
        )
    return kept


def dialog_of(pair: Pair, row: int, slot: int, slots: int) -> Dialog:
    """A pair as a dialog of all its turns.

    Args:
        pair: The pair.
        row: Row of its image's embedding; `ABSENT` for none.
        slot: Slot that the image is in.
        slots: How many there are.
    """
    messages = messages_of(pair.item)
    rows = tuple(row if place == slot else ABSENT for place in range(slots))
    turns = sum(one["role"] == "user" for one in messages)
    return Dialog(tuple(messages), (rows,) * turns)


def messages_of(item: Mapping[str, Any]) -> list[Message]:
    """What is said in an item, in the form that chat templates expect.

    Raises:
        InputError: It is not in an official form; says what is missing.
    """
    if "caption" in item:
        return _said(CAPTION_INSTRUCTION, _text(item, "caption"))
    if "conversations" in item:
        return _turns(item["conversations"])
    if "instruction" in item:
        context = _text(item, "input") if item.get("input") else ""
        asked = _text(item, "instruction") + (f"\n\n{context}" if context else "")
        return _said(asked, _text(item, "output"))
    raise InputError("it has neither caption, conversations nor instruction")


def _said(asked: str, answer: str) -> list[Message]:
    return [{"role": "user", "content": asked}, {"role": "assistant", "content": answer}]


def _turns(turns: Any) -> list[Message]:
    if not isinstance(turns, list) or len(turns) < 2:
        raise InputError("conversations is not a list of two turns and more")
    messages: list[Message] = []
    for number, turn in enumerate(turns):
        if not isinstance(turn, Mapping):
            raise InputError(f"turn {number + 1} is not an object")
        speaker = turn.get("from", turn.get("role"))
        role = "user" if speaker in _PEOPLE else "assistant" if speaker in _MODELS else ""
        if speaker is None:  # the official code reads two turns and looks at no name
            role = ("user", "assistant")[number % 2]
        if role != ("user", "assistant")[number % 2]:
            raise InputError(f"turn {number + 1} is from {speaker!r:.40}: people and model in turn")
        text = turn.get("value", turn.get("content"))
        if not isinstance(text, str):
            raise InputError(f"turn {number + 1} has no text")
        messages.append({"role": role, "content": text.replace(_MARK, "").strip()})
    return messages[: len(messages) // 2 * 2]


def _text(item: Mapping[str, Any], key: str) -> str:
    text = item.get(key)
    if not isinstance(text, str) or not text.strip():
        raise InputError(f"{key} is not a text")
    return text.strip()


def _read(path: Path, store: ImageStore, depth: int) -> Iterator[Pair]:
    suffix = path.suffix.lower()
    try:
        if path.is_dir():
            yield from _folder(path)
        elif suffix == ".tar":
            yield from _tar(path)
        elif suffix in (".yaml", ".yml"):
            yield from _yaml(path, store, depth)
        elif suffix in _TABLES:
            yield from _listed(path, _TABLES[suffix](path), store)
        else:
            raise InputError(f"{path} is none of a folder, {', '.join(_LISTS)}")
    except RecursionError as error:
        raise InputError(f"{path} cannot be read: it is nested too deep") from error
    except (OSError, ValueError, yaml.YAMLError, tarfile.TarError, csv.Error) as error:
        raise InputError(f"{path} cannot be read: {one_line(error)}") from error


def _table(path: Path) -> Iterator[dict[str, Any]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        head = file.readline()
        mark = "\t" if "\t" in head else ","
        names = next(csv.reader([head], delimiter=mark), [])
        if not {"url", "caption"} <= set(names):
            raise InputError(f"{path} is a table without the columns url and caption")
        for row in csv.DictReader(file, names, delimiter=mark):
            yield {key: row[key] for key in ("url", "caption")}


def _items(path: Path) -> list[Any]:
    text = path.read_text("utf-8-sig")
    if path.suffix.lower() == ".jsonl":
        return [json.loads(line) for line in text.splitlines() if line.strip()]
    items = json.loads(text)
    if not isinstance(items, list):
        raise InputError(f"{path} holds no list of items")
    return items


_TABLES: Mapping[str, Callable[[Path], Iterable[Any]]] = {
    ".csv": _table,
    ".tsv": _table,
    ".json": _items,
    ".jsonl": _items,
    ".parquet": parquet_rows,
}


def _yaml(path: Path, store: ImageStore, depth: int) -> Iterator[Pair]:
    fields = yaml.safe_load(path.read_text("utf-8"))
    listed = fields.get("META") if isinstance(fields, dict) else None
    if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
        raise InputError(f"{path} has no META, a list of files")
    if depth:
        raise InputError(f"{path} is named by another list of lists")
    for name in listed:
        yield from _read(path.parent / name, store, depth + 1)


def _listed(path: Path, items: Iterable[Any], store: ImageStore) -> Iterator[Pair]:
    for number, item in enumerate(items, 1):
        try:
            yield _pair(item, path.parent, store)
        except InputError as error:
            raise InputError(f"{path}, entry {number}: {error}") from error


def _pair(item: Any, folder: Path, store: ImageStore) -> Pair:
    if not isinstance(item, Mapping):
        raise InputError("it is not an object")
    stored = item.get("image")  # in the table, next to the address that it once came from
    named = stored if isinstance(stored, bytes) and stored else item.get("url") or stored
    if not isinstance(named, str | bytes | None):
        raise InputError("its image is neither a path, an address nor bytes")
    if named is None and "caption" in item:
        raise InputError("it has a caption and no image")
    messages_of(item)  # what is wrong with it is said now, with its place
    said = {key: value for key, value in item.items() if not isinstance(value, bytes)}
    if named is None:
        return Pair(said, None)
    if isinstance(named, bytes):
        return Pair(said, Picture(store.put(named)))
    if "://" in named:
        return Pair(said, Picture(store.place(named)), named)
    picture = Picture(folder / named)
    if not picture.path.is_file():
        raise InputError(f"no image at {picture}")
    return Pair(said, picture)


def _folder(folder: Path) -> Iterator[Pair]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() not in IMAGES:
            continue
        for text in (path.with_suffix(".txt"), path.with_suffix(".json")):
            if text.is_file():
                if (size := text.stat().st_size) > _MOST_TEXT:
                    raise InputError(f"{text} has {size} bytes, at most {_MOST_TEXT} are read")
                item = _sample(text.name, text.read_bytes())
                yield _named(item, Picture(path), str(text))
                break
        else:
            log.warning("%s has no text next to it: left out", path)


def _tar(path: Path) -> Iterator[Pair]:
    """Samples of a tar file: members that share a name up to the first dot."""
    with tarfile.open(path) as archive:
        samples: dict[str, dict[str, str]] = {}
        for member in archive:
            if member.isfile():
                folder, _, name = member.name.rpartition("/")
                stem, _, ending = name.partition(".")
                samples.setdefault(f"{folder}/{stem}", {})[f".{ending.lower()}"] = member.name
        for stem, members in samples.items():
            image = next((members[end] for end in IMAGES if end in members), None)
            text = members.get(".txt") or members.get(".json")
            if image is None or text is None:
                log.warning("%s: %s has not both image and text: left out", path, stem)
                continue
            data = _content(archive, text, _MOST_TEXT)
            yield _named(_sample(text, data), Picture(path, image), f"{path}:{text}")


def _content(archive: tarfile.TarFile, name: str, most: int) -> bytes:
    """The bytes of a member of a tar file, which says first how many there are."""
    member = archive.getmember(name)
    if member.size > most:
        raise InputError(f"{archive.name}:{name} has {member.size} bytes, at most {most} are read")
    file = archive.extractfile(member)
    if file is None:
        raise InputError(f"{archive.name}:{name} is not a file")
    return file.read()


def _sample(name: str, data: bytes) -> Any:
    text = data.decode("utf-8-sig")
    return json.loads(text) if name.lower().endswith(".json") else {"caption": text}


def _named(item: Any, picture: Picture, where: str) -> Pair:
    if not isinstance(item, Mapping):
        raise InputError(f"{where} is not an object")
    try:
        messages_of(item)
    except InputError as error:
        raise InputError(f"{where}: {error}") from error
    return Pair(dict(item), picture)


def pictures_of(pairs: Sequence[Pair]) -> list[Picture]:
    """The images of pairs, each once, in order."""
    return list(dict.fromkeys(pair.picture for pair in pairs if pair.picture is not None))


def bytes_of(picture: Picture, opened: dict[Path, tarfile.TarFile]) -> Path | io.BytesIO:
    """Where an image can be read: its file, or its bytes out of a tar file.

    Args:
        picture: The image.
        opened: Tar files that are open already; the caller closes them.

    Raises:
        InputError: It is not there.
    """
    if not picture.member:
        return picture.path
    try:
        if picture.path not in opened:
            opened[picture.path] = tarfile.open(picture.path)  # noqa: SIM115
        return io.BytesIO(_content(opened[picture.path], picture.member, MOST_IMAGE))
    except (OSError, KeyError, tarfile.TarError) as error:
        raise InputError(f"{picture} cannot be read: {one_line(error)}") from error
