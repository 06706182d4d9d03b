"""Options from the texts of a form or of a notebook's parameters."""

import pytest

from n2nf_core.bursts import BurstError
from n2nf_core.importers import Options, options_of


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
