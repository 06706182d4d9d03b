"""Options stand in place of what a stored burst holds."""

import pytest
from cases.stacks import FULL, mosaics, one, save

from n2nf_core.bursts import BurstError
from n2nf_core.importers.options import Options


def test_options_are_applied_to_a_burst(tmp_path):
    burst = one(save(tmp_path, frames=mosaics(), **FULL))
    assert Options().applied(burst) is burst
    changed = Options(iso=50, black=90).applied(burst)
    assert (changed.iso, changed.black, changed.white, changed.camera) == (50, (90,) * 4, burst.white, burst.camera)
    with pytest.raises(BurstError, match="its CFA cannot become GRBG"):
        Options(cfa="GRBG").applied(burst)


def test_levels_of_a_burst_with_a_reference_are_fixed(tmp_path):
    burst = one(save(tmp_path, frames=mosaics(), clean=mosaics().mean(0), **FULL))
    with pytest.raises(BurstError, match="do not give black or white"):
        Options(white=4000).applied(burst)
