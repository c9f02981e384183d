"""From raw photos, or none, to the tables `images` and `classes`."""

from kedro.pipeline import Pipeline

from docsort.images.measures import measure_images
from docsort.pipelines.ingestion import nodes
from docsort.pipelines.wiring import stage, step


def create_pipeline() -> Pipeline:
    steps = [
        step(nodes.locate_raw_data, "params:source params:sample params:seed sample_store raw_store", "raw_location"),
        step(nodes.list_photos, "raw_location params:source page_store", "photos classes"),
        step(measure_images, "photos page_store", "images rejected_images"),
    ]
    return stage("ingestion", steps)
