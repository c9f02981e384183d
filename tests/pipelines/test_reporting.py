"""The nodes of reporting that decide what is told: the recipe of a label gain, pages set aside, what was trained."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml
from PIL import Image
from small_ensemble import TARGETS, build, draw_pages
from small_network import SMALL_NETWORK

from docsort.augmentation.parameters import AugmentationParameters
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.parameters import EnsemblingParameters
from docsort.folds import CrossValidationParameters
from docsort.member_kinds import Members
from docsort.members.checkpoints import Checkpoint
from docsort.metrics import macro_f1
from docsort.pipelines.reporting import create_pipeline, nodes
from docsort.reporting.holdout import score_holdout
from docsort.reporting.label_gains import BASELINE, LABEL_GAINS
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.report import NEEDED, SECTIONS
from docsort.specialists.parameters import SpecialistParameters
from docsort.stores import Store
from docsort.tables import VALIDATION_RENDERS

ROOT = Path(__file__).parents[2]
PARAMETERS = ReportingParameters(draws=100)
MAIN = SMALL_NETWORK
DECIDING: dict[str, Any] = {
    "members": {"main": MAIN, "kernel": {"kind": "kernel"}},
    "specialists": {"groups": {"pair": [0, 1]}},
    "ensembling": {},
    "augmentation": {"per_class": 1, "recipe": "none", "recipes": {"none": []}, "validation_copies": 1},
    "cross_validation": {},
    "seed": 0,
}
"""All that decides what a run answers, but for its data."""


def votes(labels: np.ndarray, wrong: range) -> pd.DataFrame:
    """Of sixty test-like pages; those of `wrong` are answered otherwise than labelled."""
    names = [f"{number:03}.jpg" for number in range(len(labels))]
    predicted = labels.copy()
    predicted[wrong] = (predicted[wrong] + 1) % 3
    facts = {"render_id": names, "image_id": names, "group": names, "condition": "test_like"}
    return pd.DataFrame({**facts, "label": labels, "predicted": predicted})


def prove(
    oof_votes: pd.DataFrame, last: pd.DataFrame, gains: pd.DataFrame, **changes: Any
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The node, by parameters as a user writes them."""
    given = DECIDING | changes
    return nodes.prove_label_fixes(
        oof_votes,
        last,
        gains,
        pd.DataFrame({"image_id": ["000.jpg"], "decided_by": ["kim"]}),
        Members.model_validate(given["members"]),
        SpecialistParameters.model_validate(given["specialists"]),
        EnsemblingParameters.model_validate(given["ensembling"]),
        AugmentationParameters.model_validate(given["augmentation"]),
        CrossValidationParameters.model_validate(given["cross_validation"]),
        PARAMETERS,
        given["seed"],
    )


@pytest.fixture
def before() -> pd.DataFrame:
    """The baseline of the run before, whose labels of ten pages were other ones."""
    labels = np.arange(60) % 3
    labels[:10] = (labels[:10] + 1) % 3
    none = pd.DataFrame(columns=list(BASELINE)), pd.DataFrame(columns=list(LABEL_GAINS))
    return prove(votes(labels, range(30)), *none)[1]


NONE = pd.DataFrame(columns=list(LABEL_GAINS))


def test_a_gain_by_the_same_recipe_is_told_as_the_labels(before: pd.DataFrame) -> None:
    gains, _ = prove(votes(np.arange(60) % 3, range(2)), before, NONE)
    assert len(gains) == 1
    assert gains["verdict"].iloc[0].startswith("helped")


@pytest.mark.parametrize(
    "changes",
    [
        {"members": {**DECIDING["members"], "main": MAIN | {"epochs": 2}}},
        {"members": {**DECIDING["members"], "kernel": {"kind": "kernel", "copies": 1}}},
        {"members": {**DECIDING["members"], "kernel": {"kind": "kernel", "enabled": False}}},
        {"members": {**DECIDING["members"], "second": {"like": "main", "backbone": "resnet10t"}}},
        {"specialists": {"groups": {"pair": [0, 2]}}},
        {"specialists": {"groups": {"pair": [0, 1]}, "start": "main"}},
        {"ensembling": {"vote": "hard"}},
        {"ensembling": {"turns": [0]}},
        {"augmentation": DECIDING["augmentation"] | {"per_class": 2}},
        {"cross_validation": {"folds": 4}},
        {"cross_validation": {"holdout": 0.2}},
        {"seed": 1},
    ],
    ids=lambda changes: "-".join(changes),
)
def test_a_gain_by_another_recipe_is_not_told_as_the_labels(before: pd.DataFrame, changes: dict[str, Any]) -> None:
    gains, now = prove(votes(np.arange(60) % 3, range(2)), before, NONE, **changes)
    assert not gains["verdict"].str.startswith("helped").any()
    assert set(now["recipe"]).isdisjoint(before["recipe"])


def test_where_a_member_runs_is_no_part_of_the_recipe(before: pd.DataFrame) -> None:
    members = {**DECIDING["members"], "main": MAIN | {"device": "cpu"}}
    _, now = prove(votes(np.arange(60) % 3, range(2)), before, NONE, members=members)
    assert set(now["recipe"]) == set(before["recipe"])


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory: pytest.TempPathFactory) -> Ensemble:
    return build(tmp_path_factory.mktemp("ensemble"), draw_pages(12, seed=0))


@pytest.fixture(scope="module")
def aside(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Six pages that were set aside, and two damaged copies of each; every copy is white."""
    folder, photos = tmp_path_factory.mktemp("aside"), draw_pages(6, seed=3)
    Image.new("RGB", (60, 80), "white").save(folder / "white.png")
    rows, copies = [], []
    for number, photo in enumerate(photos):
        name, label = f"{number}.png", TARGETS[number % 3]
        Image.fromarray(photo).save(folder / name)
        rows.append((name, str(folder / name), label, name))
        damaged = (64, False, False, str(folder / "white.png"), "test_like")
        copies += [(f"{name}~{copy}", name, name, label, -1, copy, *damaged) for copy in (0, 1)]
    holdout = pd.DataFrame(rows, columns=["image_id", "path", "label", "group"])
    return holdout, pd.DataFrame(copies, columns=list(VALIDATION_RENDERS))


def test_pages_set_aside_are_scored_by_the_finished_ensemble_as_they_are_and_damaged(
    ensemble: Ensemble, aside: tuple[pd.DataFrame, pd.DataFrame], tmp_path: Path
) -> None:
    holdout, pages = aside
    scores = score_holdout(ensemble, holdout, pages, Store(tmp_path), PARAMETERS, 0)["holdout"]
    assert {condition: (block["n"], block["groups"]) for condition, block in scores.items()} == {
        "clean": (6, 6),
        "test_like": (12, 6),
    }
    answers = ensemble.answer(holdout["path"].tolist())
    assert scores["clean"]["macro_f1"] == pytest.approx(macro_f1(holdout["label"], answers["target"]))
    alike = ensemble.answer([pages["path"].iloc[0]])["target"].iloc[0]
    assert scores["test_like"]["accuracy"] == pytest.approx((pages["label"] == alike).mean())


def test_where_nothing_is_set_aside_nothing_is_said(ensemble: Ensemble, tmp_path: Path) -> None:
    none = pd.DataFrame(columns=["image_id", "path", "label", "group"])
    assert score_holdout(ensemble, none, none, Store(tmp_path), PARAMETERS, 0) == {}


def test_every_training_is_described_without_the_groups_that_it_has_learnt(tmp_path: Path) -> None:
    def made(fold: int, *names: str) -> dict[str, Checkpoint]:
        for name in names:
            Store(tmp_path).complete(f"{name}{fold}", {"name": name, "score": fold, "learnt_groups": ["g"]})
        return {name: Checkpoint(tmp_path / f"{name}{fold}", f"{name}{fold}") for name in names}

    general, special = ([made(fold, *names) for fold in range(2)] for names in (("main", "kernel"), ("pair", "words")))
    parameters = SimpleNamespace(late={"words": None})  # the group `pair` has a specialist, which is none
    worth = {"pages_touched": 7, "delta": 0.02, "low": 0.01, "high": 0.03, "accepted": True}
    verdicts = pd.DataFrame([{"group_name": "pair", **worth, "delta": 0.5}, {"group_name": "words", **worth}])
    models = nodes.describe_models(general, special, verdicts, parameters)  # type: ignore[arg-type]
    told = ["fold_0", "kernel_fold_0", "fold_1", "kernel_fold_1", "words_fold_0", "words_fold_1"]
    assert list(models) == told
    assert models["kernel_fold_1"] == {"name": "kernel", "score": 1}
    assert {name: record.get("pages_asked") for name, record in models.items() if record.get("gain") == 0.02} == {
        "words_fold_0": 7,
        "words_fold_1": 7,
    }
    assert not any("learnt_groups" in record for record in models.values())


def test_what_a_section_needs_is_in_the_catalog_by_that_name() -> None:
    written = yaml.safe_load((ROOT / "conf/base/catalog/reporting.yml").read_text())
    for path in (ROOT / "conf/base/catalog").glob("*.yml"):
        written |= yaml.safe_load(path.read_text())
    parameters = {"params:reporting", "params:source"}
    for section in SECTIONS:
        for name in section.NEEDS:
            known = name in written or name in parameters or (name.endswith("_figure") and "{figure}_figure" in written)
            assert known, f"{section.TITLE} needs {name}"
    (writer,) = [node for node in create_pipeline().nodes if node.outputs == ["report"]]
    assert set(writer.inputs) == set(NEEDED)


def test_only_the_nodes_that_score_read_the_answer_key_and_nothing_reads_what_they_say() -> None:
    pipeline = create_pipeline()
    readers = [node for node in pipeline.nodes if "raw_location" in node.inputs]
    assert {node.func.__name__ for node in readers} == {"score_confidences", "score_run", "tabulate_classes"}
    told = {name for node in readers for name in node.outputs}
    read = {node.func.__name__ for node in pipeline.nodes if told & set(node.inputs)}
    assert read == {
        "score_run",
        "draw_class_scores",
        "draw_reliability",
        "draw_risk_coverage",
        "write_report",
        "write_model_card",
    }
