"""Which server answers most pages: `docsort serve` next to plain Starlette, LitServe and MLflow's scoring server.

    uv run python benchmarks/servers.py [--ensemble FOLDER] [--servers NAME ...] [--clients N ...] [--pages N]
        [--rounds N] [--json FILE] [--quick]

Each server is given the same ensemble and photos, a photo a request, by 1, 8 and 64 clients that each ask again as soon
as they are answered. Told are pages a second, the time that 19 of 20 requests stay within, the seconds of computing
that a page costs, and the memory that the server has to itself with its processes, in megabytes. Next to them
`Ensemble.answer` in a loop, a page at a time, and about all pages at once. Servers take turns within a round, because a
machine that others use too is never the same twice; figures are medians over the rounds. LitServe is measured where it
is installed (`uv pip install litserve`). --quick asks a few pages of `docsort serve` alone, to see that it runs.
"""

import argparse
import http.client
import json
import os
import socket
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
from inference import draw_photo, make_ensemble
from other_servers import command, jpeg_of, request_of
from served import Served, docsort_served, served

from docsort.ensembling.ensemble import Ensemble
from docsort.work.executor import stop_work

SERVERS = ("docsort", "plain", "litserve", "mlflow")
CLIENTS = (1, 8, 64)
SECONDS = 600


def started(name: str, ensemble: Path, folder: Path) -> AbstractContextManager[Served]:
    """The server, ready to be asked."""
    if name == "docsort":
        return docsort_served(ensemble, folder, "--max-seconds", str(SECONDS))
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    return served(command(name, ensemble, port), folder, r"answers at http://127\.0\.0\.1:(\d+)/")


def ask(name: str, port: int, page: bytes) -> float:
    """Seconds that the answer takes."""
    path, headers, body = request_of(name, page)
    began = time.perf_counter()
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    connection.request("POST", path, body, headers)
    reply = connection.getresponse()
    told = reply.read()
    connection.close()
    if reply.status != 200:
        raise SystemExit(f"Expected {name} to answer, but it said {reply.status}: {told[:300]!r}")
    return time.perf_counter() - began


def warm(name: str, server: Served, pages: list[bytes]) -> None:
    """Asks until every process has opened the ensemble."""
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        try:
            ask(name, server.port, pages[0])
            break
        except OSError as error:  # it listens a little later than it says
            if server.process.poll() is not None:
                raise SystemExit(f"Expected {name} to start, but it ended:\n{server.log.read_text()}") from error
            time.sleep(0.2)
    load(name, server.port, pages[: 2 * (os.cpu_count() or 1)], os.cpu_count() or 1)


def load(name: str, port: int, pages: list[bytes], clients: int) -> dict[str, float]:
    """Pages a second and the 95th percentile of the seconds of a request."""
    took: list[float] = []
    rest: Iterator[bytes] = iter(pages)
    lock = threading.Lock()

    def client() -> None:
        while True:
            with lock:
                page = next(rest, None)
            if page is None:
                return
            seconds = ask(name, port, page)
            with lock:
                took.append(seconds)

    began = time.perf_counter()
    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(took) != len(pages):
        raise SystemExit(f"Expected {len(pages)} answers of {name}, but got {len(took)}.")
    seconds = time.perf_counter() - began
    return {"pages_per_s": len(pages) / seconds, "p95_s": sorted(took)[int(0.95 * (len(took) - 1))]}


def measure(options: argparse.Namespace, ensemble: Path, photos: list[Path]) -> list[dict[str, Any]]:
    """A row per round, server and number of clients."""
    rows: list[dict[str, Any]] = []
    drawn = iter(range(10**9))
    for _ in range(options.rounds):
        rows += loop(ensemble, [jpeg_of(photos[number % len(photos)], next(drawn)) for number in range(options.pages)])
        for name in options.servers:
            with (
                tempfile.TemporaryDirectory(prefix="docsort-servers-") as folder,
                started(name, ensemble, Path(folder)) as server,
            ):
                warm(name, server, [jpeg_of(photos[0], next(drawn)) for _ in range(8)])
                for clients in options.clients:
                    count = options.pages if clients == 1 else max(options.pages, 3 * clients)
                    pages = [jpeg_of(photos[number % len(photos)], next(drawn)) for number in range(count)]
                    before = server.computed()
                    rows.append({"server": name, "clients": clients, **load(name, server.port, pages, clients)})
                    rows[-1]["cpu_s_per_page"] = (server.computed() - before) / len(pages)
                    rows[-1]["mb"] = server.memory() / 2**20
                    tell(rows[-1])
    return rows


def loop(ensemble: Path, pages: list[bytes]) -> list[dict[str, Any]]:
    """`Ensemble.answer` without any server: a page at a time, and about all."""
    own, here, rows = Ensemble.load(ensemble), Served(psutil.Process(), 0, ensemble), []
    for name, parts in (("loop", [[page] for page in pages]), ("at once", [pages])):
        own.answer([b"warm"], in_workers=True)
        took, before = [], here.computed()
        for part in parts:
            began = time.perf_counter()
            own.answer(part, in_workers=True)
            took.append(time.perf_counter() - began)
        figures = {"pages_per_s": len(pages) / sum(took), "p95_s": sorted(took)[int(0.95 * (len(took) - 1))]}
        figures |= {"cpu_s_per_page": (here.computed() - before) / len(pages), "mb": here.memory() / 2**20}
        rows.append({"server": name, "clients": 1, **figures})
        tell(rows[-1])
    stop_work()
    return rows


def tell(row: dict[str, Any]) -> None:
    print({name: round(value, 3) if isinstance(value, float) else value for name, value in row.items()}, flush=True)


def summary(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Medians over the rounds."""
    keys = dict.fromkeys((row["server"], row["clients"]) for row in rows)
    found = []
    for server, clients in keys:
        own = [row for row in rows if (row["server"], row["clients"]) == (server, clients)]
        middle = {
            name: round(statistics.median(row[name] for row in own), 3)
            for name in ("pages_per_s", "p95_s", "cpu_s_per_page", "mb")
        }
        found.append({"server": server, "clients": clients, **middle})
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ensemble", type=Path, help="folder; without it one of five untrained networks")
    parser.add_argument("--servers", nargs="*", choices=SERVERS, default=SERVERS)
    parser.add_argument("--clients", nargs="*", type=int, default=CLIENTS)
    parser.add_argument("--pages", type=int, default=32, help="at one client; three a client where there are more")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="a few pages of one server, to see that it runs")
    options = parser.parse_args()
    if options.quick:
        parser.set_defaults(servers=("docsort",), clients=(2,), pages=4, rounds=1)
        options = parser.parse_args()
    options.servers = [name for name in options.servers if name != "litserve" or find_spec("litserve")]
    with tempfile.TemporaryDirectory(prefix="docsort-servers-") as name:
        folder = Path(name)
        try:
            ensemble = options.ensemble or make_ensemble("mobilenetv3_small_050", 64, folder).folder or folder
            photos = [folder / f"{number}.jpg" for number in range(8)]
            for number, path in enumerate(photos):
                draw_photo(path, number)
            rows = measure(options, ensemble, photos)
        finally:
            stop_work()
    figures = {"servers": summary(rows), "rounds": rows, "cores": os.cpu_count()}
    print(json.dumps(figures["servers"], indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
