"""Devices are handed out one per process. The names are made up: the locks are real, and no GPU is needed for them."""

import os
import subprocess
import sys

import pytest

from n2nf_core.study import gpu_lock

HOLD = """
import sys
from n2nf_core.study import gpu_lock
with gpu_lock.one_of(gpu_lock.to_hand_out(), 0.05) as name:
    print(name, flush=True)
    sys.stdin.readline()
"""


@pytest.fixture(autouse=True)
def own_locks(tmp_path, monkeypatch):
    """Locks of this test alone, for the processes it starts too."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(gpu_lock.tempfile, "tempdir", None)
    monkeypatch.setenv(gpu_lock.VARIABLE, "3,GPU-5")
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


@pytest.fixture
def holder():
    """Starts processes that hold a device; stops them at the end."""
    started = []

    def start():
        process = subprocess.Popen([sys.executable, "-c", HOLD], stdin=-1, stdout=-1, stderr=-1, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()


def test_devices_are_those_of_the_environment(monkeypatch):
    assert gpu_lock.to_hand_out() == ["3", "GPU-5"]
    for nothing in ("", "-1"):
        monkeypatch.setenv(gpu_lock.VARIABLE, nothing)
        assert gpu_lock.to_hand_out() == []


def test_a_slurm_job_keeps_the_device_that_slurm_chose(monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    assert gpu_lock.to_hand_out() == []


def test_without_devices_nothing_changes(monkeypatch):
    monkeypatch.delenv(gpu_lock.VARIABLE)
    with gpu_lock.one_of([]) as name:
        assert name == "" and gpu_lock.VARIABLE not in os.environ


def test_a_process_sees_its_device_alone_and_gives_it_back():
    with gpu_lock.one_of(gpu_lock.to_hand_out()) as first, gpu_lock.one_of(["3", "GPU-5"]) as second:
        assert (first, second) == ("3", "GPU-5") and gpu_lock.to_hand_out() == ["GPU-5"]
    assert gpu_lock.to_hand_out() == ["3", "GPU-5"]
    with gpu_lock.one_of(gpu_lock.to_hand_out()) as again:
        assert again == "3"


def test_each_process_has_a_device_of_its_own_and_the_third_waits_for_one(holder):
    first, second = holder(), holder()
    names = {p: p.stdout.readline().strip() for p in (first, second)}
    assert set(names.values()) == {"3", "GPU-5"}
    third = holder()
    assert "the GPUs 3, GPU-5 are all in use" in third.stderr.readline()
    second.stdin.write("\n")
    second.stdin.flush()
    assert third.stdout.readline().strip() == names[second]


def test_a_killed_process_leaves_its_device_free(holder):
    first, second = holder(), holder()
    names = {p: p.stdout.readline().strip() for p in (first, second)}
    first.kill()
    assert holder().stdout.readline().strip() == names[first]
