"""The data in counts that add up."""

import json

import pandas as pd

from docsort.reporting.summary import summarise_data


def test_the_counts_are_those_of_the_tables(data_tables: dict[str, pd.DataFrame]) -> None:
    summary = summarise_data(**data_tables)
    counts = summary["counts"]
    assert counts["training photos used"] == 40
    assert counts["groups of sources (near-duplicates together)"] == 20
    assert counts["labels changed by the ledger"] == 3
    assert counts["training photos that can be read"] == 42
    assert counts["test photos that can be read"] == 90
    assert counts["pairs whose labels contradict each other"] == 1
    assert summary["decisions"] == {"relabel": 3, "drop": 1, "undecided": 1}
    assert [row["photos"] for row in summary["class_counts"]] == [10, 10, 10, 10, 0]


def test_suspects_are_named_and_the_summary_is_json(data_tables: dict[str, pd.DataFrame]) -> None:
    summary = summarise_data(**data_tables)
    assert summary["suspects"][0]["proposed_label"] == "1 diagnosis"
    assert json.loads(json.dumps(summary)) == summary


def test_nothing_rejected_and_nothing_decided_are_no_rows(data_tables: dict[str, pd.DataFrame]) -> None:
    empty = {
        name: data_tables[name].iloc[:0] for name in ("rejected_images", "label_fixes", "label_suspects", "duplicates")
    }
    summary = summarise_data(**{**data_tables, **empty})
    assert summary["rejected"] == summary["suspects"] == []
    assert summary["decisions"] == {}
    assert summary["counts"]["pairs of duplicates"] == 0
