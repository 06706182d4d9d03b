"""``n2nf convert`` and ``n2nf simulate``, also through the scripts of data_scripts/."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from cases.sidd import mosaics, write_instance

from n2nf_core import cli, raw
from n2nf_core.bursts import open_burst

ROOT = Path(__file__).parents[2]


def call(*words, status=0):
    assert cli.main([str(word) for word in words]) == status


def fails(capsys, *words, status=2):
    """The error that the command prints, without the progress before it."""
    capsys.readouterr()
    call(*words, status=status)
    said = capsys.readouterr().err
    return said[said.index("error: ") :].rstrip("\n")


def test_convert_writes_a_store_per_burst(tmp_path, capsys):
    frames, setting = mosaics(5), np.array([0, 0, 1, 1, 1])
    np.savez(tmp_path / "s.npz", frames=frames, setting=setting, settings=np.array(["1/30 f/8", "1/60 f/8"]))
    options = ("--camera", "c", "--iso", "200", "--black", "0.01", "--white", "1", "--cfa", "GRBG")
    call("convert", tmp_path / "s.npz", tmp_path / "out", *options)
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == ["s_000.burst.zarr", "s_001.burst.zarr"] and names[1] in capsys.readouterr().out
    burst = open_burst(tmp_path / "out" / names[1])
    assert (burst.camera, burst.iso, burst.black, burst.white) == ("c", 200, (0.01,) * 4, 1)
    assert np.array_equal(burst.frames[:], raw.pack(raw.unify(frames[2:], "GRBG")))


def test_convert_fails_in_one_line_and_leaves_nothing(tmp_path, capsys):
    np.savez(tmp_path / "s.npz", frames=mosaics(1))
    assert re.search(
        r"^error: .*1 frame; a noisy pair needs at least two of the same scene$",
        fails(capsys, "convert", tmp_path / "s.npz", tmp_path / "out", "--white", "1"),
    )
    assert not (tmp_path / "out").exists()
    np.savez(tmp_path / "s.npz", frames=mosaics(2))
    call("convert", tmp_path / "s.npz", tmp_path / "out", "--white", "1")
    assert re.search(
        r"^error: .*s\.burst\.zarr exists already",
        fails(capsys, "convert", tmp_path / "s.npz", tmp_path / "out", "--white", "2"),
    )
    call("convert", tmp_path / "s.npz", tmp_path / "out", "--white", "2", "--overwrite")
    assert open_burst(tmp_path / "out" / "s.burst.zarr").white == 2


def test_what_is_converted_already_is_kept(tmp_path, capsys):
    np.savez(tmp_path / "s.npz", frames=mosaics(2), white=1.0)
    write_instance(tmp_path / "sidd", "0004", mosaics(3), "GRBG", 100, full=True, first=1)
    call("convert", tmp_path / "s.npz", tmp_path / "sidd", tmp_path / "out", "--jobs", "1")
    before = contents(tmp_path / "out")
    assert len(capsys.readouterr().out.splitlines()) == 2
    call("convert", tmp_path / "s.npz", tmp_path / "sidd", tmp_path / "out", "--jobs", "1")
    told = capsys.readouterr()
    assert told.out == "" and contents(tmp_path / "out") == before
    assert "2 bursts were converted already and are kept" in told.err
    write_instance(tmp_path / "other", "0004", mosaics(2), "GRBG", 100)
    assert re.search(
        "sidd_0004.burst.zarr exists already with 3 frames, this source has 2",
        fails(capsys, "convert", tmp_path / "other", tmp_path / "out"),
    )
    np.savez(tmp_path / "s.npz", frames=mosaics(2, seed=9), white=1.0)
    said = fails(capsys, "convert", tmp_path / "s.npz", tmp_path / "out")
    assert re.search(r"s\.burst\.zarr exists already", said)


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    """Every file below ``folder``: its bytes and when it was written."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


@pytest.mark.parametrize("jobs", [1, 2])
def test_one_bad_instance_does_not_lose_the_others(tmp_path, capsys, jobs):
    for k in range(4):
        write_instance(tmp_path / "in", f"{k:04d}", mosaics(2, k), "GRBG", 100)
    (tmp_path / "in" / "0001_NOISY_RAW_011.MAT").write_bytes(b"MATLAB")
    write_instance(tmp_path / "in", "0002", [mosaics(1)[0]] * 2, "GRBG", 100)
    lines = fails(capsys, "convert", tmp_path / "in", tmp_path / "out", "--jobs", jobs, status=1).splitlines()
    assert lines[0] == "error: 2 of 4 sources failed, the others are converted:" and len(lines) == 3
    assert "sidd_0001: " in lines[1] and "0001_NOISY_RAW_011.MAT" in lines[1]
    assert "sidd_0002: " in lines[2] and "frames 0 and 1 are identical" in lines[2]
    assert sorted(path.name[5:9] for path in (tmp_path / "out").iterdir()) == ["0000", "0003"]


def test_a_killed_conversion_goes_on_and_ends_as_an_unbroken_one(tmp_path):
    """SIGKILL of the first process while others write: they end too, and the next call needs no help."""
    for k in range(6):
        name = f"{k:04d}_001_S6_00100_00060_4400_L"
        frames = np.random.default_rng(k).random((40, 200, 300)).astype(np.float32)
        write_instance(tmp_path / "in" / name, name[:4], frames, "GRBG", 100, full=True, first=1)

    def command(out):
        return [sys.executable, "-m", "n2nf_core.cli", "convert", tmp_path / "in", tmp_path / out, "--jobs", "2"]

    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    first = subprocess.Popen(command("out"), env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while len(list(tmp_path.glob("out/0*.zarr"))) < 2 or not list(tmp_path.glob("out/.*.partial")):
        assert time.monotonic() < deadline and first.poll() is None
        time.sleep(0.005)
    first.send_signal(signal.SIGKILL)
    first.stdout.read()  # ends when the last process that holds it has ended
    first.wait()
    finished = sorted(path.name for path in tmp_path.glob("out/0*.zarr"))
    assert 2 <= len(finished) < 6  # its helpers may have ended, or left, the writes that were under way
    before = {name: contents(tmp_path / "out" / name) for name in finished}
    for out in ("out", "unbroken"):
        done = subprocess.run(command(out), env=environment, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    assert {name: contents(tmp_path / "out" / name) for name in finished} == before
    broken, whole = ({k: v[0] for k, v in contents(tmp_path / out).items()} for out in ("out", "unbroken"))
    assert broken == whole and len(list((tmp_path / "out").iterdir())) == 6


def test_simulated_bursts_are_named_and_read_back(tmp_path, capsys):
    sizes = ("--scenes", "1", "--size", "16", "--seed", "3")
    call("simulate", tmp_path / "phones", *sizes)
    call("simulate", tmp_path / "sensor", *sizes, "--sensor", "Sony A7S2", "--frames", "3", "--exposure", "0.1")
    written = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert sorted(written) == sorted([*(tmp_path / "phones").iterdir(), *(tmp_path / "sensor").iterdir()])
    (burst,) = [open_burst(path) for path in written if path.parent.name == "sensor"]
    assert burst.camera == "Sony-A7S2" and burst.shape == (3, 4, 16, 16)
    assert re.search(
        "there is no sensor 'Sony': choose one of .*Sony A7S2", fails(capsys, "simulate", "x", "--sensor", "Sony")
    )
    assert "exists already" in fails(capsys, "simulate", tmp_path / "sensor", *sizes, "--sensor", "Sony A7S2")


@pytest.mark.parametrize("name", ["convert", "simulate"])
def test_the_scripts_are_the_command(name):
    run = subprocess.run(
        [sys.executable, ROOT / f"data_scripts/{name}.py", "--help"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert run.stdout.startswith(f"usage: n2nf {name} ")
