"""The stage of augmentation on a few drawn pages: every side that is wanted, and no page on both sides of a fold."""

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from drawn_job import make_data, make_parameters
from stage import run_stage

from docsort.errors import LeakError
from docsort.member_kinds import Members
from docsort.pipelines.augmentation import create_pipeline
from docsort.pipelines.augmentation.nodes import check_leaks
from docsort.specialists.parameters import SpecialistParameters
from docsort.stores import Store
from docsort.tables import ORIGIN, RAW, REVIEWED

MEMBERS = Members.model_validate(
    {
        "main": {
            "kind": "network",
            "backbone": "lcnet_035",
            "pretrained": False,
            "image_size": 48,
            "epochs": 1,
            "patience": 1,
            "batch_size": 8,
            "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
        },
        "kernel": {"kind": "kernel", "image_size": 32},
    }
)
ASIDE = ["page00", "page07"]
JUDGED = "page05"
"""Joined the training images by a person's judgement."""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the stage leaves of twelve pages, two of which are set aside; the test photos are none."""
    folder = tmp_path_factory.mktemp("augmentation")
    data = make_data(folder / "pages")
    aside = data.clean_images["image_id"].isin(ASIDE)
    data.clean_images[ORIGIN] = [REVIEWED if name == JUDGED else RAW for name in data.clean_images["image_id"]]
    given = {
        "clean_images": data.clean_images[~aside].reset_index(drop=True),
        "holdout": data.clean_images[aside].reset_index(drop=True),
        "folds": data.folds[~data.folds["image_id"].isin(ASIDE)].reset_index(drop=True),
        "classes": data.classes,
        "images": data.clean_images.assign(split="train"),
        "params:augmentation": make_parameters(per_class=6, fit={"enabled": False}),
        "params:members": MEMBERS,
        "params:specialists": SpecialistParameters.model_validate(
            {"groups": {"pair": [0, 1]}, "recipes": {"pair": {"image_size": 64}}}
        ),
        "params:seed": 0,
        "fit_store": Store(folder / "fits"),
        "render_store": Store(folder / "renders"),
    }
    return run_stage(create_pipeline(), given)


@pytest.mark.parametrize("name", ["training_renders", "validation_renders"])
def test_every_page_is_rendered_at_every_side_that_a_member_or_a_specialist_wants(
    made: dict[str, Any], name: str
) -> None:
    renders = made[name]
    at = {int(side): own.drop(columns=["side", "path"]).reset_index(drop=True) for side, own in renders.groupby("side")}
    assert list(at) == [32, 48, 64]
    for own in at.values():
        pd.testing.assert_frame_equal(own, at[48])
    judging = set(made["clean_images"]["image_id"]) - {JUDGED}
    assert set(renders["source_id"]) == (judging if name == "validation_renders" else judging | {JUDGED})


def test_what_is_set_aside_is_in_no_render_that_is_learnt_or_judged(made: dict[str, Any]) -> None:
    for name in ("training_renders", "validation_renders"):
        assert not set(ASIDE) & set(made[name]["source_id"])
    assert set(made["holdout_pages"]["source_id"]) == set(ASIDE)
    assert set(made["holdout_pages"]["condition"]) == {"test_like"}
    assert made["holdout_pages"]["render_id"].is_unique


def test_the_report_counts_what_was_checked(made: dict[str, Any]) -> None:
    assert made["leak_report"] == {
        "sources": 10,
        "groups": 10,
        "training_renders": len(made["training_renders"]),
        "validation_renders": len(made["validation_renders"]),
        "leaks": 0,
    }


def test_there_is_no_report_where_a_page_leaks(made: dict[str, Any]) -> None:
    leaking = made["training_renders"].copy()
    leaking.loc[0, "fold"] = 1 - leaking.loc[0, "fold"]
    with pytest.raises(LeakError, match=f"whose fold is not their source's: {leaking.loc[0, 'render_id']};"):
        check_leaks(made["clean_images"], made["folds"], leaking, made["validation_renders"])


def test_where_the_damage_is_not_fitted_the_parameters_stand(made: dict[str, Any]) -> None:
    assert made["fitted_damage"]["fitted"] is False
    assert Path(made["validation_renders"]["path"].iloc[0]).is_file()
