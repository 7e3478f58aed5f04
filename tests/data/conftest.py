"""Files of data sets, served on this machine."""

import hashlib
import http.server
import socket
import threading
from collections.abc import Callable, Mapping

import pytest
from tensorflow_datasets.core.download.checksums import UrlInfo

from seqjax.data import downloads


class Server(http.server.ThreadingHTTPServer):
    """Serves contents by their paths, in whole or in parts, and notes which range it was asked for.

    Once, the connection of each path in `cuts` is closed after so many bytes.
    """

    def __init__(self, contents: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.contents, self.knows_ranges = contents, True
        self.cuts: dict[str, int] = {}
        self.asked: list[tuple[str, str | None]] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        asked = self.headers["Range"]
        self.server.asked.append((self.path, asked))
        content = self.server.contents.get(self.path)
        if content is None:
            return self.send_error(404)
        first = 0
        if asked and self.server.knows_ranges:
            first = int(asked.removeprefix("bytes=").removesuffix("-"))
            if first >= len(content):
                return self.send_error(416)
            self.send_response(206)
            self.send_header("Content-Range", f"bytes {first}-{len(content) - 1}/{len(content)}")
        else:
            self.send_response(200)
        self.send_header("Content-Length", str(len(content) - first))
        self.end_headers()
        self.wfile.write(content[first : self.server.cuts.pop(self.path, len(content))])

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def server():
    with Server({}) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def polite(server, monkeypatch):
    """The server as it is at first, without a proxy, pauses, or blocks longer than its files."""
    monkeypatch.setenv("NO_PROXY", "*")
    monkeypatch.setattr(downloads, "PAUSE", 0)
    monkeypatch.setattr(downloads, "BLOCK", 100)
    server.knows_ranges = True
    server.cuts.clear()
    server.asked.clear()


@pytest.fixture
def nowhere() -> str:
    """An address at which nobody answers."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        return f"http://127.0.0.1:{closed.getsockname()[1]}"


@pytest.fixture
def infos_of(server) -> Callable[..., dict[str, UrlInfo]]:
    """Says what TFDS knows of files, at the server or at another address."""

    def infos(contents: Mapping[str, bytes], address: str = server.address) -> dict[str, UrlInfo]:
        return {
            f"{address}{path}": UrlInfo(
                size=len(content),
                checksum=hashlib.sha256(content).hexdigest(),
                filename=f"published_{path.removeprefix('/')}",
            )
            for path, content in contents.items()
        }

    return infos
