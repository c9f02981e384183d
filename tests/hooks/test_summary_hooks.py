"""The hook that tells what a run came to."""

from pathlib import Path

import pandas as pd
import pytest
from kedro.io import DataCatalog, Version
from kedro_datasets.json import JSONDataset
from kedro_datasets.pandas import CSVDataset

from docsort.hooks.saved_files import saved_path
from docsort.hooks.summary_hooks import SummaryHooks


@pytest.fixture
def catalog(tmp_path: Path) -> DataCatalog:
    return DataCatalog(
        {
            "submission": CSVDataset(filepath=str(tmp_path / "submission.csv")),
            "scores": JSONDataset(filepath=str(tmp_path / "scores.json"), version=Version(None, None)),
        }
    )


SUBMISSION = pd.DataFrame({"ID": ["a"], "target": [1]})


def test_what_was_saved_is_told_with_where_it_lies(
    catalog: DataCatalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    hooks = SummaryHooks()
    hooks.before_pipeline_run(catalog)
    catalog.save("submission", SUBMISSION)
    hooks.after_dataset_saved("submission", SUBMISSION)
    hooks.after_dataset_saved("other", SUBMISSION)
    hooks.after_pipeline_run()
    assert "Files        submission.csv\n" in capsys.readouterr().out


def test_nothing_is_told_of_a_run_that_failed_nor_of_the_one_before(
    catalog: DataCatalog, capsys: pytest.CaptureFixture[str]
) -> None:
    hooks = SummaryHooks()
    hooks.before_pipeline_run(catalog)
    catalog.save("submission", SUBMISSION)
    hooks.after_dataset_saved("submission", SUBMISSION)
    hooks.on_pipeline_error()
    hooks.before_pipeline_run(catalog)
    hooks.after_pipeline_run()
    assert capsys.readouterr().out == ""


def test_of_a_versioned_file_the_version_of_this_run_is_named(catalog: DataCatalog) -> None:
    assert saved_path(catalog, "submission") is None
    catalog.save("scores", {})
    path = saved_path(catalog, "scores")
    assert path is not None
    assert path.is_file()
