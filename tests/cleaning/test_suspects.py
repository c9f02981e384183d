import numpy as np
import pandas as pd
import pytest
from cleanlab.rank import get_label_quality_scores
from sklearn.metrics import average_precision_score

from docsort.cleaning.baseline import BaselinePredictions
from docsort.cleaning.suspects import MARGIN_SHARE, MARGIN_SHARE_ALONE, rank_suspects, score_labels
from docsort.tables import DUPLICATES, LABEL_SUSPECTS

NO_PAIRS = pd.DataFrame(columns=list(DUPLICATES))
NO_PREDICTIONS = pd.DataFrame()


def make_clean(labels: dict[str, int]) -> pd.DataFrame:
    table = pd.DataFrame({"image_id": list(labels), "label": list(labels.values())})
    return table.assign(path="", sha256="", given_label=table["label"], group=table["image_id"])


def make_pair(one: str, other: str, labels: dict[str, int]) -> tuple[object, ...]:
    conflict = labels[one] != labels[other]
    return (one, other, "train", "train", "near", 2, 0, labels[one], labels[other], conflict)


def predict(rows: dict[str, tuple[float, float, float]], condition: str = "clean", turns: int = 2) -> pd.DataFrame:
    """Out-of-fold probabilities of classes 3, 7 and 14; turns differ, their mean is as given."""
    table = []
    for image_id, row in rows.items():
        for turn in range(turns):
            offset = 0.02 * (turn - (turns - 1) / 2)
            table.append(("main", image_id, condition, turn, row[0] + offset, row[1] - offset, row[2]))
    return pd.DataFrame(table, columns=["model", "image_id", "condition", "turn", "p_3", "p_7", "p_14"])


def test_without_evidence_nobody_is_a_suspect() -> None:
    suspects = rank_suspects(make_clean({"a": 3, "b": 7}), NO_PAIRS, NO_PREDICTIONS)
    assert (len(suspects), tuple(suspects.columns)) == (0, LABEL_SUSPECTS)


def test_both_sides_of_a_conflict_are_suspects_and_name_each_other() -> None:
    labels = {"a": 3, "b": 7, "c": 3, "d": 3}
    pairs = pd.DataFrame([make_pair("a", "b", labels), make_pair("c", "d", labels)], columns=list(DUPLICATES))
    suspects = rank_suspects(make_clean(labels), pairs, NO_PREDICTIONS).set_index("image_id")
    assert sorted(suspects.index) == ["a", "b"]
    assert suspects.loc["a", "proposed_label"] == 7
    assert "b" in suspects.loc["a", "evidence"]
    assert suspects.loc["b", "given_label"] == 7


def test_a_conflict_that_the_ledger_has_settled_is_none() -> None:
    labels = {"a": 3, "b": 7}
    pairs = pd.DataFrame([make_pair("a", "b", labels)], columns=list(DUPLICATES))
    assert rank_suspects(make_clean({"a": 7, "b": 7}), pairs, NO_PREDICTIONS).empty
    assert rank_suspects(make_clean({"a": 3}), pairs, NO_PREDICTIONS).empty


def draw_predictions(wrong: int) -> tuple[dict[str, int], dict[str, tuple[float, float, float]], set[str]]:
    """120 images whose true class a model mostly knows; the first `wrong` are labelled with the next class."""
    rng = np.random.default_rng(0)
    labels, rows, planted = {}, {}, set()
    for number in range(120):
        true, name = number % 3, f"i{number:03d}"
        mass = rng.dirichlet([1.0, 1.0, 1.0]) * 0.3
        mass[true] += 0.7
        rows[name] = (float(mass[0]), float(mass[1]), float(mass[2]))
        given = (true + 1) % 3 if number < wrong else true
        labels[name] = (3, 7, 14)[given]
        if number < wrong:
            planted.add(name)
    return labels, rows, planted


def test_planted_wrong_labels_come_first() -> None:
    labels, rows, planted = draw_predictions(wrong=9)
    suspects = rank_suspects(make_clean(labels), NO_PAIRS, predict(rows))
    assert set(suspects["image_id"].head(9)) == planted
    assert suspects["score"].is_monotonic_decreasing
    assert suspects["score"].between(0, 1).all()
    true = {name: (3, 7, 14)[int(name[1:]) % 3] for name in planted}
    proposed = dict(zip(suspects["image_id"], suspects["proposed_label"], strict=True))
    assert {name: proposed[name] for name in planted} == true


def test_only_clean_views_speak() -> None:
    labels, rows, _ = draw_predictions(wrong=9)
    assert rank_suspects(make_clean(labels), NO_PAIRS, predict(rows, condition="test_like")).empty


def test_both_kinds_of_evidence_weigh_more_than_one() -> None:
    labels, rows, planted = draw_predictions(wrong=9)
    chosen, other = sorted(planted)[0], "i060"
    labels[other] = (3, 7, 14)[int(chosen[1:]) % 3]
    pairs = pd.DataFrame([make_pair(chosen, other, labels)], columns=list(DUPLICATES))
    alone = rank_suspects(make_clean(labels), NO_PAIRS, predict(rows)).set_index("image_id")
    joined = rank_suspects(make_clean(labels), pairs, predict(rows)).set_index("image_id")
    assert joined.loc[chosen, "score"] > alone.loc[chosen, "score"]
    assert joined.index.is_unique
    assert "near-duplicate" in joined.loc[chosen, "evidence"]
    assert "unseen" in joined.loc[chosen, "evidence"]


@pytest.mark.parametrize("missing", [["i000"], [f"i{k:03d}" for k in range(0, 120, 3)]])
def test_images_without_predictions_are_passed_over(missing: list[str]) -> None:
    labels, rows, _ = draw_predictions(wrong=9)
    kept = {name: row for name, row in rows.items() if name not in missing}
    suspects = rank_suspects(make_clean(labels), NO_PAIRS, predict(kept))
    assert not set(suspects["image_id"]) & set(missing)


def as_baseline(rows: dict[str, tuple[float, float, float]]) -> BaselinePredictions:
    values = np.array(list(rows.values()))
    return BaselinePredictions(np.array(list(rows), dtype=object), np.array([3, 7, 14]), values, values)


@pytest.mark.parametrize(("members", "share"), [(1, MARGIN_SHARE_ALONE), (2, MARGIN_SHARE)])
def test_without_duplicates_the_score_is_made_of_cleanlabs(members: int, share: float) -> None:
    labels, rows, _ = draw_predictions(wrong=9)
    said = pd.concat(predict(rows, turns=1).assign(model=f"m{number}") for number in range(members))
    scored = score_labels(make_clean(labels), NO_PAIRS, said).set_index("image_id")["score"]
    given = np.searchsorted([3, 7, 14], list(labels.values()))
    own, margin = (
        get_label_quality_scores(given, np.array(list(rows.values())), method=method)
        for method in ("self_confidence", "normalized_margin")
    )
    expected = 1 - (1 - share) * own - share * margin
    np.testing.assert_allclose(scored.loc[list(labels)], expected, atol=1e-9)


def test_a_member_that_knows_nothing_spoils_the_ranking_less_than_it_would_the_plain_mean() -> None:
    labels, rows, planted = draw_predictions(wrong=9)
    noise = np.random.default_rng(2).dirichlet([0.02] * 3, len(rows))
    worse = predict(dict(zip(rows, map(tuple, noise), strict=True)), turns=1).assign(model="worse")
    both = pd.concat([predict(rows, turns=1), worse])
    wrong = pd.Series({name: name in planted for name in labels})
    given = np.searchsorted([3, 7, 14], list(labels.values()))
    plain = both.groupby("image_id")[["p_3", "p_7", "p_14"]].mean().loc[list(labels)].to_numpy()
    equal = average_precision_score(wrong, 1 - get_label_quality_scores(given, plain))
    scored = score_labels(make_clean(labels), NO_PAIRS, both)
    assert equal < 0.85 < 0.9 < average_precision_score(wrong[scored["image_id"]], scored["score"])


def test_the_baseline_alone_finds_planted_labels_and_says_so() -> None:
    labels, rows, planted = draw_predictions(wrong=9)
    suspects = rank_suspects(make_clean(labels), NO_PAIRS, NO_PREDICTIONS, as_baseline(rows))
    assert set(suspects["image_id"].head(9)) == planted
    assert suspects["evidence"].str.contains("unseen by the baseline: .*; of its 10 nearest pages .* are").all()
    assert (suspects["p_proposed"] > suspects["p_given"]).all()


def test_of_two_near_duplicates_the_one_that_models_contradict_comes_first() -> None:
    labels, rows, planted = draw_predictions(wrong=9)
    wrong = min(planted)
    right = next(name for name in labels if int(name[1:]) % 3 == int(wrong[1:]) % 3 and name not in planted)
    pairs = pd.DataFrame([make_pair(wrong, right, labels)], columns=list(DUPLICATES))
    even = dict.fromkeys((right,), (1 / 3, 1 / 3, 1 / 3))
    scored = score_labels(make_clean(labels), pairs, predict(rows | even)).set_index("image_id")["score"]
    assert scored[wrong] > scored[right] > 0


def test_every_image_has_a_score_and_suspects_are_those_that_another_class_fits_better() -> None:
    labels, rows, _ = draw_predictions(wrong=9)
    scored = score_labels(make_clean(labels), NO_PAIRS, predict(rows))
    assert sorted(scored["image_id"]) == sorted(labels)
    assert (scored["suspect"] == (scored["p_proposed"] > scored["p_given"])).all()
    assert len(rank_suspects(make_clean(labels), NO_PAIRS, predict(rows))) == scored["suspect"].sum()
