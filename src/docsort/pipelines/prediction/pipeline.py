"""New photos, answered by the newest ensemble."""

from kedro.pipeline import Pipeline

from docsort.ingestion.photos import list_new_photos
from docsort.pipelines.prediction import nodes
from docsort.pipelines.wiring import stage, step


def create_pipeline() -> Pipeline:
    steps = [
        step(list_new_photos, "params:source last_raw_location page_store", "new_photos"),
        step(nodes.answer_photos, "ensemble new_photos prediction_store", "new_answers"),
        step(nodes.write_answer_sheet, "new_answers new_photos ensemble answer_fixes", "new_submission"),
    ]
    return stage("prediction", steps)
