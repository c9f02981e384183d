"""The table of contents: every pipeline there is, by name.

`training` and `train` are two things: the stage, and everything from raw photos to judged specialists.
"""

from kedro.pipeline import Pipeline

from docsort.pipelines import (
    augmentation,
    cleaning,
    ensembling,
    ingestion,
    label_review,
    reporting,
    specialists,
    training,
)


def register_pipelines() -> dict[str, Pipeline]:
    stages = {
        "ingestion": ingestion.create_pipeline(),
        "cleaning": cleaning.create_pipeline(),
        "augmentation": augmentation.create_pipeline(),
        "training": training.create_pipeline(),
        "specialists": specialists.create_pipeline(),
        "ensembling": ensembling.create_pipeline(),
        "reporting": reporting.create_pipeline(),
    }
    learning = ("ingestion", "cleaning", "augmentation", "training", "specialists")
    sums = {
        "train": sum((stages[name] for name in learning), Pipeline([])),
        "predict": stages["ensembling"] + stages["reporting"],
        "__default__": sum(stages.values(), Pipeline([])),
    }
    # Apart from the sums: it decodes photos again, for a person who is about to judge labels.
    return stages | {"label_review": label_review.create_pipeline()} | sums
