from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from docsort.errors import InputError, StorageError
from docsort.images.page_format import PageFormat
from docsort.kernel.kind import KernelKind
from docsort.member_kinds import KINDS, Members, changed, histories_of, kind_of, merged, task_name, tasks_of
from docsort.members.checkpoints import HISTORY, HISTORY_FILE, Checkpoint
from docsort.members.splits import Split
from docsort.parameters import read
from docsort.stores import Store
from docsort.training.kind import NetworkKind

MAIN: dict[str, Any] = {
    "kind": "network",
    "backbone": "lcnet_035",
    "pretrained": False,
    "image_size": 32,
    "epochs": 3,
    "patience": 3,
    "batch_size": 8,
    "learning_rate": {"scratch": 0.003, "pretrained": 0.001},
}
KERNEL: dict[str, Any] = {"kind": "kernel", "image_size": 64}


def members(main: dict[str, Any] | None = None, **others: Any) -> Members:
    return Members.model_validate({"main": MAIN if main is None else main, **others})


def test_members_are_read_by_their_kind_in_their_order() -> None:
    found = members(kernel=KERNEL, second={**MAIN, "epochs": 5})
    assert [name for name, _ in found] == ["main", "kernel", "second"]
    assert [type(member) for _, member in found] == [KINDS[member.kind].Parameters for _, member in found]
    assert found["second"].model_dump() == {**found.main.model_dump(), "epochs": 5}
    assert found.main is found["main"]


def test_a_member_that_is_not_enabled_is_left_out_and_so_is_its_side() -> None:
    slanted = {"like": "main", "straighten": False}
    found = members(kernel=KERNEL, small={**KERNEL, "image_size": 16}, slanted=slanted)
    wanted = [PageFormat(16, True), PageFormat(32, False), PageFormat(32, True), PageFormat(64, True)]
    assert list(found.page_formats) == wanted
    off = members(kernel={**KERNEL, "enabled": False})
    assert [name for name, _ in off] == ["main"]
    assert off.page_formats == {PageFormat(32, True): None}
    assert not off["kernel"].enabled


def test_a_reader_gets_pages_of_their_own_shape_and_no_copies(monkeypatch: pytest.MonkeyPatch) -> None:
    reader = {"kind": "reading", "image_size": 800, "optional": True}
    found = members(reader=reader)
    assert found.page_formats == {PageFormat(32, True): None, PageFormat(800, False, letterboxed=False): 0}
    monkeypatch.setattr(KINDS["reading"], "left_out", lambda parameters: "there is no engine")
    assert found.left_out == {"reader": "there is no engine"}
    assert [name for name, _ in found] == ["main"]
    assert list(found.page_formats) == [PageFormat(32, True)]
    assert members(reader={**reader, "enabled": False}).left_out == {}


def test_names_of_classes_become_numbers_in_all_members_or_are_refused_together() -> None:
    classes = pd.DataFrame({"target": [3, 7], "class_name": ["diagnosis", "bill"]})
    given = members(
        first={"kind": "reading", "titles": {"bill": ["Invoice"]}},
        second={"kind": "reading", "titles": {3: ["진단서"]}},
    )
    named = given.named(classes)
    assert [named[name].titles for name in ("first", "second")] == [{7: ("Invoice",)}, {3: ("진단서",)}]
    assert named.main is given.main
    with pytest.raises(InputError, match=r"but got bill; .*\n.*but got 3; "):
        given.named(classes.assign(target=[1, 2], class_name=["a", "b"]))


def test_a_member_like_another_has_its_parameters_with_changes_of_its_own() -> None:
    like = {"like": "main", "backbone": "resnet10t", "learning_rate": {"scratch": 0.01}}
    second = members(second=like)["second"]
    expected = {**members().main.model_dump(), "backbone": "resnet10t"}
    assert second.model_dump() == {**expected, "learning_rate": {"scratch": 0.01, "pretrained": 0.001}}
    assert members(second={"like": "main"})["second"] == members().main


def test_members_that_were_read_can_be_read_again() -> None:
    found = members(kernel=KERNEL, second={"like": "main", "epochs": 5})
    assert Members.model_validate(found.model_dump()) == found
    assert Members.model_validate({**found.root, "third": {"like": "second"}})["third"] == found["second"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"main": {**MAIN, "kind": "tree"}}, r"`members\.main\.kind` to be one of network, kernel, .*, but got 'tree'"),
        ({"main": {"epochs": 1}}, r"`members\.main\.kind` to be one of network, kernel, .*, but got null"),
        ({"kernel": KERNEL}, r"`members\.main` to be there, enabled, and of the kind network"),
        ({"main": KERNEL}, r"`members\.main` to be there, enabled, and of the kind network"),
        ({"main": {**MAIN, "enabled": False}}, r"`members\.main` to be there, enabled, and of the kind network"),
        (
            {"main": {**MAIN, "epoch": 1}},
            r"but there is no `members\.main\.epoch`; did you mean epochs, ",
        ),
        (
            {"main": {**MAIN, "epoch": 1, "loss": {"focal": -1}}},
            r"`members\.main\.loss\.focal` to be a number of at least 0, but got -1;.*\n.*no `members\.main\.epoch`",
        ),
        (
            {"main": MAIN, "kernel": {**KERNEL, "backbone": "x"}},
            r"but there is no `members\.kernel\.backbone`; there are kind, enabled, straighten, ask_share, image_size",
        ),
        (
            {"main": MAIN, "second": {"like": "third"}},
            r"`members\.second\.like` to name another member.*'third'",
        ),
        ({"main": MAIN, "second": {"like": "second"}}, r"`members\.second\.like` to name another member"),
        ({"main": MAIN, "second": {"like": []}}, r"`members\.second\.like` to name another member, but got \[\]"),
        (
            {"main": MAIN, "second": {"like": "main"}, "third": {"like": "second"}},
            "the member second, which third is like, to stand by itself, but it is like another",
        ),
        ({"main": MAIN, "second": 3}, r"`members\.second` to be a group of parameters, but got 3"),
        (
            {"main": MAIN, "second": {"like": "main", "batch_size": 1}},
            r"`members\.second\.batch_size` to be a whole number of at least 2, but got 1;",
        ),
        ({"main": MAIN, "specialist_x": {"like": "main"}}, "do not begin with specialist, but got specialist_x"),
        ({"main": MAIN, "Second model": {"like": "main"}}, "of small letters, digits and _, .* but got Second model"),
        (["main"], r"`members` to name members and what they are, but got \['main'\]"),
    ],
)
def test_members_that_cannot_be_are_refused_in_plain_words(values: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(Members, values, "members")


def test_trainings_have_names_of_their_own() -> None:
    assert task_name("main", 2) == "fold_2"
    assert task_name("second", 2) == "second_fold_2"


def test_every_enabled_member_has_a_task_on_the_fold_the_late_ones_by_themselves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []
    for kind in (NetworkKind, KernelKind):
        monkeypatch.setattr(kind, "task", lambda self, *args: asked.append((self.name, *args)) or args[0])
    off, late = {"like": "main", "enabled": False}, {"like": "main", "ask_share": 0.3}
    found = members(kernel=KERNEL, second={"like": "main"}, third=off, fourth=late)
    split = Split(3, (0, 1), *[None] * 3)  # type: ignore[list-item]
    assert tasks_of(found.late, split, 7) == {"fourth": "fourth_fold_3"}
    asked.clear()
    assert tasks_of(found.general, split, 7) == {"main": "fold_3", "kernel": "kernel_fold_3", "second": "second_fold_3"}
    assert asked[1] == ("kernel", "kernel_fold_3", split, found["kernel"], 7)
    assert [kind for kind, *_ in asked] == ["network", "kernel", "network"]


def test_a_checkpoint_is_opened_by_the_kind_that_made_it(tmp_path: Path) -> None:
    for kind in ("network", "kernel", "tree"):
        Store(tmp_path).complete(kind, {"kind": kind})
    network, kernel, tree = (Checkpoint(tmp_path / kind, kind) for kind in ("network", "kernel", "tree"))
    assert (kind_of(network), kind_of(kernel)) == (KINDS["network"], KINDS["kernel"])
    with pytest.raises(StorageError, match="a kind among network, kernel, .*, but it is a tree; install the version"):
        kind_of(tree)


def test_histories_are_of_the_members_that_have_epochs(tmp_path: Path) -> None:
    (tmp_path / "main").mkdir()
    (tmp_path / "main" / HISTORY_FILE).write_text("epoch,train_loss\n1,0.5\n2,0.4\n")
    main, kernel = (Checkpoint(tmp_path / name, name) for name in ("main", "kernel"))
    table = histories_of({"main": main, "kernel": kernel}, 3)
    assert table[["model", "fold", "epoch"]].to_numpy().tolist() == [["main", 3, 1], ["main", 3, 2]]
    empty = histories_of({"kernel": kernel}, 3)
    assert empty.empty
    assert empty.columns.tolist() == [*HISTORY, "model", "fold"]


def test_groups_are_merged_key_by_key_and_the_rest_is_replaced() -> None:
    base = {"a": {"b": 1, "c": 2}, "d": [1, 2], "e": 3}
    assert merged(base, {"a": {"c": 4}, "d": [5]}) == {"a": {"b": 1, "c": 4}, "d": [5], "e": 3}
    assert base["a"] == {"b": 1, "c": 2}


def test_changes_that_cannot_be_are_refused_by_name() -> None:
    assert changed(members().main, {"epochs": 9}, "the specialist x").epochs == 9
    with pytest.raises(InputError, match=r"there is no `the specialist x\.epoch`; did you mean"):
        changed(members().main, {"epoch": 1}, "the specialist x")
