"""FITS cubes, extensions and folders of frames."""

import numpy as np
import pytest
from astropy.io import fits
from cases.stacks import mosaics, one

from n2nf_core import raw
from n2nf_core.bursts import BurstError
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
