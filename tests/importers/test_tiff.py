"""TIFF stacks, and folders of single frames."""

import struct

import numpy as np
import pytest
import tifffile
from cases.stacks import mosaics, one
from cases.tiffs import ome_set, tags, write_pages

from n2nf_core import raw
from n2nf_core.bursts import BurstError
from n2nf_core.importers import read_bursts


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"compression": "zlib"},
        {"imagej": True, "metadata": {"axes": "TYX"}},
        {"metadata": None},
        {"tile": (16, 16)},
        {"bigtiff": True},
    ],
)
def test_tiff_stack(tmp_path, how):
    frames = mosaics()
    tifffile.imwrite(tmp_path / "s.tif", frames, photometric="minisblack", **how)
    burst = one(tmp_path / "s.tif", black=100, white=4095, cfa="GRBG", camera="c", iso=200)
    assert np.array_equal(burst.frames, raw.pack(raw.unify(frames, "GRBG")))
    assert (burst.scene, burst.camera, burst.iso) == ("s", "c", 200)


def test_a_folder_of_single_tiffs_is_one_burst_in_the_order_of_names(tmp_path):
    frames = mosaics()
    for t in (2, 0, 3, 1):
        tifffile.imwrite(tmp_path / f"f{t}.tiff", frames[t])
    assert np.array_equal(one(tmp_path, white=4095).frames, raw.pack(frames))
    tifffile.imwrite(tmp_path / "f4.tiff", frames[0, :8])
    with pytest.raises(BurstError, match=r"frames differ, 16 x 24 in f0.tiff, 8 x 24 in f4.tiff"):
        read_bursts(tmp_path)


def test_a_folder_of_tiff_stacks_is_a_burst_each(tmp_path):
    for name, seed in (("a", 0), ("b", 1)):
        tifffile.imwrite(tmp_path / f"{name}.tif", mosaics(seed=seed), photometric="minisblack")
    assert [burst.scene for burst in read_bursts(tmp_path, white=4095)] == ["a", "b"]


def test_tiff_pages_of_different_size_and_colour_pages(tmp_path):
    with tifffile.TiffWriter(tmp_path / "s.tif") as file:
        file.write(mosaics(1)[0], metadata=None)
        file.write(mosaics(1)[0, :8], metadata=None)
    with pytest.raises(BurstError, match="frames differ, 16 x 24 in page 0, 8 x 24 in page 1"):
        read_bursts(tmp_path / "s.tif")
    tifffile.imwrite(tmp_path / "c.tif", np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    with pytest.raises(BurstError, match="3 samples per pixel"):
        read_bursts(tmp_path / "c.tif")


@pytest.mark.parametrize(
    "how", [{}, {"compression": "zlib", "rowsperstrip": 2}, {"imagej": True, "metadata": {"axes": "TYX"}}]
)
def test_a_truncated_tiff(tmp_path, how):
    """An error, or every frame: tags behind the last frame may be lost without harm."""
    path, whole = tmp_path / "s.tif", 0
    tifffile.imwrite(path, mosaics(), photometric="minisblack", **how)
    data = path.read_bytes()
    for keep in [*range(0, len(data), 11), len(data) - 10]:
        path.write_bytes(data[:keep])
        try:
            frames = one(path, white=4095).frames
        except BurstError as error:
            assert "s.tif: " in str(error) and "truncated" in str(error) and "\n" not in str(error)
        else:
            assert np.array_equal(frames, raw.pack(mosaics())) and keep > mosaics().nbytes
            whole += 1
    assert whole < 40


def test_axes_are_honoured(tmp_path):
    """Time, a sequence and an axis without a name are frames; anything else is refused by its name."""
    for name, how in {
        "time": {"imagej": True, "metadata": {"axes": "TYX"}},
        "ome": {"ome": True, "metadata": {"axes": "TYX"}},
        "plain": {},
        "single": {"ome": True, "metadata": {"axes": "TCZYX"}},
    }.items():
        frames = mosaics()[:, None, None] if name == "single" else mosaics()
        tifffile.imwrite(tmp_path / f"{name}.tif", frames, photometric="minisblack", **how)
        assert np.array_equal(one(tmp_path / f"{name}.tif", white=4095).frames, raw.pack(mosaics()))


@pytest.mark.parametrize(
    ("axes", "how", "message"),
    [
        (
            "TZCYX",
            {"imagej": True},
            r"axis depth \(Z\) of 2, channel \(C\) of 2: frames of a burst differ in time only",
        ),
        ("TCYX", {"ome": True}, r"axis channel \(C\) of 2"),
        ("ZYX", {"ome": True}, r"axis depth \(Z\) of 2"),
        ("QQYX", {}, r"other \(Q\) of 2 and other \(Q\) of 2: which of them is time is not stated"),
    ],
)
def test_axes_that_are_not_time_are_refused(tmp_path, axes, how, message):
    frames = np.resize(mosaics(8), (2,) * (len(axes) - 2) + (16, 24))
    metadata = {"axes": axes} if how else {}
    tifffile.imwrite(tmp_path / "s.tif", frames, photometric="minisblack", metadata=metadata, **how)
    with pytest.raises(BurstError, match=rf"s\.tif: .*{message}"):
        read_bursts(tmp_path / "s.tif", white=4095)


def test_each_series_is_a_burst(tmp_path):
    with tifffile.TiffWriter(tmp_path / "s.ome.tif", ome=True) as file:
        for k in range(2):
            metadata = {"axes": "TYX", "Name": f"Pos{k}"}
            file.write(mosaics(3, seed=k), metadata=metadata, photometric="minisblack")
    found = read_bursts(tmp_path / "s.ome.tif", white=4095)
    assert [burst.scene for burst in found] == ["s Pos0", "s Pos1"]
    assert [burst.provenance["name"] for burst in found] == ["s_000", "s_001"]
    assert all(np.array_equal(burst.frames, raw.pack(mosaics(3, seed=k))) for k, burst in enumerate(found))


@pytest.mark.parametrize("how", [{}, {"metadata": None}])
def test_pages_that_were_written_one_by_one_are_one_burst(tmp_path, how):
    with tifffile.TiffWriter(tmp_path / "s.tif") as file:
        for frame in mosaics():
            file.write(frame, photometric="minisblack", contiguous=False, **how)
        file.write(mosaics()[0, ::2, ::2], photometric="minisblack", subfiletype=1, **how)
    burst = one(tmp_path / "s.tif", white=4095)
    assert np.array_equal(burst.frames, raw.pack(mosaics()))
    assert "thumbnails" in burst.provenance["notes"][0] or not how


def test_a_file_set_is_read_once_and_whole(tmp_path):
    ome_set(tmp_path, mosaics(6))
    for path in (tmp_path, tmp_path / "x_1.ome.tif", tmp_path / "x_2.ome.tif"):
        assert np.array_equal(one(path, white=4095).frames, raw.pack(mosaics(6)))
    (tmp_path / "x_2.ome.tif").unlink()
    with pytest.raises(BurstError, match=r"x_1\.ome\.tif: frames of its file set are missing"):
        read_bursts(tmp_path, white=4095)


def test_tags_are_used(tmp_path):
    burst = one(write_pages(tmp_path / "s.tif", mosaics(), [tags(white=4095)] * 4))
    assert (burst.black, burst.white, burst.cfa, burst.camera, burst.iso) == ((64,) * 4, 4095, "RGGB", "Cam X", 800)
    assert burst.provenance["exposure_s"] == 0.02 and burst.provenance["notes"] == []
    found = read_bursts(
        write_pages(tmp_path / "s.tif", mosaics(5), [tags(iso=iso, white=4095) for iso in (1, 2, 1, 2, 2)])
    )
    assert [(burst.iso, len(burst)) for burst in found] == [(1, 2), (2, 3)]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"photometric": "miniswhite"}, "MINISWHITE: values of pixels are not proportional to light"),
        ({"photometric": "palette", "colormap": np.zeros((3, 256), np.uint16)}, "PALETTE"),
        ({"photometric": "rgb", "planarconfig": "separate"}, "3 samples per pixel"),
        ({"photometric": "rgb"}, "3 samples per pixel"),
    ],
)
def test_values_that_are_not_light_are_refused(tmp_path, how, message):
    shape = {"rgb": (16, 24, 3)}.get(how["photometric"], (4, 16, 24))
    shape = (3, 16, 24) if "planarconfig" in how else shape
    tifffile.imwrite(tmp_path / "s.tif", np.zeros(shape, np.uint8), **how)
    with pytest.raises(BurstError, match=rf"s\.tif: .*{message}"):
        read_bursts(tmp_path / "s.tif")


@pytest.mark.parametrize(
    "how",
    [
        *({"compression": name} for name in ("lzw", "zstd", "lzma", "packbits", "jpeg2000", "jpegxl")),
        {"compression": "zlib", "predictor": 2},
        {"compression": "zlib", "tile": (16, 16)},
        {"byteorder": ">"},
        {"byteorder": ">", "rowsperstrip": 3, "metadata": None},
    ],
)
def test_codecs_and_byte_orders(tmp_path, how):
    tifffile.imwrite(tmp_path / "s.tif", mosaics(), photometric="minisblack", **how)
    burst = one(tmp_path / "s.tif", white=4095)
    assert np.array_equal(burst.frames, raw.pack(mosaics())) and burst.frames.dtype == np.uint16


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_packed_bits_state_the_white_level(tmp_path, bits):
    frames = mosaics() >> (12 - bits) if bits < 12 else mosaics()
    tifffile.imwrite(tmp_path / "s.tif", frames, photometric="minisblack", bitspersample=bits)
    burst = one(tmp_path / "s.tif")
    assert np.array_equal(burst.frames, raw.pack(frames)) and burst.white == 2**bits - 1


@pytest.mark.parametrize(("how", "codes"), [({}, (256, 257)), ({"compression": "zlib"}, (256, 257, 278))])
def test_a_page_cannot_declare_more_than_its_file_holds(tmp_path, how, codes):
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, mosaics(1), photometric="minisblack", metadata=None, **how)
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as file:
        for code in codes:
            struct.pack_into("<I", data, file.pages[0].tags[code].valueoffset, 10**6)
    path.write_bytes(data)
    with pytest.raises(BurstError, match=r"s\.tif: its header declares 2e\+12 bytes"):
        read_bursts(path)


def test_a_compressed_page_that_is_damaged_is_named(tmp_path):
    path = tmp_path / "s.tif"
    tifffile.imwrite(path, mosaics(), photometric="minisblack", compression="zlib")
    with tifffile.TiffFile(path) as file:
        start = file.pages[2].dataoffsets[0]
    data = bytearray(path.read_bytes())
    data[start : start + 40] = bytes(40)
    path.write_bytes(data)
    with pytest.raises(BurstError, match=r"s\.tif: page 2 is not readable"):
        read_bursts(path, white=4095)
