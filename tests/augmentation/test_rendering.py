import logging
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from docsort.augmentation import rendering
from docsort.augmentation.rendering import render_training, render_validation
from docsort.stores import Store
from docsort.tables import RENDERS, VALIDATION_RENDERS
from docsort.workers import stop_workers


def train(data, parameters, store: Store, seed: int = 5) -> pd.DataFrame:
    return render_training(data.clean_images, data.folds, data.classes, parameters, seed, store)


def validate(data, parameters, store: Store, seed: int = 5) -> pd.DataFrame:
    return render_validation(data.clean_images, data.folds, parameters, seed, store)


def pixels(manifest: pd.DataFrame) -> dict[str, bytes]:
    return {row.render_id: Path(row.path).read_bytes() for row in manifest.itertuples()}


def written(store: Store) -> dict[str, int]:
    """Every JPEG of the store and when it was written."""
    return {str(path): path.stat().st_mtime_ns for path in store.root.rglob("*.jpg")}


def finished_shards(root: Path) -> int:
    """Counted while the renderer runs, hence by name alone: files of partial shards move under one's eyes."""
    return len(list(root.glob("shards/*/[!.]*")))


@pytest.fixture
def store(tmp_path) -> Store:
    return Store(tmp_path / "renders")


@pytest.mark.usefixtures("in_process")
class TestInOneProcess:
    def test_the_training_manifest_keeps_its_contract(self, data, parameters, store):
        manifest = train(data, parameters, store)
        assert tuple(manifest.columns) == RENDERS
        assert manifest["render_id"].is_unique
        assert manifest.groupby("label").size().to_dict() == {0: 12, 1: 12, 2: 12}
        assert manifest.groupby("source_id")["copy"].min().eq(0).all()
        assert all(Path(path).is_absolute() and Path(path).is_file() for path in manifest["path"])
        about = manifest.merge(data.folds, left_on="source_id", right_on="image_id", suffixes=("", "_true"))
        for column in ("group", "label", "fold"):
            assert (about[column] == about[f"{column}_true"]).all()

    def test_the_validation_manifest_has_both_views_of_every_source(self, data, parameters, store):
        manifest = validate(data, parameters, store)
        assert tuple(manifest.columns) == VALIDATION_RENDERS
        assert manifest["render_id"].is_unique
        counts = manifest.groupby(["source_id", "view"]).size()
        assert (counts.xs("clean", level="view") == 1).all()
        assert (counts.xs("test_like", level="view") == 2).all()
        assert len(counts) == 2 * len(data.folds)
        assert len(set(pixels(manifest).values())) == len(manifest)

    def test_the_same_inputs_give_the_same_bytes_in_any_order_and_shard_size(self, data, make, store, tmp_path):
        first = pixels(train(data, make(), store))
        turned = type(data)(data.clean_images[::-1], data.folds.sample(frac=1, random_state=1), data.classes)
        assert pixels(train(turned, make(shard_size=2), Store(tmp_path / "other"))) == first
        assert pixels(train(data, make(), Store(tmp_path / "third"), seed=6)) != first

    def test_an_unchanged_call_renders_nothing_and_is_quick(self, data, parameters, store, caplog):
        first, stamps = train(data, parameters, store), written(store)
        with caplog.at_level(logging.INFO, "docsort.augmentation.rendering"):
            start = time.monotonic()
            again = train(data, parameters, store)
        assert time.monotonic() - start < 1
        pd.testing.assert_frame_equal(first, again)
        assert written(store) == stamps
        assert "unchanged" in caplog.text

    def test_a_changed_parameter_is_another_set_and_the_old_one_stays(self, data, make, store):
        first = pixels(train(data, make(), store))
        changed = train(data, make(jpeg_quality=50), store)
        assert pixels(changed) != first
        assert len([path for path in store.root.iterdir() if (path / "complete.json").is_file()]) == 2
        assert pixels(train(data, make(), store)) == first

    def test_parameters_of_the_other_set_change_nothing(self, data, make, store):
        train(data, make(), store)
        validate(data, make(), store)
        stamps = written(store)
        train(data, make(validation_copies=2, damage={"blur_share": 0.9}), store)
        validate(data, make(per_class=12, recipe="turns"), store)
        assert written(store) == stamps

    def test_a_relabelled_source_moves_no_more_than_its_classes(self, data, make, store):
        parameters = make(recipe="turns", per_class={0: 12, 1: 12, 2: 12})
        before, stamps = train(data, parameters, store), written(store)
        labels = [1 if name == "page00" else label for name, label in data.folds[["image_id", "label"]].to_numpy()]
        relabelled = type(data)(data.clean_images.assign(label=labels), data.folds.assign(label=labels), data.classes)
        after = train(relabelled, parameters, store)
        assert after.loc[after["source_id"] == "page00", "label"].eq(1).all()
        untouched = set(before.loc[before["label"] == 2, "path"])
        assert untouched <= set(after["path"])
        assert all(written(store)[path] == stamps[path] for path in untouched)

    def test_a_dropped_source_keeps_the_shards_that_do_not_mix_it_in(self, data, make, store):
        train(data, make(recipe="turns", per_class=1), store)
        stamps = written(store)
        kept = data.folds["image_id"] != "page05"
        fewer = type(data)(data.clean_images[kept], data.folds[kept], data.classes)
        train(fewer, make(recipe="turns", per_class=1), store)
        assert written(store) == stamps

    def test_more_test_like_copies_add_to_what_is_there(self, data, make, store):
        before = pixels(validate(data, make(shard_size=1), store))
        stamps = written(store)
        after = pixels(validate(data, make(shard_size=1, validation_copies=3), store))
        assert before.items() <= after.items()
        assert stamps.items() <= written(store).items()

    def test_a_lost_file_is_rendered_again(self, data, parameters, store):
        manifest = train(data, parameters, store)
        before = pixels(manifest)
        Path(manifest["path"].iloc[4]).unlink()
        assert pixels(train(data, parameters, store)) == before

    def test_a_moved_store_is_found_where_it_is_now(self, data, parameters, store, tmp_path):
        before = pixels(train(data, parameters, store))
        store.root.rename(tmp_path / "moved")
        moved = train(data, parameters, Store(tmp_path / "moved"))
        assert all("/moved/" in path for path in moved["path"])
        assert pixels(moved) == before

    def test_what_a_broken_run_finished_is_used_and_the_rest_is_made(self, data, parameters, store, monkeypatch):
        def two_then_stop(function, tasks):
            for count, task in enumerate(tasks):
                if count == 2:
                    raise KeyboardInterrupt
                yield function(*task)

        with monkeypatch.context() as patch:
            patch.setattr(rendering, "map_in_workers", two_then_stop)
            with pytest.raises(KeyboardInterrupt):
                train(data, parameters, store)
        stamps = written(store)
        assert stamps
        whole = pixels(train(data, parameters, store))
        assert stamps.items() <= written(store).items()
        assert whole == pixels(train(data, parameters, Store(store.root.parent / "in one go")))

    def test_two_sources_with_the_same_bytes_share_their_renders(self, data, make, store):
        clean = data.clean_images.copy()
        clean.loc[1, ["path", "sha256"]] = clean.loc[0, ["path", "sha256"]].to_numpy()
        # one fold, so that their partners are the same too
        folds = data.folds.assign(fold=0)
        manifest = render_training(clean, folds, data.classes, make(), 5, store)
        by_source = manifest.groupby("source_id")["path"].apply(list)
        assert by_source["page00"] == by_source["page01"]

    def test_progress_is_told(self, data, parameters, store, caplog):
        with caplog.at_level(logging.INFO, "docsort.augmentation.rendering"):
            train(data, parameters, store)
        assert "36 of 36" in caplog.text
        assert "a second" in caplog.text


@pytest.mark.parametrize("recipe", ["own", pytest.param("document", marks=pytest.mark.slow)])
def test_workers_give_the_same_bytes_as_one_process(recipe, data, make, store, tmp_path, monkeypatch):
    """Two spawned workers, in whatever order they finish, against a plain loop backwards."""
    parameters = make(recipe=recipe, per_class=6)
    stop_workers()
    monkeypatch.setenv("DOCSORT_WORKERS", "2")
    in_workers = pixels(train(data, parameters, store))
    stop_workers()
    monkeypatch.setattr(rendering, "map_in_workers", lambda run, tasks: (run(*task) for task in reversed(tasks)))
    assert pixels(train(data, parameters, Store(tmp_path / "backwards"))) == in_workers


KILLED = """
import sys
from pathlib import Path
import pandas as pd
from docsort.augmentation.parameters import AugmentationParameters
from docsort.augmentation.rendering import render_training
from docsort.stores import Store
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    clean, folds, classes = (pd.read_pickle(folder / f"{name}.pickle") for name in ("clean", "folds", "classes"))
    parameters = AugmentationParameters.model_validate_json((folder / "parameters.json").read_text())
    render_training(clean, folds, classes, parameters, 5, Store(folder / "killed"))
"""


@pytest.mark.slow
def test_a_renderer_killed_ten_times_ends_with_the_same_bytes(data, make, tmp_path, monkeypatch):
    parameters = make(per_class=400, shard_size=5)
    for name, table in {"clean": data.clean_images, "folds": data.folds, "classes": data.classes}.items():
        table.to_pickle(tmp_path / f"{name}.pickle")
    (tmp_path / "parameters.json").write_text(parameters.model_dump_json())
    script = tmp_path / "render.py"
    script.write_text(KILLED)
    rng, kills = random.Random(1), 0
    command = [sys.executable, str(script), str(tmp_path)]
    for _ in range(10):
        with subprocess.Popen(command, start_new_session=True) as process:
            # wait for the first new shard, so that the kill falls into the rendering
            count = finished_shards(tmp_path / "killed")
            while process.poll() is None and finished_shards(tmp_path / "killed") == count:
                time.sleep(0.02)
            time.sleep(rng.uniform(0, 0.15))
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                kills += 1
    assert kills >= 5
    subprocess.run(command, check=True)
    monkeypatch.setattr(rendering, "map_in_workers", lambda run, tasks: (run(*task) for task in tasks))
    killed = train(data, parameters, Store(tmp_path / "killed"))
    assert pixels(killed) == pixels(train(data, parameters, Store(tmp_path / "whole")))
    assert list((tmp_path / "killed").rglob("*.partial")) == []
