"""Fixtures shared by the tests."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real files; the environment variable N2NF_DATA names it."""
    folder = os.environ.get("N2NF_DATA")
    if not folder:
        pytest.skip("set N2NF_DATA to the folder of real files (see data_scripts/fetch_real_sets.py)")
    return Path(folder)
