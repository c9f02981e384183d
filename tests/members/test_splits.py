from dataclasses import asdict, astuple, replace
from pathlib import Path

import pandas as pd
import pytest

from docsort.errors import InputError, LeakError
from docsort.images.page_format import PageFormat
from docsort.members.checkpoints import Checkpoint
from docsort.members.splits import Split, join_judged, pages_to_judge, renders_in, split_fold
from docsort.stores import Store
from docsort.tables import FOLD_TABLE, PAGE_FORMAT, RENDERS, VALIDATION_RENDERS

Tables = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
FORMATS = (PageFormat(32, False), PageFormat(64, False), PageFormat(64, True), PageFormat(64, False, False))


@pytest.fixture
def tables() -> Tables:
    """Folds, training renders and validation renders of thirty sources, each in four formats."""
    rows = [
        (f"s{n}~0", f"s{n}", f"s{n}", n % 3, n % 5, 0, *astuple(each), f"/{each}/{n}.jpg")
        for each in FORMATS
        for n in range(30)
    ]
    training = pd.DataFrame(rows, columns=list(RENDERS))
    folds = training[:30].rename(columns={"source_id": "image_id"})[list(FOLD_TABLE)]
    conditions = [("clean", "test_like")[int(row[1][1:]) // 5 % 2] for row in rows]
    return folds, training, training.assign(condition=conditions)[list(VALIDATION_RENDERS)]


@pytest.fixture(params=FORMATS, ids=str)
def checkpoint(tmp_path: Path, request: pytest.FixtureRequest) -> Checkpoint:
    learnt = [f"s{n}" for n in range(30) if n % 5 != 2]
    Store(tmp_path).complete("k", {"name": "fold_2", "learnt_groups": learnt, **asdict(request.param)})
    return Checkpoint(tmp_path / "k", "k")


def formats_of(renders: pd.DataFrame) -> set[PageFormat]:
    return {PageFormat(*row) for row in renders[list(PAGE_FORMAT)].itertuples(index=False)}


@pytest.fixture
def split(tables: Tables) -> Split:
    return split_fold(0, *tables, [2, 0, 1])


@pytest.mark.parametrize("fold", range(5))
def test_a_fold_learns_from_all_other_folds_and_no_page_of_its_own(tables: Tables, fold: int) -> None:
    split = split_fold(fold, *tables, [2, 0, 1])
    assert split.targets == (0, 1, 2)
    assert set(split.training["fold"]) == set(split.validation["fold"]) == set(range(5)) - {fold}
    assert set(split.held_out["fold"]) == {fold}
    assert len(split.training) + len(split.held_out) == len(split.validation) + len(split.held_out) == 120
    assert split.learnt_groups == sorted(f"s{n}" for n in range(30) if n % 5 != fold)
    assert replace(split, learnt_before=("s99", "s1")).learnt_groups == sorted({*split.learnt_groups, "s99", "s1"})


def test_a_specialist_sees_its_classes_alone(tables: Tables) -> None:
    split = split_fold(0, *tables, [0, 2])
    for table in (split.training, split.validation, split.held_out):
        assert set(table["label"]) == {0, 2}


@pytest.mark.parametrize("page_format", FORMATS, ids=str)
def test_a_member_gets_the_renders_of_its_format_and_of_no_other(split: Split, page_format: PageFormat) -> None:
    own = split.at(page_format)
    for name in ("training", "validation", "held_out"):
        whole, part = getattr(split, name), getattr(own, name)
        assert formats_of(whole) == set(FORMATS)
        assert formats_of(part) == {page_format}
        assert len(part) == len(whole) / len(FORMATS)
        assert part.index.tolist() == list(range(len(part)))
    assert own.learnt_groups == split.learnt_groups


def test_a_format_that_was_not_rendered_is_refused_in_one_sentence(split: Split) -> None:
    there = "only renders of 32 pixels, as they lie; 64 pixels at most, of their own shape, as they lie; 64 pixels, as"
    for wanted, said in ((PageFormat(48, False), "48 pixels, as they lie"), (PageFormat(32, True), "32 .* straight")):
        with pytest.raises(InputError, match=f"renders of {said}, as a member .*{there}"):
            split.at(wanted)


def test_renders_of_an_earlier_version_are_refused_in_one_sentence(tables: Tables) -> None:
    with pytest.raises(InputError, match="letterboxed is missing; run the pipeline that writes it again"):
        renders_in(FORMATS[0], tables[1].drop(columns="letterboxed"))


def test_a_member_of_an_earlier_version_wants_letterboxed_pages(tmp_path: Path) -> None:
    Store(tmp_path).complete("k", {"side": 64, "straighten": True})
    assert Checkpoint(tmp_path / "k", "k").page_format == PageFormat(64, True, True)


@pytest.mark.parametrize("which", [1, 2])
def test_tables_of_other_folds_make_no_split_even_where_the_leak_is_of_another_class(
    tables: Tables, which: int
) -> None:
    tables[which].loc[7, "fold"] = 0
    with pytest.raises(LeakError, match=r"renders whose fold is not their source's: s7~0;"):
        split_fold(0, *tables, [0, 2])


def test_training_needs_two_classes(split: Split) -> None:
    for training in (split.training.iloc[:0], split.training[split.training["label"] == 2]):
        with pytest.raises(InputError, match=r"at least two classes to train fold_0 on, but got \d+ renders of [01]"):
            replace(split, training=training).check("fold_0")


def test_both_conditions_are_needed(split: Split) -> None:
    clean = split.held_out[split.held_out["condition"] == "clean"]
    with pytest.raises(InputError, match="but test_like has none"):
        replace(split, held_out=clean).check("fold_0")


@pytest.mark.parametrize("how", ["training", "validation", "learnt_before"])
def test_a_group_on_both_sides_is_a_leak_however_it_was_learnt(split: Split, how: str) -> None:
    split.check("fold_0")
    tables = {name: getattr(split, name).replace({"group": {"s1": "s0"}}) for name in ("training", "validation")}
    leaky = replace(split, learnt_before=("s0",)) if how == "learnt_before" else replace(split, **{how: tables[how]})
    with pytest.raises(LeakError, match="both sides of fold_0, but s0 is in training and in validation"):
        leaky.check("fold_0")


def test_a_missing_column_is_named(split: Split) -> None:
    with pytest.raises(InputError, match="`training renders of fold_0` .*group is missing"):
        replace(split, training=split.training.drop(columns="group")).check("fold_0")


def test_a_member_judges_what_its_fold_held_out_in_the_format_that_it_has_learnt(
    tables: Tables, checkpoint: Checkpoint
) -> None:
    folds, _, validation = tables
    pages = pages_to_judge(checkpoint, "fold_2", 2, folds, validation)
    assert pages["image_id"].tolist() == [f"s{n}" for n in range(30) if n % 5 == 2]
    assert all(path.startswith(f"/{checkpoint.page_format}/") for path in pages["path"])


def test_a_member_whose_pages_were_not_rendered_says_so_and_does_not_judge_none(
    tables: Tables, checkpoint: Checkpoint
) -> None:
    folds, _, validation = tables
    own = renders_in(checkpoint.page_format, validation)
    with pytest.raises(InputError, match=f"Expected renders of {checkpoint.page_format}, as a member wants them"):
        pages_to_judge(checkpoint, "fold_2", 2, folds, validation[~validation["path"].isin(own["path"])])


def test_a_member_of_another_fold_or_task_judges_nothing(tables: Tables, checkpoint: Checkpoint) -> None:
    folds, _, validation = tables
    for name, fold in (("fold_3", 3), ("specialist_certificates_fold_2", 2)):
        with pytest.raises(LeakError, match=f"member {name} .* fold {fold} holds out, but got that of fold_2"):
            pages_to_judge(checkpoint, name, fold, folds, validation)


def test_a_member_does_not_judge_what_it_learnt_under_other_folds(tables: Tables, checkpoint: Checkpoint) -> None:
    folds, _, validation = (table.assign(fold=(table["fold"] + 1) % 5) for table in tables)
    with pytest.raises(LeakError, match=r"has learnt 6 of them: s1~0, s6~0.* dealt anew"):
        pages_to_judge(checkpoint, "fold_2", 2, folds, validation)


def test_a_member_that_does_not_say_what_it_learnt_judges_nothing(tables: Tables, tmp_path: Path) -> None:
    Store(tmp_path).complete("old", {"name": "fold_2"})
    with pytest.raises(LeakError, match="to say what was learnt there, but it does not"):
        pages_to_judge(Checkpoint(tmp_path / "old", "old"), "fold_2", 2, tables[0], tables[2])


def test_pages_that_moved_to_another_fold_are_not_judged(tables: Tables, checkpoint: Checkpoint) -> None:
    folds, _, validation = tables
    moved = folds.assign(fold=folds["fold"].where(folds["image_id"] != "s12", 4))
    with pytest.raises(LeakError, match="whose fold is not their source's: s12~0"):
        pages_to_judge(checkpoint, "fold_2", 2, moved, validation)


def test_joined_predictions_are_each_of_the_fold_that_held_their_page_out(tables: Tables) -> None:
    folds, _, validation = tables
    judged = renders_in(FORMATS[0], validation).rename(columns={"source_id": "image_id"})
    parts = [judged[judged["fold"] == fold] for fold in range(5)]
    assert len(join_judged(folds, parts)) == 30
    assert join_judged(folds, [parts[0].iloc[:0]]).empty
    with pytest.raises(LeakError, match="whose fold is not their source's: s0~0"):
        join_judged(folds, [parts[0].assign(fold=3), parts[1]])
