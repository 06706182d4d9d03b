"""The pages of the book as `make book` left them."""

from pathlib import Path

HTML = Path(__file__).parents[2] / "book/_build/html"
PAGES = sorted(str(path.relative_to(HTML)) for path in HTML.rglob("*.html") if "_static" not in path.parts)
