"""One GPU for one run: free devices are handed out through lock files, so that runs side by side do not share one.

A lock is the operating system's: it ends with the process that holds it, however that ends.
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
    """The GPUs to choose from, as CUDA_VISIBLE_DEVICES names them; none on a machine without.

    None in a SLURM job either: there the scheduler has placed the job, and two jobs may both call their device 0.
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
    """The folder of this user's lock files: of the machine, because its devices are."""
    return Path(tempfile.gettempdir()) / f"n2nf-devices-{os.getuid()}"


@contextmanager
def one_of(devices: Sequence[str], wait_seconds: float = 1.0) -> Iterator[str]:
    """Take the first free one of ``devices`` and show only that to the processes started inside; yields its name.

    Waits until one is free. With no devices yields "" and changes nothing.
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
            print(f"all of {', '.join(devices)} are taken; waiting for one", file=sys.stderr)
            told = True
        time.sleep(wait_seconds)
