"""How Sphinx builds the site: ``sphinx-build -W -b html docs site``."""

from importlib.metadata import version as installed

project = "backhaul"
author = "the backhaul authors"
copyright = "the backhaul authors, Apache-2.0"  # noqa: A001 - Sphinx's own name
version = release = installed("backhaul")

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["recipes"]

smartquotes = False  # two dashes are an option, not a dash

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block", "colon_fence"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_maximum_signature_line_length = 80
napoleon_numpy_docstring = False
napoleon_use_ivar = True  # fields are part of their class, not targets of their own

html_theme = "furo"
html_title = f"backhaul {release}"
html_copy_source = False
html_show_sourcelink = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {"navigation_with_keys": True}
