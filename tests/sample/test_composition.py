from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from docsort_sample.certificates import CONFUSABLE
from docsort_sample.composition import FEWEST, Plan, PlannedPhoto, class_counts, plan_sample
from docsort_sample.kinds import CLASS_NAMES
from docsort_sample.parameters import SampleParameters
from docsort_sample.sheet import USUAL


def plan(seed: int = 3, **values: float) -> Plan:
    return plan_sample(SampleParameters(**values), seed)


def counts(photos: tuple[PlannedPhoto, ...]) -> list[int]:
    found = Counter(photo.target for photo in photos)
    return [found[target] for target in range(len(CLASS_NAMES))]


def test_the_full_scale_has_the_counts_of_the_real_job() -> None:
    whole = plan(scale=1.0)
    expected = [100] * 17
    expected[1], expected[13], expected[14] = 46, 74, 50
    assert counts(whole.train) == expected
    assert (len(whole.train), len(whole.test)) == (1570, 3140)


def test_the_default_scale_keeps_the_ratios() -> None:
    part = plan()
    assert (len(part.train), len(part.test)) == (471, 942)
    np.testing.assert_allclose(np.array(counts(part.train)) / 0.3, counts(plan(scale=1.0).train), atol=2)


def test_a_tiny_sample_still_has_six_of_every_class() -> None:
    assert class_counts(0.001) == [FEWEST] * 17


def test_class_names_are_those_of_the_real_job() -> None:
    assert len(CLASS_NAMES) == len(set(CLASS_NAMES)) == 17
    assert CLASS_NAMES[5] == "driver_lisence"
    assert CLASS_NAMES[1] == "application_for_payment_of_pregnancy_medical_expenses"


@pytest.mark.parametrize("scale", [0.1, 0.3, 1.0])
def test_wrong_labels_add_up_to_their_share_and_most_stay_among_the_certificates(scale: float) -> None:
    made = plan(scale=scale, label_noise=0.05)
    errors = made.label_errors
    assert len(errors) == round(0.05 * len(made.train))
    inside = [photo for photo in errors if photo.target in CONFUSABLE and photo.given in CONFUSABLE]
    assert len(inside) / len(errors) == pytest.approx(0.8, abs=0.12)


def test_near_duplicates_add_up_to_their_share_and_a_third_conflicts() -> None:
    made = plan(scale=1.0, near_duplicates=0.06)
    pairs = made.duplicates
    assert len(pairs) == round(0.06 * 1570)
    assert all(copy.target == other.target and copy is not other for copy, other in pairs)
    conflicting = [pair for pair in pairs if pair[0].given != pair[1].given]
    # Two per cent of wrong labels are enough for a third of the copies: conflicts are among the planted errors.
    assert len(conflicting) == round(len(pairs) / 3)
    assert {copy.image_id for copy, _ in conflicting} <= {photo.image_id for photo in made.label_errors}


def test_no_photo_has_part_in_two_near_duplicates() -> None:
    involved = [photo.image_id for pair in plan(scale=0.3, near_duplicates=0.3).duplicates for photo in pair]
    assert len(involved) == len(set(involved))


def test_without_faults_nothing_is_planted() -> None:
    clean = plan(label_noise=0, near_duplicates=0)
    assert clean.label_errors == []
    assert clean.duplicates == []


def test_the_most_faults_allowed_can_be_planted_in_the_smallest_sample() -> None:
    made = plan(scale=0.01, label_noise=0.3, near_duplicates=0.3)
    assert len(made.label_errors) == len(made.duplicates) == round(0.3 * 6 * 17)


def test_ids_are_unique_hexadecimal_and_tell_nothing_of_the_class() -> None:
    whole = plan(scale=1.0)
    photos = (*whole.train, *whole.test)
    assert len({photo.image_id for photo in photos}) == len(photos)
    assert all(len(photo.image_id) == 16 and int(photo.image_id, 16) >= 0 for photo in photos)
    # Were a class readable from the first digits, or from the place in the list, these would be far from zero.
    targets = np.array([photo.target for photo in whole.test])
    assert abs(np.corrcoef(targets, [int(photo.image_id[:8], 16) for photo in whole.test])[0, 1]) < 0.06
    assert abs(np.corrcoef(targets, np.arange(len(targets)))[0, 1]) < 0.06


def test_ids_do_not_depend_on_which_class_stands_where() -> None:
    quiet, noisy = plan(near_duplicates=0, label_noise=0), plan(near_duplicates=0.2, label_noise=0.2)
    assert [photo.image_id for photo in quiet.train] == [photo.image_id for photo in noisy.train]


def test_variants_are_given_to_their_share_of_the_certificates_and_to_no_other_page() -> None:
    whole = plan(scale=10.0, title_only=0.15, hangul=0.4)
    photos = [*whole.train, *whole.test]
    inside = [photo.variant for photo in photos if photo.target in CONFUSABLE]
    assert np.mean([variant.title_only for variant in inside]) == pytest.approx(0.15, abs=0.02)
    assert np.mean([variant.hangul for variant in inside]) == pytest.approx(0.4, abs=0.02)
    assert {photo.variant for photo in photos if photo.target not in CONFUSABLE} == {USUAL}
    for target in CONFUSABLE:  # each class has its share, in train and in test
        for split in (whole.train, whole.test):
            own = [photo.variant.title_only for photo in split if photo.target == target]
            assert np.mean(own) == pytest.approx(0.15, abs=0.05)


def test_nothing_but_the_variant_depends_on_the_shares_of_variants() -> None:
    without, half = plan(title_only=0), plan(title_only=0.5, hangul=0.5)
    usual = [replace(photo, variant=USUAL) for photo in (*half.train, *half.test)]
    assert usual != [*half.train, *half.test]
    assert usual == [*without.train, *without.test]


def test_a_near_duplicate_is_of_the_variant_that_it_repeats() -> None:
    pairs = plan(scale=3.0, near_duplicates=0.3, title_only=0.5).duplicates
    assert len({copy.variant for copy, _ in pairs}) > 1
    assert all(copy.variant == other.variant for copy, other in pairs)


def test_the_same_seed_gives_the_same_plan_and_another_seed_another() -> None:
    assert plan(seed=3) == plan(seed=3)
    other = plan(seed=4)
    assert not {photo.image_id for photo in other.train} & {photo.image_id for photo in plan(seed=3).train}
