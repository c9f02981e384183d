"""What onnxruntime is worth beside torch: squares a second of one network, in full precision and in whole numbers, what
whole numbers lose, and pages end to end.

    uv run python benchmarks/runtimes.py [--data-root DIR] [--export FOLDER] [--pages N] [--json FILE] [--quick]

Without --data-root an untrained network is taken, which is as fast as a trained one. With it, the main network of fold
0 of a finished run, and the macro-F1 of that network alone, in one view, on the run's test pages where it has an answer
key: of torch, and of each ONNX file. `int8 dynamic` and `int8 static` are onnxruntime.quantization's, the latter
calibrated on 64 pages. With --export, a folder that `docsort export --onnx` has made of the run's ensemble, whole
answers too: seconds of CPU a page of `Ensemble.answer`, by torch and by the graphs, in turn.

Figures are squares per second of CPU time on one thread, and per second of the clock on one and on two, medians of
rounds in which everything is measured once after the other: a machine that others use is never the same twice.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from inference import draw_photo, make_checkpoint
from numpy.typing import NDArray

from docsort.ensembling.ensemble import Ensemble
from docsort.images.reading import read_rgb
from docsort.member_kinds import MAIN
from docsort.members.pages import PhotoPages
from docsort.metrics import macro_f1
from docsort.models.forward import BATCH_VIEWS, NetworkMember
from docsort.models.graphs import NetworkGraph
from docsort.models.onnx_files import Session, write_graph
from docsort.serving.export import with_graphs

Squares = NDArray[np.uint8]
Ask = Callable[[Squares], NDArray[np.float32]]
BATCH, CALIBRATION, ROUNDS = BATCH_VIEWS["cpu"], 64, 5


def by_torch(member: NetworkMember) -> Ask:
    """Squares (N, S, S, 3) to probabilities."""

    def ask(squares: Squares) -> NDArray[np.float32]:
        with torch.inference_mode():
            views = torch.from_numpy(squares).permute(0, 3, 1, 2)
            return member._forward(views, member.description.image_size).numpy()

    return ask


def by_onnx(path: Path, threads: int) -> Ask:
    """The same by an ONNX file."""
    session = Session(path, threads)
    return lambda squares: session(pages=squares)["probabilities"]


def write_files(network: Path, squares: Squares, folder: Path) -> dict[str, Path]:
    """ONNX files of a network: in full precision, and in whole numbers in two ways."""
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_dynamic, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Pages(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches: Iterator[Squares] = iter(np.split(squares[:CALIBRATION], range(8, CALIBRATION, 8)))

        def get_next(self) -> dict[str, Squares] | None:
            batch = next(self._batches, None)
            return None if batch is None or not len(batch) else {"pages": batch}

    paths = {name: folder / f"{name.replace(' ', '_')}.onnx" for name in ("fp32", "int8 dynamic", "int8 static")}
    write_graph(NetworkGraph(network), squares.shape[1], ("pages",), paths["fp32"])
    prepared = folder / "prepared.onnx"
    quant_pre_process(str(paths["fp32"]), str(prepared), skip_symbolic_shape=True)
    quantize_dynamic(str(prepared), str(paths["int8 dynamic"]))
    quantize_static(str(prepared), str(paths["int8 static"]), Pages(), quant_format=QuantFormat.QDQ, per_channel=True)
    return paths


def rate(ask: Ask, squares: Squares, batches: int) -> dict[str, float]:
    """Squares per second of CPU time and of the clock."""
    ask(squares[:BATCH])
    cpu, clock = time.process_time(), time.perf_counter()
    for _ in range(batches):
        ask(squares[:BATCH])
    done = batches * BATCH
    return {"cpu": done / (time.process_time() - cpu), "clock": done / (time.perf_counter() - clock)}


def measure_speed(
    member: NetworkMember, paths: dict[str, Path], squares: Squares, rounds: int, threads: tuple[int, ...]
) -> dict[str, Any]:
    """By runtime and number of threads: medians of the rounds, and of the ratios to torch within a round."""
    found: dict[str, list[dict[str, float]]] = {}
    for _ in range(rounds):
        for count in threads:
            torch.set_num_threads(count)
            runtimes = {"torch": by_torch(member)} | {name: by_onnx(path, count) for name, path in paths.items()}
            for name, ask in runtimes.items():
                found.setdefault(f"{name}, {count}", []).append(rate(ask, squares, 4))
    torch.set_num_threads(1)
    return {
        name: {
            "per_cpu_second": statistics.median(each["cpu"] for each in own),
            "per_second": statistics.median(each["clock"] for each in own),
            "over_torch": statistics.median(
                each["cpu"] / other["cpu"] for each, other in zip(own, found[f"torch, {name[-1]}"], strict=True)
            ),
        }
        for name, own in found.items()
    }


def measure_loss(
    member: NetworkMember, paths: dict[str, Path], squares: Squares, truth: NDArray[np.int64] | None
) -> dict[str, Any]:
    """By runtime: largest difference to torch, answers that are the same, and macro-F1 where there is a truth."""
    runtimes = {"torch": by_torch(member)} | {name: by_onnx(path, 1) for name, path in paths.items()}
    targets, rows = np.array(member.targets), range(0, len(squares), BATCH)
    found, own = {}, {}
    for name, ask in runtimes.items():
        own[name] = np.concatenate([ask(squares[start : start + BATCH]) for start in rows])
        answers = targets[own[name].argmax(axis=1)]
        found[name] = {
            "largest_difference": float(np.abs(own[name] - own["torch"]).max()),
            "same_answers": float((answers == targets[own["torch"].argmax(axis=1)]).mean()),
            "macro_f1": None if truth is None else macro_f1(truth, pd.Series(answers)),
        }
    return found


def measure_end_to_end(ensemble: Ensemble, export: Path, photos: list[Path], rounds: int) -> dict[str, Any]:
    """Seconds of CPU a page of whole answers, in this process."""
    engines, found = {"torch": ensemble, "onnx": with_graphs(ensemble, export)}, {}
    answers = {name: engine.answer(photos[:8], in_workers=False) for name, engine in engines.items()}
    seconds: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(rounds):
        for name, engine in engines.items():
            began = time.process_time()
            answers[name] = engine.answer(photos, in_workers=False)
            seconds[name].append((time.process_time() - began) / len(photos))
    columns = [f"p_{target}" for target in ensemble.targets]
    found = {f"{name}_cpu_s_a_page": statistics.median(own) for name, own in seconds.items()}
    ratios = [a / b for a, b in zip(seconds["torch"], seconds["onnx"], strict=True)]
    difference = answers["torch"][columns].to_numpy() - answers["onnx"][columns].to_numpy()
    same = (answers["torch"]["target"] == answers["onnx"]["target"]).mean()
    return found | {
        "speedup": statistics.median(ratios),
        "pages": len(photos),
        "largest_difference": float(np.abs(difference).max()),
        "same_answers": float(same),
        "same_reviews": float((answers["torch"]["needs_review"] == answers["onnx"]["needs_review"]).mean()),
    }


def test_pages(data_root: Path, count: int) -> tuple[list[Path], NDArray[np.int64] | None]:
    """Photos of a finished run and their classes, where it has a key."""
    images = pd.read_parquet(data_root / "02_intermediate/images.parquet").query("split == 'test'").head(count)
    location = json.loads((data_root / "01_raw/raw_location.json").read_text())
    if not location.get("answer_key"):
        return [Path(path) for path in images["path"]], None
    key = pd.read_csv(location["answer_key"], dtype={"ID": str}).set_index("ID")["target"]
    return [Path(path) for path in images["path"]], images["image_id"].map(key).to_numpy(np.int64)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-root", type=Path, help="of a finished run")
    parser.add_argument("--export", type=Path, help="folder of an export of its ensemble")
    parser.add_argument("--pages", type=int, default=400)
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    parser.add_argument("--quick", action="store_true", help="small counts, to see that it runs")
    options = parser.parse_args()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="docsort-runtimes-") as temporary:
        folder, ensemble, truth = Path(temporary), None, None
        if options.data_root is None:
            photos = [folder / f"{number}.jpg" for number in range(CALIBRATION)]
            for number, path in enumerate(photos):
                draw_photo(path, number)
            network = folder / "network"
            make_checkpoint(network, *(("test_resnet", 32) if options.quick else ("tf_efficientnet_lite0", 128)), 0)
        else:
            photos, truth = test_pages(options.data_root, options.pages)
            ensemble = Ensemble.load(options.data_root / "06_models/ensemble")
            key = next(each.key for each in ensemble.manifest.members if (each.name, each.fold) == (MAIN, 0))
            network = ensemble.checkpoints[key].folder
        member = NetworkMember(network, "cpu")
        pages = PhotoPages([read_rgb(path) for path in photos], True, 90)
        squares = pages.squares(range(len(photos)), member.description.image_size)
        paths = write_files(network, squares, folder)
        figures["speed"] = measure_speed(member, paths, squares, *((1, (1,)) if options.quick else (ROUNDS, (1, 2))))
        figures["loss"] = measure_loss(member, paths, squares, truth)
        if ensemble is not None and options.export is not None:
            figures["end_to_end"] = measure_end_to_end(ensemble, options.export, photos[:128], 2)
    print(json.dumps(figures, indent=2))
    if options.json:
        options.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    main()
