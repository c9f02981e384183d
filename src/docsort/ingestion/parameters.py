"""Parameters of the source: layout, folder, answer key."""

from typing import Literal, Self

from pydantic import model_validator

from docsort.parameters import Parameters, PathText


class SourceParameters(Parameters):
    """The raw data: the drawn sample, or a folder of the user's own."""

    layout: Literal["sample", "competition", "class_folders"]
    raw_dir: PathText | None  # folder; relative paths are from the current directory
    answer_key: PathText | None  # CSV (ID,target) of the true test labels
    photos: PathText | None = (
        None  # folder of new photos for the pipeline `predict`; null: the test images of the raw data
    )
    reviewed_pages: PathText | None = None  # ledger of answers whose judged pages join the training photos

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.layout == "sample" and self.raw_dir is not None:
            raise ValueError(
                f"Expected a layout for your folder {self.raw_dir!r}, but layout is sample; "
                "set layout to competition or class_folders."
            )
        if self.layout != "sample" and self.raw_dir is None:
            raise ValueError(f"Expected raw_dir to name the folder with the photos for layout {self.layout}; set it.")
        return self
