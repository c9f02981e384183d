"""How much memory `docsort predict` takes, and how many pages a second it answers, by the number of pages.

    uv run python benchmarks/streaming.py [--ensemble FOLDER] [--pages N ...] [--json FILE] [--quick]

Drawn photos of the size of the job's, in one folder; the command is run as a user would, and all its processes are
looked at twice a second. Memory is what they hold together (resident, so what they share counts for each) and what the
main one holds; aim: within 10 % from 1,000 to 20,000 pages. Without --ensemble an untrained network answers. The first
run of all only warms the disk.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
from inference import draw_photos, make_ensemble

from docsort.work.executor import stop_work

COMMAND = (sys.executable, "-c", "from docsort.commands.main import docsort; docsort()", "predict")
WATCH_SECONDS = 0.5


def watch(folder: Path, ensemble: Path, to: Path) -> dict[str, Any]:
    """Answers the folder's pages; exits where the command fails."""
    command = [*COMMAND, str(folder), "--ensemble", str(ensemble), "--to", str(to)]
    began, together, main = time.perf_counter(), 0, 0
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, stderr=said)
        parent = psutil.Process(process.pid)
        while process.poll() is None:
            with contextlib.suppress(psutil.Error):  # one that has just ended
                held = [each.memory_info().rss for each in (parent, *parent.children(recursive=True))]
                together, main = max(together, sum(held)), max(main, held[0])
            time.sleep(WATCH_SECONDS)
        seconds = time.perf_counter() - began
        if process.returncode:
            said.seek(0)
            sys.exit(said.read().decode(errors="replace"))
    pages = len(list(folder.iterdir()))
    return {
        "pages": pages,
        "peak_mb": together >> 20,
        "peak_main_mb": main >> 20,
        "seconds": seconds,
        "pages_per_s": pages / seconds,
    }


def measure(counts: list[int], ensemble: Path | None, folder: Path, warm: bool) -> list[dict[str, Any]]:
    """A row per count of pages."""
    if ensemble is None:
        ensemble = make_ensemble("test_resnet" if not warm else "mobilenetv3_small_050", 64, folder).folder
    photos = draw_photos(folder / "photos", max(counts))
    stop_work()
    rows = []
    for number, count in enumerate([min(counts)] * warm + counts):
        part = folder / f"part_{number}"
        part.mkdir()
        for photo in photos[:count]:
            (part / photo.name).hardlink_to(photo)
        rows.append(watch(part, Path(str(ensemble)), folder / f"answers_{number}.parquet"))
        print(rows[-1], flush=True)
    return rows[warm:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ensemble", type=Path, help="folder of a trained one")
    parser.add_argument("--pages", type=int, nargs="*", default=[1000, 20000])
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="a few pages, to see that it runs")
    options = parser.parse_args()
    counts = [8] if options.quick else options.pages
    with tempfile.TemporaryDirectory(prefix="docsort-streaming-") as folder:
        try:
            rows = measure(counts, options.ensemble, Path(folder), warm=not options.quick)
        finally:
            stop_work()
    growth = rows[-1]["peak_mb"] / rows[0]["peak_mb"] - 1
    figures = {"rows": rows, "growth": growth}
    print(f"Memory grows by {100 * growth:.1f} % from {counts[0]} to {counts[-1]} pages.")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
