import dataclasses
import errno
from pathlib import Path

import numpy as np
import pytest

from docsort.augmentation import shards
from docsort.augmentation.shards import DAMAGED, PLAIN, TRAINING, Page, Shard, Style, render_shards, wanting
from docsort.errors import InputError, StorageError
from docsort.images import page_format
from docsort.images.letterbox import letterbox
from docsort.images.page_format import PageFormat
from docsort.images.reading import UnreadableImageError, read_rgb
from docsort.stores import RECORD

AS_IT_LIES, STRAIGHT = PageFormat(48, straighten=False), PageFormat(48, straighten=True)


@pytest.fixture
def style(parameters) -> Style:
    return Style(AS_IT_LIES, 90, 7, recipes=parameters.recipes, recipe="own")


@pytest.fixture
def shard(data) -> Shard:
    pages = [Page(row.path, row.sha256) for row in data.clean_images.itertuples()]
    return Shard("ab12", pages[0], ((PLAIN, 0), (TRAINING, 1), (TRAINING, 2)), tuple(pages[1:3]))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_a_shard_has_every_item_as_a_square_jpeg(shard, style, tmp_path):
    names = ["plain-00000.jpg", "training-00001.jpg", "training-00002.jpg"]
    assert wanting(shard, tmp_path) == [str(shard.folder(tmp_path) / name) for name in names]
    assert render_shards([(shard, style)], tmp_path) == 3
    assert wanting(shard, tmp_path) == []
    assert sorted(contents(shard.folder(tmp_path))) == [RECORD, *names]
    assert {read_rgb(shard.folder(tmp_path) / name).shape for name in names} == {(48, 48, 3)}


def test_the_plain_copy_is_the_letterboxed_page(shard, style, tmp_path):
    render_shards([(shard, style)], tmp_path)
    plain = read_rgb(shard.folder(tmp_path) / "plain-00000.jpg").astype(int)
    assert np.abs(plain - letterbox(read_rgb(shard.source.path), 48)).mean() < 3


def test_a_render_does_not_depend_on_the_shard_it_is_in(shard, style, tmp_path):
    render_shards([(shard, style)], tmp_path)
    alone = Shard("cd34", shard.source, ((TRAINING, 2),), shard.partners)
    render_shards([(alone, style)], tmp_path)
    assert (
        contents(alone.folder(tmp_path))["training-00002.jpg"]
        == (contents(shard.folder(tmp_path))["training-00002.jpg"])
    )


def test_the_same_damage_is_in_every_layout_and_is_made_once(shard, style, parameters, tmp_path, monkeypatch):
    """A layout that is made beside another has the bytes that it has alone, and is that of the very page."""
    worn = dataclasses.replace(style, damage=parameters.damage)
    both = [(Shard(key, shard.source, (*shard.items, (DAMAGED, 0)), shard.partners), worn) for key in ("ab12", "cd34")]
    both[1] = (both[1][0], dataclasses.replace(worn, page_format=STRAIGHT))
    alone = [(dataclasses.replace(each, key=f"alone{each.key}"), own) for each, own in both]
    for each in alone:
        render_shards([each], tmp_path)
    made, make = [], shards._make
    monkeypatch.setattr(shards, "_make", lambda *of: made.append(make(*of)) or made[-1])
    assert render_shards(both, tmp_path) == 8
    assert len(made) == 4
    found = [contents(each.folder(tmp_path)) for each, _ in both]
    assert found == [contents(each.folder(tmp_path)) for each, _ in alone]
    for name, page in zip(["training-00001.jpg", "training-00002.jpg", "damaged-00000.jpg"], made[1:], strict=True):
        assert [own[name] for own in found] == [each.finished(page, 90) for each in (AS_IT_LIES, STRAIGHT)]
        assert found[0][name] != found[1][name]


def test_training_and_validation_draw_from_different_seeds(shard, style, parameters, tmp_path):
    damaged = dataclasses.replace(style, damage=parameters.damage)
    both = Shard("ef56", shard.source, ((TRAINING, 1), (DAMAGED, 1)), shard.partners)
    render_shards([(both, damaged)], tmp_path)
    made = contents(both.folder(tmp_path))
    assert made["training-00001.jpg"] != made["damaged-00001.jpg"]


@pytest.mark.parametrize("name", ["training-00001.jpg", RECORD])
@pytest.mark.parametrize(
    "harm", [lambda data: b"", lambda data: data[:-9], lambda data: bytes([data[0] ^ 1]) + data[1:], None]
)
def test_what_is_damaged_is_told_and_rendered_again_and_nothing_beside_it_is_touched(
    shard, style, tmp_path, name, harm
):
    render_shards([(shard, style)], tmp_path)
    before, path = contents(shard.folder(tmp_path)), shard.folder(tmp_path) / name
    (shard.folder(tmp_path) / "notes.txt").write_text("of the user")
    path.unlink()
    if harm is not None:
        path.write_bytes(harm(before[name]))
    # without its record it is a shard of an earlier version, which is believed
    assert wanting(shard, tmp_path) == ([] if harm is None and name == RECORD else [str(path)])
    render_shards([(shard, style)], tmp_path)
    assert wanting(shard, tmp_path) == []
    assert contents(shard.folder(tmp_path)) == {**before, "notes.txt": b"of the user"}


def test_a_shard_of_before_there_were_sums_counts_unless_a_file_was_cut(shard, style, tmp_path):
    render_shards([(shard, style)], tmp_path)
    (shard.folder(tmp_path) / RECORD).unlink()
    assert shards.is_unrecorded(shard, tmp_path)
    assert wanting(shard, tmp_path) == []
    shards.record_sums(shard, tmp_path)
    assert not shards.is_unrecorded(shard, tmp_path)
    assert wanting(shard, tmp_path) == []
    path = shard.folder(tmp_path) / "plain-00000.jpg"
    (shard.folder(tmp_path) / RECORD).unlink()
    path.write_bytes(path.read_bytes()[:-1])
    assert wanting(shard, tmp_path) == [str(path)]


def test_a_link_in_the_place_of_a_shard_is_refused_and_nothing_behind_it_changes(shard, style, tmp_path):
    elsewhere, root = tmp_path / "elsewhere", tmp_path / "root"
    elsewhere.mkdir()
    shard.folder(root).parent.mkdir(parents=True)
    shard.folder(root).symlink_to(elsewhere)
    with pytest.raises(StorageError, match="ab12 to be a folder of renders, but it is a link; remove it"):
        render_shards([(shard, style)], root)
    assert list(elsewhere.iterdir()) == []


def test_a_full_disk_is_one_sentence_and_leaves_nothing_half_written(shard, style, tmp_path, monkeypatch):
    written = []

    def write_until_full(path: str, data: bytes) -> None:
        if written:
            raise OSError(errno.ENOSPC, "No space left on device")
        written.append(path)

    with monkeypatch.context() as patch:
        patch.setattr(shards, "_write_file", write_until_full)
        with pytest.raises(
            StorageError, match="the disk is full: free some space, then run again; everything finished"
        ):
            render_shards([(shard, style)], tmp_path)
    assert [path for path in tmp_path.rglob("*") if "ab12" in path.name] == []
    render_shards([(shard, style)], tmp_path)
    assert wanting(shard, tmp_path) == []


def test_a_source_that_changed_since_it_was_measured_is_refused(shard, style, tmp_path):
    Path(shard.source.path).write_bytes(Path(shard.partners[0].path).read_bytes())
    with pytest.raises(InputError, match=r"page00\.png to be the file that was measured"):
        render_shards([(shard, style)], tmp_path)
    Path(shard.source.path).unlink()
    with pytest.raises(UnreadableImageError, match=r"page00\.png: cannot be opened"):
        render_shards([(shard, style)], tmp_path)


def test_a_source_that_changed_after_it_was_read_once_is_refused_too(shard, style, tmp_path):
    """That its bytes were hashed before does not count once the file is another."""
    render_shards([(shard, style)], tmp_path / "first")
    Path(shard.source.path).write_bytes(Path(shard.partners[0].path).read_bytes())
    with pytest.raises(InputError, match=r"page00\.png to be the file that was measured"):
        render_shards([(shard, style)], tmp_path / "second")


@pytest.mark.parametrize(
    "change",
    [
        {"page_format": PageFormat(49, straighten=False)},
        {"page_format": STRAIGHT},
        {"jpeg_quality": 80},
        {"seed": 8},
        {"recipe": "turns"},
    ],
)
def test_the_style_s_fingerprint_tells_what_changed(style, change):
    assert dataclasses.replace(style, **change).fingerprint() != style.fingerprint()


def test_another_version_of_a_library_of_the_renderer_or_of_the_page_format_makes_renders_stale(style, monkeypatch):
    before = style.fingerprint()
    monkeypatch.setattr(shards, "RENDERER_VERSION", 99)
    assert style.fingerprint() != before
    monkeypatch.undo()
    monkeypatch.setattr(shards, "library_versions", lambda: ("numpy 99",))
    assert style.fingerprint() != before
    monkeypatch.undo()
    monkeypatch.setattr(page_format, "FORMAT_VERSION", 99)
    assert style.fingerprint() != before
