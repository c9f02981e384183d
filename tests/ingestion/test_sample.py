"""The sample is drawn once, by the workers, and its bytes do not tell how many there were."""

from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import StorageError
from docsort.ingestion.layouts import read_layout
from docsort.ingestion.sample import ensure_sample
from docsort.stores import Store
from docsort_sample.composition import plan_sample
from docsort_sample.drawing import encode_photo
from docsort_sample.parameters import SampleParameters

TINY = SampleParameters(scale=0.01)


def test_workers_draw_the_same_bytes_as_this_process_and_only_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    location = ensure_sample(Store(tmp_path), TINY, 5)
    plan = plan_sample(TINY, 5)
    files = {path.stem: path for path in Path(location["folder"]).glob("t*/*.jpg")}
    assert files.keys() == {photo.image_id for photo in (*plan.train, *plan.test)}
    for photo in (*plan.train[::25], *plan.test[::25]):
        assert files[photo.image_id].read_bytes() == encode_photo(photo, 5)
    photos, classes = read_layout(location["layout"], location["folder"], Store(tmp_path / "pages"))
    assert (len(photos), len(classes)) == (2 * 6 * 17, 17)
    assert pd.read_csv(location["answer_key"])["target"].tolist() == [photo.target for photo in plan.test]
    monkeypatch.setattr("docsort.ingestion.sample.draw_sample", lambda *_, **__: pytest.fail("it was drawn again"))
    assert ensure_sample(Store(tmp_path), TINY, 5) == location


def test_another_seed_or_size_and_what_was_not_finished_is_drawn(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[tuple[Path, int]] = []

    def draw(folder: Path, parameters: SampleParameters, seed: int, **_: object) -> None:
        drawn.append((folder, seed))
        if len(drawn) == 1:
            raise OSError("no space left")

    monkeypatch.setattr("docsort.ingestion.sample.draw_sample", draw)
    store = Store(tmp_path)
    with pytest.raises(StorageError, match=r"Expected to write .*, but no space left: put that right, then run again"):
        ensure_sample(store, TINY, 5)
    for parameters, seed in ((TINY, 5), (TINY, 5), (TINY, 6), (SampleParameters(scale=0.02), 6)):
        ensure_sample(store, parameters, seed)
    assert [seed for _, seed in drawn] == [5, 5, 6, 6]
    assert drawn[0] == drawn[1]
    assert len({folder for folder, _ in drawn}) == 3
