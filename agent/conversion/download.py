"""Downloads large files: resumed after a cut, checked for size and sha256, whole or not there."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import json
import os
import re
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx

from sensebind.errors import ConfigurationError, SenseBindError, StorageError

MIRROR = "SENSEBIND_MIRROR"
_DISK_MARGIN = 64 * 10**6
_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)$")


class DownloadError(SenseBindError):
    """A file could not be fetched; what came is kept where it can be resumed."""

    retryable = True


class _Wrong(Exception):
    """An answer that cannot be used; `restart` if what came before cannot be used either."""

    def __init__(self, reason: str, *, restart: bool = False) -> None:
        super().__init__(reason)
        self.restart = restart


@dataclass(frozen=True, slots=True)
class Downloaded:
    """A file that is there.

    Attributes:
        path: Where.
        sha256: Of its content.
        verified: Whether a published digest says that it is the right one.
    """

    path: Path
    sha256: str
    verified: bool


@dataclass(frozen=True, slots=True)
class Downloader:
    """How to fetch.

    Attributes:
        progress: Called with the name, bytes that are there, and bytes in all (None: not known).
        attempts: Failures in a row, without a byte gained, after which it gives up.
        pause: Seconds before the second attempt; doubled each time.
        timeout: Seconds without a byte that count as a failure.
        sleep: Waits, in tests without waiting.
    """

    progress: Callable[[str, int, int | None], None] = lambda name, done, total: None
    attempts: int = 6
    pause: float = 1.0
    timeout: float = 30.0
    sleep: Callable[[float], object] = threading.Event().wait

    def fetch(
        self, url: str, target: Path, *, size: int | None = None, sha256: str | None = None
    ) -> Downloaded:
        """Fetches a file unless it is there.

        Args:
            url: Where from; `SENSEBIND_MIRROR` may put another server in its place.
            target: Name of the whole file; until then it is `<target>.part`.
            size: In bytes, if it was published.
            sha256: Likewise.

        Raises:
            DownloadError: The server has no such file, keeps failing, or gives other bytes.
            StorageError: Not enough disk.
            ConfigurationError: Another process fetches the same, or a bad mirror.
        """
        url = mirrored(url)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            if target.is_file():
                return self._checked(target, target, size, sha256)
            part = target.with_name(f"{target.name}.part")
            with part.open("ab+") as file:
                _lock(file, part)
                try:
                    return self._fetch(url, target, part, size, sha256)
                finally:
                    if part.exists() and not part.stat().st_size:
                        part.unlink()
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)
            reason = "no room left on disk; free some and run it again, it goes on" if full else ""
            raise StorageError(f"cannot write {target}: {reason or error}") from error

    def _fetch(
        self, url: str, target: Path, part: Path, size: int | None, sha256: str | None
    ) -> Downloaded:
        failures = restarts = 0
        with httpx.Client(follow_redirects=True, timeout=self.timeout) as client:
            while True:
                before = part.stat().st_size
                try:
                    self._attempt(client, url, part, size)
                    return self._checked(part, target, size, sha256)
                except (httpx.TransportError, _Wrong) as error:
                    if isinstance(error, _Wrong) and error.restart:
                        restarts += 1
                        _forget(part)
                        if restarts >= 3 or (restarts == 2 and not before):
                            raise DownloadError(f"{url}: {error}") from error
                    gained = part.stat().st_size > before
                    failures = 1 if gained else failures + 1
                    if failures >= self.attempts:
                        raise DownloadError(
                            f"{url}: {error or type(error).__name__}; {failures} attempts in a "
                            "row failed: try again later, it goes on where it stopped"
                        ) from error
                    self.sleep(self.pause * 2 ** (failures - 1))

    def _attempt(self, client: httpx.Client, url: str, part: Path, size: int | None) -> None:
        """Appends what is missing.

        Raises:
            _Wrong: An answer that cannot be used, or too few bytes.
        """
        have, tag = part.stat().st_size, _tag_of(part)
        if have and (size == have or (tag is not None and tag.get("total") == have)):
            return
        headers = {"Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
            if tag and tag.get("etag"):
                headers["If-Range"] = tag["etag"]
        with client.stream("GET", url, headers=headers) as answer:
            if urlsplit(url).scheme == "https" and answer.url.scheme != "https":
                raise DownloadError(f"{url} leads to {answer.url}, which is not encrypted")
            have, total = _start_of(answer, have)
            if size is not None and total is not None and total != size:
                raise DownloadError(f"{url} has {total} bytes, the published file {size}")
            _check_disk(part, (total or size or 0) - have)
            if not have:
                os.truncate(part, 0)
            _remember(part, answer, total)
            self._append(answer, part, have, total)
        got = part.stat().st_size
        if total is not None and got < total:
            raise _Wrong(f"the connection ended after {got} of {total} bytes")

    def _append(self, answer: httpx.Response, part: Path, have: int, total: int | None) -> None:
        name = part.name.removesuffix(".part")
        with part.open("ab") as file:
            for chunk in answer.iter_raw():
                have += len(chunk)
                if total is not None and have > total:
                    raise _Wrong(f"more bytes than the {total} promised", restart=True)
                file.write(chunk)
                self.progress(name, have, total)
            file.flush()
            os.fsync(file.fileno())

    def _checked(
        self, part: Path, target: Path, size: int | None, sha256: str | None
    ) -> Downloaded:
        """Compares with what was published, and moves a fresh file to its name."""
        found = part.stat().st_size
        with part.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if (size is not None and found != size) or (sha256 is not None and digest != sha256):
            wanted = f"{size or 'any'} bytes, sha256 {sha256 or 'any'}"
            if part == target:
                raise DownloadError(
                    f"{target} is not the published file ({wanted}): it has {found} bytes, "
                    f"sha256 {digest}; remove it to fetch it again"
                )
            raise _Wrong(f"other bytes than published ({wanted}): sha256 {digest}", restart=True)
        if part != target:
            part.replace(target)
            _tag_path(part).unlink(missing_ok=True)
        return Downloaded(target, digest, sha256 is not None)


def mirrored(url: str) -> str:
    """The same file on the mirror, if there is one: `<mirror>/<host>/<path>`, as `wget -x` saves.

    Raises:
        ConfigurationError: The mirror is no web address.
    """
    mirror = os.environ.get(MIRROR, "").strip().rstrip("/")
    if not mirror:
        return url
    if urlsplit(mirror).scheme not in ("http", "https") or not urlsplit(mirror).netloc:
        raise ConfigurationError(f"{MIRROR} is {mirror!r}: it must begin with http:// or https://")
    parts = urlsplit(url)
    return f"{mirror}/{parts.netloc}{parts.path}"


def _start_of(answer: httpx.Response, have: int) -> tuple[int, int | None]:
    """Where the body begins, and the size of the whole file.

    Raises:
        DownloadError: The file is not to be had.
        _Wrong: Try again.
    """
    status = answer.status_code
    if status == 206 and have:
        match = _RANGE.match(answer.headers.get("content-range", ""))
        if not match or int(match[1]) != have:
            raise _Wrong("the server answers with another range than asked for", restart=True)
        return have, None if match[3] == "*" else int(match[3])
    if status == 200:
        if "text/html" in answer.headers.get("content-type", ""):
            raise DownloadError(f"{answer.url} is a web page, not a file: is a login needed?")
        length = answer.headers.get("content-length", "")
        return 0, int(length) if length.isdigit() else None
    if status == 416:
        raise _Wrong("the server has less than was fetched before", restart=True)
    if status in _AGAIN or status == 206:
        raise _Wrong(f"the server answers {status}")
    raise DownloadError(f"{answer.url} cannot be fetched: the server answers {status}")


def _check_disk(part: Path, needed: int) -> None:
    free = shutil.disk_usage(part.parent).free
    if needed + _DISK_MARGIN > free:
        raise StorageError(
            f"{part.parent} has {free / 1e9:.1f} GB of free disk, {needed / 1e9:.1f} GB are to "
            "come: free some, or choose another --downloads"
        )


def _lock(file: Any, part: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise ConfigurationError(f"another process is fetching {part}") from error


def _tag_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _remember(part: Path, answer: httpx.Response, total: int | None) -> None:
    """Keeps what shows whether the rest belongs to the same file."""
    etag = answer.headers.get("etag", "")
    kept = {"etag": "" if etag.startswith("W/") else etag, "total": total}
    _tag_path(part).write_text(json.dumps(kept), "utf-8")


def _tag_of(part: Path) -> dict[str, Any] | None:
    with contextlib.suppress(OSError, ValueError):
        kept = json.loads(_tag_path(part).read_text("utf-8"))
        return kept if isinstance(kept, dict) else None
    return None


def _forget(part: Path) -> None:
    os.truncate(part, 0)
    _tag_path(part).unlink(missing_ok=True)


def human(count: int | None) -> str:
    """A number of bytes for people."""
    if count is None:
        return "size not published"
    return f"{count / 1e9:.2f} GB" if count >= 10**8 else f"{count / 1e6:.1f} MB"
