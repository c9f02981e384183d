"""One pair of nodes per fold: fit its members, then predict what these have never seen; and how much each counts."""

from kedro.pipeline import Pipeline

from docsort.ensembling.selection import select_ensemble
from docsort.members.checkpoints import collect_folds
from docsort.pipelines.training import nodes
from docsort.pipelines.wiring import box, of_folds, stage, step
from docsort.reporting.scores import score_validation_views


def create_pipeline(folds: int) -> Pipeline:
    steps = [
        step(
            nodes.plan_training,
            "folds training_renders validation_renders images params:members params:ensembling params:effort "
            "leak_report",
            "training_plan",
        ),
        step(collect_folds, of_folds("members", folds), "members"),
        step(nodes.join_histories, of_folds("history", folds), "histories"),
        step(nodes.join_predictions, f"folds {of_folds('oof_predictions', folds)}", "oof_predictions"),
        step(
            nodes.choose_views,
            "oof_predictions params:ensembling params:seed",
            "view_policy view_curve oof_members",
        ),
        step(select_ensemble, "oof_members params:ensembling params:seed", "ensemble_selection"),
        step(nodes.vote_generally, "oof_members ensemble_selection params:ensembling", "general_oof_votes"),
        step(score_validation_views, "oof_predictions general_oof_votes params:seed", "validation_metrics"),
    ]
    return stage("training", [*(create_fold(fold) for fold in range(folds)), *steps])


def create_fold(fold: int) -> Pipeline:
    """The nodes of one fold; `leak_report` stands in front of training: there is none where a page leaks."""
    steps = [
        step(
            nodes.fit_members,
            f"params:fold_numbers.fold_{fold} folds training_renders validation_renders classes params:members "
            "training_plan params:seed checkpoint_store prediction_store leak_report",
            f"fold_{fold}_members fold_{fold}_history",
        ),
        step(
            nodes.predict_validation,
            f"fold_{fold}_members folds validation_renders params:fold_numbers.fold_{fold} "
            "params:ensembling prediction_store",
            f"fold_{fold}_oof_predictions",
        ),
    ]
    return box(f"fold_{fold}", steps)
