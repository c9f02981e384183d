"""The replica of the old way leaks as the old way did, and measures what it says."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from torch import Tensor, nn

from docsort.errors import InputError


class MeanColour(nn.Module):
    """Three classes whose logits are the means of the colours."""

    def forward(self, pages: Tensor) -> Tensor:
        return pages.mean(dim=(2, 3))


@pytest.fixture(scope="module")
def bench(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("leaky_validation")


@pytest.fixture
def photos(tmp_path: Path) -> list[str]:
    rng = np.random.default_rng(0)
    paths = [tmp_path / f"{number}.png" for number in range(3)]
    for path in paths:
        Image.fromarray(rng.integers(0, 256, (60, 40, 3), dtype=np.uint8)).save(path)
    return [str(path) for path in paths]


def test_every_photo_is_augmented_as_often_and_no_two_copies_are_alike(bench: ModuleType, photos: list[str]) -> None:
    pool = bench.augment_offline(photos, np.array([4, 0, 4]), seed=1, copies=8)
    assert pool.pages.shape == (24, 128, 128, 3)
    assert pool.labels.tolist() == [4] * 8 + [0] * 8 + [4] * 8
    assert pool.sources.tolist() == [0] * 8 + [1] * 8 + [2] * 8
    assert len({page.tobytes() for page in pool.pages}) == 24
    again = bench.augment_offline(photos, np.array([4, 0, 4]), seed=1, copies=8)
    assert np.array_equal(again.pages, pool.pages)


def test_the_random_split_is_a_split_of_renders_that_parts_no_photo(bench: ModuleType) -> None:
    sources = np.repeat(np.arange(200), 8)
    learn, judge = bench.split_at_random(len(sources), seed=3)
    assert sorted([*learn, *judge]) == list(range(1600))
    assert len(judge) == 320
    assert np.isin(sources[judge], sources[learn]).all()


def test_the_mean_over_views_does_not_depend_on_how_a_page_is_laid_down_where_the_model_does_not(
    bench: ModuleType,
) -> None:
    """A model that only sees the mean colour gives every view the same answer: the mean is that answer."""
    model = bench.OldWay("mobilenetv3_small_050", 3, None, (0.0, 1.0))
    model.net = MeanColour()
    pages = np.random.default_rng(0).integers(0, 256, (70, 128, 128, 3), dtype=np.uint8)
    colours = pages.reshape(70, -1, 3).mean(axis=1) / 255
    expected = np.exp(colours) / np.exp(colours).sum(axis=1, keepdims=True)
    assert model.probabilities(pages) == pytest.approx(expected, abs=1e-5)
    assert model.probabilities_of_views(pages, seed=0) == pytest.approx(expected, abs=1e-5)


def test_the_truth_is_read_in_the_order_of_the_photos_and_must_list_them_all(bench: ModuleType, tmp_path: Path) -> None:
    test = pd.DataFrame({"image_id": ["b.jpg", "a.jpg", "c.jpg"]})
    path = tmp_path / "truth.csv"
    path.write_text("ID,target\na.jpg,7\nb.jpg,3\nc.jpg,99\n")
    assert bench.read_truth(path, test, [3, 5, 7]).tolist() == [0, 2, -1]
    path.write_text("ID,target\na.jpg,7\n")
    with pytest.raises(InputError, match=r"list every test photo, but it lacks b\.jpg, c\.jpg"):
        bench.read_truth(path, test, [3, 5, 7])
    path.write_text("photo,target\na.jpg,7\n")
    with pytest.raises(InputError, match="columns ID and target, but got photo, target"):
        bench.read_truth(path, test, [3, 5, 7])


@pytest.mark.parametrize(
    "arguments", [["--raw-dir", "x"], ["--std", "0.5"], ["--epochs", "0"], ["--quick", "--copies", "0"]]
)
def test_options_that_need_each_other_are_refused_alone(
    bench: ModuleType, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="2"):
        bench.read_options(arguments)
    assert "go together" in (error := capsys.readouterr().err) or "at least 1" in error
