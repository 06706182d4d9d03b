"""Has something become much slower? Ratios now against those in bench.json: python -m benchmarks.guard

A ratio must reach half of the committed one, or a third where the processor is of another kind than the one that was
measured, in one of three tries: wide enough for other load, narrow enough for a fast way that has silently gone. These
are ratios that every CPU can show: float32, no bfloat16. And precision="auto" must take the faster of the two.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks import cases
from benchmarks.timing import processor
from n2nf_core.training import precision

COMMITTED = Path(__file__).parent / "bench.json"
SHARE, SHARE_ELSEWHERE, TRIES = 0.5, 1 / 3, 3
FASTEST = 0.9  # of the rate of the faster precision, which the one that is chosen must reach
CPU = torch.device("cpu")


def joint_step() -> list[cases.Row]:
    """The joint step in float32."""
    ways = cases.steps_of(cases.PROFILE, CPU, joint=True)
    case = f"joint step, {cases.PROFILE.name}"
    return cases.compared(case, {name: ways[name] for name in ("plain", "float32")}, 64, "images/s")


def chosen_precision() -> list[cases.Row]:
    """The rate of the precision that training takes, over that of the faster one."""
    network, names = cases.PROFILE, {"32-true": "float32", "bf16-mixed": "bfloat16"}
    ways = cases.steps_of(network, CPU, joint=False)
    rows = cases.compared("denoiser step", {name: ways[name] for name in names.values()}, 64, "images/s")
    rates = {row["way"]: float(row["rate"]) for row in rows}
    images = torch.rand(2 * network.batch, 4, network.patch, network.patch)
    chosen = rates[names[precision.choose(network.build(CPU), images)]]
    return [{"case": "precision", "way": "auto", "ratio": chosen / max(rates.values())}]


WATCHED: dict[str, tuple[Callable[[], list[cases.Row]], tuple[str, str]]] = {
    "flow": (lambda: cases.flow_training(CPU, compile=False), ("Noise Flow, likelihood and gradient", "fused")),
    "joint step": (joint_step, (f"joint step, {cases.PROFILE.name}", "float32")),
    "likelihood": (lambda: cases.frames(CPU, 256, (32, 32), "256 patches"), ("log-likelihood, 256 patches", "ours")),
    "sampling": (lambda: cases.frames(CPU, 256, (32, 32), "256 patches"), ("sampling, 256 patches", "ours")),
    "KL": (lambda: cases.kl(CPU, 2000), ("marginal KL", "ours")),
}


def ratio(rows: list[cases.Row], case: str, way: str) -> float:
    """The ratio of one row."""
    return next(float(row["ratio"]) for row in rows if (row["case"], row["way"]) == (case, way))


def main() -> int:
    """Exit code 1 where a ratio fell below its share in every try."""
    committed, here, failed = json.loads(COMMITTED.read_text()), processor(), False
    measured_on = committed["provenance"]["processor"]
    share = SHARE if here == measured_on else SHARE_ELSEWHERE
    print(f"here: {here}; committed ratios: {measured_on}")
    floors = {name: share * ratio(committed["rows"], *where) for name, (_, where) in WATCHED.items()}
    precision_watched = {"precision": (chosen_precision, ("precision", "auto"))}
    for name, (measure, where) in (WATCHED | precision_watched).items():
        floor, against = floors.get(name, FASTEST), "the plain way" if name in floors else "the faster precision"
        for attempt in range(TRIES):
            found = ratio(measure(), *where)
            print(f"{name}: {found:.2f} times as fast as {against}, at least {floor:.2f} wanted", flush=True)
            if found >= floor:
                break
            if attempt == TRIES - 1:
                failed = True
                print(f"error: {name} has become slower; compare with benchmarks/bench.json", file=sys.stderr)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
