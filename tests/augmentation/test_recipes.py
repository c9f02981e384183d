from collections import Counter

import numpy as np
import pytest

from docsort.augmentation.recipes import apply_chain, draw_chain, operations_of, recipes_used
from docsort.errors import InputError


def chains(parameters, name, count=600):
    return [draw_chain(parameters.recipes, name, np.random.default_rng(seed)) for seed in range(count)]


def test_steps_happen_as_often_as_their_p_says(parameters):
    drawn = Counter(step.operation for chain in chains(parameters, "document", 2000) for step in chain)
    shares = {name: count / 2000 for name, count in drawn.items()}
    assert shares["dihedral"] == 1
    assert shares["rotate"] == pytest.approx(0.5, abs=0.05)
    assert shares["page_mix"] == pytest.approx(0.4, abs=0.05)
    assert shares["ink_bleed"] == pytest.approx(0.2, abs=0.04)
    assert shares["gaussian_blur"] + shares["gaussian_noise"] == pytest.approx(0.7, abs=0.05)


def test_one_of_does_exactly_one(parameters):
    for chain in chains(parameters, "document"):
        assert sum(step.operation in ("ink_bleed", "folding") for step in chain) <= 1


def test_an_include_within_one_of_is_done_in_full(make):
    recipes = {
        "pair": [{"operation": "grey"}, {"operation": "fade"}],
        "own": [{"one_of": [{"include": "pair"}, {"operation": "crop"}]}],
    }
    for chain in chains(make(recipes=recipes), "own", 50):
        assert [step.operation for step in chain] in (["grey", "fade"], ["crop"])


def test_numbers_are_drawn_in_the_range_given_or_the_usual_one(parameters):
    values = [s.numbers for chain in chains(parameters, "own") for s in chain if s.operation == "fade"]
    assert all(0.1 <= value["amount"] <= 0.3 for value in values)
    turns = {s.numbers["turn"] for chain in chains(parameters, "own") for s in chain if s.operation == "dihedral"}
    assert turns == set(range(8))


def test_a_drawn_chain_gives_the_same_page_again(parameters, page, partner):
    chain = draw_chain(parameters.recipes, "document", np.random.default_rng(5))
    first, second = (apply_chain(page, chain, lambda: partner) for _ in range(2))
    np.testing.assert_array_equal(first, second)


def test_recipes_used_are_the_included_ones_alone(parameters):
    assert set(recipes_used(parameters.recipes, "document")) == {"document", "turns"}
    assert operations_of(recipes_used(parameters.recipes, "turns")) == ["dihedral", "rotate"]


def test_an_unknown_recipe_is_refused_by_name(parameters):
    with pytest.raises(InputError, match="one of the recipes turns, document, own, but got 'heavy'"):
        recipes_used(parameters.recipes, "heavy")


def test_without_a_partner_nothing_is_mixed_in(make, page):
    recipes = {"own": [{"operation": "page_mix"}, {"operation": "cut_paste"}]}
    chain = draw_chain(make(recipes=recipes).recipes, "own", np.random.default_rng(0))
    np.testing.assert_array_equal(apply_chain(page, chain, None), page)
