"""The catalog entries of docs/data.md that put tables into a bucket do what they say."""

import re
from pathlib import Path

import pandas as pd
import yaml
from kedro.io import DataCatalog
from object_store import bucket_of_moto

DOCS = Path(__file__).parents[2] / "docs/data.md"


def test_the_entries_of_the_docs_store_tables_in_a_bucket_and_read_them_as_they_were() -> None:
    (entries,) = re.findall(r"```yaml\n(new_answers:.*?)```", DOCS.read_text(), flags=re.DOTALL)
    submission = pd.DataFrame({"ID": ["007", "NA", "x.jpg"], "target": [1, 2, 3]})
    answers = pd.DataFrame({"image_id": ["007", "NA"], "confidence": [0.1, 1 / 3], "needs_review": [True, False]})
    with bucket_of_moto("answers") as bucket:
        catalog = DataCatalog.from_config(yaml.safe_load(entries))
        for name, table in (("new_submission", submission), ("new_answers", answers)):
            catalog.save(name, table)
            pd.testing.assert_frame_equal(catalog.load(name), table)
        assert (bucket / "new/submission.csv").read_text() == "ID,target\n007,1\nNA,2\nx.jpg,3\n"
