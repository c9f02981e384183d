"""Putting an ensemble together from what the stages left: checkpoints, decisions, classes, what was learnt."""

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any

import pandas as pd

from docsort.ensembling.decisions import Decisions
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import EnsembleMember, Manifest
from docsort.ensembling.novelty import NoveltyIndex
from docsort.ensembling.submission import most_frequent_class
from docsort.member_kinds import MAIN
from docsort.members.checkpoints import Checkpoint

TRAITS = ("width", "height", "brightness", "contrast", "saturation", "sharpness", "noise", "white_border", "skew")
"""Of IMAGES, what is kept of the pages that were learnt."""
QUANTILES = (0.05, 0.25, 0.5, 0.75, 0.95)
PACKAGES = ("docsort", "torch", "timm", "numpy", "opencv-python-headless", "pillow")
"""Whose versions decide an answer."""


def assemble(
    members: Sequence[Mapping[str, Checkpoint]],
    specialists: Sequence[Mapping[str, Checkpoint]],
    decisions: Decisions,
    jpeg_quality: int,
    classes: pd.DataFrame,
    labels: pd.Series,
    images: pd.DataFrame,
    novelty: Sequence[NoveltyIndex],
    novelty_limit: float,
) -> Ensemble:
    """An ensemble that is not saved yet.

    members, specialists: per fold, by name; only specialists whose rule was accepted come along. labels: of the
    training images; images: IMAGES, for what the training pages looked like; novelty: per fold, holding nothing out
    where no page is measured.
    """
    asked = {rule.group.name for rule in decisions.plan.rules}
    chosen = [
        (name, fold, checkpoint)
        for fold, (general, special) in enumerate(zip(members, specialists, strict=True))
        for name, checkpoint in [*general.items(), *((n, c) for n, c in special.items() if n in asked)]
    ]
    indices = {fold: index for fold, index in enumerate(novelty) if len(index.held)}
    manifest = Manifest(
        jpeg_quality=jpeg_quality,
        classes=tuple(zip(classes["target"].astype(int), classes["class_name"].astype(str), strict=True)),
        fallback=most_frequent_class(labels),
        members=tuple(EnsembleMember(name, fold, point.key) for name, fold, point in chosen),
        decisions=decisions,
        embedder=MAIN if indices else None,
        novelty_limit=novelty_limit,
        forecast=None,
        training_pages=describe_training_pages(images),
        packages={name: version(name) for name in PACKAGES},
    )
    return Ensemble(manifest, {checkpoint.key: checkpoint for _, _, checkpoint in chosen}, indices)


def describe_training_pages(images: pd.DataFrame) -> dict[str, Any]:
    """How many there are, and quantiles of what was measured of them."""
    training = images[images["split"] == "train"]
    quantiles = training[list(TRAITS)].astype(float).quantile(list(QUANTILES))
    return {
        "pages": len(training),
        "quantiles": {name: dict(zip(map(str, QUANTILES), quantiles[name].tolist(), strict=True)) for name in TRAITS},
    }
