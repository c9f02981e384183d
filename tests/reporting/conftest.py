"""A small run with hostile class names: votes on both conditions, a submission, its key and all that a report shows."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from confidences import Run, make_run

from docsort.cleaning.drift import AUC_ROW, DRIFT
from docsort.ensembling.candidates import CANDIDATES
from docsort.ensembling.selection import WAYS
from docsort.ensembling.votes import VOTES
from docsort.specialists.verdict import VERDICTS

HOSTILE = "</script><script>alert('x')</script>|<b>"
CLASSES, SOURCES, COPIES, TEST_PAGES = 5, 120, 2, 90


def answers_to(labels: np.ndarray, right: float, rng: np.random.Generator) -> np.ndarray:
    return np.where(rng.random(len(labels)) < right, labels, rng.integers(CLASSES, size=len(labels)))


@pytest.fixture
def classes() -> pd.DataFrame:
    return pd.DataFrame(
        {"target": range(CLASSES), "class_name": ["passport", "diagnosis", "resume", HOSTILE, "d" * 60]}
    )


@pytest.fixture
def oof_votes() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    labels = rng.integers(CLASSES, size=SOURCES)
    parts = []
    for condition, copies, right in (("clean", 1, 0.97), ("test_like", COPIES, 0.8)):
        for copy in range(copies):
            rows = pd.DataFrame(
                {
                    "image_id": [f"{i:03}.jpg" for i in range(SOURCES)],
                    "group": [f"g{i // 2}" for i in range(SOURCES)],
                    "label": labels,
                    "render_id": [f"{i:03}_{condition}_{copy}" for i in range(SOURCES)],
                    "condition": condition,
                    "copy": copy,
                    "predicted": answers_to(labels, right, rng),
                    "confidence": rng.random(SOURCES),
                    "fold": np.arange(SOURCES) // 2 % 5,
                }
            )
            parts.append(rows)
    votes = pd.concat(parts, ignore_index=True)
    return votes[[*VOTES, "fold"]]


@pytest.fixture
def answer_key() -> pd.DataFrame:
    labels = np.random.default_rng(1).integers(CLASSES, size=TEST_PAGES)
    return pd.DataFrame({"ID": [f"t{i:03}.jpg" for i in range(TEST_PAGES)], "target": labels})


@pytest.fixture
def submission(answer_key: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    answers = answer_key.assign(target=answers_to(answer_key["target"].to_numpy(), 0.8, rng))
    return answers.sample(frac=1, random_state=0, ignore_index=True)


@pytest.fixture
def verdicts() -> pd.DataFrame:
    rows = [
        ("certificates", "1 2", 0.80, 0.86, 0.06, 0.02, 0.1, 30, 12, True, "accepted: the interval lies above zero"),
        (HOSTILE, "0 4", 0.80, 0.79, -0.01, -0.03, 0.01, 20, 9, False, "rejected: the interval holds zero"),
    ]
    rules = [("hard", "margin", 0.25, 1.0, 0.07), ("soft", "mass", 0.5, 1.0, 0.02)]
    return pd.DataFrame([row + rule for row, rule in zip(rows, rules, strict=True)], columns=list(VERDICTS))


@pytest.fixture
def candidates() -> pd.DataFrame:
    rows = [
        ("as used", 0.80, 0.76, 0.84, 0.0, 0.0, 0.0, 1.0, 0, "what is used"),
        ("selected weights", 0.83, 0.79, 0.87, 0.03, 0.01, 0.05, 0.02, 12, "real: better by 0.0300 than what is used"),
        ("rank vote, equal weights", 0.79, 0.75, 0.83, -0.01, -0.03, 0.01, 0.7, 20, "noise: may be luck"),
        (
            f"{HOSTILE} alone",
            0.60,
            0.56,
            0.64,
            -0.2,
            -0.24,
            -0.16,
            0.001,
            60,
            "real: worse by 0.2000 than what is used",
        ),
    ]
    return pd.DataFrame(rows, columns=list(CANDIDATES))


@pytest.fixture
def selection() -> dict[str, Any]:
    """A record of `select_ensemble`."""
    plan = {"kind": "soft", "weights": {"main": 0.6, HOSTILE: 0.4}}
    block = {"plan": plan, "fitted_gain": 0.0181, "nested_gain": -0.0171, "low": -0.034, "high": 0.0005}
    block |= {"accepted": False, "reason": "rejected: the interval holds zero"}
    common = {"models": ["main", HOSTILE], "equal": 0.8, "asked": "selected", "used": "stacked"}
    return {**common, "reason": block["reason"], **dict.fromkeys(WAYS, block)}


@pytest.fixture
def histories() -> pd.DataFrame:
    rows = [
        (epoch, 1e-3, 2 / epoch, 1 - 0.5 / epoch, 0.9 - 0.5 / epoch, fold) for fold in range(5) for epoch in (1, 2, 3)
    ]
    return pd.DataFrame(rows, columns=["epoch", "lr", "train_loss", "clean_macro_f1", "test_like_macro_f1", "fold"])


@pytest.fixture
def drift() -> pd.DataFrame:
    nothing = float("nan")
    rows = [
        ("brightness", 148.0, 30.0, 172.0, 35.0, 0.8, 0.3),
        ("sharpness", 1357.0, 400.0, 688.0, 300.0, -1.6725, 0.6),
        ("flat", 1.0, 0.0, 1.0, 0.0, nothing, 0.0),
        (AUC_ROW, nothing, nothing, nothing, nothing, nothing, 0.93),
    ]
    return pd.DataFrame(rows, columns=list(DRIFT))


@pytest.fixture
def needs_review() -> pd.DataFrame:
    rows = [
        ("t003.jpg", 3, HOSTILE, 0.0, "unreadable: <i>truncated</i>; answered with the most frequent class"),
        ("t004.jpg", 0, "passport", 0.41, "confidence 0.410 below 0.600"),
    ]
    return pd.DataFrame(rows, columns=["image_id", "target", "class_name", "confidence", "reason"])


@pytest.fixture(scope="session")
def confidence_run() -> Run:
    return make_run()


@pytest.fixture
def data_tables(classes: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """What `summarise_data` reads."""
    labels = np.arange(40) % 4
    clean = pd.DataFrame({"image_id": [f"{i:03}.jpg" for i in range(40)], "label": labels, "given_label": labels})
    clean["group"] = [f"g{i // 2}" for i in range(40)]
    clean.loc[[0, 1, 2], "given_label"] = 4
    return {
        "images": pd.DataFrame({"split": ["train"] * 42 + ["test"] * 90}),
        "rejected_images": pd.DataFrame({"image_id": ["x.jpg"], "split": ["test"], "reason": ["<i>truncated</i>"]}),
        "clean_images": clean,
        "duplicates": pd.DataFrame({"conflict": [True, False, False]}),
        "label_fixes": pd.DataFrame({"action": ["relabel", "relabel", "relabel", "drop", "undecided"]}),
        "label_suspects": pd.DataFrame(
            {
                "image_id": ["003.jpg"],
                "given_label": [3],
                "proposed_label": [1],
                "score": [0.97],
                "evidence": ["a near-duplicate says <1>"],
            }
        ),
        "classes": classes,
    }
