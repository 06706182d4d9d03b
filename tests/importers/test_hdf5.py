"""HDF5 files of strangers: links, values in other files, missing data and declared sizes are errors of one line."""

import zlib

import h5py
import numpy as np
import pytest
from cases.sidd import mosaics, write_instance, write_raw

from n2nf_core.bursts import BurstError
from n2nf_core.importers import read_bursts
from n2nf_core.importers.hdf5 import open_array

SIZE = (18, 12)


def read(path):
    with open_array(path) as array:
        return array[()]


def test_a_matrix_is_read(tmp_path):
    mosaic = mosaics(1)[0]
    write_raw(tmp_path / "a.MAT", mosaic)
    assert np.array_equal(read(tmp_path / "a.MAT"), mosaic.T)


def external_link(file, secret):
    file["x"] = h5py.ExternalLink(secret, "/x")


def soft_link(file, secret):
    file["x"] = h5py.SoftLink("/y")
    file["y"] = np.zeros(SIZE, np.float32)


def external_storage(file, secret):
    file.create_dataset("x", SIZE, np.float32, external=[(str(secret), 0, h5py.h5f.UNLIMITED)])


def virtual(file, secret):
    layout = h5py.VirtualLayout(SIZE, np.float32)
    layout[:] = h5py.VirtualSource(str(secret), "x", SIZE)
    file.create_virtual_dataset("x", layout)


@pytest.mark.parametrize(
    ("attack", "message"),
    [
        (external_link, "x is a link"),
        (soft_link, "x is a link"),
        (external_storage, "other files"),
        (virtual, "other files"),
    ],
)
def test_values_of_other_files_are_refused(tmp_path, attack, message):
    secret = tmp_path / "secret"
    write_raw(secret, np.random.default_rng(0).random(SIZE[::-1]).astype(np.float32))
    write_instance(tmp_path / "in", "0001", mosaics(2), "GRBG", 100)
    path = tmp_path / "in" / "0001_NOISY_RAW_011.MAT"
    with h5py.File(path, "w") as file:
        attack(file, secret)
    with pytest.raises(BurstError, match=rf"0001_NOISY_RAW_011\.MAT: .*{message}") as error:
        read_bursts(tmp_path / "in")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "declared",
    [
        {"shape": (10**8, 10**8), "chunks": (64, 64)},
        {"shape": (10**5, 10**5), "chunks": (64, 64)},
        {"shape": (10**5, 10**5)},
        {"shape": SIZE, "chunks": (6, 6)},
        {"shape": SIZE},
        {"shape": (2, 10**8), "maxshape": (None, None), "chunks": (2, 64)},
    ],
)
def test_declared_sizes_without_data_are_refused_before_memory_is_taken(tmp_path, declared):
    with h5py.File(tmp_path / "a.MAT", "w") as file:
        file.create_dataset("x", dtype=np.float32, **declared)
        file["padding"] = np.zeros(3000)
    with pytest.raises(BurstError, match=r"a\.MAT: .*(no data|missing): copy"):
        read(tmp_path / "a.MAT")


def test_one_missing_chunk_is_an_error(tmp_path):
    with h5py.File(tmp_path / "a.MAT", "w") as file:
        x = file.create_dataset("x", SIZE, np.float32, chunks=(6, 6))
        x[:12] = 1
    with pytest.raises(BurstError, match="some of the data of x are missing"):
        read(tmp_path / "a.MAT")


@pytest.mark.parametrize(
    "value",
    [np.zeros((2, 3, 4), np.float32), np.float32(3), np.array([b"text"] * 4), np.zeros((3, 0)), np.zeros((4, 4), "c8")],
)
def test_what_is_no_matrix_of_numbers_is_refused(tmp_path, value):
    with h5py.File(tmp_path / "a.MAT", "w") as file:
        file["x"] = value
    with pytest.raises(BurstError, match="x must be a matrix of numbers"):
        read(tmp_path / "a.MAT")


def test_a_group_and_a_missing_key_are_refused(tmp_path):
    with h5py.File(tmp_path / "a.MAT", "w") as file:
        file.create_group("x")
    with pytest.raises(BurstError, match="x must be a matrix"):
        read(tmp_path / "a.MAT")
    with h5py.File(tmp_path / "b.MAT", "w") as file:
        file["y"] = 1
    with pytest.raises(BurstError, match=r"b\.MAT: not a readable MATLAB v7.3 file with key x"):
        read(tmp_path / "b.MAT")


def test_a_chunk_that_declares_more_than_its_bytes_can_hold_is_refused(tmp_path):
    """All chunks are there, and 1.6 GB would be made of a few bytes."""
    with h5py.File(tmp_path / "a.MAT", "w") as file:
        x = file.create_dataset("x", (20_000, 20_000), np.float32, chunks=(20_000, 20_000), compression="gzip")
        x.id.write_direct_chunk((0, 0), zlib.compress(bytes(100)))
    with pytest.raises(BurstError, match="for which the file has no data"):
        read(tmp_path / "a.MAT")
