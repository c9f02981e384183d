"""The fit finds damage that is known, says how near it came, and is not made twice."""

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import pytest
from drawn_job import Data, draw_page, make_data, make_parameters
from pydantic import ValidationError

from docsort.augmentation import damage_fit as fitting
from docsort.augmentation.damage import damage
from docsort.augmentation.damage_fit import DAMAGE_FIT, damaged_so, fit_damage, overruled
from docsort.augmentation.parameters import AugmentationParameters, DamageParameters
from docsort.errors import InputError
from docsort.images.traits import TRAITS
from docsort.stores import Store

FIT = {"rounds": 2, "pages": 150, "test_pages": 60}
TRUE = DamageParameters(
    uniform_rotation_share=0.1,
    quarter_rotation_share=0.8,
    blur_share=0.9,
    blur_sigma=(1.5, 3),
    noise_share=0.02,
)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Data:
    return make_data(tmp_path_factory.mktemp("sources"), (20, 20))


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """Test images: other pages, truly damaged."""
    folder = tmp_path_factory.mktemp("test")
    rows = []
    for number in range(60):
        rng = np.random.default_rng(number)
        page = damage(draw_page(100 + number), draw_page(300 + number), TRUE, rng)
        path = folder / f"{number:03}.png"
        cv2.imwrite(str(path), page[..., ::-1])
        rows.append((path.name, "test", str(path), hashlib.sha256(path.read_bytes()).hexdigest()))
    return pd.DataFrame(rows, columns=["image_id", "split", "path", "sha256"])


def parameters(**fit: object) -> AugmentationParameters:
    return make_parameters(fit={**FIT, **fit})


@pytest.fixture(scope="module")
def fitted(data: Data, images: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory):
    store = Store(tmp_path_factory.mktemp("store"))
    with pytest.MonkeyPatch.context() as patch:
        # here, not in workers: to start them would take longer than the work
        here = SimpleNamespace(map=lambda function, tasks: (function(*task) for task in tasks))
        patch.setattr(fitting, "executor", lambda: here)
        return store, *fit_damage(data.clean_images, images, parameters(), 3, store)


def test_the_fit_moves_towards_the_true_damage_and_brings_the_pages_nearer(fitted) -> None:
    _, record, _ = fitted
    start, found = DamageParameters(), DamageParameters.model_validate(record["parameters"])
    assert record["fitted"], record
    assert record["test_images"] == 60
    assert record["auc"]["after"] < record["auc"]["before"] < record["auc"]["undamaged"]
    for name in ("blur_share", "quarter_rotation_share", "noise_share"):
        assert abs(getattr(found, name) - getattr(TRUE, name)) < abs(getattr(start, name) - getattr(TRUE, name))


def test_the_table_has_a_row_a_trait_the_worst_matched_first(fitted) -> None:
    _, _, table = fitted
    assert tuple(table.columns) == DAMAGE_FIT
    assert sorted(table["trait"]) == sorted(TRAITS)
    assert table["ks_damaged"].is_monotonic_decreasing
    assert table["ks_damaged"].mean() < table["ks_undamaged"].mean()


def test_an_unchanged_fit_is_not_made_twice_and_a_changed_one_is(
    fitted, data: Data, images: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, record, table = fitted
    monkeypatch.setattr(fitting, "measure_pages", lambda *_: pytest.fail("measured again"))
    shuffled = images.sample(frac=1, random_state=0)
    again, rows = fit_damage(data.clean_images.sample(frac=1, random_state=0), shuffled, parameters(), 3, store)
    assert json.dumps(again) == json.dumps(record), "also in its order, which is the order of the file"
    pd.testing.assert_frame_equal(rows, table)
    for changed, seed in ((parameters(rounds=3), 3), (parameters(), 4), (parameters(insist={"blur_share": 0.5}), 3)):
        with pytest.raises(pytest.fail.Exception, match="measured again"):
            fit_damage(data.clean_images, images, changed, seed, store)
    with pytest.raises(pytest.fail.Exception, match="measured again"):
        fit_damage(data.clean_images, images.iloc[1:], parameters(), 3, store)


def test_labels_cannot_matter_because_none_is_read(fitted, data: Data, images: pd.DataFrame) -> None:
    store, record, _ = fitted
    blind = data.clean_images[["path", "sha256"]]
    assert fit_damage(blind, images.assign(target=7), parameters(), 3, store)[0] == record


def test_what_a_person_insists_on_stays(
    data: Data, images: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    monkeypatch.setattr(fitting, "measure_pages", lambda pages, _: rng.normal(size=(len(pages), len(TRAITS))))
    insist = {"blur_share": 0.25, "fade_amount": (0.1, 0.2)}
    record, _ = fit_damage(data.clean_images, images, parameters(insist=insist, rounds=1), 3, Store(tmp_path))
    found = DamageParameters.model_validate(record["parameters"])
    assert (found.blur_share, found.fade_amount) == (0.25, (0.1, 0.2))
    assert record["insisted"] == ["blur_share", "fade_amount"]


def test_what_is_insisted_on_takes_room_from_other_turns() -> None:
    fitted = DamageParameters(uniform_rotation_share=0.5, quarter_rotation_share=0.5)
    found = overruled(fitted, {"uniform_rotation_share": 0.64, "blur_sigma": [1, 2]})
    assert (found.uniform_rotation_share, found.quarter_rotation_share) == (0.64, 0.36)
    assert found.blur_sigma == (1, 2)
    assert overruled(fitted, {}) == fitted


@pytest.mark.parametrize("few", [0, 39])
def test_with_too_few_test_images_the_damage_is_as_the_parameters_say(
    data: Data, images: pd.DataFrame, tmp_path: Path, few: int
) -> None:
    record, table = fit_damage(data.clean_images, images.head(few), parameters(), 3, Store(tmp_path))
    assert (record["fitted"], record["auc"], len(table)) == (False, {}, 0)
    assert DamageParameters.model_validate(record["parameters"]) == parameters().damage


def test_it_can_be_switched_off(data: Data, images: pd.DataFrame, tmp_path: Path) -> None:
    off = parameters(enabled=False, insist={"blur_share": 0.25})
    record, _ = fit_damage(data.clean_images, images, off, 3, Store(tmp_path))
    assert not record["fitted"]
    assert record["parameters"]["blur_share"] == 0.25


def test_the_fitted_damage_reaches_renders_and_the_recipe_is_broader_than_it(fitted) -> None:
    _, record, _ = fitted
    settled = damaged_so(parameters(), record)
    assert settled.damage == DamageParameters.model_validate(record["parameters"])
    steps = {step.operation: step for step in settled.complete_recipes()["fitted_wear"]}
    blur = steps["gaussian_blur"]
    assert blur.p >= min(0.9, settled.damage.blur_share)
    assert blur.ranges["sigma"][0] <= settled.damage.blur_sigma[0]
    assert blur.ranges["sigma"][1] >= settled.damage.blur_sigma[1]


@pytest.mark.parametrize(
    ("fit", "words"),
    [
        ({"insist": {"blur": 0.5}}, "blur"),
        ({"insist": {"blur_sigma": (5, 2)}}, "Expected blur_sigma to be"),
        ({"pages": 3}, "greater than or equal to 100"),
    ],
)
def test_a_mistaken_parameter_is_named(fit: dict, words: str) -> None:
    with pytest.raises((InputError, ValidationError), match=words):
        parameters(**fit)


def test_no_recipe_may_take_the_name_of_the_one_that_is_made() -> None:
    with pytest.raises(ValidationError, match="Expected no recipe named 'fitted_wear'"):
        make_parameters(recipes={"fitted_wear": [], "own": []}, recipe="own")
