# ruff: noqa: NPY002  (the legacy generators are what is tested)
import inspect
import os
import random
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

from docsort.augmentation.context import Context, unit_of
from docsort.augmentation.libraries import albumentations, apply_albumentations, hidden_generators, transform_of
from docsort.augmentation.operations import OPERATIONS
from docsort.augmentation.recipes import FUNCTIONS, Drawn, apply_operation, draw_operation
from docsort.images.dihedral import apply_turn

STRONG = {
    "rotate": {"degrees": 30.0},
    "dihedral": {"turn": 5.0},
    "stretch": {"ratio": 1.4},
    "lighting_gradient": {"transparency": 0.2},
    "drum_dirt": {"concentration": 0.4, "intensity": 1.0},
}
"""Where the upper bounds alone would leave the page as it is, or nearly so."""


def strong(name: str) -> dict[str, float]:
    return {key: span.high for key, span in OPERATIONS[name].items()} | STRONG.get(name, {})


def pollute() -> None:
    """Moves every global generator on, as other code in the same process would."""
    random.seed(11)
    np.random.seed(12)
    np.random.rand(5)
    with hidden_generators(13):
        np.random.rand(3)


def test_every_name_has_a_function_and_no_function_lacks_a_name():
    assert set(FUNCTIONS) == set(OPERATIONS)
    for name, function in FUNCTIONS.items():
        assert (function.__name__, list(inspect.signature(function).parameters)) == (
            name,
            ["page", "context", *OPERATIONS[name]],
        )


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_repeatable_whatever_the_global_generators_do(name, page, partner):
    for seed in range(3):
        drawn = draw_operation(name, {}, np.random.default_rng(seed))
        before = page.copy()
        first = apply_operation(page, drawn, unit_of(page), partner)
        pollute()
        second = apply_operation(page, drawn, unit_of(page), partner)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_array_equal(page, before, err_msg="the page given was changed")


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_keeps_rgb_bytes_and_does_something(name, page, partner):
    made = apply_operation(page, Drawn(name, strong(name), 1), unit_of(page), partner)
    assert made.dtype == np.uint8
    assert made.ndim == 3
    assert made.shape[2] == 3
    assert made.shape != page.shape or np.abs(made.astype(int) - page).max() > 20


@pytest.mark.parametrize("name", ["rotate", "shift_scale", "perspective", "grid_distortion", "optical_distortion"])
def test_what_comes_in_from_outside_is_white(name, page):
    dark = np.zeros_like(page)
    values = strong(name) | ({"scale": 0.7} if name == "shift_scale" else {})
    made = apply_operation(dark, Drawn(name, values, 2), 1.0).reshape(-1, 3)
    assert (made == 255).all(axis=1).any()
    assert np.ptp(made, axis=1).max() == 0, "a colour came in"


WHITE = (255, 255, 255)
BUILT = {
    "rotate": lambda lib, n: lib.Affine(rotate=(n["degrees"],) * 2, fit_output=True, fill=WHITE, p=1),
    "shift_scale": lambda lib, n: lib.Affine(
        scale=(n["scale"],) * 2,
        translate_percent={"x": (n["shift_x"],) * 2, "y": (n["shift_y"],) * 2},
        fill=WHITE,
        p=1,
    ),
    "perspective": lambda lib, n: lib.Perspective(scale=(n["amount"],) * 2, fit_output=True, fill=WHITE, p=1),
    "grid_distortion": lambda lib, n: lib.GridDistortion(distort_limit=(-n["amount"], n["amount"]), fill=WHITE, p=1),
    "optical_distortion": lambda lib, n: lib.OpticalDistortion(distort_limit=(n["amount"],) * 2, fill=WHITE, p=1),
    "gaussian_blur": lambda lib, n: lib.GaussianBlur(sigma_limit=(n["sigma"],) * 2, blur_limit=0, p=1),
    "motion_blur": lambda lib, n: lib.MotionBlur(blur_limit=(7, 7), p=1),
    "median_blur": lambda lib, n: lib.MedianBlur(blur_limit=(5, 5), p=1),
    "gaussian_noise": lambda lib, n: lib.GaussNoise(std_range=(n["sd"] / 255,) * 2, p=1),
    "brightness_contrast": lambda lib, n: lib.RandomBrightnessContrast(
        brightness_limit=(n["brightness"],) * 2, contrast_limit=(n["contrast"],) * 2, p=1
    ),
    "grey": lambda lib, n: lib.ToGray(p=1),
}
"""Each operation by Albumentations, as one builds it anew for one page with unit 1."""
FITTING = {"motion_blur": {"length": 7.0}, "median_blur": {"width": 5.0}, "gaussian_noise": {"sd": 40.0}}


@pytest.mark.parametrize("name", BUILT)
def test_a_transform_that_is_used_again_does_what_a_newly_built_one_does(name, page):
    """With the numbers of this call, validated or not, and none of the numbers of the calls before."""
    numbers = FITTING.get(name, draw_operation(name, {}, np.random.default_rng(4)).numbers)
    apply_operation(page, draw_operation(name, {}, np.random.default_rng(5)), 1.0)
    again = apply_operation(page, Drawn(name, numbers, 6), 1.0)
    built = BUILT[name](albumentations(), numbers)
    np.testing.assert_array_equal(again, apply_albumentations(built, page, Context(6, 1.0)))


def test_every_operation_by_albumentations_is_compared_with_a_newly_built_one():
    assert set(BUILT) == {name for name, do in FUNCTIONS.items() if "apply_albumentations" in inspect.getsource(do)}


def test_a_range_that_the_library_does_not_know_is_not_set_in_silence(page):
    with pytest.raises(AttributeError, match="sigma_range"):
        apply_albumentations(transform_of("GaussianBlur", blur_limit=0), page, Context(0, 1.0), sigma_range=(1, 1))


def test_dihedral_is_the_exact_turn(page):
    for turn in range(8):
        made = apply_operation(page, Drawn("dihedral", {"turn": float(turn)}, 0), 1.0)
        np.testing.assert_array_equal(made, apply_turn(page, turn))


def test_rotate_turns_counter_clockwise_and_loses_no_corner(page):
    quarter = apply_operation(page, Drawn("rotate", {"degrees": 90.0}, 0), 1.0)
    assert np.abs(quarter.astype(float).mean() - np.rot90(page).mean()) < 3
    left, right = np.rot90(page)[:, :40].mean(), np.rot90(page)[:, -40:].mean()
    assert abs(quarter[:, :40].mean() - left) < abs(quarter[:, :40].mean() - right)
    slanted = apply_operation(np.zeros_like(page), Drawn("rotate", {"degrees": 45.0}, 0), 1.0)
    assert (slanted == 0).all(axis=2).sum() == pytest.approx(page.shape[0] * page.shape[1], rel=0.02)


def test_noise_means_the_same_at_every_resolution():
    """Noise of 40 on a page of 512, shrunk to 128 by area, is the noise that a page of 128 is given."""
    grey = np.full((512, 512, 3), 128, np.uint8)
    large = apply_operation(grey, Drawn("gaussian_noise", {"sd": 40.0}, 3), unit_of(grey))
    shrunk = large.reshape(128, 4, 128, 4, 3).mean(axis=(1, 3))
    small = apply_operation(grey[:128, :128], Drawn("gaussian_noise", {"sd": 40.0}, 4), unit_of(grey[:128, :128]))
    assert small.std() == pytest.approx(shrunk.std(), rel=0.1)


def test_hidden_generators_are_put_back():
    random.seed(1)
    np.random.seed(1)
    expected = random.random(), np.random.rand()
    random.seed(1)
    np.random.seed(1)
    with hidden_generators(5):
        random.random()
        np.random.rand(7)
    assert (random.random(), np.random.rand()) == expected


def test_numba_draws_are_seeded_inside_compiled_code(page):
    """roller_stripes draws from numba's own generator, which random.seed and np.random.seed do not reach."""
    drawn = Drawn("roller_stripes", {"width": 10.0}, 21)
    made = [apply_operation(page, drawn, 1.0) for _ in range(3)]
    other = apply_operation(page, Drawn("roller_stripes", {"width": 10.0}, 22), 1.0)
    assert all(np.array_equal(made[0], again) for again in made)
    assert not np.array_equal(made[0], other)


def test_no_operation_leaves_anything_in_the_working_directory(page, partner, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in OPERATIONS:
        apply_operation(page, draw_operation(name, {}, np.random.default_rng(0)), unit_of(page), partner)
    assert os.listdir(tmp_path) == []  # noqa: PTH208


def test_no_operation_takes_anything_from_a_cache_of_other_pages(page, partner, tmp_path: Path, monkeypatch):
    """Augraphy's BleedThrough, PageBorder and BookBinding paste what they find in `augraphy_cache/`."""
    bare, planted = tmp_path / "bare", tmp_path / "planted"
    for folder in (bare, planted / "augraphy_cache"):
        folder.mkdir(parents=True)
    for number in range(4):
        other = np.zeros((220, 160, 3), np.uint8)
        cv2.imwrite(str(planted / "augraphy_cache" / f"image_{number}.png"), other)
    for name in OPERATIONS:
        made = []
        for folder in (bare, planted):
            monkeypatch.chdir(folder)
            made += [apply_operation(page, Drawn(name, strong(name), seed), unit_of(page), partner) for seed in (1, 2)]
        np.testing.assert_array_equal(made[0], made[2], err_msg=name)
        np.testing.assert_array_equal(made[1], made[3], err_msg=name)


def test_yellowed_paper_is_yellow_not_blue():
    """Augraphy works in BGR: a page handed over as RGB would come back blue."""
    white = np.full((60, 60, 3), 240, np.uint8)
    red, _, blue = apply_operation(white, Drawn("paper_colour", {"hue": 25, "saturation": 40}, 0), 1.0).mean((0, 1))
    assert red > blue + 20


def test_albumentations_is_told_not_to_ask_the_network():
    code = (
        "import os, sys; os.environ.pop('NO_ALBUMENTATIONS_UPDATE', None)\n"
        "from docsort.augmentation import recipes, libraries\n"
        "assert not {'albumentations', 'augraphy', 'numba', 'torch'} & set(sys.modules), 'imported too early'\n"
        "import importlib; importlib.import_module = lambda name: os.environ['NO_ALBUMENTATIONS_UPDATE']\n"
        "assert libraries.albumentations() == '1'\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
