"""Options stand in place of what a stored burst holds; they are read from texts of a form or a notebook, too."""

import pytest
from cases.stacks import FULL, mosaics, one, save

from n2nf_core.bursts import BurstError
from n2nf_core.importers import Options, options_of


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


def test_what_is_empty_is_left_to_the_file():
    assert options_of({"black": "", "white": " ", "cfa": None, "camera": "", "other": "x"}) == Options()


@pytest.mark.parametrize(
    ("black", "level"),
    [
        ("64", 64), ("64.5", 64.5), (64, 64), (0.0, 0), ("0", 0), ("64 72 64 72", [64, 72, 64, 72]),
        ("1,2, 3 4", [1, 2, 3, 4]), ((1, 2, 3, 4), [1, 2, 3, 4]),
    ],
)  # fmt: skip
def test_a_black_level_is_one_number_or_four(black, level):
    assert options_of({"black": black, "white": "4095", "cfa": "GRBG"}) == Options(
        black=level, white=4095.0, cfa="GRBG"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"white": "high"}, "^white must be a number, got 'high'$"),
        ({"black": "64 72"}, "^black must be one number or four, got '64 72'$"),
        ({"black": "a"}, "^black must be one number or four, got 'a'$"),
        ({"iso": [1, 2]}, r"^iso must be a number, got \[1, 2\]$"),
    ],
)
def test_what_is_no_number_is_named(given, message):
    with pytest.raises(BurstError, match=message):
        options_of(given)
