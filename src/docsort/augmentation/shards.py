"""Shards: renders of one source, written together and cached under a fingerprint of what made them.

A shard's folder appears by one rename when all its files are written, so a half-written shard never counts. Its name
says everything that its bytes depend on, so finished shards are found again by later runs, also when other sources,
labels or copies changed meanwhile; nothing else needs to be rendered anew. A record among the files has their sums.
"""

import errno
import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

import cv2

from docsort.augmentation.context import Image
from docsort.augmentation.damage import apply_damage, draw_damage
from docsort.augmentation.parameters import DamageParameters, Recipe
from docsort.augmentation.recipes import apply_chain, draw_chain
from docsort.errors import InputError, StorageError
from docsort.files import partial_of, storing, write_atomically
from docsort.images.page_format import PageFormat
from docsort.images.reading import UnreadableImageError, decode_rgb
from docsort.images.resizing import shrink_to_side
from docsort.seeding import derive_rng
from docsort.stores import RECORD, file_digest, fingerprint, noted_digests, sealed
from docsort.versions import versions_of

RENDERER_VERSION = 2
"""Raise it whenever the same parameters give other bytes: everything rendered before becomes stale."""

WORKING_SCALE = 2
"""Pages are shrunk to this many times the side of the square before anything is done to them: operations cost a quarter
or less of what they cost on the full page, and the final shrink still hides their interpolation. Pages that keep their
own shape are made at the size that they are stored in: it is that of a photo, as are those that damage came upon."""

END_OF_JPEG = b"\xff\xd9"

PLAIN, TRAINING, DAMAGED = "plain", "training", "damaged"
"""What a render is: the page as it is, a render by the recipe, a test-like page. Each draws from its own seeds."""


@dataclass(frozen=True)
class Style:
    """What is common to a set of renders: how they are laid out and stored, and how they are made."""

    page_format: PageFormat
    jpeg_quality: int
    seed: int
    damage: DamageParameters | None = None
    recipes: dict[str, Recipe] | None = None
    recipe: str = ""

    @property
    def working_side(self) -> int:
        """Pixels of the longer side of a page, at most, when anything is done to it."""
        return self.page_format.side * (WORKING_SCALE if self.page_format.letterboxed else 1)

    def fingerprint(self) -> str:
        """Changes with anything that changes a byte, the libraries that draw included."""
        recipes = {name: [step.model_dump() for step in steps] for name, steps in (self.recipes or {}).items()}
        laid_out = self.page_format.fingerprint(self.jpeg_quality)
        made_by = [RENDERER_VERSION, WORKING_SCALE, library_versions(), laid_out]
        damaged_by = self.damage.model_dump() if self.damage is not None else None
        return fingerprint(made_by, [self.page_format.side, self.seed, self.recipe], recipes, damaged_by)


@dataclass(frozen=True)
class Page:
    """A source image on disk and what its bytes must hash to."""

    path: str
    sha256: str


@dataclass(frozen=True)
class Shard:
    """Copies of one source, each (what it is, copy number), and the pages that may be mixed into them."""

    key: str
    source: Page
    items: tuple[tuple[str, int], ...]
    partners: tuple[Page, ...]

    def folder(self, root: Path) -> Path:
        """Where its files are; two levels, because one folder with 100,000 entries is slow to list."""
        return root / self.key[:2] / self.key


Styled = tuple[Shard, Style]
"""A shard, and how its renders are made and laid out."""


def file_name(kind: str, copy: int) -> str:
    """Of one render within its shard."""
    return f"{kind}-{copy:05d}.jpg"


def wanting(shard: Shard, root: Path) -> list[str]:
    """Paths of its files that are not there, or not as they were written; none of a finished shard. Reads every file,
    once a process.
    """
    folder = str(shard.folder(root))
    try:
        digests = noted_digests(f"{folder}/{RECORD}")
    except StorageError:
        return [f"{folder}/{RECORD}"]
    paths = [f"{folder}/{file_name(kind, copy)}" for kind, copy in shard.items]
    return [path for path in paths if not _is_whole(path, digests)]


def _is_whole(path: str, digests: dict[str, str]) -> bool:
    try:
        # a shard of before there were records: a JPEG that was cut lacks its end
        found = file_digest(path) if digests else Path(path).read_bytes()[-2:] == END_OF_JPEG
    except OSError:
        return False
    return found == (digests.get(os.path.basename(path)) if digests else True)  # noqa: PTH119 (a hundred thousand times)


def is_unrecorded(shard: Shard, root: Path) -> bool:
    """Whether it is of before there were sums."""
    return not (shard.folder(root) / RECORD).exists()


def record_sums(shard: Shard, root: Path) -> None:
    """Believes the files as they are from now on."""
    folder = shard.folder(root)
    names = [file_name(kind, copy) for kind, copy in shard.items]
    write_atomically(folder / RECORD, sealed({}, {name: file_digest(str(folder / name)) for name in names}))


def render_shards(alike: Sequence[Styled], root: Path) -> int:
    """Renders all items of shards that differ in how a finished page is laid out alone, so that each is damaged once;
    puts their folders in their places, and returns the number of files. Runs in a worker.

    Raises InputError when a page is no longer the one that was measured, StorageError when the files cannot be written.
    """
    cv2.setNumThreads(0)
    first, style = alike[0]
    pages = _Pages(first.source, style.working_side)
    files: list[dict[str, bytes]] = [{} for _ in alike]
    for kind, copy in first.items:
        page = _make(first, style, kind, copy, pages)
        for (_, own), stored in zip(alike, files, strict=True):
            lay_out = own.page_format.stored if kind == PLAIN else own.page_format.finished
            stored[file_name(kind, copy)] = lay_out(page, own.jpeg_quality)
    for (shard, _), stored in zip(alike, files, strict=True):
        record = sealed({}, {name: sha256(data).hexdigest() for name, data in stored.items()})
        with storing(shard.folder(root)):
            _write_folder(shard.folder(root), {**stored, RECORD: record})
    return sum(map(len, files))


class _Pages:
    """Decoded pages of one shard, each decoded once; only the source is held at its full size, for its plain copy."""

    def __init__(self, source: Page, longest: int) -> None:
        self.source = source
        self.full = cache(lambda: read_page(source))
        self._shrunk: Callable[[Page], Image] = cache(lambda page: shrink_to_side(read_page(page), longest))
        self.working = cache(lambda: shrink_to_side(self.full(), longest))

    def shrunk(self, page: Page) -> Image:
        """The page at the working resolution."""
        return self.working() if page == self.source else self._shrunk(page)


def _make(shard: Shard, style: Style, kind: str, copy: int, pages: _Pages) -> Image:
    """The page before it is laid out: at its full size where it is plain, else at the working resolution."""
    if kind == PLAIN:
        return pages.full()
    rng = derive_rng(style.seed, f"{kind} render", shard.source.sha256, copy)
    chosen = shard.partners[int(rng.integers(len(shard.partners)))] if shard.partners else None
    page = pages.working()
    partner = (lambda: pages.shrunk(chosen)) if chosen is not None else None
    if kind == DAMAGED and style.damage is not None:
        drawn = draw_damage(style.damage, rng)
        return apply_damage(page, partner() if partner is not None and drawn.needs_partner else None, drawn)
    if kind == TRAINING and style.recipes is not None:
        return apply_chain(page, draw_chain(style.recipes, style.recipe, rng), partner)
    raise ValueError(f"no way to make a {kind} render was given")


def read_page(page: Page) -> Image:
    """The decoded page, if its bytes are still those that were measured."""
    try:
        with Path(page.path).open("rb") as file:
            stamp = os.fstat(file.fileno())
            data = file.read()
    except OSError as error:
        raise UnreadableImageError(f"{page.path}: cannot be opened ({error.strerror})") from error
    seen = (page, stamp.st_ino, stamp.st_mtime_ns, stamp.st_size)
    if seen not in _known_pages:
        if sha256(data).hexdigest() != page.sha256:
            raise InputError(
                f"Expected {page.path} to be the file that was measured, but its bytes have changed since; "
                "run the ingestion and cleaning pipelines again."
            )
        _known_pages.add(seen)
    return decode_rgb(data, page.path)


_known_pages: set[tuple[Page, int, int, int]] = set()
"""Files whose bytes this process has hashed, as they were: a partner is read for many shards, and hashing it takes a
quarter of the time of decoding it. A few hundred bytes per source."""


def _write_folder(folder: Path, files: dict[str, bytes]) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    if folder.is_symlink():
        raise StorageError(f"Expected {folder} to be a folder of renders, but it is a link; remove it, then run again.")
    if folder.is_dir():
        # found wanting: its files are replaced one by one, the record last, and nothing is removed
        for name, data in files.items():
            write_atomically(folder / name, data)
        return
    with suppress(FinishedMeanwhileError), partial_of(folder) as partial:
        partial.mkdir()
        prefix = f"{partial}{os.sep}"
        for name, data in files.items():
            _write_file(prefix + name, data)
        try:
            partial.rename(folder)
        except OSError as error:
            if error.errno in (errno.EEXIST, errno.ENOTEMPTY):
                raise FinishedMeanwhileError from error
            raise


class FinishedMeanwhileError(Exception):
    """Another process has just put the folder in its place: it is as good."""


def _write_file(path: str, data: bytes) -> None:
    # a hundred thousand times: unbuffered and without pathlib it takes two thirds of the time
    with open(path, "xb", buffering=0) as file:  # noqa: PTH123
        rest = memoryview(data)
        while rest:
            # a disk that fills up takes a part at first and says why when it is given the rest
            rest = rest[file.write(rest) :]


@cache
def library_versions() -> tuple[str, ...]:
    """Of the libraries whose pixels or random numbers end up in a render."""
    names = ("numpy", "opencv-python-headless", "pillow", "albumentations", "augraphy", "numba")
    return tuple(f"{name} {version}" for name, version in versions_of(names).items())


def shard_key(style_key: str, source: Page, items: Sequence[tuple[str, int]], partners: Sequence[Page]) -> str:
    """The name of a shard: where its files lie on disk does not matter, only what they are made of."""
    return fingerprint(style_key, source.sha256, [list(item) for item in items], [page.sha256 for page in partners])
