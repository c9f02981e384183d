"""The page's server before hostile clients and before those that hang."""

import multiprocessing
import os
import re
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hostile import Attacker
from raw_requests import send
from reviewed_job import HAND_WRITTEN, Job, serve_impatiently

from docsort.web.clients import MOST_CLIENTS

REQUESTS = 2000
MEGABYTE = 1024**2
REFUSALS = {400, 403, 404, 405, 413, 415}
READABLE = {200, 204}
LEAKS = re.compile(rb"Traceback|site-packages|\.py\b|/tmp|ValueError")

Served = tuple[int, Any, Path]


@pytest.fixture
def served(job: Job, tmp_path: Path) -> Iterator[Callable[[float], Served]]:
    """Starts the server, which lets clients hang for so many seconds; its port, its process and its log."""
    spawn = multiprocessing.get_context("spawn")
    processes = []

    def start(patience: float) -> Served:
        started, log = spawn.Queue(), tmp_path / "server.log"
        process = spawn.Process(target=serve_impatiently, args=(job, patience, started, log), daemon=True)
        process.start()
        processes.append(process)
        return int(started.get(timeout=60).rstrip("/").rpartition(":")[2]), process, log

    yield start
    for process in processes:
        process.kill()


def get(port: int, path: str) -> bytes:
    head = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"
    return send(port, (head.encode(),))


def token_of(port: int) -> str:
    found = re.search(rb'name="token" content="([^"]+)"', get(port, "/"))
    assert found
    return found[1].decode()


def attack(port: int, count: int) -> tuple[Counter[tuple[str, int]], list[str]]:
    """Answers by kind of request and status, 0 where there was none, and what leaked."""
    attacker = Attacker(port, token_of(port), seed=0)
    answers: Counter[tuple[str, int]] = Counter()
    leaks = []
    for number in range(count):
        request = attacker.draw(number)
        answer = send(port, request.pieces, request.leaves)
        head, _, body = answer.partition(b"\r\n\r\n")
        status = int(answer.split(b" ", 2)[1]) if answer else 0
        answers[request.kind, status] += 1
        # The page's own script says nothing of where it lies.
        if status not in READABLE and LEAKS.search(head + body):
            leaks.append(f"{request.kind}: {answer[:300]!r}")
    return answers, leaks


def memory_of(pid: int) -> int:
    """Resident memory, bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def check_attack(job: Job, started: Served, count: int) -> Counter[tuple[str, int]]:
    port, process, log = started
    answers, leaks = attack(port, 50)  # what is loaded late is loaded now
    before = memory_of(process.pid)
    answers, leaks = attack(port, count)
    grown = memory_of(process.pid) - before
    lines = [f"{kind:>20} {status or 'left':>5} {times:>5}" for (kind, status), times in sorted(answers.items())]
    memory = f"{count} requests; memory {before // MEGABYTE} MB and {grown // MEGABYTE} more"
    sys.stdout.write("\n".join([memory, *lines]) + "\n")
    assert {status for _, status in answers} <= REFUSALS | READABLE | {0, 409}
    assert leaks == []
    assert grown < 100 * MEGABYTE
    assert process.is_alive()
    assert job.ledger_path.read_text() == HAND_WRITTEN
    assert "Traceback" not in log.read_text()
    assert b"200 OK" in get(port, "/api/cards")
    return answers


def test_hostile_requests_are_refused_and_change_nothing(job: Job, served: Callable[[float], Served]) -> None:
    answers = check_attack(job, served(10), 110)
    assert sum(times for (_, status), times in answers.items() if status in REFUSALS) > 50
    assert answers["gone in the request", 0] == answers["gone in the answer", 0] == 10


@pytest.mark.slow
def test_two_thousand_hostile_requests_are_refused_and_change_nothing(
    job: Job, served: Callable[[float], Served]
) -> None:
    check_attack(job, served(10), REQUESTS)


def hang(port: int, sent: bytes) -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.sendall(sent)
    return client


def test_clients_that_hang_are_let_go_and_nobody_waits_for_them(served: Callable[[float], Served]) -> None:
    port, process, log = served(0.5)
    head = f"POST /api/decide HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nX-Docsort-Token: {token_of(port)}\r\n"
    body = "Content-Type: application/json\r\nContent-Length: 9\r\n\r\n{"
    begun = (b"", b"GET / HT", head.encode(), (head + body).encode())
    hanging = [hang(port, sent) for sent in begun for _ in range(10)]
    began = time.monotonic()
    assert b"200 OK" in get(port, "/api/cards")
    assert time.monotonic() - began < 5
    for client in hanging:
        with client, suppress(ConnectionResetError):
            assert client.recv(1) == b""
    assert process.is_alive()
    assert "Traceback" not in log.read_text()


def test_more_clients_than_a_browser_opens_are_turned_away_until_some_have_gone(
    served: Callable[[float], Served],
) -> None:
    port, process, log = served(60)
    crowd = [socket.create_connection(("127.0.0.1", port), timeout=20) for _ in range(MOST_CLIENTS + 50)]
    for late in crowd[-40:]:
        with suppress(ConnectionResetError):
            assert late.recv(1) == b""
    for client in crowd:
        client.close()
    deadline = time.monotonic() + 20
    while b"200 OK" not in get(port, "/api/cards"):
        assert time.monotonic() < deadline
    assert process.is_alive()
    assert "Traceback" not in log.read_text()
