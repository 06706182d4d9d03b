"""What is said of the bursts that a subcommand is given."""

import argparse

import pytest
from cases.burst_files import burst_file
from cases.poisson_bursts import texture

from n2nf_core.bursts import BurstError, Finding
from n2nf_core.cli.sources import Checked, checked, usable
from n2nf_core.importers import read_bursts


def options(**given):
    return argparse.Namespace(**{"black": None, "white": None, "cfa": None} | given)


def test_bursts_are_read_in_order_with_the_options(tmp_path):
    paths = [burst_file(tmp_path / f"{name}.npz", texture(32, 32)) for name in "ba"]
    found = checked(paths, options(black="60", cfa="MONO", camera="mine", iso="400"))
    assert [each.burst.scene for each in found] == ["b", "a"]
    assert {(each.burst.black, each.burst.cfa) for each in found} == {((60.0,) * 4, "MONO")}
    assert {(each.burst.camera, each.burst.iso) for each in found} == {("mine", 400)}


def test_refused_bursts_are_left_out_and_the_worst_of_a_check_is_said(tmp_path):
    (burst,) = read_bursts(burst_file(tmp_path / "desk.npz", texture(32, 32)))
    ok, warn, worse = (
        Finding("drift", "ok", 0, "x"),
        Finding("drift", "warn", 1, "1 %"),
        Finding("drift", "warn", 2, "2 %"),
    )
    bad = Finding("motion", "refuse", 1, "it moved")
    found = [Checked(burst, ["n"], [each]) for each in (ok, warn, worse, bad)]
    assert [each.verdict for each in found] == ["ok", "warn", "warn", "refuse"]
    kept, said = usable(found)
    assert len(kept) == 3
    assert said == ["n (4 of 4 bursts)", "2 % (2 of 4 bursts)", "it moved (1 of 4 bursts)", "left out: desk"]
    assert usable(found[1:2])[1] == ["n", "1 %"]
    with pytest.raises(BurstError, match="desk: it moved"):
        usable(found[3:])
