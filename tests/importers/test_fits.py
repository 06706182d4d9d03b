"""FITS cubes, extensions and folders of frames."""

import gzip

import numpy as np
import pytest
from astropy.io import fits
from cases.stacks import mosaics, one

from n2nf_core import raw
from n2nf_core.bursts import BurstError, BurstWarning
from n2nf_core.importers import read_bursts


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
        with pytest.raises(
            BurstError, match=r"s\.fits: not a readable FITS file; it may be truncated|its header declares"
        ):
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
    for keep in (100, 2880, len(data) // 2, len(data) - 2880):
        (tmp_path / "c.fits").write_bytes(data[:keep])
        with pytest.raises(BurstError, match=r"c\.fits: (not a readable FITS file|its header declares)"):
            read_bursts(tmp_path / "c.fits")


def write(path, frames, **keywords):
    hdu = fits.PrimaryHDU(frames)
    hdu.header.update(keywords)
    hdu.writeto(path)
    return path


def test_frames_that_differ_in_a_stated_setting_are_not_one_burst(tmp_path):
    for t, frame in enumerate(mosaics(5)):
        keywords = {"ISOSPEED": 100, "GAIN": 100, "EXPTIME": 1.0} if t < 2 else {"ISOSPEED": 800, "EXPTIME": 4.0}
        write(tmp_path / f"{t}.fits", frame, INSTRUME="CAM", **{"GAIN": 300, **keywords})
    dim, bright = read_bursts(tmp_path, white=4095)
    assert [(burst.iso, burst.provenance["gain"], len(burst)) for burst in (dim, bright)] == [
        (100, 100, 2),
        (800, 300, 3),
    ]
    assert np.array_equal(bright.frames, raw.pack(mosaics(5)[2:])) and dim.scene == bright.scene
    assert "2 settings" in dim.provenance["notes"][0] and dim.provenance["name"] != bright.provenance["name"]
    write(tmp_path / "5.fits", mosaics(1)[0], INSTRUME="CAM", IMAGETYP="Dark")
    with pytest.raises(BurstError, match="iso is 100 in 0.fits and 800 in 2.fits, and 5.fits does not state it"):
        read_bursts(tmp_path, white=4095)


def test_frames_of_which_no_two_belong_together(tmp_path):
    for t, kind in enumerate(("Light", "Dark")):
        write(tmp_path / f"{t}.fits", mosaics()[t], IMAGETYP=kind)
    with pytest.raises(BurstError, match="frames differ, light in 0.fits, dark in 1.fits"):
        read_bursts(tmp_path, white=4095)


def test_the_phase_of_the_colour_filter(tmp_path):
    write(tmp_path / "y.fits", mosaics(), BAYERPAT="RGGB", YBAYROFF=1)
    assert np.array_equal(one(tmp_path / "y.fits", white=4095).frames, raw.pack(raw.unify(mosaics(), "GBRG")))
    write(tmp_path / "up.fits", mosaics()[:, ::-1], BAYERPAT="RGGB", ROWORDER="BOTTOM-UP")
    upside_down = raw.pack(raw.unify(mosaics()[:, ::-1], "GBRG"))
    assert np.array_equal(one(tmp_path / "up.fits", white=4095).frames, upside_down)
    burst = one(write(tmp_path / "none.fits", mosaics(), BAYERPAT="NONE", ISOSPEED=0), white=4095)
    assert (burst.cfa, burst.iso) == ("MONO", 100) and "ISO not stated" in " ".join(burst.provenance["notes"])


@pytest.mark.parametrize(
    ("shape", "keywords", "message"),
    [
        ((3, 16, 24), {"CTYPE3": "RGB"}, r"the third axis is RGB \(CTYPE3\)"),
        ((4, 16, 24), {"CTYPE3": "WAVE-LOG"}, "the third axis is WAVE-LOG"),
        ((2, 4, 16, 24), {}, r"holds no images \(H, W\) and no stack \(T, H, W\), but \(2, 4, 16, 24\)"),
        ((24,), {}, "holds no images"),
        ((2, 0, 24), {}, "holds no frames, its shape is 2 x 0 x 24"),
    ],
)
def test_axes_that_are_not_time(tmp_path, shape, keywords, message):
    write(tmp_path / "s.fits", np.resize(mosaics(), shape), **keywords)
    with pytest.raises(BurstError, match=rf"s\.fits: .*{message}"):
        read_bursts(tmp_path / "s.fits", white=4095)


def test_axes_of_time_and_three_planes_of_unknown_meaning(tmp_path):
    assert len(one(write(tmp_path / "t.fits", mosaics(), CTYPE3="TIME"), white=4095)) == 4
    assert len(one(write(tmp_path / "f.fits", mosaics()[None]), white=4095)) == 4
    with pytest.warns(BurstWarning, match="three planes without CTYPE3 are taken as three frames"):
        assert len(one(write(tmp_path / "c.fits", mosaics(3)), white=4095)) == 3


def test_masks_and_errors_are_no_frames(tmp_path):
    for t, frame in enumerate(mosaics()):
        extra = [fits.ImageHDU((frame > 2000).astype(np.uint8), name=name) for name in ("MASK", "ERR", "DQ2", "UNCERT")]
        fits.HDUList([fits.PrimaryHDU(frame), *extra]).writeto(tmp_path / f"{t}.fits")
    burst = one(tmp_path, white=4095)
    assert np.array_equal(burst.frames, raw.pack(mosaics()))
    assert "HDU MASK is left out, because it is not a frame" in burst.provenance["notes"]
    fits.HDUList([fits.PrimaryHDU(), *(fits.ImageHDU(f, name="ERRATIC") for f in mosaics())]).writeto(
        tmp_path / "e.fit"
    )
    assert len(one(tmp_path / "e.fit", white=4095)) == 4


def test_compressed_files(tmp_path):
    plain = write(tmp_path / "s.fits", mosaics())
    (tmp_path / "s.fits.gz").write_bytes(gzip.compress(plain.read_bytes()))
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(mosaics())]).writeto(tmp_path / "s.fits.fz")
    for name in ("s.fits.gz", "s.fits.fz"):
        burst = one(tmp_path / name, white=4095)
        assert np.array_equal(burst.frames, raw.pack(mosaics())) and burst.scene == "s"
    (tmp_path / "many").mkdir()
    for t, frame in enumerate(mosaics()):
        fits.PrimaryHDU(frame).writeto(tmp_path / "many" / f"{t}.fit.gz")
    assert np.array_equal(one(tmp_path / "many", white=4095).frames, raw.pack(mosaics()))


@pytest.mark.parametrize(("dtype", "stored"), [("int16", "uint16"), ("uint8", "uint16"), (">f4", "float32")])
def test_types_of_numbers(tmp_path, dtype, stored):
    frames = (mosaics() // 16).astype(dtype)
    burst = one(write(tmp_path / "s.fits", frames), white=255)
    assert np.array_equal(burst.frames, raw.pack(frames)) and burst.frames.dtype == stored


def test_scaled_and_blank_values(tmp_path):
    write(tmp_path / "s.fits", mosaics().astype(np.int16), BSCALE=0.5, BZERO=10)
    np.testing.assert_allclose(one(tmp_path / "s.fits", white=4095).frames, raw.pack(mosaics() * 0.5 + 10))
    write(tmp_path / "b.fits", mosaics().astype(np.int16), BLANK=int(mosaics()[0, 0, 0]))
    with pytest.raises(BurstError, match="frame 0 has NaN"):
        read_bursts(tmp_path / "b.fits", white=4095)


def test_a_camera_with_four_amplifiers(real_data, tmp_path):
    """Each quadrant of this CCD has an amplifier of its own; the levels of the dark pair are known from the frames."""
    for number in (4860, 4861):
        (tmp_path / f"{number}.fit.gz").symlink_to(real_data / f"esis_led_0{number}.fit.gz")
    with pytest.raises(BurstError, match="white level is not stated, and the largest value, 3818"):
        read_bursts(tmp_path)
    with pytest.warns(BurstWarning, match="jumps at the middle row and column"):
        burst = one(tmp_path, white=65535)
    assert (burst.camera, burst.provenance["exposure_s"], burst.shape) == ("ESIS1", 1.999, (2, 4, 520, 1076))
    assert "several amplifiers" in burst.provenance["notes"][-1]
    halves = [(rows, columns) for rows in (slice(260), slice(260, None)) for columns in (slice(538), slice(538, None))]
    taps = [burst.crop(rows, columns).frames.astype(float) for rows, columns in halves]
    np.testing.assert_allclose([tap.mean() for tap in taps], [3558.0, 3789.6, 3647.7, 3437.9], atol=0.1)
    noise = [np.sqrt((tap[0] - tap[1]).var() / 2) for tap in taps]
    assert all(3.8 < value < 4.3 for value in noise)
