"""What a training shows and keeps while it runs: rows of the history, TensorBoard events, a bar, its speed."""

from __future__ import annotations

import math
import statistics
import sys
import time
from collections.abc import Mapping
from pathlib import Path


class Progress:
    """The history of one training, and where it is shown.

    Arguments:
        events: folder of the TensorBoard events.
        steps: number of all steps.
        shown: whether this process shows anything; of several, only the first does.
        title: what stands before the bar.
    """

    def __init__(self, events: Path, steps: int, shown: bool, title: str):
        self.events, self.steps, self.shown, self.title = events, steps, shown, title
        self.history: list[dict[str, float]] = []
        self.rows: list[tuple[int, float]] = []  # images and seconds of every row of this call
        self.images, self.clock = 0, 0.0  # since the last row
        self.bar = self.writer = None

    def begin(self, step: int) -> None:
        """Start the clock, the bar and the events at ``step``."""
        from torch.utils.tensorboard import SummaryWriter
        from tqdm import tqdm

        shown = self.shown and step < self.steps
        options = {"desc": self.title, "mininterval": 1.0, "disable": not shown}
        self.bar = tqdm(total=self.steps, initial=step, unit="step", **options)
        self.writer = SummaryWriter(self.events, purge_step=step) if shown else None
        self.images, self.clock = 0, time.perf_counter()

    def advance(self, images: int) -> None:
        """One step is done, on so many images."""
        self.images += images
        self.bar.update()

    def add(self, row: Mapping[str, float | None]) -> None:
        """Add a row to the history and show it; ``row`` holds ``step`` and figures."""
        for name, value in row.items():
            if self.writer and value is not None:
                self.writer.add_scalar(name, value, row["step"])
        now = time.perf_counter()
        self.rows.append((self.images, now - self.clock))
        shown = {k: f"{row[k]:.4g}" for k in ("nll_nats_per_dim", "psnr_db") if row.get(k) is not None}
        self.bar.set_postfix(shown | {"images/s": f"{self.images / (now - self.clock):.0f}"})
        self.history.append(dict(row))
        self.images, self.clock = 0, now

    def say(self, message: str) -> None:
        """Show a line now: a signal may end the process at once."""
        self.bar.write(message, file=sys.stderr)

    def end(self) -> None:
        """Close the bar and the events."""
        self.bar.close()
        if self.writer:
            self.writer.close()

    def speed(self) -> tuple[float, float]:
        """Images per second, the median over rows, and how many seconds longer than that the first row took."""
        if not self.rows:
            return math.nan, 0.0
        rate = statistics.median(images / seconds for images, seconds in self.rows)
        images, seconds = self.rows[0]
        return rate, max(seconds - images / rate, 0.0)
