"""Sizes that a FITS header declares are compared with the file before astropy reads it."""

import gzip
import warnings

import numpy as np
import pytest
from astropy.io import fits
from cases.stacks import mosaics

from n2nf_core.bursts import BurstError, BurstWarning
from n2nf_core.importers.fits_sizes import check_sizes


@pytest.fixture
def path(tmp_path):
    """A file with a primary image, an image HDU and a table, as its bytes are laid out by astropy."""
    table = fits.BinTableHDU.from_columns([fits.Column("a", "PJ()", array=[np.arange(3), np.arange(900)])])
    fits.HDUList([fits.PrimaryHDU(mosaics()), fits.ImageHDU(mosaics(1)), table]).writeto(tmp_path / "a.fits")
    return tmp_path / "a.fits"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"NAXIS   =                    3", b"NAXIS   =            100000000", "declares 100000000 axes"),
        (b"NAXIS1  =                   24", b"NAXIS1  =      100000000000024", "its header declares"),
        (b"NAXIS1  =                   24", b"NAXIS1  =                  -24", "declares a negative size"),
        (b"PCOUNT  =                 3612", b"PCOUNT  =         361200000000", "its header declares"),
        (b"SIMPLE  =", b"SAMPLE  =", "does not begin with SIMPLE"),
    ],
)
def test_a_size_that_cannot_be(path, old, new, message):
    check_sizes(path)
    data = path.read_bytes()
    assert old in data
    for name, packed in (("b.fits", False), ("b.fits.gz", True)):
        changed = path.with_name(name)
        broken = data.replace(old, new)
        changed.write_bytes(gzip.compress(broken) if packed else broken)
        with pytest.raises(BurstError, match=f"{name}: .*{message}"):
            check_sizes(changed)


def test_every_cut_is_seen_but_one_in_the_padding(path):
    data = path.read_bytes()
    with fits.open(path) as file:
        places = [(hdu.fileinfo()["datLoc"], hdu.size, hdu.fileinfo()["datSpan"]) for hdu in file]
    assert len(places) == 3
    for keep in range(100, len(data), 499):
        if any(start + size <= keep <= start + span for start, size, span in places):
            continue
        path.write_bytes(data[:keep])
        with pytest.raises(BurstError, match="a.fits: "):
            check_sizes(path)


@pytest.mark.parametrize("packed", [False, True])
def test_bytes_behind_the_last_data(path, tmp_path, packed):
    data = path.read_bytes()
    end = tmp_path / ("e.fits.gz" if packed else "e.fits")
    for extra, fine in ((b"", True), (bytes(2880), True), (b"x", False), (bytes(2900), False)):
        end.write_bytes(gzip.compress(data + extra) if packed else data + extra)
        if fine:
            check_sizes(end)
            continue
        with pytest.raises(BurstError, match=f"it has {len(extra)} bytes behind its last data"):
            check_sizes(end)


def test_a_gzip_file_that_is_cut_or_changed(path, tmp_path):
    packed = tmp_path / "a.fits.gz"
    whole = gzip.compress(path.read_bytes())
    packed.write_bytes(whole)
    check_sizes(packed)
    changed = bytearray(whole)
    changed[len(whole) // 2] ^= 16
    for data in (whole[: len(whole) // 2], whole[:-6], bytes(changed), b"text"):
        packed.write_bytes(data)
        with pytest.raises(BurstError, match="a.fits.gz: not a readable FITS file; it may be truncated"):
            check_sizes(packed)


@pytest.mark.parametrize("place", [700, 5000, 8000, 12000])
def test_a_damage_against_a_stated_checksum_is_said_aloud(tmp_path, place):
    """Each change keeps the file readable: a letter of a comment, or pixels of the first or the second image."""
    images = [fits.PrimaryHDU(mosaics(2)), fits.ImageHDU(mosaics(7))]
    images[0].header["COMMENT"] = "made for a test " * 30
    fits.HDUList(images).writeto(tmp_path / "a.fits", checksum=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        check_sizes(tmp_path / "a.fits")
    data = bytearray((tmp_path / "a.fits").read_bytes())
    data[place] ^= 1
    (tmp_path / "a.fits").write_bytes(data)
    with pytest.warns(BurstWarning, match=r"a\.fits: the header or the data are not those of its CHECKSUM"):
        check_sizes(tmp_path / "a.fits")
