"""How many planted wrong labels stand at the top of the ranking, and is the ranking better than cleanlab alone?

    uv run python benchmarks/label_issues.py [--scale N] [--seeds N ...] [--noise SHARE ...] [--json FILE]
    uv run python benchmarks/label_issues.py --data DIR [--planted FILE] [--noise SHARE ...]
    uv run python benchmarks/label_issues.py --quick

The first form draws the sample with its own wrong labels, at every share. The second takes a folder in the layout of
the competition: the wrong labels that --planted names (CSV ID,given,true), and wrong labels planted here at every share
of --noise, `uniform` (any other class) and `look_alike` (the class that looks most like the true one), once a seed.
Before that what --planted names is put right; other mistakes of the data count as right labels. Nothing is trained but
the baseline; --predictions adds the out-of-fold predictions of a finished run on the same images. A class that has lost
all but one page is skipped: nothing can be learnt of it from other pages; so is a set that has no wrong label left.

What is written, for each set of wrong labels:

- average_precision: of the joined ranking, over all images; 1 where all planted labels stand first.
- average_precision_cleanlab: of cleanlab's label quality on the plain mean of the same models, as it comes;
  average_precision_adjusted: with `adjust_pred_probs` and the normalised margin.
- recall_at_planted (which is the precision there, too), recall_at_twice_planted, precision_at_twice_planted: among as
  many, and twice as many, first images as were planted.
- found: share of the planted labels in the table that a user gets; listed: its rows, as a share of all images.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.cleaning.baseline import predict_baseline
from docsort.cleaning.duplicates import find_duplicates, group_sources
from docsort.cleaning.label_evidence import gather_evidence
from docsort.cleaning.page_features import features_of, measure_features
from docsort.cleaning.parameters import DuplicateParameters
from docsort.cleaning.suspects import score_labels
from docsort.errors import DocsortError, InputError, listing
from docsort.folds import FEWEST_GROUPS
from docsort.images.measures import measure_images
from docsort.ingestion.competition import read_competition
from docsort.ingestion.sample import ensure_sample
from docsort.seeding import derive_rng
from docsort.stores import Store
from docsort_sample.composition import Plan, plan_sample
from docsort_sample.parameters import SampleParameters

SHARES = (0.02, 0.05, 0.1)
KINDS = ("uniform", "look_alike")
FIGURES = (
    "average_precision",
    "average_precision_cleanlab",
    "average_precision_adjusted",
    "recall_at_planted",
    "recall_at_twice_planted",
    "precision_at_twice_planted",
    "found",
    "listed",
)
SHORT = ("joined", "cleanlab", "adjusted", "recall", "recall x2", "prec. x2", "found", "listed")

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Photos:
    """Training photos and what was measured once, whatever labels they are given: N rows each, sorted by image_id.

    images: table IMAGES; true (N,): right labels; duplicates: table DUPLICATES without labels; groups: by
    near-duplicates; features: of `measure_features`; seconds: what that took.
    """

    images: pd.DataFrame
    true: Integers
    duplicates: pd.DataFrame
    groups: pd.Series
    features: pd.DataFrame
    seconds: float

    def clean_images(self, given: Integers) -> pd.DataFrame:
        """Table CLEAN_IMAGES with these labels."""
        table = self.images[["image_id", "path", "sha256"]]
        return table.assign(label=given, given_label=given, group=self.groups.to_numpy())

    def conflicts(self, given: Integers) -> pd.DataFrame:
        """Table DUPLICATES with these labels."""
        labels = dict(zip(self.images["image_id"], given, strict=True))
        own, other = (self.duplicates[name].map(labels) for name in ("image_id", "other_id"))
        return self.duplicates.assign(label=own, other_label=other, conflict=own != other)


def measure_photos(photos: pd.DataFrame, true: dict[str, int]) -> Photos:
    """Decodes, compares and describes the training photos."""
    images, _ = measure_images(photos[photos["split"] == "train"].sort_values("image_id", ignore_index=True))
    duplicates = find_duplicates(
        images.assign(label=pd.Series(pd.NA, images.index, dtype="Int64")), DuplicateParameters()
    )
    began = time.perf_counter()
    features = measure_features(images.assign(label=0, given_label=0, group=images["image_id"]))
    seconds = time.perf_counter() - began
    labels = images["image_id"].map(true).to_numpy(dtype=np.int64)
    return Photos(images, labels, duplicates, group_sources(images, duplicates), features, seconds)


def plant(photos: Photos, share: float, kind: str, seed: int) -> Integers:
    """The true labels, this share of them replaced: (N,)."""
    rng = derive_rng(seed, "label issues", kind, share)
    classes = np.unique(photos.true)
    points = features_of(photos.features, photos.images["image_id"])
    means = np.stack([points[photos.true == target].mean(axis=0) for target in classes])
    distances = ((means[:, None] - means) ** 2).sum(axis=2) + np.diag(np.full(len(classes), np.inf))
    given = photos.true.copy()
    for row in rng.permutation(len(given))[: round(share * len(given))]:
        own = int(np.searchsorted(classes, given[row]))
        step = int(rng.integers(1, len(classes)))
        given[row] = classes[distances[own].argmin() if kind == "look_alike" else (own + step) % len(classes)]
    return given


def skip_lone_pages(photos: Photos, given: Integers) -> tuple[Photos, Integers]:
    """Photos and labels without the pages of a class that has no two different ones left; says which it was."""
    counts = photos.groups.groupby(given).nunique()
    lone = counts.index[counts < FEWEST_GROUPS]
    if lone.empty:
        return photos, given
    print(f"skipped: class {listing(lone)}, of which one page is left")
    kept = ~np.isin(given, lone)
    names = set(photos.images["image_id"][kept])
    pairs = photos.duplicates[photos.duplicates[["image_id", "other_id"]].isin(names).all(axis=1)]
    images, groups = (table[kept].reset_index(drop=True) for table in (photos.images, photos.groups))
    return replace(photos, images=images, true=photos.true[kept], duplicates=pairs, groups=groups), given[kept]


def judge(photos: Photos, given: Integers, predictions: pd.DataFrame, seed: int) -> dict[str, float]:
    """FIGURES of the ranking on these labels."""
    from cleanlab.rank import get_label_quality_scores

    clean = photos.clean_images(given)
    baseline = predict_baseline(clean, photos.features, seed)
    scored = score_labels(clean, photos.conflicts(given), predictions, baseline)
    wrong = pd.Series(given != photos.true, index=photos.images["image_id"])
    evidence = gather_evidence(clean, predictions, baseline)
    models = np.nanmean(evidence.models, axis=0)
    plain = get_label_quality_scores(evidence.labels, models)
    adjusted = get_label_quality_scores(evidence.labels, models, method="normalized_margin", adjust_pred_probs=True)
    ranked = wrong.loc[scored["image_id"]].to_numpy()
    planted = int(wrong.sum())
    twice = int(ranked[: 2 * planted].sum())
    suspects = scored["suspect"].to_numpy()
    figures = (
        precision_of(ranked, scored["score"].to_numpy()),
        precision_of(wrong.to_numpy(), 1 - plain),
        precision_of(wrong.to_numpy(), 1 - adjusted),
        ranked[:planted].sum() / planted,
        twice / planted,
        twice / (2 * planted),
        ranked[suspects].sum() / planted,
        suspects.mean(),
    )
    return {name: float(value) for name, value in zip(FIGURES, figures, strict=True)}


def precision_of(wrong: NDArray[np.bool_], scores: NDArray[np.float64]) -> float:
    from sklearn.metrics import average_precision_score

    return float(average_precision_score(wrong, scores))


def sample_sets(scale: float, seeds: Sequence[int], shares: Sequence[float]) -> Iterator[tuple[Any, ...]]:
    """(kind, seed, share, photos, given) of drawn samples; the photos are drawn once a seed."""
    for seed in seeds:
        plans = {share: plan_sample(SampleParameters(scale=scale, label_noise=share), seed) for share in shares}
        with tempfile.TemporaryDirectory() as folder:
            photos = None
            for share, plan in plans.items():
                if photos is None or _drawn(plan) != _drawn(plans[shares[0]]):
                    parameters = SampleParameters(scale=scale, label_noise=share)
                    location = ensure_sample(Store(Path(folder)), parameters, seed)
                    listed, _ = read_competition(Path(location["folder"]))
                    photos = measure_photos(listed, {f"{page.image_id}.jpg": page.target for page in plan.train})
                labels = {f"{page.image_id}.jpg": page.given for page in plan.train}
                yield "sample", seed, share, photos, photos.images["image_id"].map(labels).to_numpy(dtype=np.int64)


def _drawn(plan: Plan) -> list[tuple[int, int | None]]:
    """What the pixels of a sample depend on, apart from its seed."""
    return [(page.target, page.repeats) for page in plan.train]


def folder_sets(
    folder: Path, planted: Path | None, seeds: Sequence[int], shares: Sequence[float]
) -> Iterator[tuple[Any, ...]]:
    """(kind, seed, share, photos, given) of a folder: as it is, where its errors are known, then planted here."""
    listed, _ = read_competition(folder)
    train = listed[listed["split"] == "train"]
    given = dict(zip(train["image_id"], train["target"].astype(int), strict=True))
    errors = {} if planted is None else read_planted(planted, given)
    photos = measure_photos(listed, given | errors)
    if errors:
        labels = photos.images["image_id"].map(given).to_numpy(dtype=np.int64)
        for seed in seeds:
            yield "as given", seed, len(errors) / len(labels), photos, labels
    for share in shares:
        for kind in KINDS:
            for seed in seeds:
                yield kind, seed, share, photos, plant(photos, share, kind, seed)


def read_planted(path: Path, given: dict[str, int]) -> dict[str, int]:
    """The true label of each image that has a wrong one; raises InputError where the file does not fit the data."""
    table = pd.read_csv(path, dtype={"ID": str})
    if not {"ID", "given", "true"} <= set(table.columns):
        raise InputError(f"Expected {path} to have the columns ID, given and true, but got {listing(table.columns)}.")
    strange = [row.ID for row in table.itertuples() if given.get(row.ID) != row.given]
    if strange:
        raise InputError(
            f"Expected {path} to say what train.csv says of each image, but it does not for {listing(strange)}."
        )
    return dict(zip(table["ID"], table["true"].astype(int), strict=True))


def means_of(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Mean figures over seeds, one row a kind and share, and their lowest and highest average precision."""
    table = pd.DataFrame(rows)
    means = []
    for (kind, share), part in table.groupby(["kind", "noise"], sort=False):
        spread = {"lowest": part["average_precision"].min(), "highest": part["average_precision"].max()}
        means.append(
            {"kind": kind, "noise": share, "seeds": len(part), **part[list(FIGURES)].mean().to_dict(), **spread}
        )
    return means


def read_options(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="How well planted wrong labels are found.")
    parser.add_argument("--scale", type=float, default=SampleParameters().scale, help="of the drawn sample")
    parser.add_argument("--data", type=Path, help="folder in the competition's layout, in place of the sample")
    parser.add_argument("--planted", type=Path, help="CSV ID,given,true of wrong labels that --data has")
    parser.add_argument("--noise", type=float, nargs="*", default=list(SHARES), help="shares of wrong labels")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--quick", action="store_true", help="few pages, one share and seed, to see that it runs")
    parser.add_argument("--predictions", type=Path, help="out-of-fold predictions of a run on these images (Parquet)")
    parser.add_argument("--json", type=Path, help="file that the figures are written to")
    options = parser.parse_args(arguments)
    if options.quick:
        parser.set_defaults(scale=0.01, noise=[0.1], seeds=[0])
        options = parser.parse_args(arguments)
    if options.planted is not None and options.data is None:
        parser.error("--planted goes with --data")
    if not all(0 < share < 0.5 for share in options.noise):
        parser.error("--noise must lie between 0 and 0.5")
    return options


def main() -> None:
    options = read_options()
    predictions = pd.DataFrame() if options.predictions is None else pd.read_parquet(options.predictions)
    if options.data is None:
        sets = sample_sets(options.scale, options.seeds, options.noise)
    else:
        sets = folder_sets(options.data, options.planted, options.seeds, options.noise)
    rows = []
    print(f"{'labels':>10} {'noise':>5} {'seed':>4} " + " ".join(f"{name:>9}" for name in SHORT))
    try:
        for kind, seed, share, photos, labels in sets:
            photos, given = skip_lone_pages(photos, labels)
            if (given == photos.true).all():
                print(f"skipped: {kind} at {share:g}, seed {seed}, of which no wrong label is left")
                continue
            figures = judge(photos, given, predictions, seed)
            count = {"images": len(given), "planted": int((given != photos.true).sum())}
            rows.append({"kind": kind, "noise": round(share, 4), "seed": seed, **count, **figures})
            shown = " ".join(f"{figures[name]:9.3f}" for name in FIGURES)
            print(f"{kind:>10} {share:5.2f} {seed:4} {shown}", flush=True)
    except DocsortError as error:
        raise SystemExit(str(error)) from None
    if not rows:
        raise SystemExit("Expected at least one set with a wrong label, but there is none; ask for a larger --noise.")
    means = means_of(rows)
    for row in means:
        print(f"{row['kind']:>10} {row['noise']:5.2f} mean " + " ".join(f"{row[name]:9.3f}" for name in FIGURES))
    print(f"{len(photos.images)} pages were described in {photos.seconds:.1f} s")
    if options.json is not None:
        options.json.write_text(json.dumps({"means": means, "sets": rows}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
