"""What read_bursts makes of a path, whatever lies there."""

import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
import tifffile
import torch
from cases.stacks import FULL, mosaics, one, save

from n2nf_core import raw
from n2nf_core.bursts import BurstCheck, BurstError, BurstWarning, write_burst
from n2nf_core.importers import read_bursts


def test_stores_and_folders_of_stores(tmp_path):
    burst = one(save(tmp_path, frames=mosaics(), **FULL))
    for name in ("a", "b"):
        write_burst(burst, tmp_path / "many" / f"{name}.burst.zarr")
    assert torch.equal(one(tmp_path / "many" / "a.burst.zarr").planes(0), burst.planes(0))
    found = read_bursts(tmp_path / "many", camera="new", iso=50, black=90, white=4000)
    assert [(b.camera, b.iso, b.black, b.white) for b in found] == [("new", 50, (90,) * 4, 4000)] * 2
    with pytest.raises(BurstError, match="its CFA cannot become BGGR"):
        read_bursts(tmp_path / "many", cfa="BGGR")


def test_a_store_that_was_checked_when_written_is_not_read_through_again(tmp_path):
    with pytest.warns(BurstWarning, match="saturated"):
        burst = one(save(tmp_path, frames=mosaics(), **{**FULL, "white": 3900}))
        write_burst(burst, tmp_path / "a.burst.zarr", check=BurstCheck(burst))
    write_burst(burst, tmp_path / "c.burst.zarr")  # as it was read, and so as it was checked
    write_burst(replace(burst, frames=burst.frames[::-1].copy()), tmp_path / "b.burst.zarr")
    for name in "abc":
        (tmp_path / f"{name}.burst.zarr/frames/c/1/0/0/0").write_bytes(b"damage")
    with pytest.warns(BurstWarning, match="of the values are saturated"):  # said again, from what is stored
        read_bursts(tmp_path / "a.burst.zarr")
    with pytest.warns(BurstWarning, match="of the values are saturated"):
        read_bursts(tmp_path / "c.burst.zarr")
    for name, options in (("b", {}), ("a", {"white": 4000.0})):
        with pytest.raises(BurstError, match="frame 1 is damaged"):
            read_bursts(tmp_path / f"{name}.burst.zarr", **options)


@pytest.mark.parametrize("name", ["notes.txt", "empty"])
def test_what_is_not_understood_names_what_is(tmp_path, name):
    (tmp_path / "notes.txt").write_text("")
    (tmp_path / "empty").mkdir()
    with pytest.raises(BurstError, match=r"nothing here is understood.*\.npz.*\.tif.*\.fits.*DNG.*SIDD"):
        read_bursts(tmp_path / name)


def test_paths_and_options_that_cannot_be(tmp_path):
    with pytest.raises(BurstError, match="no such file or folder"):
        read_bursts(tmp_path / "none.npz")
    path = save(tmp_path, frames=mosaics(), **FULL)
    with pytest.raises(BurstError, match="CFA pattern 'XYZ' is not understood"):
        read_bursts(path, cfa="XYZ")
    assert one(path, cfa=" rggb").cfa == "RGGB"
    for option, value in (("white", float("nan")), ("white", -5), ("white", "9"), ("iso", 0), ("iso", float("inf"))):
        with pytest.raises(BurstError, match=f"^{option} must be a number above 0, got"):
            read_bursts(path, **{option: value})
    with pytest.raises(BurstError, match="one number or four"):
        read_bursts(path, black=(1, 2, 3))
    tifffile.imwrite(tmp_path / "a.tif", mosaics(), photometric="minisblack")
    with pytest.raises(BurstError, match="frames of several kinds"):
        read_bursts(tmp_path)


def test_importing_stays_light():
    heavy = ("h5py", "zarr", "rawpy", "tifffile", "astropy", "scipy", "imagecodecs")
    code = f"import sys, n2nf_core.importers; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"


def test_files_come_in_natural_order(tmp_path):
    for t, frame in enumerate(mosaics(12)):
        tifffile.imwrite(tmp_path / f"frame_{t + 1}.TIF", frame)
    assert np.array_equal(one(tmp_path, white=4095).frames, raw.pack(mosaics(12)))


def test_what_is_no_frame_is_left_out(tmp_path):
    for t, frame in enumerate(mosaics()):
        tifffile.imwrite(tmp_path / f"{t}.tif", frame)
    (tmp_path / "._0.tif").write_bytes(b"resource fork")
    (tmp_path / "folder.tif").mkdir()
    (tmp_path / "z.tif").symlink_to(tmp_path / "nowhere")
    (tmp_path / "notes.txt").write_text("")
    with pytest.warns(BurstWarning, match="z.tif: a link to a file that does not exist: left out"):
        assert np.array_equal(one(tmp_path, white=4095).frames, raw.pack(mosaics()))
    (tmp_path / "z.tif").unlink()
    (tmp_path / "z.tif").write_bytes(b"")
    for path in (tmp_path, tmp_path / "z.tif"):
        with pytest.raises(BurstError, match="z.tif: the file is empty"):
            read_bursts(path)
    (tmp_path / "z.tif").write_bytes(b"no TIFF at all")
    with pytest.raises(BurstError, match="z.tif: not a readable TIFF file"):
        read_bursts(tmp_path)


def test_what_is_no_file_or_cannot_be_read_is_named(tmp_path, monkeypatch):
    with pytest.raises(BurstError, match=r"aaa: cannot be read \(File name too long\)"):
        read_bursts(tmp_path / ("a" * 300))
    os.mkfifo(tmp_path / "a.tif")
    (tmp_path / "b.npy").symlink_to("/dev/zero")
    for path in (tmp_path / "a.tif", tmp_path / "b.npy"):
        with pytest.raises(BurstError, match=f"{path.name}: it is not a regular file but a pipe or a device"):
            read_bursts(path)
    path = save(tmp_path, frames=mosaics(), **FULL)
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may read every file
    with pytest.raises(BurstError, match=r"s\.npz: cannot be read \(Permission denied\)"):
        read_bursts(path)


def test_a_folder_whose_frames_are_in_subfolders_names_them(tmp_path):
    for name in ("lights", "darks", "texts"):
        (tmp_path / name).mkdir()
        (tmp_path / name / ("a.txt" if name == "texts" else "a.fits")).write_text("")
    with pytest.raises(BurstError, match=r"subfolders are not searched: give one of them \(darks, lights\)\. Give one"):
        read_bursts(tmp_path)
