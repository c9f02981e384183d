"""Ten thousand hostile or broken requests to a server of its own, and what they leave.

    uv run python benchmarks/hostile_requests.py [--requests N] [--ensemble FOLDER] [--json FILE] [--quick]

Kinds take turns: random bytes, cut and forged pictures, image bombs, files of too many pages, wrong types, forms that
are cut or have thousands of parts, bodies that are too long or never end, clients that go away, other hosts and
origins, odd addresses, methods and headers, and no HTTP at all. Beside them clients sit that send a byte now and then.
Every so often an honest page is asked, whose answer must stay the same bit for bit. Told are: answers by kind and
status, leaks (a path, a traceback, a word of Python in an answer), failures (status 500, a server that ends, an honest
answer that differs), and the memory of the server with its workers before and after.
"""

import argparse
import json
import random
import re
import socket
import struct
import tempfile
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from inference import make_ensemble
from PIL import Image
from raw_requests import send
from served import Served, docsort_served

from docsort.errors import DocsortError
from docsort.seeding import derive_seed
from docsort.work.executor import stop_work

LEAKS = re.compile(rb"Traceback|site-packages|\.py\b|/tmp|/home|/usr|/work|[A-Z][a-z]+Error|0x[0-9a-f]{6}")
ALLOWED = {200, 204, 400, 401, 403, 404, 405, 408, 409, 413, 414, 415, 431, 503, 504}
CLIENTS, SLOW_CLIENTS, HONEST_EVERY, WARM = 8, 20, 100, 300
TARGETS = ("0", "-1", "9" * 50, "²", "", "1;drop", "None", "1e3", "%00", "../../etc/passwd")
HOSTS = ("evil.example", "evil.example:80", "", "127.0.0.1", "127.0.0.1:1", "[::1", "a" * 300, "localhost:99999")
PATHS = (
    *("/../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "/page/page.js", "//etc/passwd"),
    *("/predict/", "/%00", "/%ff", "*", "/docs.js/..", "/app.py", "/index.html"),
)
METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW", "HEAD", "CONNECT", "PATCH")
TYPES = (
    *("text/html", "application/json", "application/x-www-form-urlencoded", "video/mp4", "multipart/mixed", "\x7f"),
    *("image", "multipart/form-data", "multipart/form-data; boundary=", "image/" + "x" * 5000),
)
STARTS = (
    *(b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"II*\0\x08\0\0\0", b"GIF89a", b"RIFF\xff\xff\xff\x7fWEBPVP8 "),
    *(b"%PDF-1.7\n", b"BM", b"P6 99999 99999 255\n", b"\0\0\0\x0cjP  \r\n\x87\n", b"\0\0\0\x20ftypavif"),
    *(b"\0\0\0\x18ftypheic", b"%!PS-Adobe-3.0\n(/etc/passwd) run", b"docsort: no page\n<script>"),
)

Pieces = tuple[bytes, ...]


def picture(seed: int, size: tuple[int, int] = (90, 60), kind: str = "PNG") -> bytes:
    """An honest picture."""
    pixels = np.random.default_rng(seed).integers(0, 255, (*size, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(buffer := BytesIO(), kind)
    return buffer.getvalue()


def forged_png(width: int, height: int, bits: int = 8) -> bytes:
    """A few bytes that claim to be as large as that, and whole."""

    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    head = struct.pack(">IIBBBBB", width, height, bits, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * 100_000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


def many_pages(count: int) -> bytes:
    """A TIFF of so many pages."""
    pages = [Image.new("1", (8, 8)) for _ in range(count)]
    pages[0].save(buffer := BytesIO(), "TIFF", save_all=True, append_images=pages[1:])
    return buffer.getvalue()


class Attacker:
    """Draws requests to a server at this port."""

    def __init__(self, port: int, seed: int) -> None:
        self._port, self._rng = port, random.Random(seed)
        self._whole, self._many = picture(0), many_pages(100)
        self._bombs = (
            forged_png(60_000, 60_000),
            forged_png(2**31 - 1, 1),
            forged_png(7_000, 7_000, 1),
            forged_png(30_000, 20_000, 16),
        )
        self._kinds: dict[str, Callable[[], Pieces]] = {
            "random bytes": lambda: self._post(self._rng.randbytes(self._rng.randrange(1, 3000))),
            "forged start": lambda: self._post(self._rng.choice(STARTS) + self._rng.randbytes(500)),
            "cut picture": lambda: self._post(self._whole[: self._rng.randrange(1, len(self._whole))]),
            "damaged picture": self._damaged,
            "bomb": lambda: self._post(self._rng.choice(self._bombs)),
            "too many pages": lambda: self._post(self._many, "image/tiff"),
            "wrong type": lambda: self._post(self._whole, self._rng.choice(TYPES)),
            "form": self._form,
            "many parts": self._many_parts,
            "too long": self._too_long,
            "never ends": self._chunks,
            "explain": self._explain,
            "other host": lambda: (self._head("POST", "/predict", Host=self._rng.choice(HOSTS), Content_Length=0),),
            "other page": self._other_page,
            "address": lambda: (self._head(self._rng.choice(METHODS), self._rng.choice(PATHS)),),
            "reload": lambda: (self._head("POST", "/reload", Authorization="Bearer " + "x" * self._rng.randrange(99)),),
            "headers": self._headers,
            "no http": self._noise,
            "gone": self._gone,
        }

    def draw(self, number: int) -> tuple[str, Pieces]:
        """Kind and bytes of the request of this number."""
        kind = list(self._kinds)[number % len(self._kinds)]
        return kind, self._kinds[kind]()

    def honest(self) -> Pieces:
        """A page that can be answered."""
        return self._post(self._whole)

    def _head(self, method: str, target: str, **headers: object) -> bytes:
        given: dict[str, object] = {"Host": f"127.0.0.1:{self._port}", "Connection": "close"}
        given |= {name.replace("_", "-"): value for name, value in headers.items()}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogatepass")

    def _post(self, body: bytes, kind: str = "image/png", target: str = "/predict") -> Pieces:
        return self._head("POST", target, Content_Type=kind, Content_Length=len(body)), body

    def _damaged(self) -> Pieces:
        data = bytearray(picture(self._rng.randrange(5), kind=self._rng.choice(("PNG", "JPEG", "WEBP", "TIFF", "GIF"))))
        for _ in range(self._rng.randrange(1, 20)):
            data[self._rng.randrange(len(data))] = self._rng.randrange(256)
        return self._post(bytes(data))

    def _form(self) -> Pieces:
        name = self._rng.choice(
            ("../../etc/passwd", "a\\b.png", "<script>", "\x1b[2J", "x" * 3000, "", "a%00.png", "🧾")
        )
        part = f'--b\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n\r\n'.encode()
        whole = part + self._whole + b"\r\n--b--\r\n"
        cut = self._rng.choice((whole, whole[: self._rng.randrange(len(whole))], b"--b\r\n" * 50, b"--b--", b""))
        return self._post(cut, "multipart/form-data; boundary=b")

    def _many_parts(self) -> Pieces:
        part = b'--b\r\nContent-Disposition: form-data; name="n"%s\r\n\r\nx\r\n'
        own = part % self._rng.choice((b"", b'; filename="f.png"'))
        return self._post(own * self._rng.choice((65, 5000)) + b"--b--\r\n", "multipart/form-data; boundary=b")

    def _too_long(self) -> Pieces:
        length = self._rng.choice((2 << 20, 10**12, 10**40))
        return self._head("POST", "/predict", Content_Type="image/png", Content_Length=length), b"x" * 100_000

    def _chunks(self) -> Pieces:
        head = self._head("POST", "/predict", Content_Type="image/png", Transfer_Encoding="chunked")
        return head, *[b"10000\r\n" + b"y" * 65536 + b"\r\n"] * self._rng.randrange(1, 30), b"0\r\n\r\n"

    def _explain(self) -> Pieces:
        body = self._rng.choice((self._whole, b"x", self._whole[:99], b""))
        target = "/explain?target=" + self._rng.choice(TARGETS[1:])
        return self._post(body, target=target)

    def _other_page(self) -> Pieces:
        odd = self._rng.choice(
            ({"Origin": "https://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "cross-site"})
        )
        return self._head(
            "POST", "/predict", Content_Type="image/png", Content_Length=len(self._whole), **odd
        ), self._whole

    def _headers(self) -> Pieces:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n".encode()
        games = (
            b"Content-Length: 5\r\nContent-Length: 50\r\n\r\nhello",
            b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            b"Content-Length: -1\r\n\r\n",
            b"Content-Length: five\r\n\r\n",
            b"Host: evil.example\r\n\r\n",
            b"X-Long: " + b"a" * 200_000 + b"\r\n\r\n",
            b"X: a\r\n" * 5000 + b"\r\n",
            b"X\0Y: z\r\n\r\n",
            b"Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFFF\r\n",
            b"Expect: 100-continue\r\nContent-Length: 3\r\nContent-Type: image/png\r\n\r\nabc",
            b" folded\r\n\r\n",
        )
        return head, self._rng.choice(games)

    def _noise(self) -> Pieces:
        return (
            self._rng.choice((self._rng.randbytes(300), b"GET / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02", b"\r\n" * 99)),
        )

    def _gone(self) -> Pieces:
        head = self._head("POST", "/predict", Content_Type="image/png", Content_Length=9000)
        return head[: self._rng.randrange(10, len(head))] if self._rng.random() < 0.3 else head, b"z" * 100


def status_of(answer: bytes) -> int:
    """The first that is no promise of another; 0 where there is none."""
    found = [int(status) for status in re.findall(rb"^HTTP/1\.1 (\d+)", answer, re.MULTILINE)]
    return next((status for status in found if status >= 200), 0)


class Campaign:
    """All requests, and what came of them."""

    def __init__(self, port: int) -> None:
        self._port, self._lock, self._attacker = port, threading.Lock(), Attacker(port, derive_seed(0, "hostile"))
        self.answers: Counter[tuple[str, int]] = Counter()
        self.leaks: list[str] = []
        self.failures: list[str] = []
        self._honest = b""

    def run(self, count: int) -> None:
        """So many requests from several clients at a time."""
        with ThreadPoolExecutor(CLIENTS) as threads:
            for _ in threads.map(self._one, range(count)):
                pass

    def _one(self, number: int) -> None:
        with self._lock:
            kind, pieces = self._attacker.draw(number)
        if number % HONEST_EVERY == 0:
            self._ask_honestly()
        try:
            answer = send(self._port, pieces, leaves=kind in ("gone", "no http"))
        except OSError as error:
            with self._lock:
                self.failures.append(f"{kind}: {error}")
            return
        status = status_of(answer)
        with self._lock:
            self.answers[kind, status] += 1
            if LEAKS.search(answer):
                self.leaks.append(f"{kind}: {answer[:400]!r}")
            if status and status not in ALLOWED:
                self.failures.append(f"{kind}: {answer[:200]!r}")

    def _ask_honestly(self) -> None:
        body = send(self._port, self._attacker.honest()).partition(b"\r\n\r\n")[2]
        with self._lock:
            self._honest = self._honest or body
            if not body.startswith(b'{"fingerprint"') or body != self._honest:
                self.failures.append(f"an honest page: {body[:200]!r}")


class SlowClients(threading.Thread):
    """Clients that send a byte now and then, and take a new connection where they are let go."""

    def __init__(self, port: int, count: int) -> None:
        super().__init__(daemon=True)
        self._port, self._count, self.over, self.let_go = port, count, threading.Event(), 0

    def run(self) -> None:
        head = f"POST /predict HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\nContent-Type: image/png\r\n"
        head += "Content-Length: 9999\r\n\r\n"
        clients: dict[int, tuple[socket.socket, int]] = {}
        while not self.over.wait(1):
            for number in range(self._count):
                try:
                    if number not in clients:
                        clients[number] = (socket.create_connection(("127.0.0.1", self._port), timeout=5), 0)
                    client, sent = clients[number]
                    client.sendall((head + "x" * 9999)[sent : sent + 1 + number % 2 * 150].encode())
                    clients[number] = (client, sent + 1 + number % 2 * 150)
                except OSError:
                    self.let_go += 1
                    clients.pop(number, (socket.socket(), 0))[0].close()


def attack(server: Served, count: int, warm: int) -> dict[str, Any]:
    """Every figure."""
    slow = SlowClients(server.port, SLOW_CLIENTS)
    Campaign(server.port).run(warm)  # what is loaded late is loaded now
    time.sleep(1)
    before, began = server.memory(), time.monotonic()
    slow.start()
    campaign = Campaign(server.port)
    campaign.run(count)
    seconds = time.monotonic() - began
    slow.over.set()
    slow.join()
    time.sleep(1)
    after = server.memory()
    if server.process.poll() is not None:
        campaign.failures.append(f"the server ended with {server.process.returncode}")
    said = server.log.read_text(errors="replace")
    by_status: Counter[int] = Counter()
    for (_, status), times in campaign.answers.items():
        by_status[status] += times
    return {
        "requests": count,
        "seconds": round(seconds, 1),
        "by_status": {str(status): times for status, times in sorted(by_status.items())},
        "by_kind": {f"{kind} {status}": times for (kind, status), times in sorted(campaign.answers.items())},
        "slow_clients_let_go": slow.let_go,
        "leaks": campaign.leaks,
        "failures": campaign.failures,
        "tracebacks_in_log": said.count("Traceback"),
        "memory_mb": {"before": before >> 20, "after": after >> 20},
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--ensemble", type=Path, help="folder; without it a small one that has learnt nothing")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="a few requests, to see that it runs")
    options = parser.parse_args()
    count, warm = (38, 0) if options.quick else (options.requests, WARM)
    with tempfile.TemporaryDirectory(prefix="docsort-hostile-") as name:
        folder = Path(name)
        try:
            ensemble = options.ensemble or make_ensemble("test_resnet", 32, folder).folder
        except DocsortError as error:
            raise SystemExit(str(error)) from error
        finally:
            stop_work()
        with docsort_served(ensemble, folder, "--max-megabytes", "1") as server:
            figures = attack(server, count, warm)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
