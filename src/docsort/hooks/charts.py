"""All charts of a run on one page that needs no internet: plotly.js, 4.5 MB, stands in it once.

MLflow shows a page alone, in a frame that reaches no other artifact, so that a page of each chart would need its own.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import plotly.graph_objects as go

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Charts</title>
<style>body {{ margin: 0 auto; max-width: 1100px; background: #fff; }}</style>
<script>{plotly}</script></head>
<body>
{charts}
</body></html>
"""


def write_charts(charts: Mapping[str, "go.Figure"], path: Path) -> None:
    """Writes the page, the charts in the order of their names."""
    from plotly.offline import get_plotlyjs

    from docsort.reporting.parts import Plot

    blocks = [Plot(name, charts[name]).html for name in sorted(charts)]
    path.write_text(PAGE.format(plotly=get_plotlyjs(), charts="\n".join(blocks)), encoding="utf-8")
