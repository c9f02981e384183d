"""The answer sheet: one row a test image, in the order of the file that listed them."""

import pandas as pd

from docsort.errors import InputError, listing

SUBMISSION = ("ID", "target")


def build_submission(
    photos: pd.DataFrame, rejected_images: pd.DataFrame, answers: pd.DataFrame, fallback: int
) -> pd.DataFrame:
    """Columns SUBMISSION for all test photos by position, rejected ones with the class `fallback`.

    answers: columns image_id and target, one row per readable test image. Raises InputError naming readable images
    without a prediction, repeated ones, and predictions of images that are not asked for.
    """
    asked = photos[photos["split"] == "test"].sort_values("position", kind="stable")
    rejected = set(rejected_images.loc[rejected_images["split"] == "test", "image_id"])
    targets_by_id = dict(zip(answers["image_id"], answers["target"], strict=True))
    _check_answers(list(asked["image_id"]), rejected, answers)
    targets = [fallback if image_id in rejected else targets_by_id[image_id] for image_id in asked["image_id"]]
    return pd.DataFrame({"ID": asked["image_id"].to_numpy(), "target": pd.array(targets, dtype="int64")})


def most_frequent_class(labels: pd.Series) -> int:
    """The class number that most training images have, the smallest of equals: the answer where nothing can be seen."""
    counts = labels.value_counts()
    if counts.empty:
        raise InputError(
            "Expected training labels to find the most frequent class, but there are none; check cleaning."
        )
    return int(min(counts.index[counts == counts.max()]))


def _check_answers(asked: list[str], rejected: set[str], answers: pd.DataFrame) -> None:
    answered = set(answers["image_id"])
    problems = []
    missing = [image_id for image_id in asked if image_id not in answered and image_id not in rejected]
    if missing:
        problems.append(f"{len(missing)} have none: {listing(missing)}")
    unknown = sorted(answered - (set(asked) - rejected))
    if unknown:
        problems.append(
            f"{len(unknown)} predictions are of images that were not listed or not readable: {listing(unknown)}"
        )
    repeated = answers.loc[answers["image_id"].duplicated(), "image_id"]
    if len(repeated):
        problems.append(f"{len(repeated)} have more than one: {listing(repeated)}")
    if problems:
        raise InputError(
            f"Expected one prediction per readable test image, but {'; '.join(problems)}; "
            "run the test predictions of every fold again."
        )
