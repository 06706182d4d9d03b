"""Faults on purpose: python -m benchmarks.faults [ROW ...] [--writers W ...] [--count N] [--write].

    kill     SIGKILL at a random moment
    double   two writers at the same moment
    full     a disk with less and less room, N levels
    power    the disk as it is at a random moment, every other time as soon as the writer has ended

After each, nothing that is half-written may be taken for whole, nothing may be lost, and the same command must give
the same result to the bit and leave no unfinished files. The rows full and power mount file systems, so they need root
on Linux. With --write, the counts go into the table of benchmarks/faults/README.md.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch

from benchmarks.faults import trials
from benchmarks.faults.writers import WRITERS
from n2nf_core.files import durable_replace

README = Path(__file__).parent / "README.md"
ROWS = ("kill", "double", "full", "power")
MEGABYTES = 48
PREFIX = "n2nf-faults-"


class Bench:
    """A writer with its template and what is right, in a scratch folder.

    Arguments:
        name: of the writer.
        scratch: folder for everything.
    """

    def __init__(self, name: str, scratch: Path):
        self.name, self.scratch, self.template = name, scratch, scratch / "template"
        self.template.mkdir()
        writer = WRITERS[name]
        if trials.wait(trials.start(lambda: writer.prepare(self.template), scratch / "log")):
            raise SystemExit(f"error: {name} cannot be prepared: {(scratch / 'log').read_text()}")
        home, clock = self.fresh(), time.monotonic()
        if trials.wait(trials.start(lambda: writer.run(home), scratch / "log")):
            raise SystemExit(f"error: {name} does not run undisturbed: {(scratch / 'log').read_text()}")
        self.seconds = time.monotonic() - clock
        self.right = str(trials.answer(lambda: writer.outcome(home), scratch))
        self.bytes = sum(p.stat().st_size + 4096 for p in home.rglob("*") if p.is_file())
        if name == "collect":
            self._note_new(home)

    def _note_new(self, home: Path) -> None:
        """What the tables become, for the look at a mixture."""
        new = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in (home / "out").iterdir() if p.is_file()}
        (self.template / "new.json").write_text(json.dumps(new))

    def fresh(self) -> Path:
        """A copy of the template."""
        home = self.scratch / "home"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.template, home)
        return home

    def trial(self, row: str, number: int, count: int) -> list[str]:
        """One trial of a row; what went wrong."""
        arguments = (self.scratch, self.right, self.seconds)
        if row in ("kill", "double"):
            return getattr(trials, row)(self.name, self.fresh(), *arguments)
        if row == "full":
            free = self.bytes * 2 * number // max(1, count - 1)
            with trials.filled(self.scratch, self.template, MEGABYTES, free) as home:
                return trials.full(self.name, home, *arguments)
        disk = self.disk()
        shutil.copyfile(disk.fresh, disk.image)
        with disk.mounted(disk.image) as place:
            shutil.copytree(self.template, place / "home")
        return trials.power(self.name, disk, *arguments, at_end=number % 2 == 1)

    def disk(self) -> trials.Disk:
        """The disk of this writer, made once."""
        if not hasattr(self, "_disk"):
            self._disk = trials.Disk(self.scratch)
        return self._disk


def clear() -> None:
    """Remove the scratch folders of runs that were killed; a folder's name has the number of its process."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*-*"):
        number = folder.name.removeprefix(PREFIX).partition("-")[0]
        if number.isdecimal() and _ended(int(number)):
            for place in ("disk", "small"):
                subprocess.run(["umount", folder / place], capture_output=True)
            shutil.rmtree(folder, ignore_errors=True)


def _ended(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def table(found: dict[tuple[str, str], tuple[int, int]]) -> str:
    """The table of the README from (row, writer) -> (trials, failures)."""
    lines = ["| fault | " + " | ".join(WRITERS) + " |", "|---|" + "---|" * len(WRITERS)]
    for row in ROWS:
        cells = (found.get((row, name)) for name in WRITERS)
        lines.append(f"| {row} | " + " | ".join(f"{c[1]} of {c[0]}" if c else "" for c in cells) + " |")
    return "\n".join(lines)


def known() -> dict[tuple[str, str], tuple[int, int]]:
    """What the table of the README holds."""
    found = {}
    for line in README.read_text().splitlines():
        row, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if row in ROWS:
            for name, cell in zip(WRITERS, cells, strict=True):
                if counts := re.fullmatch(r"(\d+) of (\d+)", cell):
                    found[row, name] = (int(counts[2]), int(counts[1]))
    return found


def write(found: dict[tuple[str, str], tuple[int, int]]) -> None:
    """Put the counts into the table of the README."""
    with durable_replace(README) as new:
        text = README.read_text()
        start, end = text.index("| fault |"), text.index("\n\n", text.index("| fault |"))
        new.write_text(text[:start] + table(known() | found) + text[end:])


def main() -> int:
    """Run the rows; the exit status is 1 if a trial failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", nargs="*", metavar="ROW", help=f"of {', '.join(ROWS)}; all of them")
    parser.add_argument("--writers", nargs="+", choices=WRITERS, default=list(WRITERS), metavar="W")
    parser.add_argument("--count", type=int, default=4, help="trials of each row and writer")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", action="store_true", help="put the counts into the README")
    parser.add_argument("--without-fsync", action="store_true", help="let power cuts show what fsync is for")
    options = parser.parse_args()
    if options.without_fsync:
        os.fsync = lambda handle: None
    torch.set_num_threads(1)
    os.environ["PYTHONPATH"] = os.pathsep.join(filter(None, (os.getcwd(), os.environ.get("PYTHONPATH"))))
    random.seed(options.seed)
    failures = 0
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # which cleans up, as Ctrl-C does
    clear()
    for name in options.writers:
        with tempfile.TemporaryDirectory(prefix=f"{PREFIX}{os.getpid()}-") as folder:
            bench = Bench(name, Path(folder))
            for row in options.rows or ROWS:
                bad = 0
                for number in range(options.count):
                    problems = bench.trial(row, number, options.count)
                    bad += bool(problems)
                    for problem in problems:
                        print(f"  {row} {name} {number}: {problem}", file=sys.stderr, flush=True)
                    if options.write:  # after each, so that a run that is stopped has been counted
                        write({(row, name): (number + 1, bad)})
                failures += bad
                print(f"{row:8}{name:10}{bad} of {options.count} failed", flush=True)
    return 1 if failures else 0


if __name__ == "__main__":
    raise SystemExit(main())
