"""Docstrings are plain text: formulas, shapes, examples. Their paragraphs are shown as such, not read as a markup."""

import re

KEPT = re.compile(r"``.+?``|:\w+:`~?[\w.]+`")
SPECIAL = re.compile(r"([\\*`|_])")
FORMULA = ".. code-block:: none"
ROLE = re.compile(r":(func|class|meth|data):`([\w.]+)`")


def escaped(text: str) -> str:
    r"""Text in which nothing is markup but ``code`` and references.

    >>> print(escaped("KL(P || Q) of y_1, see ``loss``"))
    KL(P \|\| Q) of y\_1, see ``loss``
    """
    parts, end = [], 0
    for kept in KEPT.finditer(text):
        parts += [SPECIAL.sub(r"\\\1", text[end : kept.start()]), kept.group()]
        end = kept.end()
    return "".join([*parts, SPECIAL.sub(r"\\\1", text[end:])])


def arguments(lines: list[str]) -> list[str]:
    """A list of arguments, ``name: text`` indented by four, its continuation by more, as a list with names in code.

    >>> arguments(["    iso, camera: one", "        per image."])
    ['- ``iso``, ``camera``: one per image.']
    """
    items: list[str] = []
    for line in lines:
        if line.startswith("     ") and items:
            items[-1] += f" {line.strip()}"
        else:
            items.append(line.strip())
    split = [item.partition(": ") for item in items]
    return [f"- {', '.join(f'``{n}``' for n in names.split(', '))}: {escaped(text)}" for names, _, text in split]


def shown(paragraph: list[str]) -> list[str]:
    """One paragraph of a docstring as reStructuredText: examples, arguments, indented formulas, text."""
    if paragraph[0] == "Arguments:":
        return ["Arguments:", "", *arguments(paragraph[1:]), ""]
    if paragraph[0].startswith(">>>"):
        return [*paragraph, ""]
    if all(line.startswith("    ") for line in paragraph):
        return [FORMULA, "", *paragraph, ""]
    lines, formulas = [], []
    if any(line.startswith("- ") for line in paragraph):
        return [*(("" if line.startswith("-") else "  ") + escaped(line.strip()) for line in paragraph), ""]
    for line in paragraph:
        if line.startswith("    "):
            formulas.append(line)
            continue
        lines += [*(["", FORMULA, "", *formulas, ""] if formulas else []), escaped(line.strip())]
        formulas = []
    return [*lines, *(["", FORMULA, "", *formulas] if formulas else []), ""]


def reference(role: re.Match, owner: str) -> str:
    """A reference by name alone: methods belong to ``owner``, all else is searched for by its name."""
    if "." in role[2]:
        return role.group()
    return f":{role[1]}:`~{owner}.{role[2]}`" if role[1] == "meth" else f":{role[1]}:`.{role[2]}`"


def rewrite(app, what: str, name: str, obj, options, lines: list[str]) -> None:
    """Sphinx's event: ``lines`` are changed in place."""
    owner = name if what == "class" else name.rpartition(".")[0]
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip("\n"))
    text = [line for part in paragraphs if part.strip() for line in shown(part.strip("\n").splitlines())]
    lines[:] = [ROLE.sub(lambda role: reference(role, owner), line) for line in text]


def skip(app, what: str, name: str, obj, skipped: bool, options) -> bool | None:
    """Fields of a tuple are told by its own docstring."""
    return True if (getattr(obj, "__doc__", None) or "").startswith("Alias for field number") else None


def setup(app):
    """Sphinx's entry."""
    app.connect("autodoc-process-docstring", rewrite)
    app.connect("autodoc-skip-member", skip)
    return {"parallel_read_safe": True}
