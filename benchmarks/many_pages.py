"""Many pages through Ray Data: speed by actors, memory by time, what a kill costs, and that the answers are the same.

    uv run python benchmarks/many_pages.py [--ensemble FOLDER] [--pages N] [--actors N ...] [--json FILE] [--quick]

Small drawn pages in one folder are answered by `docsort predict`: in one process with one worker, then on a cluster of
Ray that is started here, with each number of actors; then once more with the most, killed (SIGKILL) when half of the
parts are there, and gone on. Each file of answers is compared with the first byte for byte. Twice a second all
processes are looked at: what they hold together (resident, so what they share counts for each) and how long they have
computed. Growth is what they hold in the last quarter of the run over what they hold in the second (medians). The
start of Ray is in all figures. Without --ensemble one untrained network answers in 8 turns.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
from inference import make_ensemble

from docsort.seeding import derive_rng
from docsort.serving.prediction import parts_folder
from docsort.work.executor import stop_work

COMMAND = (
    sys.executable,
    "-c",
    "import sys; from docsort.serving import prediction; prediction.PART = int(sys.argv.pop(1)); "
    "from docsort.commands.main import docsort; docsort()",
)
WATCH_SECONDS = 0.5
SIDE, LINES = 96, 6
ONE_CORE = {"OMP_NUM_THREADS": "1", "DOCSORT_WORKERS": "1"}


def draw_pages(folder: Path, count: int) -> None:
    """Pages of SIDE pixels with lines at places of their own, as JPEG."""
    folder.mkdir()
    for number in range(count):
        rng = derive_rng(0, "benchmark page", number)
        page = np.full((SIDE, SIDE, 3), rng.integers(190, 255, 3), np.uint8)
        for top, left, right in rng.integers(0, SIDE, (LINES, 3)):
            page[top : top + 3, min(left, right) : max(left, right)] //= 3
        cv2.imwrite(str(folder / f"{number:07}.jpg"), page, [cv2.IMWRITE_JPEG_QUALITY, 90])


class Watched:
    """A run of the command, looked at until it ends or `until` says that it is to be killed."""

    def __init__(self, arguments: list[str], part: int, until: Callable[[], bool] = lambda: False) -> None:
        began, self.held, self._computed = time.perf_counter(), [], {}
        with tempfile.TemporaryFile() as said:
            process = subprocess.Popen([*COMMAND, str(part), *arguments], stderr=said, env=os.environ | ONE_CORE)
            while process.poll() is None:
                self._look(psutil.Process(process.pid))
                if until():
                    process.send_signal(signal.SIGKILL)
                    process.wait()
                time.sleep(WATCH_SECONDS)
            if process.returncode not in (0, -signal.SIGKILL):
                said.seek(0)
                sys.exit(said.read().decode(errors="replace"))
        self.seconds, self.killed = time.perf_counter() - began, process.returncode != 0

    def _look(self, process: psutil.Process) -> None:
        held = 0
        for each in (process, *_children(process)):
            try:
                held += each.memory_info().rss
                times = each.cpu_times()
                self._computed[each.pid] = times.user + times.system
            except psutil.Error:  # it has just ended
                continue
        self.held.append(held >> 20)

    def figures(self, pages: int) -> dict[str, Any]:
        """Memory in MiB; CPU-seconds as last seen, so the end of each process is missing."""
        quarters = np.array_split(np.array(self.held), 4)
        computed = sum(self._computed.values())
        return {
            "pages": pages,
            "seconds": self.seconds,
            "pages_per_s": pages / self.seconds,
            "cpu_seconds": computed,
            "cpu_ms_per_page": 1000 * computed / max(pages, 1),
            "peak_mb": max(self.held),
            "growth": float(np.median(quarters[3]) / np.median(quarters[1]) - 1) if len(self.held) >= 8 else None,
        }


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def measure(folder: Path, ensemble: Path, pages: int, actors: list[int], part: int) -> dict[str, Any]:
    """A row per way, whether all files are the same, and what a kill cost."""
    draw_pages(folder / "pages", pages)
    usual = ["predict", str(folder / "pages"), "--ensemble", str(ensemble), "--to"]
    local = folder / "here.parquet"
    rows = {"here": Watched([*usual, str(local)], part).figures(pages)}
    print("here", rows["here"], flush=True)
    same = {}
    for count in actors:
        result = folder / f"actors_{count}.parquet"
        options = [*usual, str(result), "--on", "ray", "--actors", str(count)]
        rows[f"{count} actors"] = Watched(options, part).figures(pages)
        same[f"{count} actors"] = result.read_bytes() == local.read_bytes()
        print(f"{count} actors", rows[f"{count} actors"], flush=True)
    killed = kill(folder / "killed.parquet", [*usual, str(folder / "killed.parquet")], max(actors), pages, part)
    same["killed"] = (folder / "killed.parquet").read_bytes() == local.read_bytes()
    return {"rows": rows, "same": same, "killed": killed, "part": part}


def kill(result: Path, usual: list[str], actors: int, pages: int, part: int) -> dict[str, Any]:
    """Parts there at the kill, of them made anew after it, and CPU-seconds of both runs together."""
    place, total = Path(str(parts_folder(result))), -(-pages // part)
    options = [*usual, "--on", "ray", "--actors", str(actors)]
    first = Watched(options, part, lambda: len(list(place.glob("*.parquet"))) >= max(1, total // 2))
    before = {path: path.stat().st_mtime_ns for path in place.glob("*.parquet")}
    after: dict[Path, int] = {}

    def note() -> bool:
        after.update({path: path.stat().st_mtime_ns for path in list(before) if path.exists()})
        return False

    second = Watched(options, part, note)
    computed = first.figures(pages)["cpu_seconds"] + second.figures(pages)["cpu_seconds"]
    anew = sum(after.get(path, made) != made for path, made in before.items())
    return {"killed": first.killed, "parts": total, "there": len(before), "anew": anew, "cpu_seconds": computed}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ensemble", type=Path, help="folder of a trained one")
    parser.add_argument("--pages", type=int, default=20_000)
    parser.add_argument("--actors", type=int, nargs="*", default=[1, 2])
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="a few pages and one actor, to see that it runs")
    options = parser.parse_args()
    pages, actors, part = (24, [1], 4) if options.quick else (options.pages, options.actors, 1024)
    with tempfile.TemporaryDirectory(prefix="docsort-many-") as text:
        folder = Path(text)
        ensemble = options.ensemble or make_ensemble("test_resnet", 32, folder, folds=1).folder
        stop_work()
        figures = measure(folder, Path(str(ensemble)), pages, actors, part)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
