from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest
from drawn_pages import looked_at, renders

from docsort.errors import InputError, LeakError
from docsort.looking.looks import ARRAYS_FILE, load_look
from docsort.looking.parameters import LookParameters
from docsort.looking.tasks import LookTask, learn_look, look_task
from docsort.stores import Store


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Training renders: three worn copies and the plain one of each source. Validation renders: both views."""
    plain = renders()
    copies = [plain.drop(columns="view").assign(copy=n, render_id=plain["render_id"] + f"w{n}") for n in range(4)]
    test_like = plain.assign(view="test_like", render_id=plain["render_id"] + "t")
    return pd.concat(copies, ignore_index=True), pd.concat([plain, test_like], ignore_index=True)


def test_what_a_fold_holds_out_has_no_part_in_its_look(task: LookTask, tmp_path: Path) -> None:
    for part in (task.plain, task.worn, task.probes):
        assert set(part["fold"]) == {1, 2}
    learnt = (learn_look(task, Store(tmp_path)).record() or {})["learnt_groups"]
    plain = renders()
    assert set(learnt) == set(plain.loc[plain["fold"] != 0, "group"])


def test_a_group_on_both_sides_is_refused() -> None:
    training, validation = tables()
    crossing = training.assign(group=training["group"].replace("g01", "g00"))
    with pytest.raises(LeakError, match="no group of pages on both sides of look_fold_0, but g00"):
        look_task("look_fold_0", 0, crossing, validation, looked_at(validation), [0, 1, 2], LookParameters())


def test_as_many_worn_copies_are_learnt_as_wanted_and_fit() -> None:
    training, validation = tables()
    for worn, pages, expected in ((2, 1500, 24), (0, 1500, 0), (3, 50, 36)):
        parameters = LookParameters(worn=worn, pages=pages)
        task = look_task("x", 0, training, validation, looked_at(validation.iloc[:1]), [0, 1, 2], parameters)
        assert len(task.worn) == expected
        assert (task.worn["copy"] > 0).all()


def test_a_finished_look_is_found_again_and_other_pages_make_another(task: LookTask, tmp_path: Path) -> None:
    store = Store(tmp_path)
    first = learn_look(task, store)
    changed = (first.folder / ARRAYS_FILE).stat().st_mtime_ns
    assert learn_look(task, store).key == first.key
    assert (first.folder / ARRAYS_FILE).stat().st_mtime_ns == changed
    assert learn_look(replace(task, worn=task.worn.iloc[:-1]), store).key != first.key


def test_two_learnings_of_the_same_pages_leave_the_same_bytes(task: LookTask, tmp_path: Path) -> None:
    files = [learn_look(task, Store(tmp_path / name)).folder / ARRAYS_FILE for name in ("a", "b")]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert load_look(files[0].parent).seen == (True, True, True, False)


def test_nothing_is_learnt_without_pages(task: LookTask, tmp_path: Path) -> None:
    for part in ("plain", "probes"):
        with pytest.raises(InputError, match="Expected plain and test-like pages of two folds"):
            learn_look(replace(task, **{part: getattr(task, part).iloc[:0]}), Store(tmp_path))
    assert not list(tmp_path.iterdir())
