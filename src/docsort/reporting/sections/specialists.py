"""Specialists: whether they are accepted, and why."""

from collections.abc import Sequence

from docsort.reporting.parts import Closed, Part, Plot, Tables, table_of, when

TITLE = "Specialists"
NEEDS = ("specialist_verdicts", "specialist_verdicts_figure")

GAIN = ("before", "after", "delta", "low", "high", "fitted_delta")
RULE = ("routing", "trigger", "threshold", "weight", "pages_touched", "pages_changed")


def section(tables: Tables) -> Sequence[Part]:
    """The figure and, where one was trained, the table."""
    verdicts = tables["specialist_verdicts"]
    accepted = verdicts.loc[verdicts["accepted"].astype(bool), "group_name"].tolist()
    columns = ["group_name", "classes", *GAIN, *RULE, "reason"]
    return [
        "A specialist tells a few look-alike classes apart. It is accepted only where the whole interval of its gain, "
        "measured out of fold on test-like pages, lies above zero. When it is asked and what its answer may move is "
        "fitted too: the gain is that of pages whose fold had no say in it; the one as fitted is the better looking, "
        "and not to be believed.",
        f"Specialists accepted: {', '.join(map(str, accepted))}." if accepted else "No specialist is accepted.",
        Plot("specialist_verdicts_figure", tables["specialist_verdicts_figure"]),
        *when(len(verdicts), Closed("All figures", [table_of(verdicts, columns)])),
    ]
