"""A whole run on hardly any photos ends with a report: too few for many a figure is no fault of the user's."""

from pathlib import Path

import numpy as np
import pytest
from kedro_command import kedro
from PIL import Image

TRAIN = 17


def write_photos(folder: Path, test: int) -> Path:
    """Two classes of drawn noise, one brighter than the other."""
    for number in range(TRAIN + test):
        shades = np.random.default_rng(number).integers(0, 200, size=(40, 30, 3)) + 55 * (number % 2)
        place = "test" if number >= TRAIN else f"train/{'ab'[number % 2]}"
        (folder / place).mkdir(parents=True, exist_ok=True)
        Image.fromarray(shades.astype(np.uint8)).resize((240, 320)).save(folder / place / f"{number:02}.png")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("test", [0, 1, 2])
def test_seventeen_photos_and_hardly_any_to_answer_end_with_a_report(tmp_path: Path, test: int) -> None:
    raw, root = write_photos(tmp_path / "raw", test), tmp_path / "out"
    given = f"raw_dir={raw},layout=class_folders,data_root={root}"
    done = kedro("run", "--env", "smoke", "--params", given, tracking_uri=f"sqlite:///{tmp_path}/mlflow.db")
    assert done.returncode == 0, done.stdout
    report = (root / "08_reporting" / "report.html").read_text()
    told = "With fewer than 20 photos of either no classifier was asked" if test else "There are no test photos"
    assert told in report
    assert len((root / "07_model_output" / "submission.csv").read_text().splitlines()) == 1 + test
