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
