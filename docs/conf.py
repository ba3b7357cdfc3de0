"""Configuration of the site: `make docs`, or `sphinx-build -W docs out/docs`."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import madtheory

project = "madtheory"
author = "The madtheory developers"
copyright = author
version = release = madtheory.__version__

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.viewcode",
    "madsite.hooks",
]
exclude_patterns = ["madsite", "generated/images"]
nitpicky = True
default_role = "literal"
# A class whose name another room has too: Sphinx takes the first, and can't be told which.
suppress_warnings = ["ref.python"]

# Pages in Markdown; a page with `file_format: mystnb` is a notebook, run at every build.
myst_enable_extensions = ["colon_fence", "dollarmath", "attrs_inline"]
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
nb_execution_show_tb = True

# The API, from docstrings in the style of numpydoc.
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
autodoc_member_order = "bysource"
ALIASES = ("Array", "ArrayLike", "Ints", "Bools", "Numbers", "NDArray")
autodoc_type_aliases = {name: name for name in ALIASES}
napoleon_google_docstring = False
napoleon_use_param = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Attributes", "params_style")]  # Prose, not targets.
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
toc_object_entries = False
viewcode_line_numbers = True

html_theme = "furo"
html_title = "madtheory"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_math_renderer = "mathml"
html_copy_source = False
html_show_sphinx = False
