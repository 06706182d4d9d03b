"""The command line: one line for what is wrong, and the exit status says of what kind it is."""

import re
from pathlib import Path

import numpy as np
import pytest

from n2nf_core import cli


def stack(**changes):
    rng = np.random.default_rng(0)
    return {"frames": rng.integers(200, 900, (4, 64, 64)).astype(np.uint16), "black": 100, "white": 4095} | changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"frames": stack()["frames"][:1]}, "frame"),
        ({"frames": stack()["frames"][:, :63]}, "even"),
        ({"frames": np.full((4, 64, 64), np.nan, np.float32)}, "NaN"),
        ({"frames": np.full((4, 64, 64), 500, np.uint16)}, "constant"),
        ({"frames": np.full((4, 64, 64), 4095, np.uint16) - (stack()["frames"] % 4 == 0)}, "saturat|white"),
        ({"black": 3000}, "black"),
        ({"white": 50}, "white"),
    ],
    ids=["single", "odd", "nan", "constant", "saturated", "black", "white"],
)
def test_bad_data_is_one_line_before_any_work(tmp_path, capsys, changes, message):
    np.savez(tmp_path / "bad.npz", **stack(**changes))
    notebook = Path(__file__).parents[1] / "notebooks/00_start_here.md"
    status = cli.main(["run", str(notebook), "--out", str(tmp_path / "out"), "-p", "data", str(tmp_path / "bad.npz")])
    error = capsys.readouterr().err
    assert status == 2 and error.startswith("error: ") and error.count("\n") == 1
    assert re.search(message, error), error
    assert not (tmp_path / "out").exists()
