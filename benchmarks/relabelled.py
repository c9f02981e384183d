"""A cheap member that learns many versions of the same labels: what wrong ones do to a forecast, without any training.

Kernel regression is linear in its labels. So for each fold there is one matrix that turns the labels of the sources
into the scores of held-out pages and of test images; it is made once, and every version of the labels costs only a
product. The turns that pages lie in are found with the right labels, and the sharpness is a constant, for the forecast
calibrates by itself; else it is the member `kernel`.

Legend of shapes: S sources, V held-out pages, N test images, F folds, G = 8 turns, C classes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from docsort.ensembling.forecast import Luck, forecast_score
from docsort.ensembling.gain import ensemble_gain
from docsort.ensembling.label_noise import estimate_label_noise, gather_sources
from docsort.ensembling.votes import VotePlan
from docsort.folds import make_folds
from docsort.images.reading import read_rgb
from docsort.kernel import regression
from docsort.kernel.describing import describe_renders, describe_square
from docsort.kernel.kind import worn_renders
from docsort.kernel.parameters import KERNEL
from docsort.kernel.symmetry import solve
from docsort.members.splits import renders_in
from docsort.metrics import MEMBER_KEYS, macro_f1
from docsort.reporting.answer_key import read_answer_key
from docsort.seeding import derive_rng
from docsort.tables import LEDGER

SHARPNESS = 15.0
SURE_TURN = 0.5
TESTED = 0.5
"""Share of the test images that a trial draws to be asked: else all trials would share one test set's luck."""

KINDS = ("uniform", "alike")
PLAN = VotePlan()
NO_LEDGER = pd.DataFrame(columns=list(LEDGER))

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Run:
    """Pages of a run that has come as far as its renders: clean_images with the right `label`; validation and worn
    (manifests) with their numbers; test numbers and true labels; targets (C,)."""

    clean_images: pd.DataFrame
    validation: pd.DataFrame
    worn: pd.DataFrame
    seen: NDArray[np.float32]
    learnt: NDArray[np.float32]
    test: NDArray[np.float32]
    test_labels: Integers
    targets: Integers

    @classmethod
    def read(cls, load: Callable[[str], Any]) -> "Run":
        """load: a catalog's. Wrong labels that the sample has planted are put right first."""
        location, members = load("raw_location"), load("params:members")
        images, key = load("clean_images").sort_values("image_id", ignore_index=True), read_answer_key(location)
        planted = Path(location["answer_key"]).with_name("planted_label_errors.csv")
        if planted.is_file():
            right = pd.read_csv(planted).set_index("ID")["true"]
            images["label"] = images["image_id"].map(right).fillna(images["label"]).astype(int)
        parameters, quality = members[KERNEL], load("params:augmentation").jpeg_quality
        page_format = parameters.page_format
        validation, training = (renders_in(page_format, load(f"{name}_renders")) for name in ("validation", "training"))
        tables = validation, worn_renders(training, parameters)
        numbers = [describe_renders(table["path"].tolist(), parameters, None) for table in tables]
        asked = load("images").query("split == 'test'")
        squares = [page_format.seen(read_rgb(path), quality) for path in asked["path"]]
        test = np.stack([describe_square(square, page_format.straighten) for square in squares])
        truth = asked["image_id"].map(key.set_index("ID")["target"]).to_numpy(int)
        targets = np.unique(images["label"])
        return cls(images, *tables, *numbers, test, np.searchsorted(targets, truth), targets)

    @cached_property
    def labels(self) -> Integers:
        """(S,) the places of the right labels."""
        return np.searchsorted(self.targets, self.clean_images["label"])


@dataclass(frozen=True, eq=False)
class Fold:
    """held_out (V', G, S), test (N, G, S): from labels of sources to scores; rows (V',) of the validation pages."""

    rows: Integers
    held_out: NDArray[np.float32]
    test: NDArray[np.float32]


def matrices(run: Run, seed: int, count: int) -> list[Fold]:
    """Folds dealt by the seed, and what each makes of labels."""
    dealt = make_folds(run.clean_images, seed, count).set_index("image_id")["fold"]
    return [_matrix(run, dealt, fold) for fold in range(count)]


def _matrix(run: Run, dealt: pd.Series, fold: int) -> Fold:
    ids = run.clean_images["image_id"].to_numpy(str)
    own, clean = run.validation["source_id"].map(dealt) == fold, run.validation["condition"] == "clean"
    known, worn = (clean & ~own).to_numpy(), (run.worn["source_id"].map(dealt) != fold).to_numpy()
    tables = run.validation[known], run.worn[worn]
    of_plain, of_worn = (np.searchsorted(ids, table["source_id"].to_numpy(str)) for table in tables)
    plain, others = run.seen[known], run.learnt[worn]
    apart = regression.distances(plain, plain)
    width, upright = regression.kernel_width(apart), np.zeros(len(plain), dtype=np.int64)
    alike = regression.kernel(apart, width, upright, upright)
    weights = regression.fit(alike, run.labels[of_plain], len(run.targets))
    turns, sure = regression.turns_of(_scores(others, plain, upright, width, weights), run.labels[of_worn])
    kept = sure > SURE_TURN
    pages, lie = np.concatenate([plain, others[kept]]), np.append(upright, turns[kept])
    of = np.eye(len(ids))[np.append(of_plain, of_worn[kept])]
    solved = solve(regression.kernel(regression.distances(pages, pages), width, lie, lie), of, regression.RIDGE)
    rows = np.flatnonzero(own)
    return Fold(rows, *(_scores(asked, pages, lie, width, solved) for asked in (run.seen[rows], run.test)))


def _scores(
    asked: NDArray[np.float32], pages: NDArray[np.float32], lie: Integers, width: float, weights: Floats
) -> NDArray[np.float32]:
    """(U, G, columns of the weights) of the pages asked, by known pages and the turns that these lie in."""
    as_they_lie = np.zeros(len(asked), dtype=np.int64)
    alike = regression.kernel(regression.distances(asked, pages), width, as_they_lie, lie)
    return regression.score(alike, weights).astype(np.float32)


def relabelled(run: Run, share: float, kind: str, rng: np.random.Generator) -> Integers:
    """(S,) labels of which this share is wrong: any other class, or the likelier, the more alike its pages look."""
    labels, classes = run.labels.copy(), len(run.targets)
    chances = np.ones((classes, classes))
    if kind == "alike":
        plain = run.seen[(run.validation["condition"] == "clean").to_numpy()]
        own = np.searchsorted(run.targets, run.validation.query("condition == 'clean'")["label"])
        means = np.stack([plain[own == place].mean(axis=0) for place in range(classes)])
        apart = np.square(means[:, None] - means[None]).sum(axis=2)
        chances = np.exp(-4 * apart / np.median(apart))
    np.fill_diagonal(chances, 0)
    for row in rng.choice(len(labels), round(share * len(labels)), replace=False):
        labels[row] = rng.choice(classes, p=chances[labels[row]] / chances[labels[row]].sum())
    return labels


def trial(run: Run, folds: list[Fold], share: float, kind: str, seed: int, draws: int) -> dict[str, float]:
    """What is forecast of these labels, with and without each term, and what is true."""
    rng = derive_rng(seed, "relabelled", kind, share)
    given = relabelled(run, share, kind, rng)
    asked = np.sort(rng.choice(len(run.test), round(TESTED * len(run.test)), replace=False))
    images = run.clean_images.assign(label=run.targets[given], given_label=run.targets[given])
    seen, test = _tables(run, folds, given, images, asked)
    answers = seen.assign(predicted=run.targets[_values(seen).argmax(axis=1)], confidence=_values(seen).max(axis=1))
    noise = estimate_label_noise(gather_sources(answers, images, NO_LEDGER))
    gain = ensemble_gain(test, seen, PLAN, dict.fromkeys(range(len(folds)), PLAN), noise)
    told = forecast_score(answers, noise, gain, len(asked), Luck(draws, 0.95, seed))
    mean = np.mean([_values(own) for _, own in test.groupby("fold")], axis=0)
    true = macro_f1(run.test_labels[asked], mean.argmax(axis=1), answered=True)
    low, high = told["interval"]
    terms, against = told["terms"], {"told": told["macro_f1"], "given": told["given"]["macro_f1"]}
    return {
        **{name: term["value"] for name, term in terms.items()},
        **{"wrong": share, "share told": terms["label_noise"]["share"]["value"], **against, "true": true},
        **{"gap": against["told"] - true, "gap given": against["given"] - true},
        **{"low": low, "high": high, "inside": float(low <= true <= high)},
    }


def _tables(
    run: Run, folds: list[Fold], given: Integers, images: pd.DataFrame, asked: Integers
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Members of the held-out pages, and of the test images that are asked."""
    told, label = (
        np.eye(len(run.targets), dtype=np.float32)[given],
        dict(zip(images["image_id"], images["label"], strict=True)),
    )
    names = [f"t{row:05}" for row in asked]
    seen, test = [], []
    for number, fold in enumerate(folds):
        pages = run.validation.iloc[fold.rows].rename(columns={"source_id": "image_id"})
        keys = {"model": "cheap", "fold": number, "label": pages["image_id"].map(label)}
        seen.append(_with_values(pages.assign(**keys), run, fold.held_out @ told))
        blank = {"condition": "test", "copy": 0, "label": pd.NA, "model": "cheap", "fold": number}
        table = pd.DataFrame({"image_id": names, "group": names, "render_id": names}).assign(**blank)
        test.append(_with_values(table, run, fold.test[asked] @ told))
    return pd.concat(seen, ignore_index=True), pd.concat(test, ignore_index=True)


def _with_values(pages: pd.DataFrame, run: Run, scores: NDArray[np.float32]) -> pd.DataFrame:
    classes = regression.to_probabilities(scores, SHARPNESS, np.ones(len(run.targets), dtype=bool)).sum(axis=1)
    columns = [f"p_{target}" for target in run.targets]
    values = pd.DataFrame(classes / classes.sum(axis=1, keepdims=True), columns=columns, index=pages.index)
    return pd.concat([pages[list(MEMBER_KEYS)], values], axis=1)


def _values(table: pd.DataFrame) -> Floats:
    return table.filter(regex=r"^p_\d+$").to_numpy(np.float64)
