"""One GPU for one run: lock files assign free devices, so that runs at the same time do not share one.

The operating system holds a lock. It is released when the process that holds it ends, in whatever way.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

VARIABLE = "CUDA_VISIBLE_DEVICES"


def to_hand_out() -> list[str]:
    """The GPUs to choose from, named as in CUDA_VISIBLE_DEVICES; none on a machine without a GPU.

    There are also none in a SLURM job. There the scheduler has assigned the devices, and two jobs may both call theirs
    0.
    """
    if "SLURM_JOB_ID" in os.environ:
        return []
    given = os.environ.get(VARIABLE)
    if given is not None:
        return [name for name in (part.strip() for part in given.split(",")) if name not in ("", "-1")]
    question = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    try:
        return subprocess.run(question, capture_output=True, text=True, check=True).stdout.split()
    except (OSError, subprocess.CalledProcessError):
        return []


def lock_folder() -> Path:
    """The folder of this user's lock files. It is a local folder, because the devices belong to the machine."""
    return Path(tempfile.gettempdir()) / f"n2nf-devices-{os.getuid()}"


@contextmanager
def one_of(devices: Sequence[str], wait_seconds: float = 1.0) -> Iterator[str]:
    """Lock the first free device, and make it the only one that processes started inside can see; yields its name.

    It waits until a device is free. Without devices it yields "" and changes nothing.

    Arguments:
        devices: names of devices, as :func:`to_hand_out` lists them.
        wait_seconds: time between two attempts, seconds.
    """
    if not devices:
        yield ""
        return
    lock_folder().mkdir(parents=True, exist_ok=True)
    device, lock = _take(devices, wait_seconds)
    former = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = device
    try:
        yield device
    finally:
        os.environ.pop(VARIABLE) if former is None else os.environ.update({VARIABLE: former})
        lock.release()


def _take(devices: Sequence[str], wait_seconds: float) -> tuple[str, FileLock]:
    """The first free device and its lock."""
    told = False
    while True:
        for device in devices:
            lock = FileLock(lock_folder() / device.replace("/", "_"))
            with suppress(Timeout):
                lock.acquire(timeout=0)
                return device, lock
        if not told:
            print(f"the GPUs {', '.join(devices)} are all in use; waiting for one", file=sys.stderr)
            told = True
        time.sleep(wait_seconds)
