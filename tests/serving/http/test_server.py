"""A real server: at its end it answers what is under way, waits for nobody who hangs, and leaves nothing."""

import signal
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import psutil
import pytest


@pytest.mark.slow
@pytest.mark.skipif(
    signal.getsignal(signal.SIGINT) == signal.SIG_IGN, reason="a shell that ignores Ctrl-C, as of a job"
)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_server_that_ends_answers_what_is_under_way_and_leaves_nothing(
    started: Any, files: list[bytes], number: signal.Signals
) -> None:
    process, port, log = started
    hanging = [socket.create_connection(("127.0.0.1", port)) for _ in range(5)]
    for client in hanging:
        client.sendall(b"POST /predict HTTP/1.1\r\nHost: ")
    url, png = f"http://127.0.0.1:{port}", {"content-type": "image/png"}
    pages = files * 5
    with ThreadPoolExecutor(len(pages)) as threads:
        asked = [
            threads.submit(httpx2.post, f"{url}/predict", content=data, headers=png, timeout=120) for data in pages
        ]
        while b"docsort_batch_pages_count 0.0" in httpx2.get(f"{url}/metrics", timeout=60).content:
            time.sleep(0.02)
        assert not all(each.done() for each in asked)
        children = process.children(recursive=True)
        process.send_signal(number)
        assert [each.result().status_code for each in asked] == [200] * len(pages)
    assert process.wait(60) == 128 + number
    _, left = psutil.wait_procs(children, 20)
    assert left == []
    assert "Traceback" not in log.read_text()
    assert "Stopped." in log.read_text()
