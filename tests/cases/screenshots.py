"""Where tests of the pages leave their screenshots."""

from pathlib import Path

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
