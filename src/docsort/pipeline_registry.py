"""The table of contents: every pipeline there is, by name.

`training` and `train` are two things: the stage, and everything from raw photos to judged specialists.
"""

from pathlib import Path

from kedro.config import OmegaConfigLoader
from kedro.pipeline import Pipeline

from docsort.folds import FOLD_COUNT, checked_fold_count, known_fold_count
from docsort.pipelines import (
    augmentation,
    cleaning,
    ensembling,
    ingestion,
    label_review,
    prediction,
    reporting,
    specialists,
    training,
)


def fold_count() -> int:
    """What a session's parameters said, else what the YAML files of the current directory say, else the usual one."""
    if (known := known_fold_count()) is not None:
        return known
    conf = Path("conf")
    if not (conf / "base").is_dir():
        return FOLD_COUNT
    loader = OmegaConfigLoader(str(conf), base_env="base", default_run_env="local")
    return checked_fold_count(loader["globals"].get("folds", FOLD_COUNT))


def register_pipelines() -> dict[str, Pipeline]:
    folds = fold_count()
    stages = {
        "ingestion": ingestion.create_pipeline(),
        "cleaning": cleaning.create_pipeline(),
        "augmentation": augmentation.create_pipeline(),
        "training": training.create_pipeline(folds),
        "specialists": specialists.create_pipeline(folds),
        "ensembling": ensembling.create_pipeline(folds),
        "reporting": reporting.create_pipeline(),
    }
    learning = ("ingestion", "cleaning", "augmentation", "training", "specialists")
    sums = {
        "train": sum((stages[name] for name in learning), Pipeline([])),
        "__default__": sum(stages.values(), Pipeline([])),
    }
    # Apart from the sums: what is done when a person asks for it.
    apart = {"predict": prediction.create_pipeline(), "label_review": label_review.create_pipeline()}
    return stages | apart | sums
