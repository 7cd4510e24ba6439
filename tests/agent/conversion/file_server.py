"""An HTTP server on loopback that serves one file, well or badly."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Behaviour:
    """What the server does with the next requests; each list is used up from the front.

    Attributes:
        data: The file.
        cuts: Bytes after which the connection is cut.
        statuses: Answered instead of the file.
        ranges: Whether ranges are understood.
        shift: Added to the start of the range that is served and named.
        extra: Appended to the body beyond its length (the length is then not announced).
        corrupt: How many times other bytes are served.
        etag: Name of this version of the file.
        kind: Content type.
        seen: Range headers of the requests so far, "" for none.
        paths: Their paths.
    """

    data: bytes
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    shift: int = 0
    extra: bytes = b""
    corrupt: int = 0
    etag: str = '"1"'
    kind: str = "application/octet-stream"
    seen: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)


class FileServer:
    """Serves `behaviour.data` at every path.

    Attributes:
        behaviour: May be changed between requests.
        url: Of the file.
    """

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                outer._answer(self)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self.root = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{self.root}/models/w.bin"

    def __enter__(self) -> FileServer:
        self._thread.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        b = self.behaviour
        asked = request.headers.get("Range", "")
        b.seen.append(asked)
        b.paths.append(request.path)
        request.close_connection = True
        if b.statuses:
            request.send_response(b.statuses.pop(0))
            request.send_header("Content-Length", "0")
            request.end_headers()
            return
        data, start, total = b.data, 0, len(b.data)
        if b.corrupt:
            b.corrupt -= 1
            data = bytes(len(data))
        match = request.headers.get("If-Range", b.etag) == b.etag
        if asked and b.ranges and match:
            start = int(asked.removeprefix("bytes=").removesuffix("-")) + b.shift
            if start >= total:
                request.send_response(416)
                request.send_header("Content-Length", "0")
                request.end_headers()
                return
            request.send_response(206)
            request.send_header("Content-Range", f"bytes {start}-{total - 1}/{total}")
        else:
            request.send_response(200)
        request.send_header("Content-Type", b.kind)
        request.send_header("ETag", b.etag)
        body = data[start:]
        if b.extra:
            body += b.extra
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        request.wfile.write(body[: b.cuts.pop(0)] if b.cuts else body)
