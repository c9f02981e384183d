"""Sources, groups and folds are followed through renders and predictions, on many random layouts.

The oracle never asks the check: it knows every row as it was made, by its id, and who was in which group.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pandas as pd
import pytest

from docsort.errors import LeakError
from docsort.folds import FOLD_COUNT, check_no_leak, make_folds
from docsort.images.page_format import PageFormat
from docsort.members.splits import split_fold
from docsort.tables import PREDICTION_KEYS, RENDERS, VALIDATION_RENDERS

LAYOUTS = [seed if seed < 8 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(25)]
"""Each has hundreds of rows, and a size and groups of its own."""
CORRUPTED = [seed if seed < 3 else pytest.param(seed, marks=pytest.mark.slow) for seed in range(6)]
SIDE = 32

Rng = np.random.Generator
Facts = tuple[str, str, int, int]
"""source, group, label and fold of a row."""


@dataclass
class Layout:
    """A drawn job: what each source is, and the tables that an honest run makes of it. Tests copy what they change."""

    sources: dict[str, tuple[str, int]]
    folds: pd.DataFrame
    derived: dict[str, pd.DataFrame]
    made: dict[str, Facts]

    def replace(self, name: str, table: pd.DataFrame) -> list[pd.DataFrame]:
        return [table if key == name else kept for key, kept in self.derived.items()]


@lru_cache
def draw_layout(seed: int) -> Layout:
    """2 to 7 classes of 2 to 14 groups of 1 to 7 sources, some labelled against their group; any number of renders."""
    rng = np.random.default_rng(seed)
    classes = int(rng.integers(2, 8))
    sizes = rng.integers(2, 15, size=classes)
    sizes[rng.integers(classes)] = rng.integers(FOLD_COUNT, 15)
    sources: dict[str, tuple[str, int]] = {}
    for label in range(classes):
        for group in range(sizes[label]):
            for member in range(int(rng.choice([1, 1, 1, 2, 4, 7]))):
                conflict = member > 0 and rng.random() < 0.1
                name = f"{len(sources):04d}.jpg"
                sources[name] = (f"g{label}-{group}", int(rng.integers(classes)) if conflict else label)
    images = pd.DataFrame([(name, *facts) for name, facts in sources.items()], columns=["image_id", "group", "label"])
    folds = make_folds(images.sample(frac=1, random_state=seed), seed)
    dealt = dict(zip(folds["image_id"], folds["fold"].tolist(), strict=True))
    made: dict[str, Facts] = {}
    training, validation = [], []
    for name, (group, label) in sources.items():
        conditions = [("clean", 0), *(("test_like", copy) for copy in range(int(rng.integers(1, 4))))]
        kinds = [("training", copy) for copy in range(int(rng.integers(1, 7)))]
        for kind, copy in kinds + conditions:
            render = f"{name}~{kind}-{copy}"
            made[render] = (name, group, label, dealt[name])
            row = (render, name, group, label, dealt[name], copy, SIDE, True, True, f"/renders/{render}")
            (training.append(row) if kind == "training" else validation.append((*row, kind)))
    derived = {
        "training": pd.DataFrame(training, columns=list(RENDERS)),
        "validation": pd.DataFrame(validation, columns=list(VALIDATION_RENDERS)),
    }
    derived |= {model: predict(derived["validation"], model) for model in ("main", "specialist")}
    return Layout(sources, folds, derived, made)


def predict(validation: pd.DataFrame, model: str) -> pd.DataFrame:
    """What a model of each fold says of what that fold holds out, in two turns."""
    pages = validation.rename(columns={"source_id": "image_id"})
    turns = pd.concat(
        [pages.assign(model=model, turn=turn, scale=100, p_0=0.25, p_1=0.75) for turn in (0, 5)], ignore_index=True
    )
    return turns[[*PREDICTION_KEYS, "p_0", "p_1"]]


def offenders(layout: Layout, table: pd.DataFrame) -> set[str]:
    """The oracle: ids of rows that are not as they were made."""
    source = "source_id" if "source_id" in table else "image_id"
    rows = table[["render_id", source, "group", "label", "fold"]].itertuples(index=False)
    return {row[0] for row in rows if layout.made[row[0]] != tuple(row[1:])}


def pages_on_both_sides(layout: Layout, training: pd.DataFrame, validation: pd.DataFrame) -> set[str]:
    """The oracle of what a leak is: groups, as they were drawn, that a fold would both learn and be judged on."""
    shared: set[str] = set()
    for fold in range(FOLD_COUNT):
        learnt = {layout.made[render][1] for render in training.loc[training["fold"] != fold, "render_id"]}
        judged = {layout.made[render][1] for render in validation.loc[validation["fold"] == fold, "render_id"]}
        shared |= learnt & judged
    return shared


@pytest.mark.parametrize("seed", LAYOUTS)
def test_an_honest_layout_passes_and_no_model_is_judged_on_a_group_it_learnt(seed: int) -> None:
    layout = draw_layout(seed)
    training, validation = layout.derived["training"], layout.derived["validation"]
    check_no_leak(layout.folds, *layout.derived.values())
    assert set(layout.folds["fold"]) == set(range(FOLD_COUNT))
    assert not pages_on_both_sides(layout, training, validation)
    labels = sorted({label for _, label in layout.sources.values()})
    few = sorted(np.random.default_rng(seed).choice(labels, size=2, replace=False).tolist())
    for targets in (labels, few):
        for fold in range(FOLD_COUNT):
            split = split_fold(fold, layout.folds, training, validation, targets).at(PageFormat(SIDE, straighten=True))
            learnt = {layout.made[render] for render in split.training["render_id"]}
            calibrated_on = {layout.made[render] for render in split.validation["render_id"]}
            judged = {layout.made[render] for render in split.held_out["render_id"]}
            assert not {facts[1] for facts in learnt | calibrated_on} & {facts[1] for facts in judged}
            assert {facts[1] for facts in learnt | calibrated_on} == set(split.learnt_groups)
            wanted = {(name, *facts) for name, facts in layout.sources.items() if facts[1] in targets}
            assert {facts[:3] for facts in learnt | judged} == wanted
            assert {facts[3] for facts in judged} <= {fold}


def move_to_another_fold(layout: Layout, table: pd.DataFrame, row: int, rng: Rng) -> None:
    table.loc[row, "fold"] = (table.loc[row, "fold"] + int(rng.integers(1, FOLD_COUNT))) % FOLD_COUNT


def swap_the_source(layout: Layout, table: pd.DataFrame, row: int, rng: Rng) -> None:
    """For any other, of the same group too."""
    source = "source_id" if "source_id" in table else "image_id"
    table.loc[row, source] = rng.choice([name for name in layout.sources if name != table.loc[row, source]])


def swap_source_and_facts(layout: Layout, table: pd.DataFrame, row: int, rng: Rng) -> None:
    """All facts agree with each other: only the id still tells."""
    swap_the_source(layout, table, row, rng)
    source = "source_id" if "source_id" in table else "image_id"
    facts = layout.folds.set_index("image_id").loc[table.loc[row, source]]
    for name in ("group", "label", "fold"):
        table.loc[row, name] = facts[name]


def change_the_group(layout: Layout, table: pd.DataFrame, row: int, rng: Rng) -> None:
    own = table.loc[row, "group"]
    table.loc[row, "group"] = rng.choice(
        ["elsewhere", *sorted({group for group, _ in layout.sources.values()} - {own})]
    )


def change_the_label(layout: Layout, table: pd.DataFrame, row: int, rng: Rng) -> None:
    table.loc[row, "label"] += int(rng.integers(1, 5))


def forget_the_source(layout: Layout, table: pd.DataFrame, row: int, rng: Rng) -> None:
    table.loc[row, "source_id" if "source_id" in table else "image_id"] = "9999.jpg"


CORRUPTIONS: list[Callable[[Layout, pd.DataFrame, int, Rng], None]] = [
    move_to_another_fold,
    swap_the_source,
    swap_source_and_facts,
    change_the_group,
    change_the_label,
    forget_the_source,
]


def corrupted(seed: int, corrupt: Callable[..., None], rows: int) -> Iterator[tuple[Layout, str, pd.DataFrame]]:
    """For each table of a layout: its name, and the table with some rows corrupted."""
    layout, rng = draw_layout(seed), np.random.default_rng([seed, rows])
    for name, honest in layout.derived.items():
        table = honest.copy()
        for row in rng.choice(len(table), size=min(rows, len(table)), replace=False).tolist():
            corrupt(layout, table, row, rng)
        yield layout, name, table


@pytest.mark.parametrize("seed", CORRUPTED)
@pytest.mark.parametrize("corrupt", CORRUPTIONS)
def test_one_corrupted_row_in_any_table_is_refused_by_its_id(corrupt: Callable[..., None], seed: int) -> None:
    for layout, name, table in corrupted(seed, corrupt, rows=1):
        (culprit,) = offenders(layout, table)
        with pytest.raises(LeakError, match=rf"[:,] {re.escape(culprit)}[,;]") as caught:
            check_no_leak(layout.folds, *layout.replace(name, table))
        innocent = set(layout.made) - {culprit}
        assert not innocent & set(re.findall(r"\d{4}\.jpg~\w+-\d", str(caught.value)))


@pytest.mark.parametrize("seed", LAYOUTS)
def test_whatever_puts_a_page_on_both_sides_is_refused(seed: int) -> None:
    """Any number of rows of the manifests moved at once: all named up to ten, and no leak gets past."""
    rng = np.random.default_rng(seed)
    for layout, name, table in corrupted(seed, move_to_another_fold, rows=int(rng.integers(1, 8))):
        found = offenders(layout, table)
        tables = layout.replace(name, table)
        with pytest.raises(LeakError, match="renders whose fold is not their source's: ") as caught:
            check_no_leak(layout.folds, *tables)
        assert all(culprit in str(caught.value) for culprit in found)
        if name == "validation":
            assert pages_on_both_sides(layout, tables[0], tables[1]), "the move that was refused is a leak"


@pytest.mark.parametrize("seed", LAYOUTS)
def test_folds_that_were_dealt_anew_do_not_fit_the_old_renders(seed: int) -> None:
    """Every render and prediction of a source that moved is refused, whoever reads it first."""
    layout = draw_layout(seed)
    images = layout.folds.drop(columns="fold")
    other = next(made for more in range(1, 50) if not (made := make_folds(images, seed + more)).equals(layout.folds))
    for table in layout.derived.values():
        with pytest.raises(LeakError, match="renders whose fold is not their source's: "):
            check_no_leak(other, table)


@pytest.mark.parametrize("seed", LAYOUTS)
def test_a_member_that_leaves_its_groups_fold_is_refused_with_its_group_and_its_renders(seed: int) -> None:
    layout = draw_layout(seed)
    groups = [group for group, _ in layout.sources.values()]
    name, group = next((n, g) for n, (g, _) in reversed(layout.sources.items()) if groups.count(g) > 1)
    folds = layout.folds.copy()
    folds.loc[folds["image_id"] == name, "fold"] += 1
    with pytest.raises(LeakError, match=rf"groups in several folds: {group}; .*{re.escape(name)}~training-0"):
        check_no_leak(folds, *layout.derived.values())


def test_tables_as_other_libraries_type_them_are_compared_by_value() -> None:
    layout = draw_layout(3)
    types = {"group": "category", "label": "Int64", "fold": "float64", "source_id": "string"}
    training = layout.derived["training"].astype(types)
    check_no_leak(layout.folds.astype({"group": "string", "fold": "int8"}), training)
    for column in ("group", "label", "fold"):
        holed = training.copy()
        holed.loc[4, column] = None
        with pytest.raises(LeakError, match=f"whose {column} is not their source's: {holed.loc[4, 'render_id']};"):
            check_no_leak(layout.folds, holed)


def test_a_render_or_a_prediction_that_is_there_twice_is_refused() -> None:
    layout = draw_layout(4)
    for name, table in layout.derived.items():
        twice = pd.concat([table, table.iloc[[7]]], ignore_index=True)
        with pytest.raises(LeakError, match=f"renders listed twice: {table.loc[7, 'render_id']};"):
            check_no_leak(layout.folds, *layout.replace(name, twice))


def test_a_source_without_a_group_is_refused() -> None:
    layout = draw_layout(5)
    folds = layout.folds.copy()
    folds.loc[2, "group"] = None
    with pytest.raises(LeakError, match=f"without a fold, a group or a label: {folds.loc[2, 'image_id']};"):
        check_no_leak(folds)
