import subprocess
import sys
from io import BytesIO
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray
from PIL import Image

from docsort.sample.certificates import CONFUSABLE
from docsort.sample.composition import Plan, PlannedPhoto, plan_sample
from docsort.sample.drawing import draw_chunk, encode_photo, write_tables
from docsort.sample.kinds import CLASS_NAMES
from docsort.sample.parameters import SampleParameters

SEED = 11
TINY = SampleParameters(scale=0.01, label_noise=0.1, near_duplicates=0.1)


@pytest.fixture(scope="module")
def plan() -> Plan:
    return plan_sample(TINY, SEED)


@pytest.fixture(scope="module")
def folder(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole tiny sample, drawn in this process in a single piece."""
    root = tmp_path_factory.mktemp("sample")
    for name in ("train", "test", "answer_key"):
        (root / name).mkdir()
    assert draw_chunk(root, [*plan.train, *plan.test], SEED) == 2 * 6 * 17
    write_tables(root, plan)
    return root


def decode(data: bytes) -> NDArray[np.uint8]:
    return np.asarray(Image.open(BytesIO(data)).convert("RGB"))


def test_a_photo_has_the_same_bytes_in_whatever_order_photos_are_drawn(folder: Path, plan: Plan) -> None:
    for photo in [*plan.test[::-20], *plan.train[::-20]]:
        assert encode_photo(photo, SEED) == (folder / photo.split / f"{photo.image_id}.jpg").read_bytes()


@pytest.mark.slow
def test_one_worker_and_two_write_the_same_files(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from docsort.sample.drawing import draw_sample;"
        "from docsort.sample.parameters import SampleParameters\n"
        "if __name__ == '__main__': draw_sample(Path(sys.argv[1]), SampleParameters(scale=0.01), 5)"
    )
    script = tmp_path / "draw.py"
    script.write_text(code)
    for workers in ("1", "2"):
        target = tmp_path / workers
        command = [sys.executable, str(script), str(target)]
        subprocess.run(command, check=True, env={"DOCSORT_WORKERS": workers, "PATH": ""}, timeout=120)
    files = [sorted(path.relative_to(tmp_path / one) for path in (tmp_path / one).rglob("*.*")) for one in ("1", "2")]
    assert files[0] == files[1]
    assert len(files[0]) == 2 * 6 * 17 + 6
    for name in files[0]:
        assert (tmp_path / "1" / name).read_bytes() == (tmp_path / "2" / name).read_bytes()


def test_another_seed_draws_another_page(plan: Plan) -> None:
    assert encode_photo(plan.train[0], SEED) != encode_photo(plan.train[0], SEED + 1)


def test_the_layout_is_that_of_the_competition(folder: Path) -> None:
    train, order = pd.read_csv(folder / "train.csv"), pd.read_csv(folder / "sample_submission.csv")
    assert list(train.columns) == list(order.columns) == ["ID", "target"]
    assert (order["target"] == 0).all()
    assert {path.name for path in (folder / "train").iterdir()} == set(train["ID"])
    assert {path.name for path in (folder / "test").iterdir()} == set(order["ID"])
    meta = pd.read_csv(folder / "meta.csv")
    assert list(meta.columns) == ["target", "class_name"]
    assert tuple(meta["class_name"]) == CLASS_NAMES


def test_the_answer_key_agrees_with_the_published_labels(folder: Path) -> None:
    given = pd.read_csv(folder / "train.csv").set_index("ID")["target"]
    errors = pd.read_csv(folder / "answer_key" / "planted_label_errors.csv")
    assert list(errors.columns) == ["ID", "given", "true"]
    assert len(errors) == round(TINY.label_noise * len(given))
    assert (given[errors["ID"]].to_numpy() == errors["given"]).all()
    assert (errors["given"] != errors["true"]).all()
    assert errors["true"].isin(CONFUSABLE).mean() > 0.6
    pairs = pd.read_csv(folder / "answer_key" / "planted_duplicates.csv")
    differs = given[pairs["ID"]].to_numpy() != given[pairs["other"]].to_numpy()
    assert (differs == pairs["conflict"]).all()
    truth = pd.read_csv(folder / "answer_key" / "test_truth.csv")
    assert list(truth["ID"]) == list(pd.read_csv(folder / "sample_submission.csv")["ID"])
    assert (truth["target"].value_counts() == 6).all()


def test_a_near_duplicate_is_nearly_but_not_quite_the_page_it_repeats(folder: Path, plan: Plan) -> None:
    def small(photo: PlannedPhoto) -> NDArray[np.float64]:
        image = Image.open(folder / "train" / f"{photo.image_id}.jpg").convert("L").resize((32, 32))
        return np.asarray(image, dtype=np.float64).ravel()

    for copy, other in plan.duplicates:
        assert np.corrcoef(small(copy), small(other))[0, 1] > 0.93
        name = f"{copy.image_id}.jpg"
        assert (folder / "train" / name).read_bytes() != (folder / "train" / f"{other.image_id}.jpg").read_bytes()


def measures(folder: Path) -> NDArray[np.float64]:
    """Mean brightness, saturation and sharpness, and the shares of white pixels, of a folder of images."""
    rows = []
    for path in folder.iterdir():
        image = decode(path.read_bytes())
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        saturation = cv2.cvtColor(image, cv2.COLOR_RGB2HSV)[..., 1].mean()
        rows.append((grey.mean(), saturation, cv2.Laplacian(grey, cv2.CV_64F).var(), (grey > 250).mean()))
    means: NDArray[np.float64] = np.mean(rows, axis=0)
    return means


def test_the_test_photos_drift_from_the_train_photos_as_the_real_ones_do(folder: Path) -> None:
    train, test = measures(folder / "train"), measures(folder / "test")
    # Real means: brightness 148 to 172, saturation 24.7 to 14.2, sharpness 1357 to 688.
    np.testing.assert_allclose(train[:2], (148, 24.7), rtol=0.25)
    np.testing.assert_allclose(test[:2], (172, 14.2), rtol=0.25)
    assert 0.35 < test[2] / train[2] < 0.75
    assert train[3] < 0.05 < test[3]


def test_train_photos_have_the_sizes_of_the_real_ones(folder: Path) -> None:
    sizes = [Image.open(path).size for path in (folder / "train").iterdir()]
    assert all(384 <= width <= 753 and 348 <= height <= 682 for width, height in sizes)
    assert max(set(sizes), key=sizes.count) == (443, 591)
