"""The label ledger: a CSV file that a person keeps."""

from typing import Any

import pandas as pd
from kedro_datasets._typing import TablePreview

from docsort.datasets.file_dataset import FileDataset
from docsort.datasets.table_dataset import preview_of
from docsort.tables import ANSWER_LEDGER, LEDGER
from docsort.user_tables import read_user_table


class LedgerDataset(FileDataset[pd.DataFrame]):
    """The columns tables.LEDGER, or ANSWER_LEDGER with `answers: true`, as text, read as all tables of the user's are:
    an empty cell is "", never missing."""

    def __init__(self, *, filepath: str, answers: bool = False, metadata: dict[str, Any] | None = None) -> None:
        super().__init__(filepath=filepath, metadata=metadata)
        self._columns = ANSWER_LEDGER if answers else LEDGER

    def load(self) -> pd.DataFrame:
        return read_user_table(self.path, self._columns)

    def _exists(self) -> bool:
        """Whether it is there; whether it can be read is told by `load`, in the reader's words."""
        return self.path.is_file()

    def encode(self, data: pd.DataFrame) -> bytes:
        return data.to_csv(index=False, lineterminator="\n").encode()

    def decode(self, data: bytes) -> pd.DataFrame:
        raise NotImplementedError("A ledger is read from its file, which an error must name.")

    def preview(self) -> TablePreview:
        """The first rows, for kedro-viz."""
        return preview_of(self.load())
