"""What the sample is made of, before anything is drawn: how many of which class, ids, planted faults.

The plan holds everything the answer key needs, so that the key cannot differ from what is drawn. A photo's place in
the shuffled order is the key of its random numbers; its id comes from that place, not from its class.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from docsort_sample.certificates import CONFUSABLE
from docsort_sample.kinds import KINDS
from docsort_sample.parameters import SampleParameters
from docsort_sample.randomness import derive_rng
from docsort_sample.sheet import USUAL, Variant
from docsort_sample.wording import chance, pick

FEWEST = 6
"""Photos a class has at least, so that five folds and a specialist can be made of any sample."""

TEST_PER_TRAIN = 2
"""The real job has 3,140 test and 1,570 train photos."""

INSIDE_SHARE = 0.8
"""Share of the wrong labels that stay among the confusable certificates, as in the real job."""

CONFLICT_SHARE = 1 / 3
"""Share of the near-duplicates whose label contradicts the photo they repeat."""


@dataclass(frozen=True)
class PlannedPhoto:
    """One photo to draw.

    position: row in its split's list, from 0; target: what is drawn; given: the label it is published with (train
    only); repeats: position of the train photo it is a near-duplicate of, None where it is a photo of its own; variant:
    of the page that is drawn.
    """

    image_id: str
    split: str
    position: int
    target: int
    given: int
    repeats: int | None = None
    variant: Variant = USUAL


@dataclass(frozen=True)
class Plan:
    """Every photo of the sample, in the order of the published lists."""

    train: tuple[PlannedPhoto, ...]
    test: tuple[PlannedPhoto, ...]

    @property
    def label_errors(self) -> list[PlannedPhoto]:
        return [photo for photo in self.train if photo.given != photo.target]

    @property
    def duplicates(self) -> list[tuple[PlannedPhoto, PlannedPhoto]]:
        """(near-duplicate, what it repeats)."""
        return [(photo, self.train[photo.repeats]) for photo in self.train if photo.repeats is not None]


def class_counts(scale: float, per_train: int = 1) -> list[int]:
    """How many photos each class has, by target; `per_train` photos for each train photo of the real job."""
    return [max(FEWEST, round(kind.full_count * scale * per_train)) for kind in KINDS]


def plan_sample(parameters: SampleParameters, seed: int) -> Plan:
    """Decides everything but the pixels."""
    train = _photos("train", class_counts(parameters.scale), seed)
    test = _photos("test", class_counts(parameters.scale, TEST_PER_TRAIN), seed)
    copies = round(parameters.near_duplicates * len(train))
    errors = round(parameters.label_noise * len(train))
    conflicts = min(round(copies * CONFLICT_SHARE), errors)
    rng = derive_rng(seed, "sample-faults")
    train, untouched = _plant_duplicates(train, copies, conflicts, rng)
    train = _plant_errors(train, errors - conflicts, untouched, rng)
    varied = (tuple(_vary(photo, parameters, seed) for photo in photos) for photos in (train, test))
    return Plan(*varied)


def _photos(split: str, counts: list[int], seed: int) -> list[PlannedPhoto]:
    targets = np.repeat(np.arange(len(counts)), counts)
    shuffled = derive_rng(seed, "sample-order", split).permutation(targets).tolist()
    return [PlannedPhoto(_image_id(seed, split, i), split, i, target, target) for i, target in enumerate(shuffled)]


def _image_id(seed: int, split: str, position: int) -> str:
    """16 hexadecimal digits."""
    return f"{int(derive_rng(seed, 'sample-id', split, position).integers(2**64, dtype=np.uint64)):016x}"


def _vary(photo: PlannedPhoto, parameters: SampleParameters, seed: int) -> PlannedPhoto:
    """With its variant. By numbers of its own: all else stays as it is, whatever the shares of variants are."""
    if not _inside(photo):
        return photo
    page = photo.position if photo.repeats is None else photo.repeats
    rng = derive_rng(seed, "sample-variant", photo.split, page)
    variant = Variant(title_only=chance(rng, parameters.title_only), hangul=chance(rng, parameters.hangul))
    return replace(photo, variant=variant)


def _inside(photo: PlannedPhoto) -> bool:
    return photo.target in CONFUSABLE


def _plant_duplicates(
    train: list[PlannedPhoto], copies: int, conflicts: int, rng: np.random.Generator
) -> tuple[list[PlannedPhoto], list[int]]:
    """Makes some photos repeat another of their class; returns the photos and the positions that had no part in it.

    The first `conflicts` of them get a wrong label, most of these among the confusable certificates.
    """
    planned = list(train)
    free = rng.permutation(len(train)).tolist()
    inside = round(conflicts * INSIDE_SHARE)
    for index in range(copies):
        wanted = index < inside
        copy, other = _pair(planned, free, prefer_inside=wanted, required=index < conflicts)
        free = [position for position in free if position not in (copy, other)]
        given = _wrong_label(planned[copy], wanted, rng) if index < conflicts else planned[other].target
        planned[copy] = replace(planned[copy], repeats=other, given=given)
    return planned, free


def _pair(planned: list[PlannedPhoto], free: list[int], *, prefer_inside: bool, required: bool) -> tuple[int, int]:
    """Two free positions of one class: where a conflict is `required`, of the wished kind as long as there is one."""
    ordered = sorted(free, key=lambda position: _inside(planned[position]) != prefer_inside) if required else free
    for place, copy in enumerate(ordered):
        for other in ordered[place + 1 :]:
            if planned[other].target == planned[copy].target:
                return copy, other
    raise AssertionError("at most 0.3 of the photos repeat another, so two free ones share a class")


def _plant_errors(
    train: list[PlannedPhoto], errors: int, free: Iterable[int], rng: np.random.Generator
) -> list[PlannedPhoto]:
    """Gives wrong labels to photos that have no near-duplicate; takes from outside the group what it cannot give."""
    planned = list(train)
    inside = [position for position in free if _inside(planned[position])]
    outside = [position for position in free if not _inside(planned[position])]
    wanted = min(round(errors * INSIDE_SHARE), len(inside))
    for position in (inside[:wanted] + outside + inside[wanted:])[:errors]:
        among_group = _inside(planned[position])
        planned[position] = replace(planned[position], given=_wrong_label(planned[position], among_group, rng))
    return planned


def _wrong_label(photo: PlannedPhoto, among_group: bool, rng: np.random.Generator) -> int:
    """Another class: of the confusable group when the photo is of it and `among_group`, else any."""
    group = CONFUSABLE if among_group and _inside(photo) else range(len(KINDS))
    return pick(rng, [target for target in group if target != photo.target])
