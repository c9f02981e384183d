"""Whatever the disk does to a file: it is made again the same, or one sentence names it, and never another result.

Each kind of thing that lies on disk (`damaged_kinds`) is written once, then copied, one of its files harmed, and read.
"""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from damaged_kinds import DATASETS, KINDS, Kind
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kedro.io import DatasetError

from docsort.errors import DocsortError, StorageError

FEW = settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck), database=None)
MANY = settings(FEW, max_examples=400)


@dataclass(frozen=True)
class Harm:
    """To a file, and where in it; both as shares, of the files and of its bytes."""

    how: str
    file: float
    place: float
    bit: int

    def apply(self, folder: Path) -> Path:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        path = files[int(self.file * len(files))]
        content = bytearray(path.read_bytes())
        place = int(self.place * len(content))
        if self.how == "flip":
            content[place] ^= 1 << self.bit
        elif self.how == "cut":
            del content[place:]
        elif self.how == "zeros":
            content[place : place + 512] = bytes(len(content[place : place + 512]))
        path.unlink()  # not through a link, to what another folder has
        if self.how != "gone":
            path.write_bytes(content)
        return path


SHARES = st.floats(0, 1, exclude_max=True)
HARMS = st.builds(Harm, st.sampled_from(("flip", "flip", "cut", "zeros", "gone")), SHARES, SHARES, st.integers(0, 7))


@pytest.fixture(scope="session", autouse=True)
def _render_here() -> Iterator[None]:
    here = SimpleNamespace(map=lambda function, tasks: (function(*task) for task in tasks))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("docsort.augmentation.rendering.executor", lambda: here)
        yield


@pytest.fixture(scope="session")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {name: tmp_path_factory.mktemp("written") for name in KINDS}


def outcome(kind: Kind, written: Path, harm: Harm) -> str:
    """What a run makes of it: "the same" or "told". Fails where the result is another, or an error not a sentence."""
    if not (written / "whole").exists():
        kind.write(written / "whole")
    copy = written / "harmed"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(written / "whole", copy)
    right = kind.read(copy)
    path = harm.apply(copy)
    try:
        found = kind.read(copy)
    except (DocsortError, DatasetError) as error:
        cause = error.__cause__ if isinstance(error, DatasetError) else error
        # the command line has a sentence for a file that is not there
        assert isinstance(cause, DocsortError | FileNotFoundError), f"{harm}: {cause!r}"
        assert not kind.heals, f"{harm}: {cause}"
        # a dot file is the sum of the file that it stands beside; a member is named by its folder
        named = path.name.removeprefix(".").removesuffix(".sha256")
        assert named in str(cause) or path.parent.name in str(cause), f"{path} is not named: {cause}"
        return "told"
    assert found == right, f"{harm} of {path.name} is believed"
    return "the same"


@pytest.mark.parametrize("name", KINDS)
@FEW
@given(harm=HARMS)
def test_damage_is_never_believed(name: str, harm: Harm, places: dict[str, Path]) -> None:
    outcome(KINDS[name], places[name], harm)


@pytest.mark.slow
@pytest.mark.parametrize("name", KINDS)
@MANY
@given(harm=HARMS)
def test_damage_is_never_believed_at_length(name: str, harm: Harm, places: dict[str, Path]) -> None:
    outcome(KINDS[name], places[name], harm)


@pytest.mark.parametrize("name", DATASETS)
@FEW
@given(harm=HARMS)
def test_without_a_sum_what_cannot_be_read_is_one_sentence(name: str, harm: Harm, places: dict[str, Path]) -> None:
    """Files of before there were sums, and those that people make."""
    without_sums(DATASETS[name], places[name], harm)


@pytest.mark.slow
@pytest.mark.parametrize("name", DATASETS)
@MANY
@given(harm=HARMS)
def test_without_a_sum_what_cannot_be_read_is_one_sentence_at_length(
    name: str, harm: Harm, places: dict[str, Path]
) -> None:
    without_sums(DATASETS[name], places[name], harm)


def without_sums(kind: Kind, written: Path, harm: Harm) -> str:
    """ "read" or "told"; fails for an error that is not a sentence. Whether the content is right nobody can tell."""
    if not (written / "bare").exists():
        kind.write(written / "bare")
        for path in (written / "bare").glob(".*.sha256"):
            path.unlink()
    copy = written / "harmed"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(written / "bare", copy)
    harm.apply(copy)
    try:
        kind.read(copy)
    except DatasetError as error:
        if isinstance(error.__cause__, StorageError | FileNotFoundError):
            return "told"
        raise
    return "read"
