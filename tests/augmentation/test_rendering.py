import errno
import logging
import os
import random
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import pandas as pd
import psutil
import pytest
from drawn_job import SIDE

from docsort.augmentation import rendering
from docsort.augmentation.rendering import render_holdout, render_training, render_validation
from docsort.errors import StorageError
from docsort.images.page_format import PageFormat
from docsort.images.reading import read_rgb
from docsort.stores import Store
from docsort.tables import RENDERS, VALIDATION_RENDERS
from docsort.work.worker import ENVIRONMENT

PLAIN, STRAIGHT, SMALL = PageFormat(SIDE, False), PageFormat(SIDE, True), PageFormat(32, False)
WHOLE = PageFormat(2 * SIDE, False, letterboxed=False)


def train(data, parameters, store: Store, seed: int = 5, formats=(PLAIN,)) -> pd.DataFrame:
    wanted = formats if isinstance(formats, dict) else dict.fromkeys(formats)
    return render_training(data.clean_images, data.folds, data.classes, parameters, wanted, seed, store)


def validate(data, parameters, store: Store, seed: int = 5, formats=(PLAIN,)) -> pd.DataFrame:
    return render_validation(data.clean_images, data.folds, parameters, formats, seed, store)


def ids_of(manifest: pd.DataFrame, kinds: Iterable[str]) -> list[str]:
    """What the renders must be called: by their source, what they are, and which copy."""
    rows = zip(manifest["source_id"], kinds, manifest["copy"], strict=True)
    return [f"{source}~{kind}-{copy}" for source, kind, copy in rows]


def pixels(manifest: pd.DataFrame) -> dict[str, bytes]:
    return {row.render_id: Path(row.path).read_bytes() for row in manifest.itertuples()}


def written(store: Store) -> dict[str, int]:
    """Every JPEG of the store and when it was written."""
    return {str(path): path.stat().st_mtime_ns for path in store.root.rglob("*.jpg")}


def finished_shards(root: Path) -> int:
    """Counted while the renderer runs, hence by name alone: files of partial shards move under one's eyes."""
    return len(list(root.glob("shards/*/[!.]*")))


CLASSES = pd.DataFrame({"target": [0], "class_name": ["page"]})


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
        kinds = ["plain" if copy == 0 else "training" for copy in manifest["copy"]]
        assert manifest["render_id"].tolist() == ids_of(manifest, kinds)
        assert all(Path(path).is_absolute() and Path(path).is_file() for path in manifest["path"])
        about = manifest.merge(data.folds, left_on="source_id", right_on="image_id", suffixes=("", "_true"))
        for column in ("group", "label", "fold"):
            assert (about[column] == about[f"{column}_true"]).all()

    def test_the_validation_manifest_has_both_conditions_of_every_source(self, data, parameters, store):
        manifest = validate(data, parameters, store)
        assert tuple(manifest.columns) == VALIDATION_RENDERS
        assert manifest["render_id"].is_unique
        counts = manifest.groupby(["source_id", "condition"]).size()
        kinds = manifest["condition"].map({"clean": "plain", "test_like": "damaged"})
        assert manifest["render_id"].tolist() == ids_of(manifest, kinds)
        assert (counts.xs("clean", level="condition") == 1).all()
        assert (counts.xs("test_like", level="condition") == 2).all()
        assert len(counts) == 2 * len(data.folds)
        assert len(set(pixels(manifest).values())) == len(manifest)

    def test_the_same_renders_exist_at_every_side(self, data, parameters, store):
        sides, columns = (32, SIDE), ["render_id", "source_id", "group", "label", "fold", "copy"]
        for make_set in (train, validate):
            both = make_set(data, parameters, store, formats=(SMALL, PLAIN))
            parts = [both[both["side"] == side].reset_index(drop=True) for side in sides]
            assert [len(part) for part in parts] == [len(both) / 2] * 2
            pd.testing.assert_frame_equal(parts[0][columns], parts[1][columns])
            for part in parts:
                assert {read_rgb(path).shape for path in part["path"]} == {(part["side"][0],) * 2 + (3,)}
            # more sides change nothing of those that were there
            pd.testing.assert_frame_equal(make_set(data, parameters, store), parts[1])
            for small, large in zip(*(part["path"] for part in parts), strict=True):
                shrunk = cv2.resize(read_rgb(large), (32, 32), interpolation=cv2.INTER_AREA)
                assert np.abs(read_rgb(small).astype(int) - shrunk).mean() < 20, small

    def test_each_side_is_decoded_and_damaged_once_however_many_layouts_are_wanted(
        self, data, parameters, store, monkeypatch
    ):
        together, render = [], rendering.render_shards
        monkeypatch.setattr(
            rendering, "render_shards", lambda alike, root: together.append(alike) or render(alike, root)
        )
        alone, count = {each: pixels(train(data, parameters, store, formats=(each,))) for each in (PLAIN, STRAIGHT)}, 12
        assert len({*alone[PLAIN].values(), *alone[STRAIGHT].values()}) == 72
        assert [len(alike) for alike in together] == [1] * 2 * count
        together.clear()
        three = train(data, parameters, Store(store.root.parent / "other"), formats=(SMALL, PLAIN, STRAIGHT))
        assert [len(alike) for alike in together] == [1] * count + [2] * count
        assert three["straighten"].dtype == bool
        for each, expected in alone.items():
            own = three[(three["side"] == each.side) & (three["straighten"] == each.straighten)]
            assert pixels(own) == expected

    def test_a_page_that_keeps_its_shape_is_damaged_together_with_squares_of_half_its_side(
        self, data, parameters, store, monkeypatch
    ):
        together, render = [], rendering.render_shards
        monkeypatch.setattr(
            rendering, "render_shards", lambda alike, root: together.append(alike) or render(alike, root)
        )
        alone = pixels(validate(data, parameters, store, formats=(WHOLE,)))
        both = validate(data, parameters, Store(store.root.parent / "other"), formats=(PLAIN, WHOLE))
        assert {len(alike) for alike in together} == {1, 2}
        assert pixels(both[~both["letterboxed"]]) == alone

    def test_where_the_plain_page_alone_is_wanted_no_other_copy_is_made(self, data, parameters, store):
        every = train(data, parameters, store)
        assert every["copy"].max() > 1
        stamps = written(store)
        manifest = train(data, parameters, store, formats={PLAIN: None, WHOLE: 0})
        new = len(written(store)) - len(stamps)
        own, others = manifest[~manifest["letterboxed"]], manifest[manifest["letterboxed"]]
        assert new == len(own) == every["source_id"].nunique()
        assert set(own["copy"]) == {0}
        pd.testing.assert_frame_equal(others.reset_index(drop=True), every)
        first = train(data, parameters, store, formats={PLAIN: 1})
        assert first["render_id"].tolist() == every.loc[every["copy"] <= 1, "render_id"].tolist()

    def test_a_layout_that_comes_later_leaves_what_is_there(self, data, parameters, store):
        first = validate(data, parameters, store, formats=(STRAIGHT,))
        stamps = written(store)
        both = validate(data, parameters, store, formats=(PLAIN, STRAIGHT))
        assert stamps.items() <= written(store).items()
        pd.testing.assert_frame_equal(both[both["straighten"]].reset_index(drop=True), first)

    def test_what_is_set_aside_stays_a_photo(self, data, make, store):
        """Neither straightened nor of a member's side: the ensemble that is asked lays it out itself."""
        held = data.clean_images.head(3)
        parameters = make()
        manifest = render_holdout(held, parameters, (SMALL, STRAIGHT), 5, store)
        assert tuple(manifest.columns) == VALIDATION_RENDERS
        assert manifest["source_id"].tolist() == [name for name in held["image_id"] for _ in range(2)]
        assert set(manifest["condition"]) == {"test_like"}
        assert set(manifest["fold"]) == {-1}
        assert set(manifest["side"]) == {2 * SIDE}
        assert set(manifest["straighten"]) == set(manifest["letterboxed"]) == {False}
        assert SIDE < max(max(read_rgb(path).shape) for path in manifest["path"]) <= 2 * SIDE
        assert all(len(set(read_rgb(path).shape)) == 3 for path in manifest["path"])
        pd.testing.assert_frame_equal(render_holdout(held, parameters, (SMALL, PLAIN), 5, store), manifest)
        assert render_holdout(held.iloc[:0], parameters, (SMALL,), 5, store).empty

    def test_the_same_inputs_give_the_same_bytes_in_any_order_and_shard_size(self, data, make, store, tmp_path):
        first = pixels(train(data, make(), store))
        turned = type(data)(data.clean_images[::-1], data.folds.sample(frac=1, random_state=1), data.classes)
        assert pixels(train(turned, make(shard_size=2), Store(tmp_path / "other"))) == first
        assert pixels(train(data, make(), Store(tmp_path / "third"), seed=6)) != first

    def test_an_unchanged_call_opens_no_page_and_looks_at_each_shard_once(
        self, data, parameters, store, caplog, monkeypatch
    ):
        first, stamps, looked = train(data, parameters, store), written(store), []
        look = rendering.wanting
        monkeypatch.setattr(rendering, "wanting", lambda shard, root: looked.append(shard.key) or look(shard, root))
        for path in data.clean_images["path"]:
            Path(path).unlink()
        with caplog.at_level(logging.INFO, "docsort.augmentation.rendering"):
            again = train(data, parameters, store)
        pd.testing.assert_frame_equal(first, again)
        assert written(store) == stamps
        assert "unchanged" in caplog.text
        assert len(looked) == len(set(looked)) == finished_shards(store.root)

    def test_a_manifest_has_the_same_types_whether_it_was_made_or_found(self, data, parameters, store):
        text = {"image_id": "string", "group": "string"}
        typed = type(data)(data.clean_images.astype(text), data.folds.astype(text), data.classes)
        pd.testing.assert_frame_equal(train(typed, parameters, store), train(typed, parameters, store))

    def test_a_full_disk_while_the_manifest_is_written_keeps_the_shards(self, data, parameters, store, monkeypatch):
        def full(_):
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr("docsort.files.os.fsync", full)
            with pytest.raises(StorageError, match="the disk is full: free some space, then run again"):
                train(data, parameters, store)
        stamps = written(store)
        assert len(pixels(train(data, parameters, store))) == 36
        assert written(store) == stamps

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

    @pytest.mark.parametrize("harm", [lambda data: data[:-700], lambda data: data[:500] + b"~" + data[501:]])
    def test_a_damaged_file_is_named_and_rendered_again(self, data, parameters, store, harm, caplog):
        manifest = train(data, parameters, store)
        before, hurt = pixels(manifest), manifest["path"].iloc[4]
        Path(hurt).write_bytes(harm(Path(hurt).read_bytes()))
        assert pixels(manifest) != before
        assert pixels(train(data, parameters, store)) == before
        assert f"training renders: 1 are damaged or lost and made again: {hurt}" in caplog.text

    def test_renders_of_before_there_were_sums_are_used_as_they_are(self, data, parameters, store, caplog):
        train(data, parameters, store)
        stamps, records = written(store), list(store.root.glob("shards/*/*/complete.json"))
        for record in records:
            record.unlink()
        with caplog.at_level(logging.INFO, "docsort"):
            train(data, parameters, store)
        assert f"{len(records)} shards of an earlier version are used as they are" in caplog.text
        assert "unchanged" in caplog.text
        assert written(store) == stamps
        caplog.clear()
        train(data, parameters, store)
        assert "earlier version" not in caplog.text

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
            patch.setattr(rendering, "executor", lambda: SimpleNamespace(map=two_then_stop))
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
        manifest = render_training(clean, folds, data.classes, make(), {PLAIN: None}, 5, store)
        by_source = manifest.groupby("source_id")["path"].apply(list)
        assert by_source["page00"] == by_source["page01"]

    def test_progress_is_told(self, data, parameters, store, caplog):
        with caplog.at_level(logging.INFO, "docsort.augmentation.rendering"):
            train(data, parameters, store)
        assert "36 of 36" in caplog.text
        assert "a second" in caplog.text


@pytest.mark.parametrize("recipe", ["own", pytest.param("document", marks=pytest.mark.slow)])
def test_workers_give_the_same_bytes_as_one_process(recipe, data, make, store, tmp_path, monkeypatch):
    """Workers, in whatever order they finish, against a plain loop backwards."""
    parameters = make(recipe=recipe, per_class=6)
    in_workers = pixels(train(data, parameters, store))
    backwards = SimpleNamespace(map=lambda run, tasks: (run(*task) for task in reversed(tasks)))
    monkeypatch.setattr(rendering, "executor", lambda: backwards)
    assert pixels(train(data, parameters, Store(tmp_path / "backwards"))) == in_workers


RENDER = """
import sys
from pathlib import Path
import pandas as pd
from docsort.augmentation.parameters import AugmentationParameters
from docsort.augmentation.rendering import render_training
from docsort.images.page_format import PageFormat
from docsort.stores import Store
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    clean, folds, classes = (pd.read_pickle(folder / f"{name}.pickle") for name in ("clean", "folds", "classes"))
    parameters = AugmentationParameters.model_validate_json((folder / "parameters.json").read_text())
    render_training(clean, folds, classes, parameters, {PageFormat(48, False): None}, 5, Store(Path(sys.argv[2])))
"""


def command_for(data, parameters, folder: Path, store: Path) -> list[str]:
    """What renders in a process of its own, with workers of its own."""
    for name, table in {"clean": data.clean_images, "folds": data.folds, "classes": data.classes}.items():
        table.to_pickle(folder / f"{name}.pickle")
    (folder / "parameters.json").write_text(parameters.model_dump_json())
    script = folder / "render.py"
    script.write_text(RENDER)
    return [sys.executable, str(script), str(folder), str(store)]


@pytest.mark.slow
def test_a_renderer_killed_ten_times_ends_with_the_same_bytes(data, make, tmp_path, monkeypatch):
    """At random moments, and by turns: all its processes at once, the main process alone, a worker alone."""
    parameters = make(per_class=4000, shard_size=10)
    killed = tmp_path / "killed"
    command = command_for(data, parameters, tmp_path, killed)
    rng, kept = random.Random(1), {}
    for attempt in range(10):
        whom = ("all", "main", "worker")[attempt % 3]
        with subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE, text=True) as process:
            wait_for_shards(process, killed, finished_shards(killed) + rng.choice((0, 1, 1, 20)))
            time.sleep(rng.uniform(0, 0.1))
            assert process.poll() is None, f"it ended before kill {attempt}: {process.communicate()[1]}"
            kill(process.pid, whom)
            message = process.communicate()[1]
        assert whom != "worker" or "WorkerError: A worker process died" in message
        assert not list(killed.glob("*/complete.json")), "it was finished already"
        stamps = {path: stamp for path, stamp in written(Store(killed)).items() if ".partial" not in path}
        assert kept.items() <= stamps.items(), "a finished shard was made again"
        kept = stamps
    assert 0 < len(kept) < 12_000
    subprocess.run(command, check=True)
    here = SimpleNamespace(map=lambda run, tasks: (run(*task) for task in tasks))
    monkeypatch.setattr(rendering, "executor", lambda: here)
    manifest = train(data, parameters, Store(killed))
    assert kept.items() <= written(Store(killed)).items()
    assert len(manifest) == 12_000
    assert pixels(manifest) == pixels(train(data, parameters, Store(tmp_path / "whole")))
    assert list(killed.rglob("*.partial")) == []


def wait_for_shards(process: "subprocess.Popen[str]", root: Path, count: int) -> None:
    """Until so many are finished and the workers are there."""
    while process.poll() is None and (finished_shards(root) < count or not workers_of(process.pid)):
        time.sleep(0.005)


def workers_of(main: int) -> list[psutil.Process]:
    try:
        return [child for child in psutil.Process(main).children() if "spawn_main" in " ".join(child.cmdline())]
    except psutil.NoSuchProcess:
        return []


def kill(main: int, whom: str) -> None:
    """Kills, and waits until workers whose main process is gone have ended themselves."""
    workers = workers_of(main)
    if whom == "all":
        os.killpg(main, signal.SIGKILL)
    elif whom == "main":
        os.kill(main, signal.SIGKILL)
    else:
        workers[0].kill()
    assert psutil.wait_procs(workers, timeout=30)[1] == [], "workers outlive their main process"


def test_a_full_disk_is_one_error_and_the_run_goes_on_once_there_is_space(data, make, tmp_path, monkeypatch):
    """On a file system of 200 KB, made larger afterwards."""
    disk, copy = tmp_path / "disk", tmp_path / "copy"
    disk.mkdir()
    parameters = make(per_class=60, shard_size=4)
    render = shlex.join(command_for(data, parameters, tmp_path, disk / "renders"))
    script = f"""
        mount -t tmpfs -o size=200k none {disk} || exit 77
        {render}; echo "first: $?"
        find {disk} -name '*.jpg' -printf '%T@ %P\\n' | sort > {tmp_path}/early
        mount -o remount,size=20m {disk}
        {render}; echo "second: $?"
        find {disk} -name '*.jpg' -printf '%T@ %P\\n' | sort > {tmp_path}/late
        cp -r {disk}/renders {copy}
    """
    if shutil.which("unshare") is None:
        pytest.skip("needs unshare to mount a small file system")
    as_root = [] if os.geteuid() == 0 else ["--map-root-user"]
    shell = ["unshare", *as_root, "--mount", "sh", "-c", script]
    ended = subprocess.run(shell, capture_output=True, text=True, check=False)
    if ended.returncode == 77 or ended.stderr.startswith("unshare:"):
        pytest.skip(f"may not mount a small file system here: {ended.stderr}")
    assert ended.stdout.split() == ["first:", "1", "second:", "0"], ended.stderr
    last = ended.stderr.strip().splitlines()[-1]
    assert last.startswith(f"docsort.errors.StorageError: Expected to write {disk}/renders")
    assert "the disk is full: free some space, then run again; everything finished is kept and used" in last
    early, late = ((tmp_path / name).read_text().splitlines() for name in ("early", "late"))
    assert 0 < len(early) < 180
    assert set(early) <= set(late)
    here = SimpleNamespace(map=lambda run, tasks: (run(*task) for task in tasks))
    monkeypatch.setattr(rendering, "executor", lambda: here)
    assert pixels(train(data, parameters, Store(copy))) == pixels(train(data, parameters, Store(tmp_path / "whole")))


WATCHED = """
import socket
def refuse(*arguments, **named):
    with open({log!r}, "a") as file:
        print(arguments, file=file)
    raise OSError("no network in this test")
socket.socket.connect = socket.socket.connect_ex = refuse
socket.getaddrinfo = socket.gethostbyname = socket.create_connection = refuse
"""

IN_WORKER = """
import numpy as np
from docsort.augmentation.operations import OPERATIONS
from docsort.augmentation.recipes import apply_operation, draw_operation
page = np.full((90, 70, 3), 200, np.uint8)
for name in OPERATIONS:
    apply_operation(page, draw_operation(name, {}, np.random.default_rng(0)), 0.2, page)
"""

ASK_WORKER = f"""
from docsort.work.executor import run
if __name__ == "__main__":
    run(exec, {IN_WORKER!r})
    print(run(eval, "__import__('numba').get_num_threads()"))
    print(run(eval, "__import__('numba').config.NUMBA_NUM_THREADS"))
    print(run(eval, "__import__('torch').get_num_threads()"))
    print(run(eval, "len(__import__('psutil').Process().children())"))
"""


def test_a_worker_asks_no_network_and_keeps_to_one_thread_with_both_libraries_loaded(tmp_path):
    """In a fresh worker that does every operation; its `sitecustomize` notes and refuses every connection."""
    log, here = tmp_path / "network", tmp_path / "here"
    here.mkdir()
    (tmp_path / "sitecustomize.py").write_text(WATCHED.format(log=str(log)))
    (tmp_path / "ask.py").write_text(ASK_WORKER)
    inherited = {name: value for name, value in os.environ.items() if name not in ENVIRONMENT}
    environment = inherited | {"PYTHONPATH": str(tmp_path), "DOCSORT_WORKERS": "1"}
    command = [sys.executable, str(tmp_path / "ask.py")]
    ended = subprocess.run(command, cwd=here, env=environment, capture_output=True, text=True, check=False)
    assert ended.stdout.split() == ["1", "1", "1", "0"], ended.stderr
    assert not log.exists(), log.read_text()
    assert list(here.iterdir()) == []
