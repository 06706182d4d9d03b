"""Has something become much slower? Ratios now against those in bench.json: python -m benchmarks.guard

A ratio must reach half of the committed one, in one of three tries: wide enough for another machine and for other load,
narrow enough for a fast way that has silently gone. Only ratios that every CPU can show: float32, no bfloat16.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks import cases

COMMITTED = Path(__file__).parent / "bench.json"
SHARE, TRIES = 0.5, 3
CPU = torch.device("cpu")


def joint_step() -> list[cases.Row]:
    """The joint step in float32."""
    ways = cases.steps_of(cases.PROFILE, CPU, joint=True)
    case = f"joint step, {cases.PROFILE.name}"
    return cases.compared(case, {name: ways[name] for name in ("plain", "float32")}, 64, "images/s")


WATCHED: dict[str, tuple[Callable[[], list[cases.Row]], tuple[str, str]]] = {
    "flow": (lambda: cases.flow_training(CPU, compile=False), ("Noise Flow, likelihood and gradient", "fused")),
    "joint step": (joint_step, (f"joint step, {cases.PROFILE.name}", "float32")),
    "sampling": (lambda: cases.frames(CPU, 256, (32, 32), "256 patches"), ("sampling, 256 patches", "ours")),
    "KL": (lambda: cases.kl(CPU, 2000), ("marginal KL", "ours")),
}


def ratio(rows: list[cases.Row], case: str, way: str) -> float:
    """The ratio of one row."""
    return next(float(row["ratio"]) for row in rows if (row["case"], row["way"]) == (case, way))


def main() -> int:
    """Exit code 1 where a ratio fell below its share in every try."""
    committed = json.loads(COMMITTED.read_text())["rows"]
    failed = False
    for name, (measure, where) in WATCHED.items():
        floor = SHARE * ratio(committed, *where)
        for attempt in range(TRIES):
            found = ratio(measure(), *where)
            print(f"{name}: {found:.2f} times as fast as the plain way, at least {floor:.2f} wanted", flush=True)
            if found >= floor:
                break
            if attempt == TRIES - 1:
                failed = True
                print(f"error: {name} has become slower; compare with benchmarks/bench.json", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
