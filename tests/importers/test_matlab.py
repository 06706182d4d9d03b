"""MATLAB v5 files are read in a process of their own: one for many files, and another one after a crash or a stall."""

import os
import signal

import numpy as np
import pytest
import scipy.io
from cases.sidd import write_metadata

from n2nf_core.bursts import BurstError
from n2nf_core.importers import matlab
from n2nf_core.importers.matlab import read_array, read_struct


@pytest.fixture
def reader(monkeypatch):
    """A reader of its own, with its process at the end of the test."""
    mine = matlab._Reader()
    monkeypatch.setattr(matlab, "_READER", mine)
    yield mine
    if mine.process:
        mine.process.__exit__(None, None, None)


@pytest.fixture
def file(tmp_path):
    write_metadata(tmp_path / "m.MAT", "GRBG", 800)
    return tmp_path / "m.MAT"


def iso(path):
    return read_struct(path, "metadata", ("ISOSpeedRatings",), (33422,))


def test_one_process_reads_many_files(reader, file):
    numbers = set()
    for _ in range(5):
        assert iso(file) == ({"ISOSpeedRatings": [800]}, {33422: [1, 0, 2, 1]})
        numbers.add(reader.process.pid)
    assert len(numbers) == 1 and os.getpid() not in numbers


def test_a_crash_is_one_line_and_the_next_file_is_read(reader, file):
    """A process that was stopped cannot answer; SIGSEGV ends it as a crash in the parser does."""
    iso(file)
    crashed = reader.process.pid
    os.kill(crashed, signal.SIGSTOP)
    os.kill(crashed, signal.SIGSEGV)
    with pytest.raises(BurstError, match=r"m\.MAT: not a readable MATLAB v5 file.*it crashed") as error:
        os.kill(crashed, signal.SIGCONT)
        iso(file)
    assert "\n" not in str(error.value)
    assert iso(file)[0] == {"ISOSpeedRatings": [800]} and reader.process.pid != crashed


def test_a_stall_is_one_line_and_the_next_file_is_read(reader, file, monkeypatch):
    iso(file)
    os.kill(reader.process.pid, signal.SIGSTOP)
    monkeypatch.setattr(matlab, "STRUCT_S", 0.3)
    with pytest.raises(BurstError, match=r"m\.MAT: .*reading it took over 0\.3 s"):
        iso(file)
    monkeypatch.setattr(matlab, "STRUCT_S", 60)
    assert iso(file)[0] == {"ISOSpeedRatings": [800]}


def test_a_name_of_any_characters_is_read(reader, file):
    other = file.with_name("a\nb ü.MAT")
    file.rename(other)
    assert iso(other)[0] == {"ISOSpeedRatings": [800]}


def test_arrays_come_back_as_they_were_stored(reader, tmp_path):
    values = np.random.default_rng(0).random((2, 3, 4, 5)).astype(np.float32)
    scipy.io.savemat(tmp_path / "a.mat", {"a": values}, format="5")
    found = read_array(tmp_path / "a.mat", "a")
    assert found.dtype == np.float32 and np.array_equal(found, values)
    with pytest.raises(BurstError, match=r"a\.mat: not a readable MATLAB v5 file"):
        read_array(tmp_path / "a.mat", "b")


def test_pickled_objects_do_not_come_back(reader, tmp_path):
    scipy.io.savemat(tmp_path / "a.mat", {"a": {"field": 1}}, format="5")
    with pytest.raises(BurstError, match=r"a\.mat: "):
        read_array(tmp_path / "a.mat", "a")
