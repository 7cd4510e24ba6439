"""Downloads from a server that cuts, lies, fails and fills the disk."""

from __future__ import annotations

import hashlib
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from file_server import Behaviour, FileServer

from sensebind.agent.conversion import download
from sensebind.agent.conversion.download import Downloader, DownloadError, mirrored
from sensebind.errors import ConfigurationError, StorageError

DATA = os.urandom(3_000_000)
SHA = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def server() -> Iterator[FileServer]:
    with FileServer(Behaviour(DATA)) as running:
        yield running


@pytest.fixture
def waits() -> list[float]:
    return []


@pytest.fixture
def downloader(waits: list[float]) -> Downloader:
    return Downloader(sleep=waits.append, timeout=5.0)


def test_a_file_comes_whole_with_progress_and_is_not_fetched_twice(
    server: FileServer, tmp_path: Path
) -> None:
    told: list[tuple[str, int, int | None]] = []
    fetcher = Downloader(progress=lambda *args: told.append(args))
    target = tmp_path / "deep" / "w.bin"
    got = fetcher.fetch(server.url, target, size=len(DATA), sha256=SHA)
    assert target.read_bytes() == DATA
    assert (got.sha256, got.verified) == (SHA, True)
    assert told[-1] == ("w.bin", len(DATA), len(DATA))
    assert list(target.parent.iterdir()) == [target]
    assert not fetcher.fetch(server.url, target).verified  # no digest was given this time
    assert len(server.behaviour.seen) == 1


def test_cuts_are_resumed_where_they_were(
    server: FileServer, tmp_path: Path, downloader: Downloader
) -> None:
    server.behaviour.cuts = [1_000_000, 500_000, 0]
    got = downloader.fetch(server.url, tmp_path / "w.bin", sha256=SHA)
    assert got.path.read_bytes() == DATA
    first, second, third, fourth = server.behaviour.seen
    assert first == ""
    assert int(second.removeprefix("bytes=").rstrip("-")) > 0
    assert second < third == fourth  # nothing came the third time


def test_a_later_process_goes_on(
    server: FileServer, tmp_path: Path, downloader: Downloader
) -> None:
    server.behaviour.cuts = [2_000_000]
    server.behaviour.statuses = []
    once = Downloader(attempts=1, sleep=lambda seconds: None)
    with pytest.raises(DownloadError, match="goes on where it stopped"):
        once.fetch(server.url, tmp_path / "w.bin", sha256=SHA)
    assert not (tmp_path / "w.bin").exists()
    downloader.fetch(server.url, tmp_path / "w.bin", sha256=SHA)
    assert server.behaviour.seen[-1] != ""


def test_another_version_or_a_server_without_ranges_begins_anew(
    server: FileServer, tmp_path: Path, downloader: Downloader
) -> None:
    once = Downloader(attempts=1, sleep=lambda seconds: None)
    for change in ({"etag": '"2"'}, {"ranges": False}):
        server.behaviour = Behaviour(DATA, cuts=[1_500_000])
        with pytest.raises(DownloadError):
            once.fetch(server.url, tmp_path / "w.bin", sha256=SHA)
        for name, value in change.items():
            setattr(server.behaviour, name, value)
        downloader.fetch(server.url, tmp_path / "w.bin", sha256=SHA)
        (tmp_path / "w.bin").unlink()


def test_errors_that_pass_are_waited_out_and_others_are_not(
    server: FileServer, tmp_path: Path, downloader: Downloader, waits: list[float]
) -> None:
    server.behaviour.statuses = [503, 500, 429]
    downloader.fetch(server.url, tmp_path / "w.bin", sha256=SHA)
    assert waits == [1.0, 2.0, 4.0]
    server.behaviour.statuses = [404]
    with pytest.raises(DownloadError, match="answers 404"):
        downloader.fetch(server.url, tmp_path / "other.bin")
    server.behaviour.statuses = [503] * 20
    with pytest.raises(DownloadError, match="6 attempts in a row"):
        downloader.fetch(server.url, tmp_path / "other.bin")
    server.behaviour.statuses, server.behaviour.kind = [], "text/html; charset=utf-8"
    with pytest.raises(DownloadError, match="web page"):
        downloader.fetch(server.url, tmp_path / "other.bin")
    assert [path.name for path in tmp_path.iterdir()] == ["w.bin"]


def test_wrong_bytes_are_fetched_once_more_and_then_refused(
    server: FileServer, tmp_path: Path, downloader: Downloader
) -> None:
    server.behaviour.corrupt = 1
    downloader.fetch(server.url, tmp_path / "w.bin", sha256=SHA)
    server.behaviour.corrupt = 100
    with pytest.raises(DownloadError, match="other bytes than published"):
        downloader.fetch(server.url, tmp_path / "x.bin", sha256=SHA)
    server.behaviour.corrupt = 0
    with pytest.raises(DownloadError, match="the published file 5"):
        downloader.fetch(server.url, tmp_path / "x.bin", size=5)
    assert [path.name for path in tmp_path.iterdir()] == ["w.bin"]
    (tmp_path / "w.bin").write_bytes(b"somebody else's")
    with pytest.raises(DownloadError, match="is not the published file"):
        downloader.fetch(server.url, tmp_path / "w.bin", sha256=SHA)


def test_wrong_ranges_are_noticed(
    server: FileServer, tmp_path: Path, downloader: Downloader
) -> None:
    server.behaviour.cuts = [1_000_000]
    server.behaviour.shift = 7
    got = downloader.fetch(server.url, tmp_path / "w.bin")  # with no digest to tell
    assert got.path.read_bytes() == DATA
    server.behaviour = Behaviour(DATA, cuts=[1_000_000] * 20, shift=7)
    with pytest.raises(DownloadError, match="another range"):
        downloader.fetch(server.url, tmp_path / "x.bin")


def test_a_resumed_file_that_became_shorter_or_longer_is_refused(
    server: FileServer, tmp_path: Path, downloader: Downloader
) -> None:
    once = Downloader(attempts=1, sleep=lambda seconds: None)
    server.behaviour.cuts = [2_000_000]
    with pytest.raises(DownloadError):
        once.fetch(server.url, tmp_path / "w.bin")
    server.behaviour.data = DATA[:1000]
    got = downloader.fetch(server.url, tmp_path / "w.bin")
    assert got.path.read_bytes() == DATA[:1000]


def test_a_server_that_is_not_there(tmp_path: Path, downloader: Downloader) -> None:
    with pytest.raises(DownloadError, match="attempts in a row"):
        downloader.fetch("http://127.0.0.1:9/w.bin", tmp_path / "w.bin")


def test_free_disk_is_looked_at_first(
    server: FileServer, tmp_path: Path, downloader: Downloader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download.shutil, "disk_usage", lambda path: SimpleNamespace(free=10**6))
    with pytest.raises(StorageError, match="free disk"):
        downloader.fetch(server.url, tmp_path / "w.bin")
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_in_the_middle(server: FileServer, tmp_path: Path) -> None:
    """In a process that may write no file above a megabyte."""
    script = (
        "import sys; from pathlib import Path\n"
        "from sensebind.agent.conversion.download import Downloader\n"
        "from sensebind.errors import StorageError\n"
        "try: Downloader().fetch(sys.argv[1], Path(sys.argv[2]))\n"
        "except StorageError as error: print(error); sys.exit(7)\n"
    )

    def small_files() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    target = tmp_path / "w.bin"
    done = subprocess.run(
        [sys.executable, "-c", script, server.url, str(target)],
        preexec_fn=small_files,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 7, done.stderr
    assert "no room left on disk" in done.stdout
    assert not target.exists()
    got = Downloader().fetch(server.url, target, sha256=SHA)  # with room it goes on
    assert server.behaviour.seen[-1] != ""
    assert got.verified


def test_two_at_once_are_refused(tmp_path: Path, server: FileServer) -> None:
    import fcntl

    with (tmp_path / "w.bin.part").open("ab") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ConfigurationError, match="another process"):
            Downloader().fetch(server.url, tmp_path / "w.bin")


def test_a_mirror_takes_the_place_of_the_server(
    server: FileServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SENSEBIND_MIRROR", f"{server.root}/mirror/")
    Downloader().fetch("https://example.org/a/w.bin", tmp_path / "w.bin", sha256=SHA)
    assert server.behaviour.paths == ["/mirror/example.org/a/w.bin"]
    monkeypatch.setenv("SENSEBIND_MIRROR", "file:///etc")
    with pytest.raises(ConfigurationError, match="http"):
        mirrored("https://example.org/a/w.bin")
