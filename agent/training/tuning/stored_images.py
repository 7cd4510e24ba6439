"""Images that no file of the user's holds: fetched from the web, or taken out of a table."""

from __future__ import annotations

import hashlib
import io
import logging
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from langchain_core.tools import ToolException

from sensebind.agent.training.tuning.whole_files import write_whole
from sensebind.errors import InputError, one_line
from sensebind.perception.imagebind.preprocess.image import decode_image
from sensebind.printable import printable
from sensebind.tools.http_client import HttpClient

log = logging.getLogger(__name__)

MOST_IMAGE = 32 << 20
"""Most bytes of an image that is fetched, or taken out of an archive or a table."""

_SECONDS = 30.0  # to fetch one
_AT_ONCE = 16  # requests
_SAY_EVERY = 20.0  # seconds
_FAILED_NAME = "failed.tsv"
_GONE = (404, 410)  # what is not asked for again


class ImageStore:
    """A folder of images, each named by the digest of its URL or of its content.

    Args:
        folder: Where they are; made when the first one comes.
        private: Hosts that may have a private address.
    """

    def __init__(self, folder: Path, private: Collection[str] = ()) -> None:
        self._folder = folder
        self._private = private

    def place(self, url: str) -> Path:
        """Where the image of a URL is once it was fetched.

        Raises:
            InputError: It is of another kind than http and https.
        """
        if urlsplit(url).scheme.lower() not in ("http", "https"):
            raise InputError(f"{url} is neither a path nor an address of http or https")
        return self._folder / hashlib.sha256(url.encode()).hexdigest()[:40]

    def put(self, data: bytes) -> Path:
        """Keeps an image, and returns where.

        Raises:
            InputError: It is larger than `MOST_IMAGE`.
            StorageError: It cannot be written.
        """
        if len(data) > MOST_IMAGE:
            raise InputError(f"an image of {len(data)} bytes, at most {MOST_IMAGE} are read")
        path = self._folder / hashlib.sha256(data).hexdigest()[:40]
        if not path.is_file():
            write_whole(path, lambda part: part.write_bytes(data))
        return path

    def fetch(self, urls: Sequence[str]) -> dict[str, str]:
        """Fetches what is not here yet.

        What is no image counts as not fetched. `failed.tsv` in the folder lists what failed and
        why; what a server said is gone is not asked for again.

        Args:
            urls: Addresses; at most one server's redirects inside itself are followed.

        Returns:
            The addresses that failed, and why.

        Raises:
            StorageError: An image cannot be written.
        """
        gone = {url: why for url, why in self._failed().items() if why.startswith("gone")}
        failed = {url: gone[url] for url in urls if url in gone}
        missing = [
            url
            for url in dict.fromkeys(urls)
            if url not in failed and not self.place(url).is_file()
        ]
        begun = said = time.monotonic()
        with self._client() as client, ThreadPoolExecutor(_AT_ONCE, "fetch") as pool:
            reasons = pool.map(lambda url: self._fetch(client, url), missing)
            for done, (url, why) in enumerate(zip(missing, reasons, strict=True), 1):
                if why:
                    failed[url] = why
                if (now := time.monotonic()) - said > _SAY_EVERY or done == len(missing):
                    left = (now - begun) / done * (len(missing) - done)
                    log.info(
                        "images fetched: %d of %d, %d failed, %.0f s left",
                        done,
                        len(missing),
                        len(failed),
                        left,
                    )
                    said = now
        if failed:
            lines = "".join(f"{url}\t{why}\n" for url, why in failed.items())
            write_whole(self._folder / _FAILED_NAME, lambda part: part.write_text(lines, "utf-8"))
        return failed

    def _fetch(self, client: HttpClient, url: str) -> str:
        """Fetches one image; returns why that failed, or ""."""
        try:
            answer = client.send("get", url, timeout=_SECONDS, max_bytes=MOST_IMAGE)
        except ToolException as error:
            return printable(one_line(error))
        if answer.status != 200:
            return f"{'gone: ' if answer.status in _GONE else ''}status {answer.status}"
        try:
            decode_image(io.BytesIO(answer.body), "it")
        except InputError as error:
            return f"gone: {printable(one_line(error))}"
        write_whole(self.place(url), lambda part: part.write_bytes(answer.body))
        return ""

    def _failed(self) -> Mapping[str, str]:
        try:
            lines = (self._folder / _FAILED_NAME).read_text("utf-8").splitlines()
        except (OSError, UnicodeError):
            return {}
        return dict(line.split("\t", 1) for line in lines if "\t" in line)

    @contextmanager
    def _client(self) -> Iterator[HttpClient]:
        client = HttpClient(self._private, {"accept": "image/*"})
        try:
            yield client
        finally:
            client.close()
