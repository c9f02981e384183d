"""The site, as Sphinx builds it: `docs/site/build.py` lays the pages beside this file."""

project, author = "Docsort", "The Docsort authors"
html_title = "Docsort"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
autodoc_typehints = "signature"
autodoc_member_order = "bysource"
html_theme = "furo"
html_show_sourcelink = False
html_show_sphinx = False
html_copy_source = False
suppress_warnings = ["misc.highlighting_failure"]
# Pages open at headings of their own, and logs and shells are no Python.
highlight_language = "none"
pygments_dark_style = "monokai"
