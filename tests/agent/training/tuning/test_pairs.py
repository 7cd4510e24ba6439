"""A user's pairs in every form that is read, and what is said of those that cannot be."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path

import pytest
from PIL import Image

from sensebind.agent.corpus.conditions import ABSENT
from sensebind.agent.training.llama.official_data import CAPTION_INSTRUCTION
from sensebind.agent.training.tuning.pairs import (
    Pair,
    bytes_of,
    dialog_of,
    messages_of,
    pictures_of,
    read_pairs,
)
from sensebind.agent.training.tuning.stored_images import ImageStore
from sensebind.errors import InputError


def picture(path: Path, color: tuple[int, int, int] = (200, 0, 0)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), color).save(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.png", "b.jpg"):
        picture(tmp_path / "images" / name)
    return tmp_path


def read(path: Path) -> list[Pair]:
    return read_pairs(path, ImageStore(path.parent / "store"))


TURNS = [
    {"from": "human", "value": "<image>\nWhat is it?"},
    {"from": "gpt", "value": "A dog."},
    {"from": "human", "value": "Where?"},
    {"from": "gpt", "value": "On a rug."},
]


def test_a_table_of_captions(folder: Path) -> None:
    table = folder / "pairs.csv"
    for mark in ("\t", ","):
        rows = [f'images/a.png{mark}"a dog{mark} asleep"', f"images/b.jpg{mark}a cat"]
        table.write_text("\n".join([f"url{mark}caption", *rows]) + "\n", "utf-8")
        first, second = read(table)
        assert messages_of(first.item) == [
            {"role": "user", "content": CAPTION_INSTRUCTION},
            {"role": "assistant", "content": f"a dog{mark} asleep"},
        ]
        assert second.picture is not None
        assert second.picture.path == folder / "images/b.jpg"


def test_items_with_all_their_turns(folder: Path) -> None:
    items = [
        {"image": "images/a.png", "conversations": TURNS},
        {"instruction": "Add.", "input": "1 and 2", "output": "3"},
    ]
    (folder / "items.json").write_text(json.dumps(items), "utf-8")
    lines = "\n".join(map(json.dumps, items))
    (folder / "items.jsonl").write_text(lines, "utf-8")
    for name in ("items.json", "items.jsonl"):
        shown, text = read(folder / name)
        dialog = dialog_of(shown, 7, 1, 3)
        assert [one["content"] for one in dialog.messages] == [
            "What is it?",
            "A dog.",
            "Where?",
            "On a rug.",
        ]
        assert dialog.rows == ((ABSENT, 7, ABSENT),) * 2
        assert text.picture is None
        alone = dialog_of(text, ABSENT, 1, 3)
        assert alone.messages[0]["content"] == "Add.\n\n1 and 2"
        assert alone.rows == ((ABSENT,) * 3,)
        assert len(pictures_of([shown, text, shown])) == 1


def test_a_list_of_lists(folder: Path) -> None:
    (folder / "one.tsv").write_text("url\tcaption\nimages/a.png\tx\n", "utf-8")
    (folder / "two.json").write_text('[{"instruction": "a", "output": "b"}]', "utf-8")
    (folder / "data.yaml").write_text("META:\n  - one.tsv\n  - two.json\n", "utf-8")
    assert len(read(folder / "data.yaml")) == 2
    (folder / "more.yaml").write_text("META: [data.yaml]\n", "utf-8")
    with pytest.raises(InputError, match=r"data.yaml is named by another list"):
        read(folder / "more.yaml")
    for wrong in ("META: 3", "data: []", "META: [[1]]", "- a", "META: [*x]"):
        (folder / "wrong.yaml").write_text(wrong, "utf-8")
        with pytest.raises(InputError, match=r"wrong.yaml"):
            read(folder / "wrong.yaml")


def test_a_folder_and_a_tar_file_of_samples(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    images = folder / "images"
    (images / "a.txt").write_text("a dog\n", "utf-8")
    (images / "b.json").write_text(json.dumps({"conversations": TURNS}), "utf-8")
    picture(images / "c.png")
    first, second = read(images)
    assert messages_of(first.item)[1]["content"] == "a dog"
    assert len(messages_of(second.item)) == 4
    assert "c.png has no text next to it" in caplog.text
    packed = folder / "shard.tar"
    with tarfile.open(packed, "w") as archive:
        for path in sorted(images.iterdir()):
            archive.add(path, f"set/{path.name}")
    pairs = read(packed)
    assert [pair.item for pair in pairs] == [first.item, second.item]
    opened: dict[Path, tarfile.TarFile] = {}
    assert pairs[0].picture is not None
    data = bytes_of(pairs[0].picture, opened)
    assert isinstance(data, io.BytesIO)
    assert data.read() == (images / "a.png").read_bytes()
    opened[packed].close()
    assert str(pairs[0].picture) == f"{packed}:set/a.png"


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("x.csv", "a,b\n1,2\n", "without the columns url and caption"),
        ("x.csv", "url,caption\nnone.png,x\n", "entry 1: no image at"),
        ("x.csv", "url,caption\nftp://a/b.png,x\n", "entry 1: ftp://a/b.png is neither"),
        ("x.csv", "url,caption\nimages/a.png,\n", "entry 1: caption is not a text"),
        ("x.csv", "url,caption\n", "holds no pairs"),
        ("x.json", "{", "cannot be read"),
        ("x.json", "{}", "holds no list"),
        ("x.json", "[3]", "entry 1: it is not an object"),
        (
            "x.json",
            '[{"image": 3, "caption": "a"}]',
            "its image is neither a path, an address nor bytes",
        ),
        ("x.json", '[{"caption": "a"}]', "a caption and no image"),
        ("x.json", '[{"image": "images/a.png"}]', "neither caption, conversations nor"),
        ("x.json", '[{"conversations": [{"value": "a"}]}]', "two turns and more"),
        ("x.json", '[{"conversations": [{"value": "a"}, 3]}]', "turn 2 is not an object"),
        (
            "x.json",
            '[{"conversations": [{"from": "gpt", "value": "a"}, {"from": "gpt", "value": "b"}]}]',
            "turn 1 is from 'gpt'",
        ),
        ("x.json", '[{"instruction": "a"}]', "output is not a text"),
        ("x.tar", "nothing", "cannot be read"),
        ("x.feather", "", "is none of a folder"),
    ],
)
def test_what_cannot_be_used_is_said_with_its_place(
    folder: Path, name: str, text: str, said: str
) -> None:
    (folder / name).write_text(text, "utf-8")
    with pytest.raises(InputError, match=said):
        read(folder / name)
    with pytest.raises(InputError, match="is none of a folder"):
        read(folder / "missing")
