"""Every page that runs says under its title how to open it, and at its foot from which commit its cells were made. The
notebook as it ran is put into the site, beside its text."""

import os
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import jupytext
import nbformat
from jupyter_cache import get_cache

from n2nf_core.study.results import commit

TITLE = re.compile(r"^# .*\n", re.MULTILINE)
PROFILE = re.compile(r'^profile = "(\w+)"', re.MULTILINE)
EXECUTED = "executed"  # the branch that .github/workflows/pages.yml keeps the executed notebooks in


def runs(text: str) -> bool:
    """Whether a page's text has cells that the build runs."""
    return "format_name: myst" in text


def repository(app) -> str:
    """The public address of the code, of _config.yml or else of the environment; "" where there is none."""
    return (app.config.html_theme_options.get("repository_url") or os.environ.get("BOOK_REPOSITORY", "")).rstrip("/")


def elsewhere(address: str, branch: str, name: str) -> list[str]:
    """Links to services that run a notebook of a GitHub repository; none without an address."""
    place = re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+)", address)
    if not place or not name.startswith("notebooks/"):
        return []
    path = quote(f"lab/tree/{name}.md", safe="")
    return [
        f'<a href="https://colab.research.google.com/github/{place[1]}/blob/{EXECUTED}/{name}.ipynb">Colab</a>',
        f'<a href="https://mybinder.org/v2/gh/{place[1]}/{branch}?urlpath={path}">Binder</a>',
    ]


def ways(name: str, address: str, branch: str) -> str:
    """Where to get the page's notebook, and what to run it with."""
    up, file = "../" * name.count("/"), name.rsplit("/", 1)[-1]
    links = [
        f'<a href="{up}_sources/{name}.ipynb" download>{file}.ipynb</a> as it ran here',
        f'<a href="{up}_sources/{name}.md" download>{file}.md</a>, its text',
        *elsewhere(address, branch, name),
    ]
    lab = f" In JupyterLab: `make lab`, then open `{file}.md`." if name.startswith("notebooks/") else ""
    return f"Open it: {' · '.join(links)}.{lab}"


def origin(name: str, text: str) -> str:
    """What made the live cells of a page."""
    profile, day = PROFILE.search(text), f"{datetime.now(UTC):%d %B %Y}".lstrip("0")
    return f"Live cells: {f'profile `{profile[1]}`, ' if profile else ''}commit `{commit()[:10]}`, {day}."


def stamp(app, name: str, source: list[str]) -> None:
    """Put the ways to open a page after its first title; the landing page has its own way in."""
    if name == app.config.root_doc or not runs(source[0]):
        return
    branch = app.config.html_theme_options.get("repository_branch")
    line = f"\n```{{div}} stamp\n{ways(name, repository(app), branch or 'main')}\n```\n"
    foot = "" if name.startswith("notebooks/") else f"\n\n```{{div}} stamp\n{origin(name, source[0])}\n```\n"
    source[0] = TITLE.sub(lambda title: title.group() + line, source[0], count=1) + foot


def as_it_ran(text: Path, executed: Path, address: str) -> nbformat.NotebookNode:
    """The notebook of a page's own text, with the outputs of the build; Colab gets the package where it lacks it."""
    notebook, ran = jupytext.read(text), nbformat.read(executed, 4)
    outputs = [cell for cell in ran.cells if cell.cell_type == "code"]
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    for cell, output in zip(cells, outputs, strict=True):
        cell.outputs, cell.execution_count = output.outputs, output.execution_count
    notebook.metadata |= {key: ran.metadata[key] for key in ("widgets", "language_info") if key in ran.metadata}
    if address:
        install = f'!python -c "import n2nf_core" 2> /dev/null || pip install -q "n2nf-core[lab] @ git+{address}"'
        notebook.cells.insert(1, nbformat.v4.new_code_cell(install))
    return notebook


def place(app, exception) -> None:
    """Write <site>/_sources/<page>.ipynb for every page that ran.

    Of a page that was read again and not run, ``jupyter_execute`` has no outputs; the cache has them.
    """
    if exception or app.builder.name != "html":
        return
    executed, cache = (Path(app.outdir).parent / name for name in ("jupyter_execute", ".jupyter_cache"))
    for name in app.env.found_docs:
        ran, text = executed / f"{name}.ipynb", Path(app.env.doc2path(name))
        if ran.exists():
            _, full = get_cache(cache).merge_match_into_notebook(nbformat.read(ran, 4))
            nbformat.write(full, ran)
            target = Path(app.outdir) / f"_sources/{name}.ipynb"
            nbformat.write(as_it_ran(text, ran, repository(app)), target)


def offer(app, page: str, template: str, context: dict, doctree) -> None:
    """The theme's download button lists the notebook, too."""
    if doctree is not None and (Path(app.outdir).parent / f"jupyter_execute/{page}.ipynb").exists():
        context["ipynb_source"] = f"{page}.ipynb"


def footer(app, config) -> None:
    """Every page says at its end what it was built from."""
    built = f"Built from commit {commit()[:10]}, {datetime.now(UTC):%Y-%m-%d}."
    config.html_theme_options["extra_footer"] = built


def setup(app):
    """Sphinx's entry."""
    app.connect("source-read", stamp)
    app.connect("config-inited", footer)
    app.connect("html-page-context", offer, priority=100)
    app.connect("build-finished", place)
    return {"parallel_read_safe": True}
