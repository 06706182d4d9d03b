"""A real Chromium without a network, and the book as `make book` left it."""

import functools
import http.server
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from cases.book_pages import HTML
from cases.widgets import WIDGETS

from n2nf_core.widgets import modules

ROOT = Path(__file__).parents[2]
SOURCES = (
    "book/*.md",
    "book/api/*.md",
    "book/*.bib",
    "results/*",
    "book/*.yml",
    "book/*.css",
    "book/findings/*.md",
    "book/_ext/*.py",
    "notebooks/*.md",
    "n2nf_core/widgets/**/*",
)
SETTLED = "async () => { await window.MathJax?.startup?.promise; await document.fonts.ready }"  # formulas and fonts
FORGET = "if (location.protocol !== 'about:') { localStorage.clear(); sessionStorage.clear() }"
LOCAL = ("file:", "blob:", "data:", "http://127.0.0.1:")


@pytest.fixture(scope="session")
def book() -> Path:
    """The folder of the book's pages, not older than what they are made from."""
    if not (HTML / "index.html").exists():
        pytest.skip("there is no book: run `make book`")
    made = (HTML / "index.html").stat().st_mtime
    newer = [p.name for pattern in SOURCES for p in ROOT.glob(pattern) if p.is_file() and p.stat().st_mtime > made]
    newer = [name for name in newer if not name.endswith(".pyc")]
    if newer:
        pytest.skip(f"the book is older than {', '.join(newer[:3])}: run `make book`")
    return HTML


def load(page, address: str) -> None:
    """Show an address, with its formulas and fonts."""
    page.goto(address)
    page.evaluate(SETTLED)


@contextmanager
def watching(chromium):
    """What ``open_page`` is, and the list of what its pages complain about, which must be empty in the end."""
    contexts, complaints = [], []

    def open_(address: str, width: int = 1280, height: int = 900, dark: bool = False, before: str = ""):
        options = {"viewport": {"width": width, "height": height}, "color_scheme": "dark" if dark else "light"}
        context = chromium.new_context(**options)
        contexts.append(context)

        def local_only(route):
            if route.request.url.startswith(LOCAL):
                return route.continue_()
            complaints.append(f"request to {route.request.url}")
            return route.abort()

        context.route("**/*", local_only)
        page = context.new_page()
        page.on("console", lambda m: m.type == "error" and complaints.append(f"{page.url}: {m.text}"))
        page.on("pageerror", lambda error: complaints.append(f"{page.url}: {error}"))
        if before:
            page.add_init_script(before)
        load(page, address)
        return page

    yield open_, complaints
    for context in contexts:
        context.close()
    assert not complaints


@pytest.fixture
def open_page(chromium):
    """open_page(address, width=..., dark=...) -> a page whose requests to other machines are cut and fail the test."""
    with watching(chromium) as (open_, _):
        yield open_


@pytest.fixture(scope="module")
def visit(chromium):
    """visit(address, width) -> a context with that page, which must have had no errors when it ends.

    One tab shows all of them, which takes half the time of a tab for each; what the last page stored is forgotten.
    """
    with watching(chromium) as (open_, complaints):
        page = open_("about:blank", before=FORGET)

        @contextmanager
        def visited(address: str, width: int):
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": width, "height": 900})
            load(page, address)
            yield page
            page.goto("about:blank")
            found, complaints[:] = complaints[:], []
            assert not found

        yield visited


@contextmanager
def serving(folder: Path):
    """The address of a folder on a server of this machine."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    handler.func.log_message = lambda *_: None
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@pytest.fixture(scope="session")
def served(book):
    """The address of the book."""
    with serving(book) as address:
        yield address


@pytest.fixture(scope="session")
def widgets(tmp_path_factory) -> Path:
    """A folder with a page of its own for every widget, as the book shows them; none has to be built."""
    folder = tmp_path_factory.mktemp("widgets")
    for name, make in WIDGETS.items():
        (folder / f"{name}.html").write_text(modules.page(make(), name))
    return folder


@pytest.fixture(scope="session")
def served_widgets(widgets):
    """The address of the widgets' pages."""
    with serving(widgets) as address:
        yield address


@pytest.fixture(params=["file", "http"])
def widget_base(request, widgets):
    """Where the widgets' pages are: in files, and on a server."""
    return widgets.as_uri() if request.param == "file" else request.getfixturevalue("served_widgets")
