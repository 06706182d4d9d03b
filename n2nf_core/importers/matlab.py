"""MATLAB v5 files, read in a process of their own: a damaged one can crash or stall the parser.

The process starts with the first file, takes about 0.3 s for that, reads all later files too, and ends with this one.
After a crash or a stall, another is started for the next file.
"""

from __future__ import annotations

import atexit
import json
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from n2nf_core.bursts import BurstError

STRUCT_S, ARRAY_S = 10.0, 300.0
"""Most seconds for a struct of settings, and for a large array."""

_SCRIPT = Path(__file__).with_name("matlab_worker.py")


class _Reader:
    """A process that runs ``matlab_worker.py``; one request at a time."""

    def __init__(self):
        self.lock, self.process, self.owner = threading.Lock(), None, None

    def ask(self, path: Path, seconds: float, **request) -> dict:
        """The answer to a request about ``path``.

        Errors: BurstError, one line that names the file, if it is damaged, or if reading it crashes or takes longer
        than ``seconds``.
        """
        with self.lock:
            process = self._running()
            late = threading.Event()
            timer = threading.Timer(seconds, lambda: (late.set(), process.kill()))
            timer.start()
            try:
                print(json.dumps({"path": str(path.absolute()), **request}), file=process.stdin, flush=True)
                answer = process.stdout.readline()
            except OSError:  # the process has ended
                answer = ""
            finally:
                timer.cancel()
            if not answer.endswith("\n"):
                process.kill()
                process.communicate()
                answer = json.dumps({"error": f"reading it took over {seconds:g} s" if late.is_set() else "it crashed"})
        found = json.loads(answer)
        if "error" in found:
            message = f"not a readable MATLAB v5 file; it may be truncated ({found['error']})"
            raise BurstError(f"{path}: {message}: copy or download it again")
        return found

    def _running(self) -> subprocess.Popen:
        """The process of this process, which may be a fork of the one that started the last one."""
        if self.process is None or self.owner != os.getpid() or self.process.poll() is not None:
            environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}  # threads reserve memory
            self.process = subprocess.Popen(
                [sys.executable, "-P", _SCRIPT],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                env=environment,
                encoding="utf-8",
            )
            self.owner = os.getpid()
            atexit.register(self.process.__exit__, None, None, None)  # closes its input, on which it ends
        return self.process


_READER = _Reader()


def read_struct(
    path: Path, key: str, fields: Sequence[str], tags: Sequence[int]
) -> tuple[dict[str, str | list[float]], dict[int, list[float]]]:
    """The values of fields and tags of a MATLAB struct, searched at any depth; the outermost of a name is taken.

    Arguments:
        path: the file.
        key: name of the struct.
        fields: names of the fields that are wanted.
        tags: numbers of the tags that are wanted; a tag is a struct with the fields ID and Value.

    Errors: BurstError, one line that names the file, if it is damaged, or takes longer than 10 s.
    """
    found = _READER.ask(path, STRUCT_S, what="struct", key=key, fields=list(fields), tags=list(tags))
    return found["fields"], {int(number): value for number, value in found["tags"].items()}


def read_array(path: Path, key: str) -> np.ndarray:
    """The array ``key`` of the MATLAB file ``path``; BurstError, one line that names the file, if it is damaged."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "array.npy"
        _READER.ask(path, ARRAY_S, what="array", key=key, into=str(into))
        return np.load(into)
