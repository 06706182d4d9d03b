"""NPZ, TIFF, FITS, camera RAW, and what read_bursts makes of a path."""

import subprocess
import sys

import numpy as np
import pytest
import tifffile
import torch
from astropy.io import fits

from n2nf_core import raw
from n2nf_core.bursts import BurstCheck, BurstError, BurstWarning, write_burst
from n2nf_core.cameras import NLF
from n2nf_core.importers import read_bursts
from n2nf_core.importers.stack import working_range

HEIGHT, WIDTH = 16, 24
FULL = {"black": 100, "white": 4095, "cfa": "RGGB", "camera": "cam", "iso": 400}


def mosaics(count: int = 4, height: int = HEIGHT, width: int = WIDTH, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(80, 4000, (count, height, width)).astype(np.uint16)


def save(folder, **arrays):
    np.savez(folder / "s.npz", **arrays)
    return folder / "s.npz"


def one(path, **options):
    (burst,) = read_bursts(path, **options)
    return burst


# NPZ


@pytest.mark.parametrize("cfa", raw.CFAS)
def test_npz_gives_the_planes_it_holds(tmp_path, cfa):
    frames = mosaics()
    black = [100, 110, 120, 130]
    path = save(tmp_path, frames=frames, **{**FULL, "cfa": cfa, "black": black}, clean=frames[0] * 1.0)
    burst = one(path)
    assert np.array_equal(burst.frames, raw.pack(raw.unify(frames, cfa)))
    assert burst.black == raw.unify_levels(black, cfa) and burst.white == 4095
    assert (burst.camera, burst.iso, burst.cfa) == ("cam", 400, raw.unified(cfa))
    assert torch.equal(torch.from_numpy(burst.clean), burst.planes(0)[0])
    assert burst.provenance["crop"] == list(raw.crop_of(cfa)) and burst.provenance["notes"] == []
    assert len(burst.provenance["sha256"]) == 64 and burst.provenance["source"] == "s.npz"


def test_options_win_over_the_file_and_defaults_are_noted(tmp_path):
    path = save(tmp_path, frames=mosaics(), **FULL)
    burst = one(path, camera="mine", iso=50, black=90, white=5000, cfa="BGGR")
    assert (burst.camera, burst.iso, burst.black, burst.white) == ("mine", 50, (90,) * 4, 5000)
    assert burst.shape[2:] == (HEIGHT // 2 - 1, WIDTH // 2 - 1)
    burst = one(save(tmp_path, frames=mosaics(), white=4095))
    assert (burst.camera, burst.iso, burst.black, burst.cfa) == ("camera", 100, (0,) * 4, "MONO")
    notes = " ".join(burst.provenance["notes"])
    assert all(f"{what} not stated" in notes for what in ("black level", "CFA", "camera", "ISO"))


def test_npz_settings_become_one_burst_each(tmp_path):
    frames, setting = mosaics(7), np.array([1, 0, 1, 0, 1, 2, 2])
    path = save(tmp_path, frames=frames, setting=setting, settings=np.array(["dim", "bright", "dark"]), **FULL)
    found = read_bursts(path)
    assert [burst.scene for burst in found] == ["s dim", "s bright", "s dark"]
    assert [len(burst) for burst in found] == [2, 3, 2]
    assert np.array_equal(found[1].frames, raw.pack(frames[setting == 1]))


def test_npz_refuses_objects_and_never_unpickles(tmp_path):
    class Harm:
        def __reduce__(self):
            return open, (str(tmp_path / "harm"), "w")

    frames = np.empty(2, object)
    frames[:] = [np.zeros((4, 4)), Harm()]
    path = tmp_path / "s.npz"
    np.savez(path, frames=frames, allow_pickle=True)
    with pytest.raises(BurstError, match=r"s\.npz: holds Python objects.*frames of different size"):
        read_bursts(path)
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"pairs": mosaics()}, "needs the key frames"),
        ({"frames": mosaics()[0]}, r"frames must be numbers \(T, H, W\)"),
        ({"frames": mosaics().astype("U5")}, "frames must be numbers"),
        ({"frames": mosaics(1)}, "1 frame; a noisy pair needs at least two"),
        ({"frames": mosaics(4, 15, 24)}, "15 x 24 pixels cannot be packed.*crop the frames to 14 x 24"),
        ({"frames": mosaics(4, 16, 23)}, "crop the frames to 16 x 22"),
        ({"frames": mosaics(), "cfa": "RGBW"}, "CFA pattern 'RGBW' is not understood"),
        ({"frames": mosaics(), "black": [1, 2]}, "black level must be one number or four"),
        ({"frames": mosaics(), "black": 5000}, "white level 4095 must lie above black level 5000"),
        ({"frames": mosaics(), "black": 4050}, "lies below the black level"),
        ({"frames": mosaics(), "white": 400}, "are saturated"),
        ({"frames": np.full((3, 8, 8), 7, np.uint16)}, "is constant"),
        ({"frames": mosaics()[[0, 0]]}, "are identical"),
        ({"frames": np.where(mosaics() < 90, np.nan, mosaics())}, "NaN"),
        ({"frames": mosaics().astype(np.int64) * 10**6}, "do not fit into float32"),
        ({"frames": mosaics(), "clean": mosaics()[0, :8]}, "clean is"),
        ({"frames": mosaics(), "setting": np.zeros(3, int)}, "setting has shape"),
        ({"frames": mosaics(), "iso": -1}, "ISO must be a positive number"),
    ],
)
def test_npz_refuses_in_one_line(tmp_path, arrays, message):
    stated = {"white": 4095, **arrays}
    with pytest.raises(BurstError, match=message) as error:
        read_bursts(save(tmp_path, **stated))
    assert "\n" not in str(error.value)


def test_float_frames_need_a_white_level(tmp_path):
    frames = (mosaics() / 4096).astype(np.float64)
    path = save(tmp_path, frames=frames)
    with pytest.raises(BurstError, match="without a white level: give white"):
        read_bursts(path)
    burst = one(path, white=1.0)
    assert burst.frames.dtype == np.float32
    np.testing.assert_allclose(burst.planes(slice(None)), raw.pack(frames), rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "stored"), [("uint8", "uint16"), ("int16", "uint16"), (">u2", "uint16"), ("int32", "uint16")]
)
def test_integer_types_become_uint16(tmp_path, dtype, stored):
    frames = (mosaics() // 16).astype(dtype)
    burst = one(save(tmp_path, frames=frames, white=255), black=0)
    assert burst.frames.dtype == stored and np.array_equal(burst.frames, raw.pack(frames))


def test_negative_integers_become_float32(tmp_path):
    frames = mosaics().astype(np.int16) - 1000
    burst = one(save(tmp_path, frames=frames, white=3000))
    assert burst.frames.dtype == np.float32 and burst.planes(0).min() < 0


@pytest.mark.parametrize(
    ("limit", "black", "brightest", "white"),
    [
        (65535, 100, 181, 200),
        (65535, 0, 100, 100),
        (65535, 0, 101, 200),
        (65535, 0, 1023, 2000),
        (65535, 0, 4095, 5000),
        (65535, 0, 8191, 10000),
        (65535, 0, 8192, 65535),
        (255, 0, 31, 50),
        (255, 0, 32, 255),
        (255, 200, 100, 255),
    ],
)
def test_working_range(limit, black, brightest, white):
    assert working_range(limit, black, brightest) == white


def test_the_container_limit_gives_way_to_the_working_range(tmp_path):
    frames = mosaics() // 40  # at most 99
    for stated in ({}, {"white": 65535}):
        with pytest.warns(BurstWarning, match="white level 100 from the brightest pixel 99"):
            burst = one(save(tmp_path, frames=frames, **stated))
        assert burst.white == 100 and "white level 100" in burst.provenance["notes"][-4:][0] + str(burst.provenance)
    assert one(save(tmp_path, frames=frames), white=65535).white == 65535
    assert one(save(tmp_path, frames=frames, white=65534)).white == 65534


def test_a_truncated_npz(tmp_path):
    path = save(tmp_path, frames=mosaics())
    data = path.read_bytes()
    for keep in (0, 10, len(data) // 2, len(data) - 30):
        path.write_bytes(data[:keep])
        with pytest.raises(BurstError, match=r"s\.npz: not a readable NPZ file") as error:
            read_bursts(path)
        assert "\n" not in str(error.value)


def test_the_real_microscope_stack(real_data):
    with pytest.warns(BurstWarning, match="white level 200"):
        burst = one(real_data / "acsn_scmos_tirf_200hz.npz")
    frames = np.load(real_data / "acsn_scmos_tirf_200hz.npz")["frames"]
    assert (burst.white, burst.black, burst.cfa) == (200, (100,) * 4, "MONO")
    np.testing.assert_allclose(burst.planes(slice(None)), raw.pack((frames - 100.0) / 100), rtol=1e-6, atol=1e-7)


def test_the_real_flat_fields(real_data):
    found = read_bursts(real_data / "nikon_d7000_iso100_flats.npz")
    assert len(found) == 41 and sorted(map(len, found))[:2] == [5, 6]
    assert {(burst.cfa, burst.white, burst.iso) for burst in found} == {("RGGB", 16383, 100)}
    assert len({burst.scene for burst in found}) == 41
    means = found[20].planes(slice(None)).mean((0, 2, 3))  # a white card: both greens alike, red and blue not
    assert abs(means[1] / means[2] - 1) < 0.02 < abs(means[0] / means[1] - 1)


# TIFF


@pytest.mark.parametrize(
    "how", [{}, {"compression": "zlib"}, {"imagej": True}, {"metadata": None}, {"tile": (16, 16)}, {"bigtiff": True}]
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


@pytest.mark.parametrize("how", [{}, {"compression": "zlib", "rowsperstrip": 2}, {"imagej": True}])
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
            assert np.array_equal(frames, raw.pack(mosaics())) and keep > 0.9 * len(data)
            whole += 1
    assert whole < 40


# FITS


def test_fits_cube_with_its_header(tmp_path):
    hdu = fits.PrimaryHDU(mosaics())
    hdu.header["BAYERPAT"], hdu.header["INSTRUME"], hdu.header["ISOSPEED"] = "gbrg ", "Sky", 1600
    hdu.writeto(tmp_path / "s.fits")
    burst = one(tmp_path / "s.fits", white=4095)
    assert np.array_equal(burst.frames, raw.pack(raw.unify(mosaics(), "GBRG"))) and burst.frames.dtype == np.uint16
    assert (burst.camera, burst.iso, burst.cfa) == ("Sky", 1600, "RGGB")


def test_fits_extensions_and_folder_of_frames(tmp_path):
    frames = mosaics()
    fits.HDUList([fits.PrimaryHDU(), *map(fits.ImageHDU, frames)]).writeto(tmp_path / "s.fit")
    assert np.array_equal(one(tmp_path / "s.fit", white=4095).frames, raw.pack(frames))
    (tmp_path / "many").mkdir()
    for t, frame in enumerate(frames):
        fits.PrimaryHDU(frame).writeto(tmp_path / "many" / f"{t}.fits")
    assert np.array_equal(one(tmp_path / "many", white=4095).frames, raw.pack(frames))


def test_fits_extensions_cut_within_a_header_or_an_image(tmp_path):
    path = tmp_path / "s.fits"
    fits.HDUList([fits.PrimaryHDU(), *map(fits.ImageHDU, mosaics())]).writeto(path)
    data = path.read_bytes()
    assert len(data) == 2880 * 9  # a header, then four of a header and an image; whole blocks look like whole files
    for keep in range(1000, len(data), 2880):
        path.write_bytes(data[:keep])
        with pytest.raises(BurstError, match=r"s\.fits: not a readable FITS file, truncated|holds no images"):
            read_bursts(path, white=4095)


def test_fits_with_a_harmless_flaw_is_read(tmp_path):
    path = tmp_path / "s.fits"
    hdu = fits.PrimaryHDU(mosaics())
    hdu.header["COMMENT"] = "x"
    hdu.writeto(path)
    path.write_bytes(path.read_bytes().replace(b"COMMENT x", b"comment x"))
    assert len(one(path, white=4095)) == 4


def test_fits_that_does_not_serve(tmp_path):
    hdus = fits.HDUList([fits.PrimaryHDU(mosaics()), fits.ImageHDU(mosaics()[:, :8])])
    hdus.writeto(tmp_path / "a.fits")
    with pytest.raises(BurstError, match="frames differ, 16 x 24 in image 0, 8 x 24 in image 1"):
        read_bursts(tmp_path / "a.fits")
    fits.PrimaryHDU().writeto(tmp_path / "b.fits")
    with pytest.raises(BurstError, match="holds no images"):
        read_bursts(tmp_path / "b.fits")
    fits.PrimaryHDU(mosaics(40)).writeto(tmp_path / "c.fits")
    data = (tmp_path / "c.fits").read_bytes()
    for keep in (0, 100, 2880, len(data) // 2, len(data) - 2880):
        (tmp_path / "c.fits").write_bytes(data[:keep])
        with pytest.raises(BurstError, match=r"c\.fits: (not a readable FITS file|holds no images)"):
            read_bursts(tmp_path / "c.fits")


# Camera RAW: minimal DNG files that the real LibRaw opens

PATTERNS = {"RGGB": (0, 1, 1, 2), "GRBG": (1, 0, 2, 1), "GBRG": (1, 2, 0, 1), "BGGR": (2, 1, 1, 0)}


def write_dng(path, mosaic, cfa="RGGB", black=(60, 61, 62, 63), white=4095, iso=400, active=None, profile=True):
    """The tags that LibRaw needs to take a TIFF for a DNG with a mosaic, and those the importer reads."""
    byte, text, short, long, rational, signed, double = 1, 2, 3, 4, 5, 10, 12
    tags = [
        (271, text, 0, "Maker", True),
        (272, text, 0, "Model 1", True),
        (33421, short, 2, (2, 2), True),
        (33422, byte, 4, bytes(PATTERNS[cfa]), True),
        (34855, short, 1, iso, True),
        (50706, byte, 4, bytes((1, 4, 0, 0)), True),
        (50708, text, 0, "Maker Model 1", True),
        (50713, short, 2, (2, 2), True),
        (50714, short, 4, black, True),
        (50717, short, 1, white, True),
        (50721, signed, 9, (1, 1, 0, 1, 0, 1, 0, 1, 1, 1, 0, 1, 0, 1, 0, 1, 1, 1), True),
        (50728, rational, 3, (1, 1) * 3, True),
        (50778, short, 1, 21, True),
    ]
    if profile:
        tags.append((51041, double, 2, (1e-3, 2e-6), True))
    if active:
        tags.append((50829, long, 4, active, True))
    tifffile.imwrite(path, mosaic, photometric="cfa", extratags=tags, metadata=None)


def dng_folder(folder, count=3, height=64, width=96, **how):
    frames = mosaics(count, height, width)
    for t, frame in enumerate(frames):
        write_dng(folder / f"f{t}.dng", frame, **how)
    return frames


@pytest.mark.parametrize("cfa", PATTERNS)
def test_dng_gives_planes_levels_and_settings(tmp_path, cfa):
    frames = dng_folder(tmp_path, cfa=cfa)
    burst = one(tmp_path)
    assert np.array_equal(burst.frames[:], raw.pack(raw.unify(frames, cfa)))
    assert burst.black == raw.unify_levels((60, 61, 62, 63), cfa) and burst.white == 4095
    assert (burst.camera, burst.iso, burst.cfa, burst.nlf) == ("Model 1", 400, "RGGB", NLF(1e-3, 2e-6))
    assert burst.scene == tmp_path.name and burst.provenance["notes"] == []


def test_dng_options_win(tmp_path):
    frames = dng_folder(tmp_path)
    burst = one(tmp_path, camera="mine", iso=64, black=70, white=5000, cfa="MONO")
    assert (burst.camera, burst.iso, burst.black, burst.white) == ("mine", 64, (70,) * 4, 5000)
    assert burst.nlf is None and np.array_equal(burst.frames[:], raw.pack(frames))


def test_dng_visible_area_has_its_own_cfa_origin(tmp_path):
    """LibRaw moves the active area (1, 3) to (2, 4), so the pattern starts otherwise than the tag says."""
    frames = dng_folder(tmp_path, active=(1, 3, 64, 96))
    burst = one(tmp_path)
    rows, columns = burst.shape[2] * 2, burst.shape[3] * 2
    assert np.array_equal(burst.frames[:], raw.pack(frames[:, 3 : 3 + rows, 5 : 5 + columns]))


def test_dng_of_odd_size_is_cropped_and_says_so(tmp_path):
    frames = dng_folder(tmp_path, height=65, width=97)
    burst = one(tmp_path)
    assert np.array_equal(burst.frames[:], raw.pack(frames[:, :64, :96]))
    assert burst.provenance["notes"] == ["visible area 65 x 97 cropped to 64 x 96"]


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"height": 32}, "size: frames differ, 64 x 96 in f0.dng, 32 x 96 in f9.dng"),
        ({"iso": 800}, "Model 1 at ISO 400.0 in f0.dng, Model 1 at ISO 800.0 in f9.dng"),
        ({"white": 1023}, "white: frames differ"),
        ({"cfa": "BGGR"}, "cfa: frames differ, RGGB in f0.dng, BGGR in f9.dng"),
    ],
)
def test_dng_frames_that_do_not_belong_together(tmp_path, how, message):
    dng_folder(tmp_path)
    height = how.pop("height", 64)
    write_dng(tmp_path / "f9.dng", mosaics(1, height, 96, seed=9)[0], **how)
    with pytest.raises(BurstError, match=message):
        read_bursts(tmp_path)


@pytest.mark.parametrize("part", [0.0, 0.01, 0.1, 0.5, 0.99])
def test_a_truncated_dng(tmp_path, part):
    dng_folder(tmp_path)
    data = (tmp_path / "f1.dng").read_bytes()
    (tmp_path / "f1.dng").write_bytes(data[: int(len(data) * part)])
    with pytest.raises(BurstError, match=r"f1\.dng") as error:
        read_bursts(tmp_path, camera="c", iso=100)
    assert "\n" not in str(error.value)


def test_a_single_dng_is_one_frame(tmp_path):
    dng_folder(tmp_path, count=1)
    with pytest.raises(BurstError, match="1 frame; a noisy pair needs at least two"):
        read_bursts(tmp_path / "f0.dng")


# Dispatch


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
    write_burst(burst, tmp_path / "b.burst.zarr")
    for name in "ab":
        (tmp_path / f"{name}.burst.zarr/frames/c/1/0/0/0").write_bytes(b"damage")
    with pytest.warns(BurstWarning, match="of the values are saturated"):  # said again, from what is stored
        read_bursts(tmp_path / "a.burst.zarr")
    for name, options in (("b", {}), ("a", {"white": 4000.0})):
        with pytest.raises(BurstError, match="frame 1 is damaged"):
            read_bursts(tmp_path / f"{name}.burst.zarr", **options)


def test_levels_of_a_burst_with_a_reference_stay(tmp_path):
    burst = one(save(tmp_path, frames=mosaics(), clean=mosaics()[0], **FULL))
    path = write_burst(burst, tmp_path / "a.burst.zarr")
    with pytest.raises(BurstError, match="fix its black and white level"):
        read_bursts(path, white=5000)


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
    with pytest.raises(BurstError, match="one number or four"):
        read_bursts(path, black=(1, 2, 3))
    tifffile.imwrite(tmp_path / "a.tif", mosaics(), photometric="minisblack")
    with pytest.raises(BurstError, match="frames of several kinds"):
        read_bursts(tmp_path)


def test_importing_stays_light():
    heavy = ("h5py", "zarr", "rawpy", "tifffile", "astropy", "scipy")
    code = f"import sys, n2nf_core.importers; print([m for m in {heavy} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
