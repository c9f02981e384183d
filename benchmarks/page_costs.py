"""What a page costs, stage by stage, in milliseconds of one core: from its listing to its row in the result.

    uv run python benchmarks/page_costs.py [--ensemble FOLDER] [--pages N] [--json FILE] [--quick]

Drawn photos of the size of the job's (inference.py), on this disk and in a bucket of a local S3 server (moto, in a
process of its own, which is not counted). All is done in this process at one thread, so CPU time is what a core pays;
told is the smallest of ROUNDS, since others on the machine only ever add.

- list, fetch: of the folder and of the bucket; what a fetch from a bucket *waits* is the store's and not counted;
- digest: SHA-256 of the file; decode: JPEG to pixels; lay_out: straight, letterboxed, stored once as JPEG;
- forward: all networks in all turns; vote: what is left of `Ensemble.answer`;
- part: all else of a part, with its Parquet file, in the folder and in the bucket; join: from the parts to the result.

Without --ensemble untrained networks (mobilenetv3_small_050 at 128 pixels, five folds, eight turns) answer; they cost
what trained ones do.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from inference import draw_photos, make_ensemble

from docsort.ensembling.ensemble import Ensemble
from docsort.images.reading import decode_rgb
from docsort.member_kinds import kind_of
from docsort.members.pages import PhotoPages
from docsort.remote import fetch, list_remote, remote_path
from docsort.serving.classifier import Classifier
from docsort.serving.listing import PhotoFile, list_files
from docsort.serving.prediction import answer_files
from docsort.serving.results import join_parts
from docsort.work.executor import stop_work

ROUNDS = 3
KEYS = {"AWS_ACCESS_KEY_ID": "key", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_DEFAULT_REGION": "us-east-1"}
SERVER = (
    "import time; from moto.server import ThreadedMotoServer; "
    "server = ThreadedMotoServer(ip_address='127.0.0.1', port=0, verbose=False); server.start(); "
    "print(server.get_host_and_port()[1], flush=True); time.sleep(1e6)"
)


@contextmanager
def bucket(photos: list[Path]) -> Iterator[str]:
    """The address of a bucket of a local server that holds the photos."""
    quiet = {"stderr": subprocess.DEVNULL, "stdout": subprocess.PIPE, "text": True}
    server: subprocess.Popen[str] = subprocess.Popen([sys.executable, "-c", SERVER], **quiet)  # type: ignore[call-overload]
    try:
        port = server.stdout.readline().strip() if server.stdout else ""
        os.environ |= KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}"}
        store = remote_path("s3://pages").fs
        store.mkdir("pages")
        store.put([str(photo) for photo in photos], [f"pages/in/{photo.name}" for photo in photos])
        yield "s3://pages"
    finally:
        server.kill()
        server.wait()


class Costs(dict[str, float]):
    """Milliseconds of this process a page, by stage."""

    def __init__(self, pages: int) -> None:
        super().__init__()
        self._pages = pages

    def measure(self, stage: str, work: Callable[[int], Any]) -> Any:
        """What the work gives; it is done ROUNDS times and told the number of each."""
        for number in range(ROUNDS):
            began = time.process_time()
            made = work(number)
            spent = 1000 * (time.process_time() - began) / self._pages
            self[stage] = min(spent, self.get(stage, spent))
        return made


class InProcess(Classifier):
    """Answers without workers, where this process would not see what they compute."""

    def predict(self, images: Any, names: Any = None, in_workers: bool | None = None) -> Any:
        return self.ensemble.answer(images, names, in_workers=False)


def forward(ensemble: Ensemble, laid: dict[bool, PhotoPages]) -> Callable[[int], None]:
    """Asks all members, which are loaded and warm, about all pages in all turns."""
    asked = []
    for member in ensemble.manifest.members:
        checkpoint = ensemble.checkpoints[member.key]
        kind = kind_of(checkpoint)
        policy, pages = kind.asked(ensemble.manifest.decisions.views), laid[checkpoint.page_format.straighten]
        known = np.full((len(pages), len(policy.views), len(kind.targets(checkpoint))), np.nan, np.float32)
        asked.append((kind.load(checkpoint, "cpu"), pages, policy, known))

    def ask(_: int) -> None:
        for member, pages, policy, known in asked:
            member.predict(pages, policy, known.copy())

    ask(0)
    return ask


def lay_out(ensemble: Ensemble, pixels: list[Any]) -> dict[bool, PhotoPages]:
    """At each side that some member wants."""
    laid = {straight: PhotoPages(pixels, straight, ensemble.manifest.jpeg_quality) for straight in (False, True)}
    for page_format in {ensemble.checkpoints[member.key].page_format for member in ensemble.manifest.members}:
        laid[page_format.straighten].squares(range(len(pixels)), page_format.side)
    return laid


def measure(folder: Path, ensemble: Ensemble, photos: list[Path]) -> dict[str, float]:
    """Milliseconds a page by stage."""
    costs, classifier = Costs(len(photos)), InProcess(ensemble)
    files = costs.measure("list here", lambda _: list_files([str(photos[0].parent)]))
    data = costs.measure("fetch here", lambda _: [file.read_bytes() for file in files])
    with bucket(photos) as address:
        objects = costs.measure("list bucket", lambda _: list_remote(f"{address}/in"))
        costs.measure("fetch bucket", lambda number: fetch(objects, made(folder / f"fetched_{number}")))
        costs.measure("digest", lambda _: [sha256(each).hexdigest() for each in data])
        pixels = costs.measure("decode", lambda _: [decode_rgb(each) for each in data])
        laid = costs.measure("lay_out", lambda _: lay_out(ensemble, pixels))
        costs.measure("forward", forward(ensemble, laid))
        costs.measure("answer", lambda _: ensemble.answer(files, in_workers=False))
        parts = costs.measure("part here", lambda number: parts_of(classifier, files, folder / f"parts_{number}"))
        costs.measure("part bucket", lambda n: parts_of(classifier, files, remote_path(f"{address}/parts_{n}")))
        costs.measure("join", lambda _: join_parts(parts, folder / "answers.parquet"))
    costs["vote"] = costs["answer"] - sum(
        costs[stage] for stage in ("decode", "lay_out", "forward")
    )  # a digest is kept
    for place in ("here", "bucket"):
        costs[f"part {place}"] -= costs["answer"]
        costs[f"all, {place}"] = sum(costs[f"{stage} {place}"] for stage in ("list", "fetch", "part"))
        costs[f"all, {place}"] += costs["digest"] + costs["answer"] + costs["join"]
    return dict(costs)


def made(folder: Path) -> Path:
    """The folder, which is new."""
    folder.mkdir()
    return folder


def parts_of(classifier: Classifier, files: list[PhotoFile], place: Any) -> list[Any]:
    """Answers the files part by part."""
    return [path for path, _, _ in answer_files(classifier, files, place)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ensemble", type=Path, help="folder of a trained one")
    parser.add_argument("--pages", type=int, default=256)
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="a few pages, to see that it runs")
    options = parser.parse_args()
    pages, *model = (4, "test_resnet", 32) if options.quick else (options.pages, "mobilenetv3_small_050", 128)
    with tempfile.TemporaryDirectory(prefix="docsort-costs-") as text:
        folder = Path(text)
        if options.ensemble is None:
            make_ensemble(*model, folder)  # type: ignore[arg-type]
        photos = draw_photos(folder / "photos", pages)
        stop_work()
        costs = measure(folder, Ensemble.load(options.ensemble or folder / "ensemble"), photos)
        size = sum(photo.stat().st_size for photo in photos) / len(photos)
    figures = {"pages": pages, "bytes_per_page": size, "ms_per_page": costs}
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
