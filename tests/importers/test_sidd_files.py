"""Where the files of SIDD lie: links are followed, each file counts once, and hidden folders do not count."""

import os

from cases.sidd import mosaics, write_instance

from n2nf_core.importers import read_bursts
from n2nf_core.importers.sidd_files import instances, noisy_files

NAME = "0001_001_S6_00100_00060_3200_L"


def test_a_subset_by_links_is_read(tmp_path):
    write_instance(tmp_path / "real" / NAME, "0001", mosaics(2), "GRBG", 100)
    (tmp_path / "subset").mkdir()
    (tmp_path / "subset" / NAME).symlink_to(tmp_path / "real" / NAME)
    (burst,) = read_bursts(tmp_path / "subset")
    assert (burst.camera, burst.iso, len(burst)) == ("S6", 100, 2)
    assert [one.name for one in instances(tmp_path)] == [NAME]


def test_links_to_files_and_circles_of_links_count_once(tmp_path):
    write_instance(tmp_path / "a", "0001", mosaics(3), "GRBG", 100)
    for name in ("b", "d", "e"):  # without an end, these would be 3^40 ways
        (tmp_path / "a" / name).symlink_to(tmp_path)
    for path in sorted((tmp_path / "a").glob("*NOISY*")):
        os.makedirs(tmp_path / "c", exist_ok=True)
        (tmp_path / "c" / path.name).symlink_to(path)
    assert len(noisy_files(tmp_path)) == 3 and len(noisy_files(tmp_path / "c")) == 3
    assert len(instances(tmp_path)) == 1


def test_hidden_files_and_folders_do_not_count(tmp_path):
    write_instance(tmp_path / "a", "0001", mosaics(2), "GRBG", 100)
    write_instance(tmp_path / ".unpacked", "0002", mosaics(2), "GRBG", 100)
    (tmp_path / "a" / "._0001_NOISY_RAW_010.MAT").write_bytes(b"\0\5\26\7")
    assert [path.name for path in noisy_files(tmp_path)] == ["0001_NOISY_RAW_010.MAT", "0001_NOISY_RAW_011.MAT"]
