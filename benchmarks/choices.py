"""What training chooses, against every other choice, on this processor and on lesser ones: python -m benchmarks.choices

A lesser processor is this one with the newer instructions forbidden to PyTorch and oneDNN, each in a process of its own
(``ATEN_CPU_CAPABILITY``, ``ONEDNN_MAX_CPU_ISA``). There the denoiser's training step of the `cpu` profile is taken as
training takes it, with precision "auto", and with one choice changed; choices are measured in turns, and a ratio is the
median over rounds of the other choice's time over training's. Above 1 training's choice is the faster one.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.timing import interleaved, processor
from n2nf_core.study import results

KINDS = {  # what PyTorch and oneDNN may use; the first that this processor has not is left out
    "AVX2": {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"},
    "AVX-512": {"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_VNNI"},
    "AVX-512 with bfloat16": {"ATEN_CPU_CAPABILITY": "avx512", "ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16"},
}
REPEATS = 15


def measured() -> dict:
    """The rows of the processor that this process sees."""
    import torch

    from benchmarks import cases
    from n2nf_core.losses import denoiser_loss
    from n2nf_core.training import precision
    from n2nf_core.training.step import TrainingStep

    device, network, threads = torch.device("cpu"), cases.PROFILE, torch.get_num_threads()
    flow = cases.perturbed_flow(device)
    pair = cases.batch_of(flow, network.batch, network.patch, network.patch, device)
    chosen = precision.choose(network.build(device), torch.cat((pair.first, pair.second)))
    other = next(p for p in precision.PRECISIONS if p != chosen)

    def step(how: str, memory_format=torch.channels_last, compile=False, fused=True, cores=threads) -> Callable:
        model = TrainingStep(network.build(device).train(), flow, how, compile).to(memory_format=memory_format)
        parameters = list(model.denoiser.parameters())
        run = cases.training_step(parameters, lambda: model(denoiser_loss, pair).total, device, fused=fused)

        def timed() -> None:
            torch.set_num_threads(cores)
            run()
            torch.set_num_threads(threads)

        return timed

    ways = {
        f'precision="auto" ({chosen})': step(chosen),
        f"precision {chosen}, given": step(chosen),
        f"precision {other}, given": step(other),
        "weights in NCHW": step(chosen, memory_format=torch.contiguous_format),
        "Adam's steps one by one": step(chosen, fused=False),
        "compile=True": step(chosen, compile=True),
        "one thread": step(chosen, cores=1),
    }
    seconds = interleaved(ways, REPEATS)
    first = next(iter(seconds.values()))
    rows = []
    for choice, found in seconds.items():
        ratios = sorted(a / b for a, b in zip(found, first, strict=True))
        spread = {"low": ratios[len(ratios) // 4], "high": ratios[-1 - len(ratios) // 4]}
        rate = 2 * network.batch / statistics.median(found)
        rows.append({"choice": choice, "images_per_second": rate, "ratio": statistics.median(ratios), **spread})
    return {"chosen": chosen, "rows": rows}


def table(content: dict) -> str:
    """One row per choice and kind of processor."""
    lines = [
        "| processor | choice | images per second | time over training's choice (quartiles) |",
        "|---|---|---|---|",
    ]
    for kind, found in content["kinds"].items():
        for row in found["rows"]:
            span = f"{row['ratio']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
            lines.append(f"| {kind} | {row['choice']} | {row['images_per_second']:.0f} | {span} |")
    return "\n".join(lines)


def main() -> None:
    """Measure every kind of processor up to this one, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--here", action="store_true", help="only the processor that this process sees, as JSON")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if options.here:
        print(json.dumps(measured()))
        return
    names, here = list(KINDS), processor()
    kinds = {}
    for kind in names[: names.index(here) + 1] if here in names else [here]:
        command = [sys.executable, "-m", "benchmarks.choices", "--here"]
        with tempfile.TemporaryDirectory() as cache:  # code that was compiled for one kind crashes on another
            environment = os.environ | KINDS.get(kind, {}) | {"TORCHINDUCTOR_CACHE_DIR": cache}
            printed = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
        kinds[kind] = json.loads(printed.stdout.splitlines()[-1])
        print(table({"kinds": {kind: kinds[kind]}}), flush=True)
    source = {"command": "python -m benchmarks.choices", "commit": results.commit(), "processor": here}
    if options.json:
        results.write_json(options.json, {"kinds": kinds, "provenance": source})


if __name__ == "__main__":
    main()
