"""The site of the documents: `sphinx-build -W -c specs/site specs build/site` (extra `docs`).

Its pages are the files that the repository shows, as they are; a notebook among them is run while
the site is built, if it is kept without outputs, and fails the build where a cell fails.  What they
link to outside of this folder, such as source files, is shown there as a name, for a site has no
place for it.
"""

from __future__ import annotations

from importlib import metadata
from pathlib import Path
from typing import ClassVar

from docutils import nodes
from pygments.lexer import RegexLexer, bygroups
from pygments.token import Generic, Text
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms.post_transforms import SphinxPostTransform

from gradc_runtime.cli.pygments_lexer import GradcLexer

project = "gradc"
author = copyright = "the maintainers of gradc"
release = version = metadata.version("gradc")
extensions = ["myst_nb"]
root_doc = "index"
source_suffix = {".md": "myst-nb", ".ipynb": "myst-nb"}
exclude_patterns = ["errors", "warnings", "decisions.md"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
nb_execution_mode = "auto"  # a notebook that is kept without its outputs is run
nb_execution_raise_on_error = True
nb_execution_timeout = 120
suppress_warnings = ["myst.header"]  # a page may begin a level lower, as the repository shows it
html_theme = "furo"
html_title = "gradc"
html_static_path = ["static"]
html_css_files = ["pages.css"]
html_show_sourcelink = False


class CommandsAndAnswers(RegexLexer):
    """What a terminal shows: commands stand out, numbers in them are no mathematics."""

    name = "console"
    tokens: ClassVar = {
        "root": [
            (r"^(\$ )(.*\n)", bygroups(Generic.Prompt, Generic.Strong)),
            (r".*\n", Generic.Output),
            (r".+", Text),
        ]
    }


class TitlesOfPages(SphinxPostTransform):
    """A link that is written as the name of a page's file is shown as the page's title."""

    default_priority = 4

    def run(self, **given: object) -> None:
        """Before anything is looked up."""
        for node in self.document.findall(addnodes.pending_xref):
            path = Path(node.get("reftarget", "").partition("#")[0])
            title = self.env.titles.get(path.stem)
            if title is not None and node.astext() in (path.name, f"{path.stem}.md"):
                node.children = [nodes.inline("", title.astext())]
                node.children[0].parent = node


class OutsideLinks(SphinxPostTransform):
    """A link to what lies beside this folder becomes the text of the link."""

    default_priority = 5

    def run(self, **given: object) -> None:
        """Before anything is looked up."""
        folder = Path(self.env.doc2path(self.env.docname)).parent
        for node in list(self.document.findall(addnodes.pending_xref)):
            target = node.get("reftarget", "").partition("#")[0]
            if target and (self.is_outside(folder, target)):
                node.replace_self(nodes.inline("", "", *node.children))
        for link in list(self.document.findall(addnodes.download_reference)):
            link.replace_self(nodes.inline("", "", *link.children))

    def is_outside(self, folder: Path, target: str) -> bool:
        """Whether a target is a file or a folder that the site has no page for."""
        path = (folder / target).resolve()
        path = path if path.exists() else path.with_suffix(".md")
        inside = path.is_relative_to(self.app.srcdir)
        return path.exists() and (not inside or path.suffix != ".md" or "decisions" in path.name)


def setup(app: Sphinx) -> None:
    """What Sphinx asks of a configuration."""
    app.add_post_transform(OutsideLinks)
    app.add_post_transform(TitlesOfPages)
    app.add_lexer("nn", GradcLexer)
    app.add_lexer("console", CommandsAndAnswers)
