import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest
from toy_reader import BLANK, FACTS, HEADINGS, SOURCES, TARGETS, MakeTask, Toy, draw, make_split, text_of

from docsort.errors import InputError, WeightsError
from docsort.images.reading import read_rgb
from docsort.members.checkpoints import Checkpoint
from docsort.members.fitting import check_task, fit
from docsort.members.pages import PhotoPages, RenderPages
from docsort.members.prediction import predict
from docsort.members.splits import Split
from docsort.members.views import all_views
from docsort.reading.kind import ReadingKind, ReadingTask
from docsort.reading.model import FACTS_FILE, ReadingMember
from docsort.reading.parameters import ReadingParameters
from docsort.stores import Store
from docsort.tables import probability_columns
from docsort.work.executor import Lease, stop_work

CLASSES = pd.DataFrame({"target": TARGETS, "class_name": ["bill", "passport", "drugs"]})
KIND = ReadingKind()


def learn(task: ReadingTask, store: Store) -> Checkpoint:
    """As `fit` does, in this process, where the toy reads."""
    check_task(task)
    key = task.key()
    record = task.run(store.folder(key), Lease(("cpu",), 1))
    store.complete(key, {**record, "name": task.name, "kind": task.kind})
    return Checkpoint(store.folder(key), key)


def ask(member: Any, pages: Any) -> Any:
    empty = np.full((len(pages), 1, len(TARGETS)), np.nan, dtype=np.float32)
    return member.predict(pages, all_views((0,)), empty)[:, 0]


@pytest.fixture
def photos() -> list[Any]:
    return [draw(TARGETS[number % 3], number, worn=number > 3) for number in range(8)]


def test_what_a_fold_holds_out_is_not_learnt_and_worn_copies_are_of_its_own_pages(make_task: MakeTask) -> None:
    known = make_task(worn_copies=2).known
    pages = 2 * SOURCES * 2 // 3
    assert (len(known.pages), int(known.as_read.sum()), int(known.test_like.sum())) == (3 * pages, pages, pages // 2)
    assert set(known.folds) == {1, 2}
    assert set(known.labels) == {0, 1, 2}
    assert not (known.test_like & ~known.as_read).any()
    assert int(make_task(damaged=0).known.test_like.sum()) == 0
    some = make_task(damaged=0.5).known
    assert 0 < some.test_like.sum() < pages // 2


def test_unseen_pages_are_told_by_their_words(make_task: MakeTask, cache: Store, tmp_path: Path) -> None:
    task = make_task()
    held_out = task.split.held_out
    member = KIND.load(learn(task, Store(tmp_path / "models")), "cpu")
    found = ask(member, RenderPages(held_out["path"].tolist(), cache=cache))
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-6)
    assert (np.array(TARGETS)[found.argmax(axis=1)] == held_out["label"]).all()


def test_served_is_judged(make_task: MakeTask, cache: Store, tmp_path: Path, toy: Toy, photos: list[Any]) -> None:
    """A render that was read in training, one that is read now, and the photo it is of, get the same answer, bit for
    bit, whatever is beside them."""
    task = make_task()
    member: Any = KIND.load(learn(task, Store(tmp_path / "models")), "cpu")
    paths = []
    for number, photo in enumerate(photos):
        paths.append(str(tmp_path / f"{number}.jpg"))
        Path(paths[-1]).write_bytes(member.facts.page_format.stored(photo, 90))
    served = ask(member, PhotoPages(photos, False, 90))
    judged = ask(member, RenderPages(paths, cache=cache))
    assert len(np.unique(served, axis=0)) > 3
    np.testing.assert_array_equal(served, judged)
    for number, photo in enumerate(photos):
        np.testing.assert_array_equal(ask(member, PhotoPages([photo], False, 90))[0], served[number])
    known = np.full((8, 1, 3), np.nan, dtype=np.float32)
    known[2] = 0.25
    filled = member.predict(PhotoPages(photos, False, 90), all_views((0,)), known)
    assert (filled[2] == 0.25).all()
    np.testing.assert_array_equal(np.delete(filled[:, 0], 2, axis=0), np.delete(served, 2, axis=0))


@pytest.mark.parametrize("keep_text", [True, False])
def test_a_page_is_read_once_whoever_asks(
    make_task: MakeTask, cache: Store, tmp_path: Path, toy: Toy, photos: list[Any], keep_text: bool
) -> None:
    first, second = (make_task(fold, keep_text=keep_text) for fold in (0, 1))
    assert len(toy.read) == len(set(toy.read)) == 2 * SOURCES
    members = [KIND.load(learn(task, Store(tmp_path / "models")), "cpu") for task in (first, second)]
    toy.read.clear()
    ask(members[0], RenderPages(first.split.held_out["path"].tolist(), cache=cache))
    assert toy.read == []
    pages = PhotoPages(photos, False, 90)
    answers = [ask(member, pages) for member in members]
    assert len(toy.read) == len(photos)
    assert not np.array_equal(*answers)


def test_a_page_without_text_is_answered_with_the_class_shares(
    make_task: MakeTask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = make_task()
    rows = task.known.labels != 2
    few = type(task.known)(
        [page for page, is_in in zip(task.known.pages, rows, strict=True) if is_in],
        *(getattr(task.known, name)[rows] for name in ("labels", "folds", "test_like", "as_read")),
    )
    few.labels[:8] = 1
    object.__setattr__(task, "known", few)
    member = KIND.load(learn(task, Store(tmp_path / "models")), "cpu")
    blank = np.full((40, 56, 3), BLANK, dtype=np.uint8)
    assert text_of(blank).lines == ()
    shares = np.bincount(few.labels[few.as_read], minlength=3) / few.as_read.sum()
    assert 0 == shares[2] < shares[0] < shares[1]
    np.testing.assert_allclose(ask(member, PhotoPages([blank, draw(2, 1)], False, 90))[0], shares, rtol=1e-6)


def test_without_text_of_two_classes_nothing_is_learnt(make_task: MakeTask) -> None:
    task = make_task()
    blank = [type(page)({}, page.numbers) for page in task.known.pages]
    known = type(task.known)(blank, task.known.labels, task.known.folds, task.known.test_like, task.known.as_read)
    object.__setattr__(task, "known", known)
    with pytest.raises(
        InputError, match="Expected text on pages of two classes at least to make reading_fold_0, but 0"
    ):
        task.check()


def test_the_key_changes_with_all_that_decides_the_answers(make_task: MakeTask, toy: Toy) -> None:
    same, key = make_task(seconds=3, optional=True, ask_share=0.5).key(), make_task().key()
    assert same == key
    changes: list[dict[str, Any]] = [
        {"titles": {2: ["Invoice"]}},
        {"keep_text": False},
        {"worn_copies": 1},
        {"damaged": 0.5},
        {"lines": 5},
        {"fold": 1},
    ]
    keys = {make_task(**change).key() for change in changes}
    toy.facts = {**FACTS, "models": {"toy.onnx": "cd"}}
    assert len(keys | {key, make_task().key()}) == len(changes) + 2


def test_two_learnings_leave_the_same_bytes(make_task: MakeTask, tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_task(keep_text=name == "c").run(tmp_path / name, Lease(("cpu",), 1))
    for file in KIND.files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()


def test_an_engine_with_other_models_is_not_asked(
    make_task: MakeTask, tmp_path: Path, toy: Toy, photos: list[Any]
) -> None:
    member = KIND.load(learn(make_task(), Store(tmp_path / "models")), "cpu")
    toy.facts = {**FACTS, "versions": {"toy": "2"}}
    before = ask(member, PhotoPages(photos, False, 90))
    toy.facts = {**FACTS, "models": {"toy.onnx": "cd"}}
    with pytest.raises(InputError, match=r"read as it did when the member in .* has other models; install toy 1, with"):
        ask(member, PhotoPages(photos, False, 90))
    assert not np.isnan(before).any()


@pytest.mark.parametrize("keep_text", [True, False])
def test_without_leave_to_keep_text_no_word_of_a_page_is_in_any_file(
    make_task: MakeTask, cache: Store, tmp_path: Path, keep_text: bool
) -> None:
    task = make_task(keep_text=keep_text, titles={2: ["Bill of sale"]})
    learn(task, Store(tmp_path / "models"))
    files = [path for root in (cache.root, tmp_path / "models") for path in root.rglob("*") if path.is_file()]
    assert len(files) > 40
    data = b"\n".join(path.read_bytes() for path in files).lower()
    words = ["zanzibar", "amount", "tablets", *(heading.lower() for heading in HEADINGS)]
    found = [word for word in words if word.encode() in data]
    assert found == (words if keep_text else [])
    # nor parts of them: the terms are numbers
    terms = json.loads(next((tmp_path / "models").rglob(FACTS_FILE)).read_bytes())["terms"]
    assert all(term[1:].isdecimal() for term in terms) != keep_text


def test_titles_are_named_by_class_or_by_number_and_none_is_made_up() -> None:
    given = ReadingParameters.model_validate({"titles": {"bill": ["Invoice"], "2": ["Rechnung"], 9: ["Rezept"]}})
    assert KIND.named(given, CLASSES).titles == {2: ("Invoice", "Rechnung"), 9: ("Rezept",)}
    wrong = ReadingParameters.model_validate({"titles": {"bills": ["Invoice"], 7: ["Rezept"]}})
    with pytest.raises(
        InputError, match=r"`titles` of a reading member to name classes of the data, but got bills, 7;"
    ):
        KIND.named(wrong, CLASSES)


def test_a_title_tells_a_class_that_has_been_seen_without_it(make_task: MakeTask, tmp_path: Path) -> None:
    task = make_task(titles={2: ["Inv0ice"], 5: ["Pass port"]})
    page = next(page for page, label in zip(task.known.pages, task.known.labels, strict=True) if label == 0)
    assert page.numbers[-4] > 0.5 > page.numbers[-3]
    assert dict(task.facts.reading.wanted.titles) == {2: ("Inv0ice",), 5: ("Pass port",)}


def test_a_member_that_may_be_missing_is_left_out_and_one_that_may_not_is_refused(toy: Toy) -> None:
    may, must = ReadingParameters(optional=True), ReadingParameters()
    assert KIND.left_out(may) == KIND.left_out(must) == ""
    toy.missing = "Expected an engine, but there is none; install docsort[reading]."
    assert (KIND.left_out(may), KIND.left_out(must)) == (toy.missing, "")
    with pytest.raises(InputError, match="Expected an engine, but there is none"):
        KIND.check(must)


def test_damaged_files_are_refused(make_task: MakeTask, tmp_path: Path) -> None:
    make_task().run(tmp_path / "a", Lease(("cpu",), 1))
    facts = json.loads((tmp_path / "a" / FACTS_FILE).read_text())
    (tmp_path / "a" / FACTS_FILE).write_text(json.dumps({**facts, "terms": facts["terms"][1:]}))
    with pytest.raises(WeightsError, match=r"Expected the weights of \d+ terms"):
        ReadingMember(tmp_path / "a")
    (tmp_path / "a" / FACTS_FILE).write_text(json.dumps({**facts, "reads": {"engine": "eye"}}))
    with pytest.raises(WeightsError, match=r"reading\.json to describe a reader"):
        ReadingMember(tmp_path / "a")


@pytest.mark.slow
def test_a_real_engine_reads_in_workers_and_what_is_served_is_what_was_judged(tmp_path: Path) -> None:
    pytest.importorskip("rapidocr")
    cache, headings = Store(tmp_path / "predictions"), ("INVOICE", "PASSPORT", "RECIPE")
    parameters = ReadingParameters(image_size=320, language="latin", lines=2)
    split = make_split(tmp_path, cache)
    parts = [table.assign(side=320) for table in (split.training, split.validation, split.held_out)]
    for path, label in pd.concat(parts)[["path", "label"]].drop_duplicates().itertuples(index=False):
        picture = np.full((120, 300, 3), 255, dtype=np.uint8)
        words = f"{headings[TARGETS.index(label)]} {Path(path).stem[1:3]}"
        cv2.putText(picture, words, (10, 60 + len(path) % 7), cv2.FONT_HERSHEY_SIMPLEX, 1, (0, 0, 0), 2)
        cv2.imwrite(path, picture)
    own = Split(0, TARGETS, *parts, cache=cache)
    try:
        checkpoint = fit(KIND.task("reading_fold_0", own, parameters, 1), Store(tmp_path / "models"))
        pages = own.held_out[own.held_out["condition"] == "clean"].rename(columns={"source_id": "image_id"})
        judged = predict(KIND, checkpoint, pages, all_views((0, 5)), "reading", cache)
        photos = [read_rgb(path) for path in pages["path"]]
        served = ask(KIND.load(checkpoint, "cpu"), PhotoPages(photos, False, 100))
    finally:
        stop_work()
    values = judged[probability_columns(judged)].to_numpy()
    assert (np.array(TARGETS)[values[::2].argmax(axis=1)] == pages["label"]).all()
    np.testing.assert_array_equal(values[::2], values[1::2])
    assert (served.argmax(axis=1) == values[::2].argmax(axis=1)).all()
    assert checkpoint.record()["engine"]["engine"] == "rapidocr"  # type: ignore[index]
