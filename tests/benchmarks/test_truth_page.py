"""What the tables of known noise say: readings against a limit, and ratios over settings and seeds."""

import pytest

from benchmarks.truth_page import interval_over_seeds, reach, recovered, rests_on


def row(regret, photon=0.02, **numbers):
    """One seed of a world, with the recommended term."""
    made = {"recommendation": {"choice": "t"}, "regret": {"t": regret, "photon_transfer": [photon, [0, 1]]}}
    return made | {"recovered": {"t": {f"c{k}": ratios for k, ratios in enumerate(numbers.get("settings", []))}}}


def table(text):
    """The cells of a Markdown table's rows."""
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in text.split("\n")[2:]]


def found(**rows):
    return {"rows": {f"rows, smooth, sensor_flow, 8 frames, 9 steps, seed {k}": r for k, r in enumerate(rows.values())}}


def test_an_interval_over_seeds_is_students():
    mean, low, high = interval_over_seeds([1.0, 2.0, 3.0])
    assert (mean, low) == (2.0, pytest.approx(2 - 4.303 / 3**0.5, abs=1e-3)) and high == pytest.approx(4 - low)
    assert interval_over_seeds([1.0])[1:] == (float("-inf"), float("inf"))


@pytest.mark.parametrize(
    ("ends", "met"), [([0.0010, 0.0019], "yes"), ([0.0010, 0.0021], "undecided"), ([0.0021, 0.0030], "no")]
)
def test_a_regret_is_read_against_the_limit(ends, met):
    cells = table(reach(found(a=row([sum(ends) / 2, ends]))))[0]
    assert cells[0] == "rows, smooth" and cells[3] == "yes" and cells[5] == met and cells[7] == "one seed"


def test_regrets_of_several_seeds_are_compared_by_their_ratios():
    better = found(a=row([0.001, [0, 1]], 0.01), b=row([0.003, [0, 1]], 0.025), c=row([0.002, [0, 1]], 0.022))
    cells = table(reach(better))[0]
    assert (cells[1], cells[7]) == ("3", "better") and cells[6].startswith("0.10 [")
    assert table(reach(found(a=row([0.001, [0, 1]], 0.01), b=row([0.03, [0, 1]], 0.01))))[0][7] == "undecided"


def test_numbers_that_are_not_recovered_are_marked():
    settings = [{"gain": 1.01, "read": 1.09}, {"gain": 0.99, "read": 1.10}, {"gain": 1.0, "read": 1.11}]
    cells = table(recovered(found(a=row([0.001, [0, 1]], settings=settings))))[0]
    assert cells[1] == "3" and cells[2].startswith("1.00 [") and not cells[2].endswith("*")
    assert cells[3].startswith("1.10 [") and cells[3].endswith("*") and cells[4] == ""


def test_what_a_recommendation_rests_on():
    means = {"rho": [0.1, 0.01], "skewness": [0.5, 0.02], "kurtosis": [0.0, 0.1]}
    block = {"choice": "b", "expected": {"a_b": 0.004, "b": 0.001}, "settings": {"cam 8 frames": means}}
    cells = table(rests_on({"sets": {"emccd": {"recommendation": block}}}))[0]
    assert cells == ["emccd, 8", "0.100 ± 0.010", "0.500 ± 0.020", "0.000 ± 0.100", "b", "b 1.0, a b 4.0"]
