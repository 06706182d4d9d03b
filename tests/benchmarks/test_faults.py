"""The faults in small: writers survive them, and a power cut finds a writer that does not wait for the disk."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROWS = ("| kill |", "| double |", "| full |", "| power |")


def faults(*words, **variables):
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)} | variables
    command = [sys.executable, "-m", "benchmarks.faults", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout.splitlines(), done.stderr


def can_mount(folder) -> bool:
    mount = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True)
    if mount.returncode == 0:
        subprocess.run(["umount", folder], check=True)
    return mount.returncode == 0 and Path("/dev/loop-control").exists()


def test_writers_survive_kills_and_one_another(tmp_path):
    """Nothing stays in the temporary folder, also not of an earlier run that was killed itself."""
    killed = subprocess.Popen([sys.executable, "-c", ""])
    killed.wait()
    (tmp_path / f"n2nf-faults-{killed.pid}-abc" / "home").mkdir(parents=True)
    status, lines, errors = faults("kill", "double", "--writers", "burst", "--count", "3", TMPDIR=str(tmp_path))
    assert status == 0, errors
    assert [line.split() for line in lines] == [[row, "burst", *"0 of 3 failed".split()] for row in ("kill", "double")]
    assert list(tmp_path.glob("n2nf-faults-*")) == []


@pytest.mark.skipif(sys.platform != "linux" or os.getuid() != 0, reason="file systems are mounted by root on Linux")
def test_writers_survive_full_disks_and_power_cuts_and_need_fsync_for_it(tmp_path):
    if not shutil.which("mkfs.ext4") or not can_mount(tmp_path):
        pytest.skip("no file system can be made and mounted here")
    status, lines, errors = faults("full", "power", "--writers", "result", "--count", "4")
    assert status == 0 and len(lines) == 2, errors
    status, lines, errors = faults("power", "--writers", "result", "--count", "2", "--without-fsync")
    assert status == 1 and "what it wrote is not on the disk" in errors


def test_the_table_of_the_readme_holds_no_failure():
    text = (ROOT / "benchmarks/faults/README.md").read_text()
    rows = [line.strip("|").split("|") for line in text.splitlines() if line.startswith(tuple(ROWS))]
    cells = [cell.strip() for row in rows for cell in row[1:]]
    assert len(rows) == 4 and all(cell.startswith("0 of ") for cell in cells if cell)
