"""The label ledger: a CSV file that a person keeps."""

import pandas as pd
from kedro_datasets._typing import TablePreview

from docsort.datasets.file_dataset import FileDataset
from docsort.datasets.table_dataset import preview_of
from docsort.tables import LEDGER
from docsort.user_tables import read_user_table


class LedgerDataset(FileDataset[pd.DataFrame]):
    """The columns tables.LEDGER as text, read as all tables of the user's are; an empty cell is "", never missing."""

    def load(self) -> pd.DataFrame:
        return read_user_table(self.path, LEDGER)

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
