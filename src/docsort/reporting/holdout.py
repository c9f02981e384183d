"""The score of pages that no training, gate or calibration has seen, beside the forecast.

They are answered by the finished ensemble, as any new page is. What is set aside is lost to training, and of few pages
the score is rough: the forecast needs none of it, this shows whether it holds.
"""

import pandas as pd

from docsort.ensembling.ensemble import Ensemble
from docsort.reporting.parameters import ReportingParameters
from docsort.reporting.scores import Scores, score_block
from docsort.stores import Store


def score_holdout(
    ensemble: Ensemble,
    holdout: pd.DataFrame,
    holdout_pages: pd.DataFrame,
    cache: Store,
    parameters: ReportingParameters,
    seed: int,
) -> Scores:
    """`holdout`: a block per condition as `scores.score_votes` has them; nothing where no page was set aside.

    holdout: CLEAN_IMAGES; holdout_pages: VALIDATION_RENDERS of the same, damaged.
    """
    if holdout.empty:
        return {}
    photos = holdout.rename(columns={"image_id": "render_id"})
    tables = {"clean": photos, "test_like": holdout_pages}
    blocks = {}
    for condition, pages in tables.items():
        answers = ensemble.answer(pages["path"].tolist(), pages["render_id"].tolist(), cache)
        votes = pages[["render_id", "group", "label"]].assign(predicted=answers["target"].to_numpy())
        blocks[condition] = score_block(votes, parameters, seed, f"holdout {condition}")
    return {"holdout": blocks}
