"""From suspected labels to the cards that a person judges, and a report of them."""

from kedro.pipeline import Node, Pipeline

from docsort.pipelines.label_review.nodes import assemble_label_cards, write_review_report


def create_pipeline() -> Pipeline:
    return Pipeline(
        [
            Node(
                assemble_label_cards,
                inputs=["label_suspects", "label_neighbours", "images"],
                outputs="label_cards",
                name="assemble_label_cards",
            ),
            Node(
                write_review_report,
                inputs=["label_cards", "images", "label_fixes", "classes", "params:label_review"],
                outputs="label_review_report",
                name="write_review_report",
            ),
        ],
        tags="label_review",
    )
