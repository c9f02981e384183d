"""The ensemble is one thing: however, wherever and with whatever it is asked, it gives the same answer bit for bit."""

import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from small_ensemble import DECISIONS, FALLBACK, TARGETS, VIEWS, Photo, build, draw_pages

from docsort.ensembling import answering
from docsort.ensembling.ensemble import Ensemble
from docsort.ensembling.ensemble_files import ENSEMBLE_FILE, MEMBERS_FOLDER, NOVELTY_FILE, newest
from docsort.ensembling.temperature import Calibration
from docsort.ensembling.votes import VotePlan
from docsort.errors import InputError, StorageError
from docsort.members.views import all_views
from docsort.stores import Store, sealed, unsealed
from docsort.tables import ANSWERS
from docsort.work.executor import executor

COLUMNS = [f"p_{target}" for target in TARGETS]

ANSWERED_ELSEWHERE = """
import pickle, sys
from docsort.ensembling.ensemble import Ensemble
folder, paths, result = sys.argv[1], sys.argv[2:-1], sys.argv[-1]
table = Ensemble.load(folder).answer(paths)
assert "kedro" not in sys.modules, "kedro was imported"
pickle.dump(table, open(result, "wb"))
"""


def same(found: pd.DataFrame, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(found.reset_index(drop=True), expected.reset_index(drop=True), check_exact=True)


@pytest.fixture(scope="module")
def names(paths: list[Path]) -> list[str]:
    return [str(path) for path in paths]


@pytest.fixture
def copied(ensemble: Ensemble, tmp_path: Path) -> Path:
    assert ensemble.folder is not None
    return Path(shutil.copytree(ensemble.folder, tmp_path / "copied"))


def test_the_small_ensemble_can_tell_answers_apart(ensemble: Ensemble, answers: pd.DataFrame) -> None:
    """What the other tests lean on: pages differ, some are asked in one view and some in all, some need review."""
    assert tuple(answers.columns) == (*ANSWERS, *COLUMNS)
    assert answers[COLUMNS].sum(axis=1).to_numpy() == pytest.approx(np.ones(len(answers)))
    assert answers["target"].nunique() > 1
    assert answers["confidence"].nunique() == len(answers)
    assert answers["novelty"].nunique() > len(answers) // 2
    asked = ensemble.predict(answers["image_id"].tolist())["render_id"].value_counts()
    assert asked.nunique() > 1
    assert 0 < answers["needs_review"].sum() < len(answers)
    assert answers["class_name"].tolist() == [dict(ensemble.manifest.classes)[t] for t in answers["target"]]


def test_another_process_without_kedro_answers_the_same_from_a_folder_that_was_moved(
    tmp_path: Path, ensemble: Ensemble, paths: list[Path], answers: pd.DataFrame
) -> None:
    """The folder in which it was built is gone meanwhile, with the checkpoints of its members."""
    assert ensemble.folder is not None
    built, moved = ensemble.folder.parent, tmp_path / "elsewhere" / "moved"
    shutil.copytree(ensemble.folder, moved)
    built.rename(tmp_path / "gone")
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    environment["PYTHONPATH"] = os.pathsep.join(sys.path)
    call = [sys.executable, "-c", ANSWERED_ELSEWHERE, "moved", *map(str, paths), str(tmp_path / "table")]
    try:
        done = subprocess.run(call, cwd=moved.parent, env=environment, capture_output=True, text=True, timeout=300)
    finally:
        (tmp_path / "gone").rename(built)
    assert done.returncode == 0, done.stderr
    same(pickle.loads((tmp_path / "table").read_bytes()), answers)


def test_two_workers_answer_the_same_as_one_process(
    ensemble: Ensemble, paths: list[Path], answers: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answering, "CHUNK", 3)
    assert executor().workers == 2
    same(ensemble.answer(paths, in_workers=True), answers)
    same(ensemble.answer(paths, in_workers=False), answers)


def test_a_page_gets_the_same_answer_alone_as_in_any_company(
    ensemble: Ensemble, paths: list[Path], answers: pd.DataFrame
) -> None:
    alone = pd.concat([ensemble.answer(path) for path in paths])
    same(alone, answers)
    order = np.random.default_rng(0).permutation(len(paths))
    same(ensemble.answer([paths[row] for row in order]), answers.iloc[order])
    twice = ensemble.answer([*paths[3:], *paths])
    same(twice, pd.concat([answers.iloc[3:], answers]))


def test_paths_bytes_pictures_and_arrays_of_the_same_pixels_are_the_same_page(
    ensemble: Ensemble, paths: list[Path], photos: list[Photo], names: list[str], answers: pd.DataFrame
) -> None:
    ways: list[list[Any]] = [
        names,
        [path.read_bytes() for path in paths],
        [Image.open(path) for path in paths],
        photos,
        [np.asfortranarray(photo) for photo in photos],
    ]
    for pages in ways:
        same(ensemble.answer(pages, names), answers)
    mixed = [ways[row % len(ways)][row] for row in range(len(paths))]
    same(ensemble.answer(mixed, names), answers)
    grey = photos[0].mean(axis=2).astype(np.uint8)
    same(ensemble.answer([grey], ["x"]), ensemble.answer(np.stack([grey] * 3, axis=2), ["x"]))
    assert ensemble.answer(photos[:2])["image_id"].tolist() == ["page 0", "page 1"]


def test_an_open_picture_is_turned_as_its_camera_says(ensemble: Ensemble, photos: list[Photo]) -> None:
    stored, rotated = BytesIO(), Image.Exif()
    rotated[0x0112] = 6
    Image.fromarray(photos[0]).save(stored, "PNG", exif=rotated)
    upright = ensemble.answer([np.rot90(photos[0], -1)], ["x"])
    assert upright["confidence"].item() != ensemble.answer([photos[0]], ["x"])["confidence"].item()
    same(ensemble.answer([stored.getvalue()], ["x"]), upright)
    same(ensemble.answer([Image.open(stored)], ["x"]), upright)


def test_what_is_cached_changes_no_answer(
    ensemble: Ensemble, paths: list[Path], answers: pd.DataFrame, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = Store(tmp_path / "cache")
    ensemble.answer(paths[2:5], cache=cache)
    same(ensemble.answer(paths, cache=cache), answers)

    def refuse(*_: Any) -> None:
        raise AssertionError("a page was asked about that is cached")

    monkeypatch.setattr(answering, "answer_chunk", refuse)
    same(ensemble.answer(paths, cache=cache), answers)
    with pytest.raises(AssertionError, match="that is cached"):
        ensemble.answer(paths)


def test_views_that_another_ensemble_has_cached_change_no_answer(
    ensemble: Ensemble, paths: list[Path], answers: pd.DataFrame, tmp_path: Path
) -> None:
    """The members were asked in all views; here a page may be done after the first."""
    every = VIEWS.model_copy(update={"stops": (), "stop_margin": None})
    other = ensemble.finished(replace(DECISIONS, views=every), None).save(tmp_path / "other")
    cache = Store(tmp_path / "cache")
    assert (other.answer(paths, cache=cache)["confidence"] != answers["confidence"]).any()
    same(ensemble.answer(paths, cache=cache), answers)


def test_members_and_specialists_stop_together(ensemble: Ensemble, paths: list[Path]) -> None:
    predictions = ensemble.predict(paths)
    asked = predictions[predictions["model"] != "kernel"].groupby(["render_id", "model", "fold"]).size()
    counts = asked.unstack(["model", "fold"]).to_numpy()
    assert set(counts.ravel()) == {1, 3}
    assert (counts == counts[:, :1]).all()


def test_the_answer_is_the_vote_on_what_the_members_predict(
    ensemble: Ensemble, paths: list[Path], answers: pd.DataFrame
) -> None:
    """The way that the pipeline goes: predictions are written, read again, and voted on."""
    predictions = ensemble.predict([*paths, paths[0]])
    assert set(predictions["model"]) == {"main", "kernel", "pair"}
    votes = ensemble.vote_on(predictions.sample(frac=1, random_state=0))
    first = votes[votes["image_id"] == str(paths[0])]
    assert len(first) == 2
    same(first[["predicted", "confidence", *COLUMNS]].iloc[:1], first[["predicted", "confidence", *COLUMNS]].iloc[1:])
    found = votes.drop_duplicates("image_id").set_index("image_id").loc[answers["image_id"]]
    assert found["predicted"].tolist() == answers["target"].tolist()
    assert (found[["confidence", *COLUMNS]].to_numpy() == answers[["confidence", *COLUMNS]].to_numpy()).all()


@pytest.fixture(scope="module")
def torn(tmp_path_factory: pytest.TempPathFactory, learnt_pages: list[Photo]) -> Ensemble:
    """A hard vote of members that can never decide between two classes."""
    decisions = replace(DECISIONS, models=("main",), plan=VotePlan("hard"), views=all_views((0,)))
    return build(tmp_path_factory.mktemp("torn"), learnt_pages, decisions, twins=True)


def test_a_lot_that_decides_falls_alike_wherever_the_page_stands_and_whatever_it_is_called(
    torn: Ensemble, paths: list[Path], photos: list[Photo], names: list[str]
) -> None:
    many = torn.answer(draw_pages(60, seed=2))  # of few, all lots may fall alike: the last bits of a machine decide
    assert (many["p_2"] == many["p_5"]).all()
    assert set(many["target"]) == {2, 5, 9}
    answers = torn.answer(paths)
    same(pd.concat([torn.answer(path) for path in paths]), answers)
    same(torn.answer(paths[::-1]), answers.iloc[::-1])
    same(torn.answer(photos, names), answers)
    votes = torn.vote_on(torn.predict([*paths, *paths]))
    assert votes.groupby("image_id")["predicted"].nunique().eq(1).all()
    assert dict(zip(votes["image_id"], votes["predicted"], strict=True)) == dict(
        zip(answers["image_id"], answers["target"], strict=True)
    )


def test_a_page_that_cannot_be_read_is_a_row_with_its_reason(
    ensemble: Ensemble, paths: list[Path], answers: pd.DataFrame, tmp_path: Path
) -> None:
    cut, empty, gone = tmp_path / "cut.png", tmp_path / "empty.jpg", tmp_path / "gone.jpg"
    cut.write_bytes(paths[0].read_bytes()[:2000])
    empty.touch()
    pages = [paths[0], cut, gone, paths[1], empty, Image.open(cut), b"no picture"]
    table = ensemble.answer(pages, cache=Store(tmp_path / "cache"))
    same(table.iloc[[0, 3]], answers.iloc[:2])
    lost = table.drop([0, 3])
    assert lost["target"].tolist() == [FALLBACK] * 5
    assert lost["class_name"].tolist() == [dict(ensemble.manifest.classes)[FALLBACK]] * 5
    assert lost["confidence"].tolist() == [0.0] * 5
    assert lost[[*COLUMNS, "novelty"]].isna().all(axis=None)
    assert lost["needs_review"].all()
    reasons = lost["why"].tolist()
    assert f"unreadable: {cut}: not a whole image" in reasons[0]
    assert f"unreadable: {gone}: cannot be opened (No such file or directory)" in reasons[1]
    assert f"unreadable: {empty}: the file is empty" in reasons[2]
    assert reasons[3].startswith("unreadable: page: not a whole image")
    assert reasons[4].startswith("unreadable: page: not a picture but text")
    only = ensemble.answer(gone)
    assert only["target"].tolist() == [FALLBACK]
    assert ensemble.answer([]).empty
    assert tuple(ensemble.answer([]).columns) == tuple(answers.columns)


@pytest.mark.parametrize(
    ("page", "shown"),
    [
        (3, "int"),
        (None, "NoneType"),
        ([None], "NoneType"),
        (np.zeros((4, 4, 3), dtype=np.float32), r"float32 \(4, 4, 3\)"),
        (np.zeros((4, 4, 4), dtype=np.uint8), r"uint8 \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), dtype=np.uint8), r"uint8 \(0, 4, 3\)"),
    ],
)
def test_what_is_no_page_is_refused_in_one_sentence(page: Any, shown: str, ensemble: Ensemble) -> None:
    with pytest.raises(InputError, match=f"Expected a page to be a path, .* but got {shown}; convert it first"):
        ensemble.answer(page)


def test_names_that_are_not_as_many_as_pages_are_refused(ensemble: Ensemble, paths: list[Path]) -> None:
    with pytest.raises(InputError, match="a name for each of 2 pages, but got 1"):
        ensemble.answer(paths[:2], ["one"])


def test_only_a_saved_ensemble_answers(ensemble: Ensemble, paths: list[Path]) -> None:
    with pytest.raises(StorageError, match="an ensemble that is saved, but this one is not"):
        ensemble.finished(DECISIONS, None).answer(paths)


def test_nothing_in_the_folder_is_executable(ensemble: Ensemble) -> None:
    assert ensemble.folder is not None
    files = [path for path in ensemble.folder.rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".json", ".safetensors"}
    assert len(files) == 2 + 3 * 6  # two of the ensemble, and each member's two and its record
    assert not any(path.is_symlink() for path in files)


def _cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _flipped(path: Path) -> None:
    """One bit of its last number or word."""
    content = path.read_bytes()
    path.write_bytes(content[:-9] + bytes([content[-9] ^ 1]) + content[-8:])


CHANGED = "to be as it was written, but its bytes have changed since; run the pipeline that writes it again"


def _of_version(version: int) -> Callable[[Path], Any]:
    def write(path: Path) -> None:
        manifest, sums = unsealed(path.read_bytes()) or ({}, {})
        path.write_bytes(sealed({**manifest, "version": version}, sums))

    return write


@pytest.mark.parametrize(
    ("file", "damage", "message"),
    [
        (ENSEMBLE_FILE, Path.unlink, "Expected an ensemble in"),
        (ENSEMBLE_FILE, _cut, r"ensemble\.json to be as an ensemble was saved there, but it is not"),
        (ENSEMBLE_FILE, _flipped, r"ensemble\.json to be as an ensemble was saved there, but it is not"),
        (ENSEMBLE_FILE, _of_version(99), "of version 2, but it is of 99; install a newer Docsort"),
        (ENSEMBLE_FILE, _of_version(1), "of version 2, but it is of 1; train again, or install the Docsort that has"),
        (NOVELTY_FILE, Path.unlink, r"novelty\.safetensors to be as an ensemble was saved there"),
        (NOVELTY_FILE, _cut, r"novelty\.safetensors to be as an ensemble was saved there"),
        (NOVELTY_FILE, _flipped, r"novelty\.safetensors to be as an ensemble was saved there"),
        (f"{MEMBERS_FOLDER}/main_1", shutil.rmtree, "the member main_1"),
        (f"{MEMBERS_FOLDER}/main_1/complete.json", Path.unlink, "the member main_1"),
        (f"{MEMBERS_FOLDER}/main_1/complete.json", _cut, "the member main_1"),
        (f"{MEMBERS_FOLDER}/main_1/model.safetensors", Path.unlink, "the member main_1"),
        (f"{MEMBERS_FOLDER}/main_1/complete.json", _flipped, "the member main_1"),
        (f"{MEMBERS_FOLDER}/main_1/model.safetensors", _cut, CHANGED),
        (f"{MEMBERS_FOLDER}/main_1/model.safetensors", _flipped, CHANGED),
        (f"{MEMBERS_FOLDER}/main_1/model.json", _flipped, CHANGED),
        (f"{MEMBERS_FOLDER}/kernel_0/kernel.safetensors", _flipped, CHANGED),
        (f"{MEMBERS_FOLDER}/kernel_0/kernel.json", _cut, CHANGED),
    ],
)
def test_a_damaged_folder_is_one_sentence(
    file: str,
    damage: Callable[[Path], Any],
    message: str,
    copied: Path,
    paths: list[Path],
) -> None:
    target = copied / file
    if target.is_file():
        content = target.read_bytes()
        target.unlink()  # it may be a link to the file of another version
        target.write_bytes(content)
    damage(target)
    with pytest.raises(StorageError, match=message) as caught:
        Ensemble.load(copied).answer(paths[0])
    assert "\n" not in str(caught.value)


def test_a_version_costs_no_second_copy_of_the_weights(ensemble: Ensemble, tmp_path: Path) -> None:
    again = ensemble.finished(DECISIONS, None).save(tmp_path / "again")
    for key, checkpoint in again.checkpoints.items():
        file = next(checkpoint.folder.glob("*.safetensors"))
        assert file.stat().st_ino == (ensemble.checkpoints[key].folder / file.name).stat().st_ino


def test_the_fingerprint_is_of_what_decides_an_answer(ensemble: Ensemble, copied: Path) -> None:
    manifest, own = ensemble.manifest, ensemble.fingerprint()
    assert Ensemble.load(copied).fingerprint() == own
    forecast = replace(manifest, forecast={"macro_f1": 0.1}, training_pages={}, packages={})
    assert replace(ensemble, manifest=forecast).fingerprint() == own
    decisions = manifest.decisions
    changes = [
        replace(manifest, jpeg_quality=80),
        replace(manifest, members=manifest.members[1:]),
        replace(manifest, fallback=2),
        replace(manifest, novelty_limit=0.5),
        replace(manifest, decisions=replace(decisions, threshold=0.1)),
        replace(manifest, decisions=replace(decisions, calibration=Calibration(0.61))),
        replace(manifest, decisions=replace(decisions, plan=replace(decisions.plan, rules=()))),
        replace(manifest, decisions=replace(decisions, plan=replace(decisions.plan, weights=None))),
    ]
    prints = {replace(ensemble, manifest=changed).fingerprint() for changed in changes}
    prints.add(replace(ensemble, novelty={0: ensemble.novelty[1], 1: ensemble.novelty[0]}).fingerprint())
    assert len(prints - {own}) == len(changes) + 1


def test_the_newest_version_is_found(ensemble: Ensemble, tmp_path: Path) -> None:
    for version in ("2026-01-02T00", "2026-01-10T00", "2025-12-31T00"):
        folder = tmp_path / "ensemble" / version / "ensemble"
        folder.mkdir(parents=True)
        (folder / ENSEMBLE_FILE).touch()
    (tmp_path / "ensemble" / "2027-01-01T00" / "ensemble").mkdir(parents=True)  # begun, and never finished
    assert newest(tmp_path / "ensemble") == tmp_path / "ensemble" / "2026-01-10T00" / "ensemble"
    assert newest(tmp_path / "ensemble" / "2025-12-31T00") == tmp_path / "ensemble" / "2025-12-31T00" / "ensemble"
    assert ensemble.folder is not None
    assert newest(ensemble.folder) == ensemble.folder
    with pytest.raises(StorageError, match=r"Expected an ensemble in .*nothing"):
        Ensemble.load(tmp_path / "nothing")


@pytest.mark.parametrize("name", ["kernel.safetensors", "complete.json"])
def test_saving_again_replaces_what_is_damaged(ensemble: Ensemble, copied: Path, name: str) -> None:
    target = copied / MEMBERS_FOLDER / "kernel_0" / name
    _flipped(target)
    assert not name.startswith("kernel") or not Ensemble.load(copied).is_whole()
    again = ensemble.save(copied)
    assert again.is_whole()
    assert again.fingerprint() == ensemble.fingerprint()
    assert not list(copied.rglob(".*"))


@pytest.mark.parametrize("name", ["kernel.safetensors", "complete.json"])
def test_a_damaged_member_goes_into_no_ensemble(copied: Path, name: str) -> None:
    loaded = Ensemble.load(copied)
    _flipped(copied / MEMBERS_FOLDER / "kernel_0" / name)
    with pytest.raises(
        StorageError, match=r"/kernel_0.* to be as it was written|a finished member in .*/kernel_0, but"
    ):
        loaded.save(copied.parent / "elsewhere")
    assert not (copied.parent / "elsewhere" / ENSEMBLE_FILE).exists()
