"""Builds the documentation as a site; a broken link or any other warning fails.

    uv run --group docs python docs/site/build.py [FOLDER]

Pages that only repeat what stands elsewhere are made here: the start page is the README; parameters are read from the
models that check them and the values that they have in conf/base, tables from `docsort.tables`. Needs no network.
"""

import re
import shutil
import sys
import tempfile
from pathlib import Path

from reference import describe_parameters, describe_tables
from sphinx.cmd.build import build_main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
COPIED = {"index.md": "README.md", "changelog.md": "CHANGELOG.md", "contributing.md": "CONTRIBUTING.md"}
"""Pages of the site, and the files that they are."""

CONTENTS = {
    "Begin": ("tutorial", "questions", "ko"),
    "Guides": (
        "training",
        "pipelines",
        "honest_score",
        "experiment_queue",
        "cluster",
        "label_review",
        "reading",
        "predict",
        "scale",
        "serve",
        "container",
        "answer_review",
        "watch",
        "export",
        "mlflow",
        "kedro",
    ),
    "Notebooks": ("look_at_the_data", "label_suspects", "forecast", "one_page", "compare_runs"),
    "Reference": ("parameters", "tables", "data", "augmentation_operations", "python", "glossary"),
    "How it works": ("architecture", "techniques", "experiments", "benchmarks", "contributing", "changelog"),
}
"""The pages in their order. One that is not here fails the build."""


def lay_out(folder: Path) -> None:
    """All pages, as Sphinx wants them, in the folder."""
    for path in (ROOT / "docs").iterdir():
        if path.suffix in (".md", ".png"):
            shutil.copy(path, folder)
        elif path.name == "images":
            shutil.copytree(path, folder / path.name)
        elif path.name == "notebooks":
            for page in path.glob("*.md"):
                shutil.copy(page, folder)
    for page, source in COPIED.items():
        shutil.copy(ROOT / source, folder / page)
    (folder / "parameters.md").write_text(describe_parameters(ROOT), encoding="utf-8")
    (folder / "tables.md").write_text(describe_tables(), encoding="utf-8")
    for page in folder.glob("*.md"):
        page.write_text(link(page.read_text(encoding="utf-8")), encoding="utf-8")
    with (folder / "index.md").open("a", encoding="utf-8") as index:
        index.write("".join(_tree(title, pages) for title, pages in CONTENTS.items()))
    shutil.copy(HERE / "conf.py", folder)


def link(text: str) -> str:
    """Markdown whose links lead to pages of the site, which is flat; what the site does not have is no link."""
    pages = {source: page for page, source in COPIED.items()}
    text = re.sub(r"\]\((?:\.\./)?((?:README|CHANGELOG|CONTRIBUTING)\.md)", lambda found: f"]({pages[found[1]]}", text)
    text = re.sub(r"\]\((?:\.\./)?docs/", "](", text).replace("](../images/", "](images/")
    text = text.replace("](notebooks/", "](")
    return re.sub(r"\[([^]]*)\]\((?:\.\./)?(?:LICENSE|benchmarks/)[^)]*\)", r"\1", text)


def _tree(title: str, pages: tuple[str, ...]) -> str:
    return f"\n```{{toctree}}\n:hidden:\n:caption: {title}\n\n" + "\n".join(pages) + "\n```\n"


def main() -> int:
    site = Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "site"
    with tempfile.TemporaryDirectory(prefix="docsort-site-") as folder:
        lay_out(Path(folder))
        return int(build_main(["-q", "-W", "--keep-going", "-b", "html", folder, str(site)]))


if __name__ == "__main__":
    sys.exit(main())
