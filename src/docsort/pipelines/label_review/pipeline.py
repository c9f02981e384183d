"""From suspected labels to the cards that a person judges, and a report of them."""

from kedro.pipeline import Pipeline

from docsort.pipelines.label_review import nodes
from docsort.pipelines.wiring import stage, step


def create_pipeline() -> Pipeline:
    steps = [
        step(nodes.assemble_label_cards, "label_suspects label_neighbours images", "label_cards"),
        step(
            nodes.write_review_report,
            "label_cards images label_fixes classes params:label_review",
            "label_review_report",
        ),
    ]
    return stage("label_review", steps)
