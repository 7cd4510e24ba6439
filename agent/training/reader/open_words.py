"""Words from open vocabularies, which the reader is to meet as unknown ones.

Run as a module with the downloaded archives of lemminflect and jieba, it writes the lists again.
"""

from __future__ import annotations

import gzip
import io
import random
import sys
import tarfile
import zipfile
from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from sensebind.agent.training.reader.words_in_use import KNOWN_CHINESE, KNOWN_ENGLISH

_ENGLISH = {"n": 6000, "v": 2600, "a": 1800}
_CHINESE = {"n": 6000, "v": 3000, "a": 800, "nr": 800, "ns": 400}
_ARGUMENTS = 3


@dataclass(frozen=True, slots=True)
class Verb:
    """A verb and its forms.

    Attributes:
        base: As in "to take".
        past: "took".
        participle: "taken".
        gerund: "taking".
        third: "takes".
    """

    base: str
    past: str
    participle: str
    gerund: str
    third: str


@dataclass(frozen=True, slots=True)
class OpenWords:
    """Words of one language.

    Attributes:
        nouns: Common nouns.
        verbs: Verbs.
        adjectives: Adjectives.
        names: People.
        places: Places.
    """

    nouns: tuple[str, ...]
    verbs: tuple[Verb, ...]
    adjectives: tuple[str, ...]
    names: tuple[str, ...] = ()
    places: tuple[str, ...] = ()


@cache
def open_words(lang: str) -> OpenWords:
    """Returns the words of a language.

    Args:
        lang: `en` or `zh`.
    """
    name = {"en": "english.txt", "zh": "chinese.txt"}[lang]
    folder = resources.files("sensebind.agent.training.reader") / "words"
    rows = [line.split() for line in (folder / name).read_text("utf-8").splitlines()]
    of = {kind: tuple(row[1] for row in rows if row[0] == kind) for kind in ("n", "a", "nr", "ns")}
    verbs = tuple(
        Verb(*(row[1:] if lang == "en" else row[1:] * 5)) for row in rows if row[0] == "v"
    )
    return OpenWords(of["n"], verbs, of["a"], of["nr"], of["ns"])


def _english(wheel: Path, rng: random.Random) -> list[str]:
    with zipfile.ZipFile(wheel) as archive:
        packed = archive.read("lemminflect/resources/infl_lu.csv.gz")
    rows = [line.split(",") for line in gzip.decompress(packed).decode().splitlines()]
    found: dict[str, list[str]] = {"n": [], "v": [], "a": []}
    for lemma, kind, *forms in rows:
        if not (lemma.isascii() and lemma.islower() and lemma.isalpha() and 3 <= len(lemma) <= 11):
            continue
        if lemma in KNOWN_ENGLISH:
            continue
        firsts = [form.split("/")[0] for form in forms]
        if kind == "noun":
            found["n"].append(lemma)
        elif kind == "adj":
            found["a"].append(lemma)
        elif kind == "verb" and len(firsts) == 4 and all(one.isalpha() for one in firsts if one):
            if not (firsts[0] and firsts[2] and firsts[3]):
                continue
            past, participle, gerund, third = firsts
            found["v"].append(f"{lemma} {past} {participle or past} {gerund} {third}")
    return _chosen(found, _ENGLISH, rng)


def _chinese(archive: Path, rng: random.Random) -> list[str]:
    with tarfile.open(archive) as packed:
        member = packed.extractfile("jieba-0.42.1/jieba/dict.txt")
        assert member is not None
        text = io.TextIOWrapper(member, "utf-8").read()
    ranked: dict[str, list[tuple[int, str]]] = {kind: [] for kind in _CHINESE}
    for line in text.splitlines():
        word, count, kind = line.split()
        known = any(part in word for part in KNOWN_CHINESE)
        if kind in ranked and 2 <= len(word) <= 3 and not known:
            ranked[kind].append((-int(count), word))
    found = {
        kind: [word for _, word in sorted(rows)[: 3 * _CHINESE[kind]]]
        for kind, rows in ranked.items()
    }
    return _chosen(found, _CHINESE, rng)


def _chosen(found: dict[str, list[str]], counts: dict[str, int], rng: random.Random) -> list[str]:
    return [
        f"{kind} {word}"
        for kind, count in counts.items()
        for word in sorted(rng.sample(found[kind], min(count, len(found[kind]))))
    ]


def write(wheel: Path, archive: Path, output: Path) -> None:
    """Writes both lists.

    Args:
        wheel: lemminflect 0.2.3.
        archive: jieba 0.42.1.
        output: Folder.
    """
    for name, rows in (
        ("english.txt", _english(wheel, random.Random(0))),
        ("chinese.txt", _chinese(archive, random.Random(0))),
    ):
        (output / name).write_text("\n".join(rows) + "\n", encoding="utf-8")


if __name__ == "__main__":
    if len(sys.argv) != _ARGUMENTS:
        sys.exit("name the wheel of lemminflect and the archive of jieba")
    write(Path(sys.argv[1]), Path(sys.argv[2]), Path(__file__).parent / "words")
