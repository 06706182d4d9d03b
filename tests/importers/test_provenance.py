"""Names and digests of files."""

import hashlib
from pathlib import Path

import pytest

from n2nf_core.importers.provenance import source_of, stem_of


@pytest.mark.parametrize(
    ("name", "stem"),
    [
        ("a.tif", "a"),
        ("a.b.tiff", "a.b"),
        ("a.ome.tif", "a"),
        ("a.FITS.gz", "a"),
        ("a.fit.gz", "a"),
        ("a.fits.fz", "a"),
    ],
)
def test_suffixes_do_not_belong_to_the_name(name, stem):
    assert stem_of(Path("folder") / name) == stem


def test_the_digest_depends_on_the_bytes_of_each_file(tmp_path):
    files = [tmp_path / name for name in ("a.fits.gz", "b.fits.gz")]
    for file in files:
        file.write_bytes(file.name.encode())
    digest = hashlib.sha256(b"".join(hashlib.sha256(file.name.encode()).digest() for file in files)).hexdigest()
    assert source_of(files, tmp_path, "fits") == {
        "source": tmp_path.name, "sha256": digest, "importer": "fits", "name": tmp_path.name,
    }  # fmt: skip
    one = source_of(files[:1], files[0], "fits")
    assert (one["source"], one["name"]) == ("a.fits.gz", "a")
