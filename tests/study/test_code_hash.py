"""Which code decides a result: modules that a notebook reaches, and nothing that only shows."""

import pytest
from cases.study import NOTEBOOK, digest

from n2nf_core.study import code_hash


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "tiny.md"
    path.write_text(NOTEBOOK)
    return path


def test_the_core_counts_where_the_notebook_reaches_it(notebook, tmp_path, monkeypatch):
    package = tmp_path / "n2nf_core"
    package.mkdir()
    texts = {
        "results": "",
        "losses": "from n2nf_core import types",
        "types": "one = 1",
        "metrics": "two = 2",
        "plots": "",
    }
    for name, text in texts.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.setattr(code_hash, "PACKAGE", package)
    notebook.write_text(NOTEBOOK.replace("import os\n", "import os\nfrom n2nf_core import losses, plots\n"))
    first = digest(notebook)
    (package / "metrics.py").write_text("two = 3")
    (package / "plots.py").write_text("three = 3")
    (package / "types.py").write_text('"""Told better."""\n\none = 1  # the first\n')
    assert digest(notebook) == first
    (package / "types.py").write_text("one = 2")
    assert digest(notebook) != first


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package with a face that hands on the names of two modules, of which one needs a third."""
    files = {
        "flow/__init__.py": "from n2nf_core.flow.layers import Layer\nfrom n2nf_core.flow.fast import quick\n",
        "flow/layers.py": "from n2nf_core import types\n\n\nclass Layer:\n    pass\n",
        "flow/fast.py": "def quick(): ...\n",
        "own/__init__.py": "from n2nf_core.flow.fast import quick\n\n\ndef slow():\n    quick()\n",
        "types.py": "one = 1\n",
        "plots/__init__.py": "from n2nf_core.plots.charts import lines\n",
        "plots/charts.py": "def lines(): ...\n",
    }
    for name, text in files.items():
        (tmp_path / "n2nf_core" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "n2nf_core" / name).write_text(text)
    monkeypatch.setattr(code_hash, "PACKAGE", tmp_path / "n2nf_core")


@pytest.mark.parametrize(
    ("code", "reached"),
    [
        ("from n2nf_core.flow import Layer", ["flow/layers.py", "types.py"]),
        ("from n2nf_core.flow import quick", ["flow/fast.py"]),
        ("from n2nf_core import flow\nflow.quick()", ["flow/fast.py"]),
        ("from n2nf_core import flow\nuse(flow)", ["flow/fast.py", "flow/layers.py", "types.py"]),
        ("import n2nf_core.flow.fast", ["flow/fast.py"]),
        ("from n2nf_core.own import slow", ["flow/fast.py", "own/__init__.py"]),
        ("from n2nf_core.plots import lines", []),
    ],
)
def test_a_face_is_looked_through(package, code, reached):
    assert list(code_hash.core_code(code)) == reached


@pytest.mark.parametrize(
    "shown",
    ["print(seed)", "display(plots.lines(seed))", "figure = plots.lines(seed, mark=1.0)"],
)
def test_a_statement_that_only_shows_makes_no_point_old(notebook, shown):
    first = digest(notebook)
    notebook.write_text(NOTEBOOK.replace("import os\n", f"import os\n\n{shown}\n"))
    assert digest(notebook) == first


@pytest.mark.parametrize(
    "decides", ["seed = seed + 1", "table = plots.lines(seed)", "train(seed)", "display(write_json('a', {}))"]
)
def test_a_statement_that_does_more_than_show_counts(notebook, decides):
    first = digest(notebook)
    notebook.write_text(NOTEBOOK.replace("import os\n", f"import os\n\n{decides}\n"))
    assert digest(notebook) != first
