"""Every kind of thing that lies on disk, small: how it is written, and how a run reads it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from drawn_job import make_data, make_parameters
from kedro.io import AbstractDataset
from PIL import Image
from plotly.graph_objects import Figure
from small_ensemble import DECISIONS, JPEG_QUALITY, TARGETS

from docsort.augmentation import rendering
from docsort.datasets.checkpoint_dataset import CheckpointsDataset
from docsort.datasets.document_datasets import FigureDataset, RecordDataset, TextDataset
from docsort.datasets.manifest_dataset import RenderManifestDataset
from docsort.datasets.novelty_dataset import NoveltyDataset
from docsort.datasets.picture_dataset import PictureDataset
from docsort.datasets.table_dataset import TableDataset
from docsort.ensembling.ensemble_files import EnsembleFiles, EnsembleMember, Manifest
from docsort.ensembling.novelty import NoveltyIndex, Space
from docsort.errors import StorageError
from docsort.files import write_atomically
from docsort.images.page_format import PageFormat
from docsort.kernel import model as kernel
from docsort.kernel.descriptors import NUMBERS
from docsort.members.cache import PageCache
from docsort.members.checkpoints import HISTORY_FILE, Checkpoint
from docsort.members.pages import read_render
from docsort.models import weights as network
from docsort.models.backbones import build_model
from docsort.models.descriptions import ModelDescription
from docsort.stores import Store
from docsort.training.resume import Position, ResumeFile


@dataclass(frozen=True)
class Kind:
    """read: what comes out of the folder, as something that can be compared. Where it heals, it never raises."""

    write: Callable[[Path], object]
    read: Callable[[Path], object]
    heals: bool = False


def drawn(*shape: int) -> Any:
    """Numbers that are the same every time."""
    return np.random.default_rng(shape).random(shape)


def render(folder: Path) -> dict[str, bytes]:
    data = make_data(folder.parent / "pages", (1, 1))
    parameters = make_parameters(per_class=2, recipe="turns")
    job = (data.clean_images, data.folds, data.classes, parameters, {PageFormat(32, False): None}, 5, Store(folder))
    manifest = rendering.render_training(*job)
    return {row.render_id: Path(row.path).read_bytes() for row in manifest.itertuples()}


def read_renders(folder: Path) -> list[bytes]:
    """As a worker reads them, which renders nothing."""
    shards = sorted(path for path in folder.glob("shards/*/*"))
    return [
        read_render(f"{shard}/{name}").tobytes()
        for shard in shards
        for name in ("plain-00000.jpg", "training-00001.jpg")
    ]


def ask(folder: Path) -> bytes:
    """Looks up what is cached, and adds what is not."""
    keys, views, answers = np.array([each * 24 for each in "abcd"]), ((0, 100), (1, 100)), drawn(4, 2, 3)
    cached = PageCache(Store(folder), "member", 3)
    known = cached.look_up(keys, views)
    cached.add(keys, known, np.where(np.isnan(known), answers.astype(np.float32), known), views)
    return cached.look_up(keys, views).tobytes()


def write_kernel(folder: Path) -> None:
    numbers, weights = drawn(4, NUMBERS).astype(np.float16).astype(np.float32), drawn(8, 4, 3)
    facts = (TARGETS, (True,) * 3, 1.5, 20.0, 32, True)
    kernel.save_model(kernel.KernelModel(*facts, numbers, np.arange(4), weights), folder / "key")
    write_atomically(folder / "key" / HISTORY_FILE, b"epoch,lr\n1,0.1\n")
    Store(folder).complete("key", {"name": "kernel_fold_0", "kind": "kernel", "learnt_groups": ["a"], "score": 0.875})


def read_kernel(folder: Path) -> object:
    point = Checkpoint(folder / "key", "key")
    if point.record() is None:
        raise StorageError(f"Nothing is finished, says {folder}/key/complete.json")
    model = kernel.load_model(point.folder)
    arrays = [array.tobytes() for array in (model.numbers, model.turns, model.weights)]
    facts = (model.targets, model.seen, model.width, model.sharpness, model.side, model.straightened)
    return point.record(), str(point.history_rows()), facts, arrays


def fit_kernel(folder: Path) -> object:
    """As `members.fitting` does: what is finished is used, what is damaged is made again."""
    if Store(folder).finished("key") is None:
        write_kernel(folder)
    return read_kernel(folder)


def write_network(folder: Path) -> None:
    torch.manual_seed(0)
    net = build_model("lcnet_035", 3, 32)
    network.save_model(net, ModelDescription("lcnet_035", TARGETS, 32, (0.5,) * 3, (1.0,) * 3), folder / "key")
    Store(folder).complete("key", {"kind": "network"})


def read_network(folder: Path) -> object:
    net, description = network.load_model(folder / "key")
    return description, {name: tensor.numpy().tobytes() for name, tensor in net.state_dict().items()}


def save_position(folder: Path) -> None:
    state = {"weights": torch.from_numpy(drawn(50, 40)), "lr": 0.1, "rows": [{"epoch": 1.0}]}
    ResumeFile(folder, "key", 0).save(Position(1, 2, 3), state)


def go_on(folder: Path) -> object:
    """From where it was, or from the beginning, which ends the same."""
    found = ResumeFile(folder, "key", 0).load()
    if found is None:
        save_position(folder)
        found = ResumeFile(folder, "key", 0).load()
    assert found is not None
    position, state = found
    return position, state["weights"].numpy().tobytes(), state["lr"], state["rows"]


def write_ensemble(folder: Path) -> None:
    write_kernel(folder.parent / "store")
    index = NoveltyIndex((Space(drawn(6, 4), 0.5), Space(drawn(6, 4), 0.7, drawn(9), drawn(9, 4))), drawn(5))
    names = tuple((target, f"kind {target}") for target in TARGETS)
    members = (EnsembleMember("kernel", 0, "key"),)
    manifest = Manifest(JPEG_QUALITY, names, 2, members, DECISIONS, "kernel", 0.9, {"macro_f1": 0.5}, {}, {})
    point = Checkpoint(folder.parent / "store" / "key", "key")
    EnsembleFiles(manifest, {"key": point}, {0: index}).save(folder)


def read_ensemble(folder: Path) -> object:
    ensemble = EnsembleFiles.load(folder)
    return (
        ensemble.fingerprint(),
        ensemble.manifest,
        kernel.load_model(ensemble.checkpoints["key"].folder).weights.sum(),
    )


def dataset_kind(make: Callable[[Path], AbstractDataset[Any, Any]], value: Callable[[Path], Any]) -> Kind:
    return Kind(lambda folder: make(folder).save(value(folder)), lambda folder: _comparable(make(folder).load()))


def _comparable(value: Any) -> object:
    if isinstance(value, pd.DataFrame):
        return value.to_csv(), value.dtypes.astype(str).tolist()
    if isinstance(value, Image.Image):
        return value.tobytes()
    if isinstance(value, Figure):
        return value.to_json()
    if isinstance(value, NoveltyIndex):
        return value.fingerprint()
    if isinstance(value, dict) and all(isinstance(each, Checkpoint) for each in value.values()):
        return [point.key for point in value.values()]
    return value


TABLE = pd.DataFrame({"image_id": ["007", "a b"], "label": [0, 1], "share": [0.25, 0.125]})


def _pointer(folder: Path) -> dict[str, Checkpoint]:
    write_kernel(folder / "store")
    return {"kernel": Checkpoint(folder / "store" / "key", "key")}


def _manifest(folder: Path) -> pd.DataFrame:
    return TABLE.assign(path=[str(folder / "store" / name) for name in ("a.jpg", "b.jpg")])


def _file(kind: type, name: str) -> Callable[[Path], AbstractDataset[Any, Any]]:
    return lambda folder: kind(filepath=str(folder / name))


def _stored(kind: type, name: str) -> Callable[[Path], AbstractDataset[Any, Any]]:
    return lambda folder: kind(filepath=str(folder / name), store={"path": str(folder / "store")})


DATASETS = {
    "csv": dataset_kind(_file(TableDataset, "t.csv"), lambda _: TABLE),
    "parquet": dataset_kind(_file(TableDataset, "t.parquet"), lambda _: TABLE),
    "record": dataset_kind(
        _file(RecordDataset, "r.json"), lambda _: {"macro_f1": 0.75, "rows": [1, 2], "by": {"a": 1}}
    ),
    "text": dataset_kind(_file(TextDataset, "r.html"), lambda _: "<p>macro-F1 0.75 — naïve</p>"),
    "picture": dataset_kind(
        _file(PictureDataset, "p.png"), lambda _: Image.fromarray((drawn(9, 9, 3) * 255).astype("u1"))
    ),
    "figure": dataset_kind(_file(FigureDataset, "f.json"), lambda _: Figure(layout={"title": {"text": "scores"}})),
    "novelty": dataset_kind(_file(NoveltyDataset, "n.safetensors"), lambda _: NoveltyIndex((), drawn(40))),
    "manifest": dataset_kind(_stored(RenderManifestDataset, "m.parquet"), _manifest),
    "pointer": dataset_kind(_stored(CheckpointsDataset, "p.json"), _pointer),
}

KINDS = {
    "renders, by the renderer": Kind(render, render, heals=True),
    "renders, by a worker": Kind(render, read_renders),
    "cached predictions": Kind(ask, ask, heals=True),
    "kernel model, by a maker": Kind(write_kernel, fit_kernel, heals=True),
    "kernel model, by a reader": Kind(write_kernel, read_kernel),
    "network": Kind(write_network, read_network),
    "training in its middle": Kind(save_position, go_on, heals=True),
    "ensemble": Kind(write_ensemble, read_ensemble),
    **DATASETS,
}
