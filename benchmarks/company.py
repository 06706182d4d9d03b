"""A training step in company: python -m benchmarks.company [--json FILE]

The joint training of the `cpu` profile's sizes, through ``fit``, takes its steps on an idle machine, beside one and two
processes that never rest, and beside another training of the same kind. Cases are measured in turns, and a ratio is the
median step of a round over the idle one of the same round. A fair share of two cores among as many threads is half of
them, so that 2 is what a step beside one companion of two threads can reach.

Every case is measured twice: with as many threads as others leave cores, which is what training does by itself, and
with ``FitConfig(threads=2)``, which keeps both.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path

from benchmarks.timing import processor
from n2nf_core.study import results

WAYS = {"as others leave cores": 0, "always two threads": 2}
CASES = {
    "idle": [],
    "one busy process": ["busy"],
    "two busy processes": ["busy", "busy"],
    "another training": ["training"],
}
SECONDS, ROUNDS, WARM_UP = 10.0, 3, 5
FOREVER = 1e9


def train(seconds: float, threads: int) -> list[float]:
    """Seconds of every step but the first few of a joint training that ends after ``seconds``."""
    from n2nf_core import baselines, losses
    from n2nf_core.flow import noise_flow
    from n2nf_core.simulation import simulated_bursts
    from n2nf_core.training import PROFILES, Recipe

    bursts = simulated_bursts(baselines.camera_nlf(["S6", "GP", "IP"]), scenes=2, size=PROFILES["cpu"].size, seed=0)
    ends: list[float] = []

    def over(history) -> bool:
        ends.append(time.perf_counter())
        return ends[-1] - ends[0] > seconds

    with tempfile.TemporaryDirectory() as folder:
        recipe = Recipe(bursts, PROFILES["cpu"], 0, folder)
        options = {"steps": 10**6, "checkpoint_every": 10**6, "stop": over, "threads": threads}
        recipe.train_jointly(
            recipe.new_denoiser(),
            recipe.new_noise_model(noise_flow),
            loss=partial(losses.joint_loss, noise_term=losses.pair_difference),
            **options,
        )
    return [after - before for before, after in zip(ends[WARM_UP:], ends[WARM_UP + 1 :], strict=False)]


def training(seconds: float, threads: int) -> subprocess.Popen:
    """A process that trains, and prints the seconds of its steps."""
    command = [sys.executable, "-m", "benchmarks.company", "--train", str(seconds), "--threads", str(threads)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


@contextmanager
def companion(kind: str, threads: int):
    """Another process for as long as the body runs."""
    busy = [sys.executable, "-c", "while True: pass"]
    process = training(FOREVER, threads) if kind == "training" else subprocess.Popen(busy)
    try:
        time.sleep(15 if kind == "training" else 0)  # until it trains
        yield
    finally:
        process.kill()
        process.wait()


def step_in(case: str, threads: int) -> float:
    """The median step in one kind of company, seconds."""
    with ExitStack() as stack:
        for kind in CASES[case]:
            stack.enter_context(companion(kind, threads))
        printed, _ = training(SECONDS, threads).communicate()
    return statistics.median(json.loads(printed.splitlines()[-1]))


def table(content: dict) -> str:
    """One row per kind of company."""
    lines = ["| company | " + " | ".join(f"{way}: step | times idle" for way in WAYS) + " |", "|---" * 5 + "|"]
    for case in CASES:
        cells = []
        for way in WAYS:
            row = next(row for row in content["rows"] if (row["company"], row["way"]) == (case, way))
            cells.append(
                f"{1e3 * row['step_seconds']:.0f} ms | {row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
            )
        lines.append(f"| {case} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    """Measure in turns, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--train", type=float, help="only train for so many seconds, and print those of every step")
    parser.add_argument("--threads", type=int, default=0, help="of that training, see FitConfig")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    options = parser.parse_args()
    if options.train:
        print(json.dumps(train(options.train, options.threads)))
        return
    found: dict[tuple[str, str], list[float]] = {(case, way): [] for case in CASES for way in WAYS}
    for number in range(options.rounds):
        for case, way in found:
            found[case, way].append(step_in(case, WAYS[way]))
            print(f"round {number + 1}, {case}, {way}: {1e3 * found[case, way][-1]:.0f} ms", flush=True)
    rows = []
    for (case, way), seconds in found.items():
        ratios = [step / idle for step, idle in zip(seconds, found["idle", way], strict=True)]
        span = {"ratio": statistics.median(ratios), "low": min(ratios), "high": max(ratios)}
        rows.append({"company": case, "way": way, "step_seconds": statistics.median(seconds), **span})
    source = {"command": "python -m benchmarks.company", "commit": results.commit(), "processor": processor()}
    content = {"rows": rows, "provenance": source}
    print(table(content))
    if options.json:
        results.write_json(options.json, content)


if __name__ == "__main__":
    main()
