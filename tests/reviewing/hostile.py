"""Requests that no page of ours would send, drawn from a seed, and a client that sends them as they are."""

import json
import random
from collections.abc import Callable
from dataclasses import dataclass

from reviewed_job import page_id

NASTY = (
    "²", "--5", "9" * 5000, "../../etc/passwd", "%2e%2e%2f", "\0", "\x1b[2J", "\ud800", "=cmd()", "<script>", "a\r\nb",
    "nul\u0000", "\ufeff", "🧾" * 300, "-" * 900, "None", "1e999", " ",
)  # fmt: skip
VALUES = (*NASTY, None, True, 0, -1, 1e308, [], {}, ["keep"], {"a": 1})
FIELDS = ("image_id", "version", "action", "new_label", "reason", "before")


@dataclass(frozen=True)
class Hostile:
    """Bytes to send, in pieces; whether the client then goes away without reading the answer."""

    kind: str
    pieces: tuple[bytes, ...]
    leaves: bool = False


class Attacker:
    """Draws hostile requests to a server at this port, whose token it knows: what the guard refuses is a part only."""

    def __init__(self, port: int, token: str, seed: int) -> None:
        self._port, self._token, self._rng = port, token, random.Random(seed)
        self._kinds: tuple[Callable[[], Hostile], ...] = (
            self.body, self.fields, self.undo, self.query, self.path, self.foreign, self.huge, self.chunks, self.noise,
            self.gone, self.gone_reading,
        )  # fmt: skip

    def draw(self, number: int) -> Hostile:
        """The request of this number: its kinds take turns."""
        return self._kinds[number % len(self._kinds)]()

    def _head(self, method: str, target: str, **headers: object) -> bytes:
        given = {"Host": f"127.0.0.1:{self._port}", "Connection": "close", "X-Docsort-Token": self._token}
        given |= {"Content-Type": "application/json"} | {name.replace("_", "-"): str(v) for name, v in headers.items()}
        lines = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogatepass")

    def _post(self, kind: str, body: bytes) -> Hostile:
        target = self._rng.choice(("/api/decide", "/api/undo"))
        return Hostile(kind, (self._head("POST", target, Content_Length=len(body)), body))

    def body(self) -> Hostile:
        """No decision at all: deep, cut, not UTF-8, not JSON."""
        rng = self._rng
        bodies = (
            b"[" * 20_000,
            b'{"a":' * 5_000,
            b"",
            b"null",
            b"\xff\xfe{",
            b"9" * 9_000,
            b"-" * 30_000,
            b'"\\ud800"',
        )
        whole = json.dumps(dict.fromkeys(FIELDS, "x")).encode()
        return self._post("body", rng.choice((*bodies, whole[: rng.randrange(len(whole))], rng.randbytes(200))))

    def _wish(self) -> dict[str, object]:
        return {"image_id": page_id(self._rng.randrange(20)), "version": "none", "action": "relabel", "new_label": "99"}

    def fields(self) -> Hostile:
        """A decision with a nasty value or two, which is no decision as its new label is no class."""
        wish = self._wish()
        for _ in range(self._rng.randrange(3)):
            wish[self._rng.choice((*FIELDS[:2], *FIELDS[3:], "extra"))] = self._rng.choice(VALUES)
        text = json.dumps(wish)
        head = self._head("POST", "/api/decide", Content_Length=len(text))
        return Hostile("fields", (head, text.encode()))

    def undo(self) -> Hostile:
        """Rows that were never in the ledger."""
        image = page_id(self._rng.randrange(20))
        nasty = self._rng.choice(NASTY)
        rows = (f"{image},explode,,,,,,", f"{image},relabel,3,{nasty},,,,", f'{image},"', f"{nasty},keep,,,,,,", nasty)
        body = json.dumps({"image_id": image, "version": "none", "before": self._rng.choice(rows)}).encode()
        return Hostile("undo", (self._head("POST", "/api/undo", Content_Length=len(body)), body))

    def query(self) -> Hostile:
        """Reading with odd ids, sides and filters."""
        nasty = self._rng.choice(NASTY).encode("utf-8", "surrogatepass")
        value = "".join(f"%{byte:02x}" for byte in nasty)
        target = self._rng.choice(
            ("/image?id={}", "/api/card?id={}", "/api/cards?text={}", "/image?id=page_00.jpg&side={}")
        )
        return Hostile("query", (self._head("GET", target.format(value)),))

    def path(self) -> Hostile:
        """Files that are not to be had, and methods that are not known."""
        paths = (
            "/../cli.py",
            "/%2e%2e/%2e%2e/etc/passwd",
            "/page/page.js",
            "//etc/passwd",
            "/api",
            "/%00",
            "/%ff",
            "*",
        )
        method = self._rng.choice(("GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW", "HEAD"))
        return Hostile("path", (self._head(method, self._rng.choice(paths)),))

    def foreign(self) -> Hostile:
        """What another page in the same browser, or a name that was made to point here, would send."""
        odd = ({"Host": "evil.example"}, {"Origin": "https://evil.example"}, {"Sec_Fetch_Site": "cross-site"})
        given = self._rng.choice((*odd, {"X_Docsort_Token": "guessed"}, {"Content_Type": "text/plain"}))
        body = json.dumps(self._wish() | {"action": "drop"}).encode()
        given = {**given, "Content_Length": len(body)}
        return Hostile("foreign", (self._head("POST", "/api/decide", **given), body))

    def huge(self) -> Hostile:
        """A body, a header or an address larger than any that is meant."""
        which = self._rng.randrange(3)
        if which == 0:
            return self._post("huge", b"x" * 400_000)
        head = self._head("GET", "/" + "a" * 200_000) if which == 1 else self._head("GET", "/", X_Long="b" * 200_000)
        return Hostile("huge", (head,))

    def chunks(self) -> Hostile:
        """A body that never says how long it is."""
        head = self._head("POST", "/api/decide", Transfer_Encoding="chunked")
        return Hostile(
            "chunks", (head, *[b"400\r\n" + b"y" * 1024 + b"\r\n"] * self._rng.randrange(1, 100), b"0\r\n\r\n")
        )

    def noise(self) -> Hostile:
        """No HTTP."""
        noise = (
            self._rng.randbytes(300),
            b"GET / HTTP/9.9\r\n\r\n",
            b"\x16\x03\x01\x02",
            b"GET /\r\n\r\n",
            b"\r\n" * 99,
        )
        return Hostile("noise", (self._rng.choice(noise),), leaves=True)

    def gone(self) -> Hostile:
        """A client that goes away in the middle of its request."""
        head = self._head("POST", "/api/decide", Content_Length=2000)
        cut = head[: self._rng.randrange(10, len(head))]
        pieces = (cut,) if self._rng.random() < 0.3 else (head, b"{" * self._rng.randrange(1999))
        return Hostile("gone in the request", pieces, leaves=True)

    def gone_reading(self) -> Hostile:
        """A client that asks for a photo and does not wait for it."""
        target = f"/image?id={page_id(self._rng.randrange(24))}&side=full"
        return Hostile("gone in the answer", (self._head("GET", target),), leaves=True)
