"""Arrays of NPY and NPZ files: headers first, then frame by frame."""

import io
import zipfile

import numpy as np
import pytest
from cases.stacks import mosaics

from n2nf_core.bursts import BurstError
from n2nf_core.importers.frames import PlainFrames
from n2nf_core.importers.numpy_files import members, npy_frames


def header(shape, descr="<f8"):
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": descr, "fortran_order": False, "shape": shape})
    return file.getvalue()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("order", ["C", "F"])
def test_frames_of_an_npz(tmp_path, save, order):
    frames = np.asarray(mosaics().astype(">i4"), order=order)
    save(tmp_path / "s.npz", before=np.arange(3), frames=frames, name="x")
    found = members(tmp_path / "s.npz")
    assert {name: member.shape for name, member in found.items()} == {"before": (3,), "frames": (4, 16, 24), "name": ()}
    read = found["frames"].frames()
    assert isinstance(read, PlainFrames) == (save is np.savez and order == "C")
    assert all(np.array_equal(read[t], frames[t]) for t in range(4))
    assert np.array_equal(found["before"].load(), np.arange(3)) and found["name"].load().item() == "x"


@pytest.mark.parametrize("order", ["C", "F"])
def test_frames_of_an_npy(tmp_path, order):
    np.save(tmp_path / "s.npy", np.asarray(mosaics(), order=order))
    read = npy_frames(tmp_path / "s.npy")
    assert read.shape == (4, 16, 24) and all(np.array_equal(read[t], mosaics()[t]) for t in range(4))


@pytest.mark.parametrize("compression", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_declared_size_is_refused_before_memory_is_taken(tmp_path, compression):
    with zipfile.ZipFile(tmp_path / "s.npz", "w", compression) as file:
        file.writestr("frames.npy", header((10**4, 10**4, 10**4)) + bytes(1000))
    with pytest.raises(BurstError, match="s.npz: its header declares 8e"):
        members(tmp_path / "s.npz")
    (tmp_path / "s.npy").write_bytes(header((10**4, 10**4, 10**4)) + bytes(1000))
    with pytest.raises(BurstError, match="s.npy: its header declares 8e"):
        npy_frames(tmp_path / "s.npy")


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_changed_byte_is_seen(tmp_path, save):
    path = tmp_path / "s.npz"
    save(path, frames=mosaics(8))
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)
    with pytest.raises(BurstError, match="s.npz: not a readable NPZ file"):
        members(path)["frames"].frames()


def test_several_arrays_in_one_npy(tmp_path):
    with (tmp_path / "s.npy").open("wb") as file:
        np.save(file, mosaics())
        np.save(file, mosaics())
    with pytest.raises(BurstError, match="s.npy: it has 3200 bytes behind its array"):
        npy_frames(tmp_path / "s.npy")


def test_what_is_no_array(tmp_path):
    path = tmp_path / "s.npy"
    np.save(path, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(BurstError, match="s.npy: it holds Python objects"):
        npy_frames(path)
    cut = header((2, 4, 4)).replace(b"}", b" ")
    for content in (b"text", b"\x93NUMPY\x09\x00", cut, header((2, 4, 4))[:40], header((2, 4, 4), "<u9")):
        path.write_bytes(content)
        with pytest.raises(BurstError, match="s.npy: not a readable NPY file") as error:
            npy_frames(path)
        assert "\n" not in str(error.value)
