"""From raw photos, or none, to the tables `images` and `classes`."""

from kedro.pipeline import Node, Pipeline

from docsort.pipelines.ingestion.nodes import list_photos, locate_raw_data, measure_photos


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                locate_raw_data,
                inputs=["params:source", "params:sample", "params:seed", "sample_store"],
                outputs="raw_location",
                name="locate_raw_data",
            ),
            Node(list_photos, inputs="raw_location", outputs=["photos", "classes"], name="list_photos"),
            Node(measure_photos, inputs="photos", outputs=["images", "rejected_images"], name="measure_photos"),
        ],
        tags="ingestion",
    )
