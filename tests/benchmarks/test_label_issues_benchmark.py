"""The benchmark of wrong labels plants what it says and judges rankings rightly."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest

from docsort.errors import InputError
from docsort.tables import DUPLICATES


@pytest.fixture(scope="module")
def bench(load_benchmark: Callable[[str], ModuleType]) -> ModuleType:
    return load_benchmark("label_issues")


@pytest.fixture
def photos(bench: ModuleType) -> object:
    """120 points of three clouds; those of the classes 0 and 1 lie side by side."""
    rng = np.random.default_rng(0)
    true = np.arange(120) % 3
    points = rng.normal(size=(120, 4)) + np.array([[0, 0, 0, 0], [6, 0, 0, 0], [0, 40, 0, 0]])[true]
    ids = [f"i{number:03d}" for number in range(120)]
    features = pd.DataFrame(points, columns=[f"f_{k}" for k in range(4)]).assign(image_id=ids)
    images = pd.DataFrame({"image_id": ids}).assign(path="", sha256="")
    return bench.Photos(images, true, pd.DataFrame(columns=list(DUPLICATES)), images["image_id"], features, 0.0)


@pytest.mark.parametrize("share", [0.05, 0.1])
def test_as_many_labels_are_wrong_as_were_asked_for(bench: ModuleType, photos: object, share: float) -> None:
    for kind in bench.KINDS:
        given = bench.plant(photos, share, kind, 0)
        assert (given != photos.true).sum() == share * 120  # type: ignore[attr-defined]
        assert set(given) <= {0, 1, 2}
        np.testing.assert_array_equal(given, bench.plant(photos, share, kind, 0))


def test_a_look_alike_is_the_nearest_class(bench: ModuleType, photos: object) -> None:
    true = photos.true  # type: ignore[attr-defined]
    given = bench.plant(photos, 0.4, "look_alike", 0)
    wrong = given != true
    assert (given[wrong & (true == 0)] == 1).all()
    assert (given[wrong & (true == 1)] == 0).all()
    assert (given[wrong & (true == 2)] < 2).all()


def test_labels_that_stand_out_are_all_found(bench: ModuleType, photos: object) -> None:
    figures = bench.judge(photos, bench.plant(photos, 0.05, "uniform", 0), pd.DataFrame(), 0)
    assert tuple(figures) == bench.FIGURES
    for name in ("average_precision", "average_precision_cleanlab", "recall_at_planted", "found"):
        assert figures[name] == 1
    assert figures["precision_at_twice_planted"] == 0.5


def test_a_class_that_has_lost_all_but_one_page_is_skipped_and_named(
    bench: ModuleType, photos: object, capsys: pytest.CaptureFixture[str]
) -> None:
    given = photos.true.copy()  # type: ignore[attr-defined]
    given[np.flatnonzero(given == 2)[1:]] = 1
    with pytest.raises(InputError, match="class 2 has only one"):
        bench.judge(photos, given, pd.DataFrame(), 0)
    kept, labels = bench.skip_lone_pages(photos, given)
    assert "skipped: class 2" in capsys.readouterr().out
    assert (len(kept.images), len(kept.true), len(kept.groups), set(labels)) == (119, 119, 119, {0, 1})
    assert kept.images["image_id"].tolist() == photos.images["image_id"].drop(2).tolist()  # type: ignore[attr-defined]
    assert tuple(bench.judge(kept, labels, pd.DataFrame(), 0)) == bench.FIGURES


def test_two_copies_of_one_page_are_one_and_pairs_go_with_their_pages(bench: ModuleType, photos: object) -> None:
    given = photos.true.copy()  # type: ignore[attr-defined]
    first, second, *others = np.flatnonzero(given == 2)
    given[others] = 1
    ids = photos.images["image_id"]  # type: ignore[attr-defined]
    whole, same = bench.skip_lone_pages(photos, given)
    assert (len(whole.images), len(same)) == (120, 120)
    groups = photos.groups.copy()  # type: ignore[attr-defined]
    groups[second] = groups[first]
    pairs = pd.DataFrame({"image_id": [ids[first], ids[0]], "other_id": [ids[second], ids[3]]})
    twins = replace(photos, groups=groups, duplicates=pairs)  # type: ignore[type-var]
    kept, _ = bench.skip_lone_pages(twins, given)
    assert len(kept.images) == 118
    assert kept.duplicates["image_id"].tolist() == [ids[0]]


def test_errors_that_are_not_in_the_data_are_refused(bench: ModuleType, tmp_path: Path) -> None:
    (tmp_path / "planted.csv").write_text("ID,given,true\na.jpg,1,2\n")
    assert bench.read_planted(tmp_path / "planted.csv", {"a.jpg": 1}) == {"a.jpg": 2}
    with pytest.raises(InputError, match=r"what train\.csv says of each image, but it does not for a\.jpg"):
        bench.read_planted(tmp_path / "planted.csv", {"a.jpg": 2})
    (tmp_path / "planted.csv").write_text("ID,true\na.jpg,2\n")
    with pytest.raises(InputError, match="columns ID, given and true"):
        bench.read_planted(tmp_path / "planted.csv", {"a.jpg": 1})


def test_means_are_over_seeds(bench: ModuleType) -> None:
    rows = [
        {"kind": "uniform", "noise": 0.1, "seed": seed, **dict.fromkeys(bench.FIGURES, value)}
        for seed, value in ((0, 0.5), (1, 1.0))
    ]
    (mean,) = bench.means_of(rows)
    assert (mean["average_precision"], mean["lowest"], mean["highest"], mean["seeds"]) == (0.75, 0.5, 1.0, 2)
