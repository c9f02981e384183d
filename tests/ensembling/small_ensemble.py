"""A small ensemble that is real in every part: two folds of a network, a kernel model and a specialist, in one folder.

The networks are not trained but settled: their statistics are those of the drawn pages, and their heads are sure enough
to differ from page to page.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from docsort.ensembling.assembly import TRAITS, assemble
from docsort.ensembling.decisions import Decisions
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.novelty import NoveltyIndex, fit_index
from docsort.ensembling.temperature import Calibration
from docsort.ensembling.votes import VotePlan
from docsort.images.dihedral import apply_turn
from docsort.kernel.describing import describe_square
from docsort.kernel.learning import Described, learn
from docsort.kernel.model import KernelModel
from docsort.kernel.model import save_model as save_kernel_model
from docsort.members.checkpoints import Checkpoint
from docsort.members.pages import PhotoPages
from docsort.members.views import ViewPolicy
from docsort.models.backbones import build_model
from docsort.models.descriptions import ModelDescription
from docsort.models.forward import NetworkMember
from docsort.models.weights import save_model
from docsort.specialists.groups import SpecialistGroup
from docsort.specialists.routing import RoutingRule
from docsort.stores import Store
from docsort_sample.kinds import KINDS
from docsort_sample.photo import draw_photo

Photo = NDArray[np.uint8]
TARGETS = (2, 5, 9)
FOLDS, SIDE, FALLBACK = 2, 32, 5
JPEG_QUALITY = 90
GROUP = SpecialistGroup("pair", (2, 9))
VIEWS = ViewPolicy(
    name="until 0.5",
    views=((0, 100), (6, 100), (3, 100)),
    stops=(1,),
    stop_margin=0.5,
    weights={"main": 0.7, "kernel": 0.3},
)
DECISIONS = Decisions(
    models=("main", "kernel"),
    views=VIEWS,
    plan=VotePlan(
        "soft",
        {"main": 0.7, "kernel": 0.3},
        (RoutingRule(GROUP, "hard", "top1"),),
        temperatures={"main": 0.8, "kernel": 1.3},
    ),
    calibration=Calibration(0.6),
    threshold=0.7,
)


def draw_pages(count: int, seed: int) -> list[Photo]:
    """Photos (H, W, 3) of three kinds in turn."""
    return [draw_photo(KINDS[TARGETS[i % 3]], np.random.default_rng((seed, i))) for i in range(count)]


def build(
    folder: Path,
    pages: list[Photo],
    decisions: Decisions = DECISIONS,
    twins: bool = False,
    more: Sequence[Mapping[str, Checkpoint]] = ({},) * FOLDS,
) -> Ensemble:
    """Saved below the folder, made of what is left in the folder `store` beside it.

    twins: whether the networks give the first two classes the same probability, always. more: members of each fold
    beside these.
    """
    store = Store(folder / "store")
    members = [
        {"main": _network(store, f"main_{fold}", TARGETS, fold, pages, twins), "kernel": _kernel(store, fold, pages)}
        for fold in range(FOLDS)
    ]
    special = [
        {"pair": _network(store, f"pair_{fold}", GROUP.targets, 10 + fold, pages), **more[fold]}
        for fold in range(FOLDS)
    ]
    novelty = [_novelty(each["main"], pages) for each in members]
    classes = pd.DataFrame({"target": TARGETS, "class_name": [KINDS[target].name for target in TARGETS]})
    images = pd.DataFrame({"split": "train"} | {trait: [1.0, 2.0] for trait in TRAITS})
    labels = pd.Series([FALLBACK] * 3 + [2, 9])
    draft = assemble(members, special, decisions, JPEG_QUALITY, classes, labels, images, novelty, 0.9)
    return replace(draft, manifest=replace(draft.manifest, forecast={"macro_f1": 0.5, "interval": [0.4, 0.6]})).save(
        folder / "ensemble"
    )


def checkpoint_of(store: Store, key: str, kind: str) -> Checkpoint:
    """Networks want straight pages, kernel models pages as they lie."""
    store.complete(key, {"name": key, "kind": kind, "learnt_groups": [], "side": SIDE, "straighten": kind == "network"})
    return Checkpoint(store.folder(key), key)


def _network(
    store: Store, key: str, targets: tuple[int, ...], seed: int, pages: list[Photo], twins: bool = False
) -> Checkpoint:
    torch.manual_seed(seed)
    net: Any = build_model("lcnet_035", len(targets), SIDE)
    squares = PhotoPages(pages, True, JPEG_QUALITY).squares(range(len(pages)), SIDE)
    with torch.no_grad():
        batch = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 255 - 0.5
        for _ in range(30):
            net.train()(batch)
        net.classifier.weight /= net.eval()(batch).std(dim=0)[:, None] / 2
        net.classifier.bias -= net(batch).mean(dim=0)
        if twins:
            net.classifier.weight[1], net.classifier.bias[1] = net.classifier.weight[0], net.classifier.bias[0]
    description = ModelDescription("lcnet_035", targets, SIDE, (0.5, 0.5, 0.5), (1.0, 1.0, 1.0))
    save_model(net, description, store.folder(key))
    return checkpoint_of(store, key, "network")


def _kernel(store: Store, fold: int, pages: list[Photo]) -> Checkpoint:
    squares = list(PhotoPages(pages, False, JPEG_QUALITY).squares(range(len(pages)), SIDE))
    parts = []
    for turn in (0, fold + 1, fold + 3):
        laid = [np.ascontiguousarray(apply_turn(square, turn)) for square in squares]
        numbers = np.stack([describe_square(square, straightened=False) for square in laid])
        parts.append(Described(numbers, np.arange(len(pages)) % 3, np.arange(len(pages)) // 3 % 2))
    learnt = learn(*parts, classes=len(TARGETS))
    facts = (TARGETS, (True,) * 3, learnt.width, learnt.sharpness, SIDE, False)
    save_kernel_model(KernelModel(*facts, learnt.numbers, learnt.turns, learnt.weights), store.folder(f"kernel_{fold}"))
    return checkpoint_of(store, f"kernel_{fold}", "kernel")


def _novelty(checkpoint: Checkpoint, pages: list[Photo]) -> NoveltyIndex:
    blocks = NetworkMember(checkpoint.folder, "cpu").embed(PhotoPages(pages, True, JPEG_QUALITY))
    half = len(pages) // 2
    return fit_index([block[:half] for block in blocks], [block[half:] for block in blocks])
