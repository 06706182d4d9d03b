"""Fixtures of the tests of bursts."""

import pytest
from cases.bursts import make

from n2nf_core.bursts import write_burst


@pytest.fixture
def stored(tmp_path):
    """A burst, and the path of the store that holds it."""
    burst = make()
    return burst, write_burst(burst, tmp_path / "a.burst.zarr")
