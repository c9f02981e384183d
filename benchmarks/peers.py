"""What others' usual ways reach on the same job, with the same weights, image size and minutes.

    uv run --with fastai python benchmarks/peers.py --raw-dir DIR [--truth FILE] [--peer fastai] [--backbone NAME]
        [--pretrained FILE|package] [--mean N --std N] [--size N] [--minutes N] [--seed N] [--to FILE] [--json FILE]
    uv run python benchmarks/peers.py --peer probe …
    uv run python benchmarks/peers.py --peer autogluon …
    uv run python benchmarks/peers.py --quick

Peers:

- fastai: `vision_learner`, `aug_transforms`, `fine_tune` for as many epochs as the minutes hold, `tta`. It is no
  dependency of Docsort: `--with fastai` installs it beside the project for this one command.
- autogluon: `MultiModalPredictor.fit` with its own defaults, for as many epochs as the minutes hold, on all cores. It
  wants a timm and a torch of its own: `autogluon_job.py` runs in an environment that uv makes once (about 6 GB).
- probe: frozen features of the backbone and logistic regression, on the photos and on damaged copies of them; asked in
  the eight turns of a page. It takes as long as it takes, most of it for the features.

--raw-dir is in the layout of the competition; without it the sample is drawn.

What is written (macro-F1, in [0, 1]):

- told: by the peer's own validation, a fifth of the photos at random, as it would tell its user.
- true: of the test photos by the answer key; null without one.
- seconds, epochs, and what was asked.

One core for the others unless --threads says more. --quick asks the probe of few drawn photos, to see that it runs.
"""

import argparse
import importlib.util
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import timm
import torch
from leaky_validation import augmentation_chain
from numpy.typing import NDArray
from safetensors.torch import save_file

from docsort.errors import DocsortError
from docsort.images.dihedral import TURNS
from docsort.images.letterbox import letterbox
from docsort.images.reading import read_rgb
from docsort.ingestion.competition import read_competition
from docsort.ingestion.sample import ensure_sample
from docsort.metrics import macro_f1
from docsort.models.backbones import build_model, input_statistics
from docsort.models.packaged import PACKAGED, packaged_weights
from docsort.models.pixels import Normaliser
from docsort.models.pretrained import load_pretrained
from docsort.models.turns import apply_turns
from docsort.reporting.answer_key import check_answer_key, true_labels
from docsort.seeding import derive_rng, derive_seed
from docsort.stores import Store
from docsort_sample.parameters import SampleParameters

HELD_OUT_SHARE = 0.2
COPIES = 3
"""Damaged copies of a photo that the probe learns beside it."""
STRENGTHS = (0.001, 0.01, 0.1, 1.0)
"""C of the logistic regression, chosen on the held-out photos."""
BATCH = 32
AUTOGLUON_JOB = Path(__file__).with_name("autogluon_job.py")

Pixels = NDArray[np.uint8]
Integers = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Job:
    """What every peer is given: photos by path, their classes (N,), the test photos, how, and for how long.

    statistics: mean and standard deviation of the pixels that the weights expect, the backbone's own where None;
    minutes: of wall-clock time, for learning and choosing.
    """

    train: list[str]
    labels: Integers
    test: list[str]
    backbone: str
    pretrained: Path | None
    statistics: tuple[float, float] | None
    size: int
    minutes: float
    seed: int

    @property
    def targets(self) -> Integers:
        return np.unique(self.labels)


@dataclass(frozen=True)
class Answer:
    """told: by the peer's own validation; answers: the class of every test photo (T,); epochs: over the photos."""

    told: float
    answers: Integers
    epochs: int


def ask_fastai(job: Job) -> Answer:
    """Learns with fastai's own defaults; raises nothing of ours."""
    from fastai.vision.all import (  # type: ignore[import-not-found]
        CategoryBlock,
        ColReader,
        DataBlock,
        ImageBlock,
        Normalize,
        RandomSplitter,
        Resize,
        aug_transforms,
        set_seed,
        vision_learner,
    )

    began = time.perf_counter()
    seed = derive_seed(job.seed, "peers", "fastai") % 2**32
    set_seed(seed)
    mean, std = statistics_of(job)
    block = DataBlock(
        blocks=(ImageBlock, CategoryBlock(vocab=job.targets.tolist())),
        get_x=ColReader("path"),
        get_y=ColReader("target"),
        splitter=RandomSplitter(HELD_OUT_SHARE, seed=seed),
        item_tfms=Resize(job.size),
        batch_tfms=[*aug_transforms(size=job.size), Normalize.from_stats(mean, std, cuda=False)],
    )
    photos = pd.DataFrame({"path": job.train, "target": job.labels})
    loaders = block.dataloaders(photos, bs=BATCH, num_workers=0, device=torch.device("cpu"))

    def fresh() -> Any:
        learner = vision_learner(loaders, job.backbone, pretrained=False, normalize=False)
        if job.pretrained is not None:
            load_pretrained(learner.model[0].model, job.pretrained)
        return learner

    with tempfile.TemporaryDirectory() as folder:
        trial = fresh()
        trial.path = Path(folder)
        started = time.perf_counter()
        with trial.no_bar():
            trial.fit(1)
        epoch = time.perf_counter() - started
        epochs = max(1, int((60 * job.minutes - (time.perf_counter() - began)) / epoch) - 1)  # one more is frozen
        learner = fresh()
        learner.path = Path(folder)
        with learner.no_bar():
            learner.fine_tune(epochs)
            probabilities, labels = learner.tta(dl=loaders.valid)
            test = loaders.test_dl(pd.DataFrame({"path": job.test}))
            answers = learner.tta(dl=test)[0].argmax(dim=1).numpy()
    told = macro_f1(job.targets[labels.numpy()], job.targets[probabilities.argmax(dim=1).numpy()])
    return Answer(told, job.targets[answers], epochs)


def ask_probe(job: Job) -> Answer:
    """Chooses C on the held-out photos, then learns all of them; a page's answer is the mean over its turns."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    net, normalise = frozen_backbone(job)
    chain = augmentation_chain(derive_seed(job.seed, "peers", "damage") % 2**32)
    photos = [read_rgb(path) for path in job.train]
    pages = [photos, *([chain(image=photo)["image"] for photo in photos] for _ in range(COPIES))]
    learnt = np.stack([features_of(net, normalise, square_pages(copy, job.size)) for copy in pages])  # (1 + K, N, F)
    held_out = derive_rng(job.seed, "peers", "split").random(len(photos)) < HELD_OUT_SHARE
    judged = turned_features(net, normalise, square_pages([photos[row] for row in np.flatnonzero(held_out)], job.size))

    def learn(strength: float, rows: NDArray[np.bool_]) -> Any:
        model = make_pipeline(StandardScaler(), LogisticRegression(C=strength, max_iter=1000))
        return model.fit(np.concatenate(learnt[:, rows]), np.tile(job.labels[rows], len(learnt)))

    scores = {
        strength: macro_f1(job.labels[held_out], answer_turns(learn(strength, ~held_out), judged))
        for strength in STRENGTHS
    }
    best = max(scores, key=lambda strength: scores[strength])
    test = turned_features(net, normalise, square_pages([read_rgb(path) for path in job.test], job.size))
    return Answer(scores[best], answer_turns(learn(best, np.ones(len(photos), dtype=bool)), test), 0)


def ask_autogluon(job: Job) -> Answer:
    """Hands the job over in a folder (`autogluon_job.py`); exits where uv is missing or AutoGluon fails."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        hand_over(job, folder)
        try:
            subprocess.run(["uv", "run", "--script", AUTOGLUON_JOB, folder], check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError) as error:
            raise SystemExit(
                f"Expected AutoGluon to answer, in an environment that uv makes for it, but it did not ({error}); what "
                "it said stands above. Mend that, or ask another --peer."
            ) from None
        told = json.loads((folder / "told.json").read_text(encoding="utf-8"))
        answers = pd.read_csv(folder / "answers.csv")["target"].to_numpy(dtype=np.int64)
    return Answer(told["told"], answers, told["epochs"])


def hand_over(job: Job, folder: Path) -> None:
    """Writes the job as `autogluon_job.py` reads it; the backbone with its weights, or without as it is drawn."""
    net, _ = frozen_backbone(job)
    config: Any = net.pretrained_cfg
    mean, std = statistics_of(job)
    (folder / "checkpoint").mkdir()
    torch.save(net.state_dict(), folder / "checkpoint/pytorch_model.bin")  # the one file name that it reads
    architecture = {"architecture": config["architecture"], "num_features": net.num_features}
    pixels = {"input_size": [3, job.size, job.size], "mean": list(mean), "std": list(std)}
    files = {"checkpoint/config.json": architecture | pixels, "job.json": {"minutes": job.minutes, "seed": job.seed}}
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content), encoding="utf-8")
    pd.DataFrame({"path": job.train, "target": job.labels}).to_csv(folder / "train.csv", index=False)
    pd.DataFrame({"path": job.test}).to_csv(folder / "test.csv", index=False)


PEERS: dict[str, Callable[[Job], Answer]] = {"fastai": ask_fastai, "autogluon": ask_autogluon, "probe": ask_probe}
PACKAGES = {"fastai": "fastai"}
"""What has to be installed beside Docsort."""


def statistics_of(job: Job) -> tuple[tuple[float, ...], tuple[float, ...]]:
    if job.statistics is not None:
        return (job.statistics[0],) * 3, (job.statistics[1],) * 3
    return input_statistics(build_model(job.backbone, len(job.targets), job.size))


def frozen_backbone(job: Job) -> tuple[torch.nn.Module, Normaliser]:
    """The backbone without a head, (B, 3, S, S) to (B, F), and what its pixels pass before."""
    torch.manual_seed(derive_seed(job.seed, "peers", "weights"))
    net: Any = build_model(job.backbone, len(job.targets), job.size)
    if job.pretrained is not None:
        print(load_pretrained(net, job.pretrained).sentence())
    net.reset_classifier(0)
    mean, std = statistics_of(job)
    return net.eval(), Normaliser(mean, std)


def square_pages(pages: Sequence[Pixels], size: int) -> Pixels:
    """(N, S, S, 3), letterboxed."""
    return np.stack([letterbox(page, size) for page in pages])


@torch.inference_mode()
def features_of(net: torch.nn.Module, normalise: Normaliser, pages: Pixels, turn: int = 0) -> Floats:
    """(N, F) of pages (N, S, S, 3), each laid down in this turn."""
    found = []
    for start in range(0, len(pages), BATCH):
        batch = torch.from_numpy(pages[start : start + BATCH]).permute(0, 3, 1, 2)
        batch = apply_turns(batch, torch.full((len(batch),), turn))
        found.append(net(normalise(batch)).double().numpy())
    return np.concatenate(found)


def turned_features(net: torch.nn.Module, normalise: Normaliser, pages: Pixels) -> Floats:
    """(turns, N, F)."""
    return np.stack([features_of(net, normalise, pages, turn) for turn in range(len(TURNS))])


def answer_turns(model: Any, turned: Floats) -> Integers:
    """The class (N,) that is likeliest in the mean over the turns."""
    return np.asarray(model.classes_[np.mean([model.predict_proba(turn) for turn in turned], axis=0).argmax(axis=1)])


def require_peer(name: str) -> None:
    """Exits, saying what to install, where the peer's package is missing."""
    if name in PACKAGES and importlib.util.find_spec(PACKAGES[name]) is None:
        raise SystemExit(
            f"Expected the package {PACKAGES[name]} for --peer {name}, but it is not installed; run "
            f"`uv run --with {PACKAGES[name]} python benchmarks/peers.py --peer {name} …`."
        )


def named_weights(backbone: str, folder: Path) -> Path:
    """A file in the folder that holds the packaged weights by timm's own names, for whoever pairs by name."""
    model = timm.create_model(backbone)
    load_pretrained(model, packaged_weights(backbone), by_order=True)
    save_file(model.state_dict(), folder / f"{backbone}.safetensors")
    return folder / f"{backbone}.safetensors"


def measure(raw_dir: Path, truth: Path | None, options: argparse.Namespace) -> dict[str, Any]:
    """The figures of one peer on one folder; writes its submission where options say so."""
    photos, _ = read_competition(raw_dir)
    train, test = (photos[photos["split"] == split].sort_values("position") for split in ("train", "test"))
    key = None if truth is None else true_labels(test["image_id"], check_answer_key(truth)).to_numpy()
    statistics = None if options.mean is None else (options.mean, options.std)
    labels = train["target"].to_numpy(dtype=np.int64)
    how = (options.backbone, options.pretrained, statistics, options.size, options.minutes, options.seed)
    began = time.perf_counter()
    answer = PEERS[options.peer](Job(train["path"].tolist(), labels, test["path"].tolist(), *how))
    seconds = time.perf_counter() - began
    if options.to is not None:
        pd.DataFrame({"ID": test["image_id"], "target": answer.answers}).to_csv(options.to, index=False)
    return {
        "peer": options.peer,
        "told": answer.told,
        "true": None if key is None else macro_f1(key, answer.answers),
        "seconds": round(seconds, 1),
        "epochs": answer.epochs,
        "train_photos": len(train),
        "test_photos": len(test),
        "backbone": options.backbone,
        "pretrained": None if options.pretrained is None else options.pretrained.name,
        "size": options.size,
        "minutes": options.minutes,
        "seed": options.seed,
    }


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="What others' usual ways reach on the same job.")
    parser.add_argument("--peer", choices=list(PEERS), default="fastai")
    parser.add_argument("--raw-dir", type=Path, help="data in the competition's layout; without it the sample is drawn")
    parser.add_argument("--truth", type=Path, help="answer key (ID,target) of the test photos, with --raw-dir")
    parser.add_argument("--scale", type=float, default=SampleParameters().scale, help="of the drawn sample")
    parser.add_argument("--backbone", default="mobilenetv3_small_050", help="any timm model")
    parser.add_argument(
        "--pretrained", type=Path, help=f"weights file, or {PACKAGED}, as Docsort has them; without it from scratch"
    )
    parser.add_argument("--mean", type=float, help="of the pixels the weights expect, in [0, 1]; with --std")
    parser.add_argument("--std", type=float, help="likewise; without both, the backbone's own")
    parser.add_argument("--size", type=int, default=128, help="of the square, pixels a side")
    parser.add_argument("--minutes", type=float, default=5, help="for learning, on this machine")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    parser.add_argument("--to", type=Path, help="file to write the submission to")
    parser.add_argument("--json", type=Path, help="file to write the figures to")
    parser.add_argument("--quick", action="store_true", help="the probe on few photos, to see that it runs")
    options = parser.parse_args(arguments)
    if options.quick:
        parser.set_defaults(peer="probe", scale=0.01, size=64)
        options = parser.parse_args(arguments)
    if (options.mean is None) != (options.std is None):
        parser.error("--mean and --std go together")
    if options.truth is not None and options.raw_dir is None:
        parser.error("--truth goes with --raw-dir")
    if min(options.minutes, options.size, options.threads) <= 0:
        parser.error("--minutes, --size and --threads must be above 0")
    return options


def main() -> None:
    options = read_options()
    require_peer(options.peer)
    torch.set_num_threads(options.threads)
    cv2.setNumThreads(options.threads)
    try:
        with tempfile.TemporaryDirectory() as folder:
            if options.pretrained == Path(PACKAGED):
                options.pretrained = named_weights(options.backbone, Path(folder))
                if options.mean is None:
                    options.mean = options.std = 0.5
            raw_dir, truth = options.raw_dir, options.truth
            if raw_dir is None:
                drawn = ensure_sample(Store(Path(folder)), SampleParameters(scale=options.scale), options.seed)
                raw_dir, truth = Path(drawn["folder"]), Path(drawn["answer_key"])
            figures = measure(raw_dir, truth, options)
    except DocsortError as error:
        raise SystemExit(str(error)) from None
    text = json.dumps(figures, indent=1)
    print(text)
    if options.json is not None:
        options.json.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
