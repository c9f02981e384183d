"""Specialists for confusable classes, trained fold by fold on their classes alone, and late members, asked where the
general ones are unsure; all judged on pages they never saw."""

from kedro.pipeline import Node, Pipeline

from docsort.members.checkpoints import collect_folds
from docsort.pipelines.specialists import nodes
from docsort.pipelines.wiring import box, of_folds, stage, step
from docsort.specialists.trial import TRIAL_FOLDS


def create_pipeline(folds: int) -> Pipeline:
    first = (create_fold(fold, "specialist_groups") for fold in range(TRIAL_FOLDS))
    others = (create_fold(fold, "promising_groups") for fold in range(TRIAL_FOLDS, folds))
    return stage("specialists", [*first, *others, *create_judgement(folds)])


def create_judgement(folds: int) -> list[Node]:
    """Which groups there are, and which of their specialists are accepted."""
    return [
        step(nodes.check_groups, "classes params:specialists params:members params:ensembling", "given_groups"),
        step(nodes.find_groups, "given_groups general_oof_votes params:specialists", "specialist_groups"),
        step(
            nodes.try_specialists,
            "folds view_policy oof_predictions general_oof_votes specialist_groups params:specialists "
            + of_folds("specialist_oof_predictions", TRIAL_FOLDS),
            "specialist_trials promising_groups",
        ),
        step(collect_folds, of_folds("specialists", folds), "specialists"),
        step(
            nodes.join_specialist_predictions,
            f"folds view_policy oof_predictions {of_folds('specialist_oof_predictions', folds)}",
            "specialist_oof_predictions specialist_oof_members",
        ),
        step(
            nodes.judge_specialists,
            "general_oof_votes specialist_oof_members specialist_trials classes params:specialists params:members "
            "params:seed",
            "specialist_verdicts specialist_rules",
        ),
    ]


def create_fold(fold: int, groups: str) -> Pipeline:
    """The nodes of one fold; they train on no page that this fold holds out. groups: the dataset of those it trains."""
    steps = [
        step(
            nodes.fit_specialists,
            f"params:fold_numbers.fold_{fold} folds training_renders validation_renders classes {groups} "
            "members params:specialists params:members training_plan params:seed checkpoint_store prediction_store "
            "leak_report",
            f"fold_{fold}_specialists",
        ),
        step(
            nodes.predict_specialist_validation,
            f"fold_{fold}_specialists folds validation_renders params:fold_numbers.fold_{fold} "
            "general_oof_votes params:members params:ensembling prediction_store",
            f"fold_{fold}_specialist_oof_predictions",
        ),
    ]
    return box(f"fold_{fold}", steps)
