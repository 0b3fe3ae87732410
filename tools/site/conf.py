"""The settings of Sphinx for the documentation site, which `make site` builds."""

project = "flaskops.stack"
copyright = "the flaskops.stack authors"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
html_theme = "furo"
html_title = "flaskops.stack"
html_show_copyright = False
html_copy_source = False
# As GitHub has them, down to the keys of a description.
myst_heading_anchors = 4
myst_enable_extensions = ["colon_fence"]
exclude_patterns = ["_build"]
pygments_style = "friendly"
