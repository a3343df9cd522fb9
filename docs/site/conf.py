"""Settings of Sphinx; docs/site/build.py calls it."""

import inspect
import os

import rnnext

project = "rnnext"
author = "the authors of rnnext"
version = rnnext.__version__
release = os.environ["RNNEXT_DOCS_VERSION"]
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
]
exclude_patterns = ["site"]
myst_enable_extensions = ["attrs_inline"]
myst_heading_anchors = 3  # links to headings, as the repository shows them

# Docstrings are Google's style, and single backquotes are code.
default_role = "literal"
napoleon_use_rtype = False
napoleon_custom_sections = [("Call arguments", "params_style")]
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autoclass_content = "class"
python_maximum_signature_line_length = 88
add_module_names = False

html_theme = "pydata_sphinx_theme"
html_title = "rnnext"
html_static_path = ["site/static"]
html_css_files = ["extra.css"]
html_show_sourcelink = False
html_sidebars = {"index": [], "start": [], "gallery": []}
html_theme_options = {
    "logo": {"text": "rnnext"},
    "header_links_before_dropdown": 6,
    "navigation_with_keys": False,
    "show_toc_level": 1,
    "navbar_end": ["version-switcher", "theme-switcher", "navbar-icon-links"],
    "switcher": {"json_url": "../switcher.json", "version_match": release},  # beside this version
    "check_switcher": False,  # build.py writes it afterwards
    "show_version_warning_banner": True,
    "footer_start": ["copyright"],
    "footer_end": [],
}


def signature_of(app, what, name, obj, options, signature, return_annotation):  # noqa: ARG001
    """The arguments of a constructor; classes here have a `__new__` that takes any."""
    if what != "class" or issubclass(obj, Exception):
        return None
    parameters = list(inspect.signature(obj.__init__).parameters.values())[1:]
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    return str(inspect.Signature(plain)), ""


def setup(app):
    """Called by Sphinx."""
    app.connect("autodoc-process-signature", signature_of)
