"""What the book puts into its pages: folded code, numbered formulas, committed results, docstrings, links."""

import doctest
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import rooms

ROOT = Path(__file__).parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.md"))
pytest.importorskip("docutils")
sys.path.insert(0, str(ROOT / "book/_ext"))
committed, docstrings, figures, findings, fold, inject, stack, stamp = (
    pytest.importorskip(name)
    for name in ("committed", "docstrings", "figures", "findings", "fold", "inject", "stack", "stamp")
)


@pytest.mark.parametrize(
    "module", (committed, docstrings, figures, findings, fold, inject, stack), ids=lambda m: m.__name__
)
def test_examples(module):
    result = doctest.testmod(module)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_folding_tags_cells_and_changes_nothing_else(path):
    text = path.read_text()
    folded = fold.fold(text)
    assert folded.replace(":tags: [hide-input]\n\n", "").replace(":tags: [hide-cell]\n\n", "") == text
    cells = [cell[2] for cell in fold.CELL.finditer(folded)]
    assert any(cell.startswith(":tags: [hide-cell]") and "results.write_json(" in cell for cell in cells)
    assert cells[0].startswith(":tags: [hide-input]") and "import" in cells[0]
    shown = [cell for cell in cells if not cell.startswith(":tags:")]
    assert shown and not any("figure = " in cell or "assert " in cell for cell in shown)


def test_displayed_formulas_are_numbered():
    text = inject.numbered("a\n\n$$\nx\n$$\n\nb\n\n$$\ny\n$$\n", "notebooks/30_train")
    assert text.count("$$ (eq-30_train-1)") == text.count("$$ (eq-30_train-2)") == 1
    assert inject.numbered("$$\nx\n$$ (own)\n", "n") == "$$\nx\n$$ (own)\n"


def test_a_notebook_leads_to_the_formulas_that_it_computes():
    page = inject.FORMULAS.read_text()
    names = inject.NAMED.findall(page)
    assert {"joint-loss", "cross-sample", "self-sample", "pair-difference", "noise2noise", "nlf", "marginal-kl"} <= set(
        names
    )
    assert inject.formulas("losses.self_sample(model)", page) == ["self-sample"]
    text = (ROOT / "notebooks/60_ablate_lambda.md").read_text()
    assert "cross sample {eq}`cross-sample`" in inject.references(text) and "NLL {eq}`nll`" in inject.references(text)
    assert "pair-difference" not in inject.formulas("print(1)", page)


def test_every_formula_has_a_source_and_a_function():
    page, start = inject.FORMULAS.read_text(), 0
    own = {"pair-difference", "nll", "regret", "psnr", "signal-dependent-layer"}  # ours, or a definition
    for formula in inject.NAMED.finditer(page):
        before, start = page[start : formula.start()], formula.end()
        assert inject.FUNCTION.search(before), formula[1]
        assert "{cite" in before or formula[1] in own, formula[1]


def test_a_notebook_without_results_says_so(tmp_path):
    assert committed.of("10_pair_noisy_images", tmp_path) == []
    assert committed.NOTHING in committed.section("no_such_notebook")
    for name, has_tables in (("10_pair_noisy_images", False), ("40_evaluate_noise_model", True)):
        assert (committed.BRACKETS in committed.section(name)) == has_tables


def test_results_come_from_the_files(tmp_path):
    content = json.loads((ROOT / "results/00_start_here-acsn-cpu.json").read_text())
    content["noise_models"]["awgn"] |= {"nll_nats_per_dim": -7.5, "nll_nats_per_dim_interval": [-8.0, -7.0]}
    (tmp_path / "00_start_here-x.json").write_text(json.dumps(content))
    (found,) = committed.of("00_start_here", tmp_path)
    text = committed.shown(found, "00_start_here")
    assert "| AWGN | -7.500 [-8.000, -7.000] |" in text
    assert f"`{content['provenance']['commit'][:10]}`" in text and content["provenance"]["command"] in text


def test_the_sweep_shows_its_figure_and_its_seeds():
    (found,) = committed.of("60_ablate_lambda")
    assert "](../../results/60_ablate_lambda.svg)" in committed.drawn(found.path, "notebooks/60_ablate_lambda")
    assert committed.drawn(found.path.with_stem("91_use_your_model"), "notebooks/91_use_your_model") == ""
    text = committed.shown(found, "60_ablate_lambda")
    assert f"seeds {', '.join(map(str, found.named('seed')))}; " in text
    assert found.named("seed") == sorted(set(found.frame["provenance.seed"]))


def test_the_reproducibility_page_lists_all_committed_results():
    text = inject.made("provenance")
    files = [p for p in (ROOT / "results").iterdir() if p.suffix in (".json", ".parquet")]
    for path in files:
        assert f"### {path.name}\n" in text
        for command in committed.read(path).named("command"):
            assert command in text


def test_profiles_are_read_from_the_core():
    from n2nf_core.training import PROFILES

    row = next(line for line in inject.sizes().splitlines() if line.startswith("| `gpu`"))
    *numbers, compiled = vars(PROFILES["gpu"]).values()
    assert row == "| `gpu` | " + " | ".join(f"{v:,}" for v in numbers) + " | yes |" and compiled


def test_what_make_can_do_is_read_from_its_file():
    rows = inject.commands().splitlines()[2:]
    targets = re.search(r"^\.PHONY: (.*)$", inject.MAKEFILE.read_text(), re.MULTILINE)[1].split()
    named = [re.match(r"\| `make ([\w-]+)", row)[1] for row in rows]
    assert {"demo", "study", "lab", "book"} <= set(named) <= set(targets)
    assert all(len(re.findall(r"(?<!\\)\|", row)) == 3 for row in rows), "a bar would end a cell"


@pytest.mark.parametrize("address", ["", "https://example.org/a/b"])
def test_without_an_address_no_service_is_named(address):
    assert stamp.elsewhere(address, "main", "notebooks/00_start_here") == []


def test_services_open_the_notebook_of_the_repository():
    colab, binder = stamp.elsewhere("https://github.com/owner/name", "main", "notebooks/00_start_here")
    assert "/github/owner/name/blob/executed/notebooks/00_start_here.ipynb" in colab
    assert "/v2/gh/owner/name/main?urlpath=lab%2Ftree%2Fnotebooks%2F00_start_here.md" in binder


def test_a_notebook_as_it_ran_brings_the_package_where_its_address_is_known(tmp_path):
    import nbformat

    head = (ROOT / "notebooks/00_start_here.md").read_text().split("\n# ")[0]
    (tmp_path / "n.md").write_text(head + "\n# Title\n\n```{code-cell} ipython3\n1 + 1\n```\n")
    output = nbformat.v4.new_output("execute_result", {"text/plain": "2"}, execution_count=1)
    ran = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# Title and what the page adds"),
            nbformat.v4.new_code_cell("1 + 1", outputs=[output], execution_count=1),
        ]
    )
    nbformat.write(ran, tmp_path / "n.ipynb")
    plain = stamp.as_it_ran(tmp_path / "n.md", tmp_path / "n.ipynb", "")
    assert [cell.source for cell in plain.cells] == ["# Title", "1 + 1"] and plain.cells[1].outputs == [output]
    there = stamp.as_it_ran(tmp_path / "n.md", tmp_path / "n.ipynb", "https://github.com/o/n")
    assert "git+https://github.com/o/n" in there.cells[1].source and len(there.cells) == 3


def test_docstrings_are_text():
    lines = ["z = x * s_1  |a|", "", "    log p = -|z|", "", "See :func:`other` and ``code_1``.", "", ">>> f(1)", "2"]
    obj = SimpleNamespace(__module__="n2nf_core.flow")
    docstrings.rewrite(None, "function", "n2nf_core.flow.f", obj, None, lines)
    text = "\n".join(lines)
    assert r"z = x \* s\_1  \|a\|" in text and "code-block:: none\n\n    log p = -|z|\n" in text
    assert ":func:`.other` and ``code_1``." in text and "\n>>> f(1)\n2\n" in text


def test_arguments_are_a_list_and_no_formula():
    lines = ["Do it.", "", "Arguments:", "    first, second: metres,", "        or a_b.", "    third: (B,)."]
    docstrings.rewrite(None, "function", "n2nf_core.flow.f", None, None, lines)
    assert lines[2:6] == ["Arguments:", "", r"- ``first``, ``second``: metres, or a\_b.", "- ``third``: (B,)."]
    assert not any("code-block" in line for line in lines)


def test_methods_are_looked_for_in_their_class():
    lines = ["See :meth:`forward`, :class:`n2nf_core.flow.NoiseFlow`."]
    docstrings.rewrite(None, "class", "n2nf_core.flow.NoiseFlow", None, None, lines)
    assert lines[0] == "See :meth:`~n2nf_core.flow.NoiseFlow.forward`, :class:`n2nf_core.flow.NoiseFlow`."


INNER = {"cli", "kernels", "plots", "widgets"}  # rooms that a reader of the book need not know


def test_every_room_has_its_place_on_an_api_page():
    text = "".join(path.read_text() for path in (ROOT / "book/api").glob("*.md"))
    listed = re.findall(r"^\.\. automodule:: n2nf_core\.([\w.]+)$", text, re.MULTILINE)
    assert {name.split(".")[0] for name in listed} == set(rooms.ORDER) - INNER, "in book/api/*.md or in INNER"
    assert len(listed) == len(set(listed))


def test_the_placed_notebook_is_the_text_with_its_outputs(book):
    placed = json.loads((book / "_sources/notebooks/60_ablate_lambda.ipynb").read_text())
    code = ["".join(cell["source"]) for cell in placed["cells"] if cell["cell_type"] == "code"]
    assert any(c["outputs"] for c in placed["cells"] if c["cell_type"] == "code")
    assert "hide-input" not in json.dumps(placed) and "What was found" not in json.dumps(placed)
    assert code[0].startswith("from functools import partial")


def test_values_of_wide_tables_carry_their_headings():
    head = "".join(f'<th class="head"><p>{name}</p></th>' for name in ("model", "NLL, here", "b", "c", "d"))
    body = f"<tbody><tr><th>AWGN</th>{'<td>1</td>' * 4}</tr></tbody>"
    wide = f'<table class="table"><thead><tr>{head}</tr></thead>{body}</table>'
    shown = stack.TABLE.sub(stack.labelled, wide)
    assert '<th data-label="model">AWGN</th><td data-label="NLL, here">1</td><td data-label="b">' in shown
    assert (
        shown.startswith('<div class="stacked"><table class="table"><thead>')
        and "data-label" not in shown.split("</thead>")[0]
    )
    assert stack.TABLE.sub(stack.labelled, shown).count("data-label") == 5, "a page that is written again stays"
    more = wide.replace('<th class="head"><p>d</p></th>', '<th class="head"><p>d</p></th>' * 3)
    assert '<div class="stacked wide">' in stack.TABLE.sub(stack.labelled, more)
    few = wide.replace('<th class="head"><p>d</p></th>', "").replace('<th class="head"><p>c</p></th>', "")
    assert stack.TABLE.sub(stack.labelled, few) == few
    script = f"<script>{wide}</script>"
    assert stack.TABLE.sub(stack.labelled, script) == script, "the state of a widget is no table"
