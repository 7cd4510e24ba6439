"""Images of pairs that lie on the web or in tables."""

from __future__ import annotations

import io
import json
import tarfile
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from sensebind.agent.training.tuning.pairs import fetched_pairs, messages_of, read_pairs
from sensebind.agent.training.tuning.stored_images import ImageStore
from sensebind.errors import InputError

HERE = ("127.0.0.1",)


def png(color: tuple[int, int, int]) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (8, 8), color).save(stream, "PNG")
    return stream.getvalue()


class Site(BaseHTTPRequestHandler):
    """/red and /blue are images, /words is none, /busy fails the first time, all else is gone."""

    asked: Counter[str]

    def do_GET(self) -> None:
        self.asked[self.path] += 1
        first = self.asked[self.path] == 1
        answers = {
            "/red?size=8": (200, png((200, 0, 0))),
            "/blue": (200, png((0, 0, 200))),
            "/words": (200, b"<html>gone</html>"),
            "/busy": (503, b"") if first else (200, png((0, 200, 0))),
        }
        status, body = answers.get(self.path, (404, b""))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def site() -> Iterator[str]:
    Site.asked = Counter()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Site)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_images_of_a_list_are_fetched_once(
    site: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = ("red?size=8", "words", "blue", "none", "busy")
    rows = "".join(f"{site}/{name},a {name[:4]} wall\n" for name in names)
    (tmp_path / "list.csv").write_text(f"url,caption\n{rows}", "utf-8")
    store = ImageStore(tmp_path / "images", HERE)
    pairs = read_pairs(tmp_path / "list.csv", store)
    assert len(pairs) == 5
    kept = fetched_pairs(pairs, store)
    assert [messages_of(one.item)[1]["content"] for one in kept] == ["a red? wall", "a blue wall"]
    for one, data in zip(kept, (png((200, 0, 0)), png((0, 0, 200))), strict=True):
        assert one.picture is not None and one.picture.path.read_bytes() == data
    assert "3 of 5 images cannot be fetched: their pairs are left out" in caplog.text
    failed = dict(
        line.split("\t") for line in (tmp_path / "images/failed.tsv").read_text().splitlines()
    )
    assert failed[f"{site}/none"] == "gone: status 404"
    assert failed[f"{site}/words"].startswith("gone: it")
    assert failed[f"{site}/busy"] == "status 503"
    # Again: what is here or gone is not asked for, the rest is.
    assert len(fetched_pairs(pairs, store)) == 3
    assert Site.asked == Counter({f"/{name}": 1 for name in names}) + Counter({"/busy": 1})


def test_a_private_host_is_not_asked(site: str, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(f"url,caption\n{site}/blue,a wall\n", "utf-8")
    store = ImageStore(tmp_path / "images")
    pairs = read_pairs(tmp_path / "list.csv", store)
    with pytest.raises(InputError, match=r"none of 1 images can be fetched; .*private address"):
        fetched_pairs(pairs, store)
    assert not Site.asked


def test_parquet_tables(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow (extra datasets)")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (extra datasets)")
    Image.new("RGB", (8, 8), (0, 0, 200)).save(tmp_path / "blue.png")
    turns = [{"from": "human", "value": "What?"}, {"from": "gpt", "value": "A wall."}]
    tables: dict[str, dict[str, list[Any]]] = {
        "paths": {
            "URL": ["blue.png", "blue.png"],
            "TEXT": ["one", "two"],
            "similarity": [0.3, 0.2],
        },
        "bytes": {"image": [png((200, 0, 0)), png((0, 200, 0))], "caption": ["one", "two"]},
        "datasets": {
            "image": [
                {"bytes": png((200, 0, 0)), "path": None},
                {"bytes": None, "path": "blue.png"},
            ],
            "conversations": [turns, turns],
        },
    }
    for name, columns in tables.items():
        parquet.write_table(pyarrow.table(columns), tmp_path / f"{name}.parquet")
        pairs = read_pairs(tmp_path / f"{name}.parquet", ImageStore(tmp_path / "images"))
        said = [messages_of(one.item)[1]["content"] for one in pairs]
        assert said == (["A wall."] * 2 if name == "datasets" else ["one", "two"])
        for one in pairs:
            assert one.picture is not None
            with Image.open(one.picture.path) as image:
                assert image.size == (8, 8)
            json.dumps(one.item)  # what is trained on is named by a digest of all items
    parquet.write_table(pyarrow.table({"image": ["a"], "label": [1]}), tmp_path / "x.parquet")
    with pytest.raises(InputError, match=r"without a column caption.*it has image, label"):
        read_pairs(tmp_path / "x.parquet", ImageStore(tmp_path))
    (tmp_path / "y.parquet").write_bytes(b"PAR1 nothing")
    with pytest.raises(InputError, match=r"y.parquet cannot be read"):
        read_pairs(tmp_path / "y.parquet", ImageStore(tmp_path))


def test_what_is_here_is_not_asked_for_where_it_once_was(site: str, tmp_path: Path) -> None:
    """As img2dataset leaves it: the image, and where it came from."""
    pyarrow = pytest.importorskip("pyarrow", reason="needs pyarrow (extra datasets)")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow (extra datasets)")
    item = {"url": f"{site}/none", "caption": "a wall"}
    with tarfile.open(tmp_path / "shard.tar", "w") as archive:
        for name, data in {"a.png": png((1, 2, 3)), "a.json": json.dumps(item).encode()}.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    rows = {name: [value] for name, value in item.items()} | {"image": [png((1, 2, 3))]}
    parquet.write_table(pyarrow.table(rows), tmp_path / "table.parquet")
    for name in ("shard.tar", "table.parquet"):
        store = ImageStore(tmp_path / "images", HERE)
        pairs = fetched_pairs(read_pairs(tmp_path / name, store), store)
        assert len(pairs) == 1, name
    assert not Site.asked


def test_what_would_fill_the_memory_is_not_read(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "shard.tar", "w:gz") as archive:
        for name, size in {"a.png": 10, "a.txt": 17 << 20}.items():
            member = tarfile.TarInfo(name)
            member.size = size
            archive.addfile(member, io.BytesIO(bytes(size)))
    with pytest.raises(InputError, match=r"a.txt has 17825792 bytes, at most 16777216"):
        read_pairs(tmp_path / "shard.tar", ImageStore(tmp_path / "images"))
    with pytest.raises(InputError, match="at most 33554432 are read"):
        ImageStore(tmp_path / "images").put(bytes((32 << 20) + 1))
