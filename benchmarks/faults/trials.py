"""One trial of each kind of fault. A trial returns what went wrong, a line each; nothing for one that was survived."""

from __future__ import annotations

import os
import pickle
import random
import shutil
import signal
import subprocess
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.faults.writers import WRITERS, Writer
from n2nf_core.files import is_leftover, reason

TOLD, BROKEN = 2, 70  # exit status of a writer that ended with an error in one line, and with any other


def start(work: Callable[[], object], log: Path, gate: int | None = None) -> int:
    """Run ``work`` in a child of its own session; its number. With a ``gate``, it begins when that pipe is closed."""
    pid = os.fork()
    if pid:
        return pid
    os.setsid()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(file, 1)
    os.dup2(file, 2)
    if gate is not None:
        os.read(gate, 1)
    try:
        work()
        os._exit(0)
    except (OSError, ValueError) as error:
        os.write(file, f"error: {reason(error)}\n".encode())
        os._exit(TOLD)
    except BaseException as error:
        told = type(error).__name__ == "PapermillExecutionError"
        os.write(file, (str(error) if told else traceback.format_exc()).encode())
        os._exit(TOLD if told else BROKEN)


def wait(pid: int, seconds: float = 120) -> int:
    """The exit status of a child, which is killed after so many seconds."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.002)
    os.killpg(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    return BROKEN


def answer(work: Callable[[], object], scratch: Path) -> object:
    """What ``work`` returns, computed in a child, so that this process keeps no threads; its error as a text."""
    file = scratch / "answer"

    def child() -> None:
        try:
            found = work()
        except Exception:
            found = traceback.format_exc()
        file.write_bytes(pickle.dumps(found))

    wait(start(child, scratch / "answer.log"))
    return pickle.loads(file.read_bytes())


def wrong_now(writer: Writer, home: Path, scratch: Path) -> list[str]:
    """What is wrong with what lies in ``home``."""
    found = answer(lambda: list(writer.look(home)), scratch)
    return found if isinstance(found, list) else [str(found)]


def wrong_after(name: str, home: Path, scratch: Path, right: str) -> list[str]:
    """Run the same command again: what is wrong with the result, and what it left lying about."""
    writer = WRITERS[name]
    status = wait(start(lambda: writer.run(home), scratch / "again.log"))
    if status:
        return [f"the same command again ends with {status}: {(scratch / 'again.log').read_text()[-600:]}"]
    found = answer(lambda: writer.outcome(home), scratch)
    problems = [] if found == right else [f"the same command again gives another result: {found}"]
    problems += [f"left lying about: {path}" for path in home.glob("runs/*/tiny.json")]
    return problems + left_over(home)


def left_over(home: Path, seconds: float = 10) -> list[str]:
    """Unfinished files that stay, when processes without a parent have had time to end."""
    end = time.monotonic() + seconds
    while True:
        names = (p for p in home.rglob("*") if is_leftover(p.name) or p.name == ".new")
        left = [str(p.relative_to(home)) for p in (*names, *home.rglob(".*.running.*"))]
        if not left or time.monotonic() > end:
            return [f"left lying about: {name}" for name in left]
        time.sleep(0.2)


def kill(name: str, home: Path, scratch: Path, right: str, seconds: float) -> list[str]:
    """SIGKILL at a random moment of an undisturbed run's ``seconds``, of the process or of all its children too."""
    pid = start(lambda: WRITERS[name].run(home), scratch / "log")
    time.sleep(random.uniform(0, seconds))
    for send in random.choice([(os.kill,), (os.killpg, os.kill)]):
        try:
            send(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    wait(pid)
    return wrong_now(WRITERS[name], home, scratch) + wrong_after(name, home, scratch, right)


def double(name: str, home: Path, scratch: Path, right: str, seconds: float) -> list[str]:
    """Two writers at the same moment: each ends well or refuses in one line, and one result is there."""
    gate, door = os.pipe()
    logs = [scratch / "one.log", scratch / "two.log"]
    os.set_inheritable(gate, True)
    pids = []
    for log in logs:
        pids.append(start(lambda: (os.close(door), WRITERS[name].run(home)), log, gate))
    for _ in pids:
        os.write(door, b"x")
    os.close(door)
    os.close(gate)
    status = [wait(pid) for pid in pids]
    bad = [log.read_text()[-600:] for log, code in zip(logs, status, strict=True) if code not in (0, TOLD)]
    if 0 not in status:
        bad.append(f"none of the two wrote: {[log.read_text()[-300:] for log in logs]}")
    found = answer(lambda: WRITERS[name].outcome(home), scratch)
    return bad + ([] if found == right else [f"another result: {found}"]) + left_over(home)


def full(name: str, home: Path, scratch: Path, right: str, seconds: float) -> list[str]:
    """The disk of ``home`` is full, but for what the caller left free: one line, nothing lost, nothing left over."""
    log = scratch / "log"
    status = wait(start(lambda: WRITERS[name].run(home), log))
    told = log.read_text()
    problems = left_over(home, 3)
    if status == TOLD and "No space left" not in told or status not in (0, TOLD):
        problems.append(f"ends with {status}: {told[-900:]}")
    problems += wrong_now(WRITERS[name], home, scratch)
    (home.parent / "filler").unlink()
    return problems + wrong_after(name, home, scratch, right)


def power(name: str, disk: Disk, scratch: Path, right: str, seconds: float, at_end: bool) -> list[str]:
    """The disk as it is at a random moment, or as soon as the writer has ended: old or new, and new if it had ended."""
    with disk.mounted(disk.image) as place:
        pid = start(lambda: WRITERS[name].run(place / "home"), scratch / "log")
        if at_end:
            code = wait(pid)
        else:
            time.sleep(random.uniform(0, seconds))
            code = None
            for stop in (os.kill, os.killpg):
                try:
                    stop(pid, signal.SIGSTOP)
                except ProcessLookupError:
                    pass
        disk.snapshot()
        if code is None:
            os.killpg(pid, signal.SIGKILL)
            wait(pid)
    problems = [f"ends with {code}: {(scratch / 'log').read_text()[-300:]}"] if code else []
    with disk.mounted(disk.copy) as place:
        problems += wrong_now(WRITERS[name], place / "home", scratch)
        if at_end:
            found = answer(lambda: WRITERS[name].outcome(place / "home"), scratch)
            problems += [] if found == right else ["the writer had ended, and what it wrote is not on the disk"]
        return problems + wrong_after(name, place / "home", scratch, right)


class Disk:
    """An ext4 file system in a file, which is mounted, and copied while it is; for root on Linux only.

    Arguments:
        scratch: folder for the files and the place where it is mounted.
        megabytes: its size.
    """

    def __init__(self, scratch: Path, megabytes: int = 24):
        self.fresh, self.image, self.copy = (scratch / f"{name}.ext4" for name in ("fresh", "image", "copy"))
        self.place = scratch / "disk"
        self.place.mkdir()
        with self.fresh.open("wb") as file:
            file.truncate(megabytes << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.fresh], check=True)

    @contextmanager
    def mounted(self, image: Path) -> Iterator[Path]:
        """Mounted without ext4's own guess that a rename asks for the content to be on the disk first."""
        subprocess.run(["mount", "-o", "loop,noauto_da_alloc", image, self.place], check=True)
        try:
            yield self.place
        finally:
            unmount(self.place)

    def snapshot(self) -> None:
        """Copy the image as it is now; again where it changed while it was copied."""
        before = b""
        while True:
            now = self.image.read_bytes()
            if now == before:
                self.copy.write_bytes(now)
                return
            before = now


def unmount(place: Path) -> None:
    """Unmount, when processes that are ending have let it go."""
    for _ in range(100):
        if subprocess.run(["umount", place], capture_output=True).returncode == 0:
            return
        time.sleep(0.1)
    raise RuntimeError(f"{place} cannot be unmounted: a process uses it")


@contextmanager
def filled(scratch: Path, template: Path, megabytes: int, free: int) -> Iterator[Path]:
    """A disk in memory that holds a copy of ``template`` and has ``free`` bytes left: its folder ``home``."""
    place = scratch / "small"
    place.mkdir(exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", place], check=True)
    try:
        shutil.copytree(template, place / "home")
        left = os.statvfs(place)
        with (place / "filler").open("wb") as file:
            file.write(bytes(max(0, left.f_bavail * left.f_frsize - free)))
        yield place / "home"
    finally:
        unmount(place)
