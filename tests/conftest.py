"""Fixtures shared by the tests."""

import os
import shutil
from pathlib import Path

import pytest

LONGEST = ("test_gpu_kit.py", "test_workflow.py", "test_lab.py", "test_notebooks.py")


def pytest_collection_modifyitems(items):
    """The longest tests come first, so that no process is left alone with one of them in the end."""
    items.sort(key=lambda item: item.path.name not in LONGEST)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real files; the environment variable N2NF_DATA names it."""
    folder = os.environ.get("N2NF_DATA")
    if not folder:
        pytest.skip("set N2NF_DATA to the folder of real files (see data_scripts/fetch_real_sets.py)")
    return Path(folder)


@pytest.fixture(scope="session")
def chromium():
    """A browser for all tests of a process."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("no browser: install chromium")
    api = pytest.importorskip("playwright.sync_api")
    options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=options)
        yield browser
        browser.close()
