"""`python -m docsort`: `kedro run` of the installed package, with its options, in a folder that has the `conf/` of the
archive that `kedro package` writes.
"""

import logging
import os


def main() -> None:
    """The command line."""
    os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "true")  # as .telemetry says for the project
    from kedro.framework.project import configure_project

    configure_project("docsort")
    logging.getLogger("kedro_viz").setLevel(logging.ERROR)  # it warns that there is no project to show
    from docsort.cli import run

    run(prog_name="python -m docsort")


if __name__ == "__main__":
    main()
