"""Everything against something measured in the same run: python -m benchmarks.bench [--device cuda] [--json FILE].

``rate`` is per second, ``ratio`` the median over interleaved rounds of the plain way's time over ours. Run it on an
idle machine: with two threads on two cores, other work slows one more than the other.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import torch

from benchmarks import cases, ceilings, data, growth
from benchmarks.timing import interleaved, processor
from n2nf_core.files import durable_replace
from n2nf_core.study import results

EPOCH = 162_288
"""Pairs in the paper's epoch: 56 images of 2,898 patches."""


def start_up() -> dict[str, float]:
    """Seconds that the core adds to importing torch, in fresh processes."""
    modules = "flow, baselines, denoisers, losses, metrics, pairs, training, importers, official"

    def run(code: str):
        return lambda: subprocess.run([sys.executable, "-c", code], check=True)

    ways = {"torch": run("import torch"), "core": run(f"import torch; from n2nf_core import {modules}")}
    found = {name: statistics.median(seconds) for name, seconds in interleaved(ways, 7).items()}
    return {"import_torch_seconds": found["torch"], "import_core_adds_seconds": found["core"] - found["torch"]}


def steps(device: torch.device, repeats: int) -> tuple[list[cases.Row], dict[str, float]]:
    """Joint and denoiser steps of three networks, and their shares of the convolution ceiling."""
    peak = {
        "float32": ceilings.convolution(device, torch.float32),
        "bfloat16": ceilings.convolution(device, torch.bfloat16),
    }
    found = {f"conv_ceiling_gflops_{name}": rate / 1e9 for name, rate in peak.items()}
    rows = []
    for network in (cases.PAPER, cases.PLAIN, cases.PROFILE):
        for joint in (True, False):
            ways = cases.steps_of(network, device, joint, compile=device.type == "cuda")
            kind = "joint step" if joint else "denoiser step"
            rows += cases.compared(f"{kind}, {network.name}", ways, 2 * network.batch, "images/s", repeats)
        for row in rows[-3:]:
            precision = "bfloat16" if "bfloat16" in row["way"] else "float32"
            row["share_of_conv_ceiling"] = row["rate"] * network.operations / peak[precision]
    return rows, found


def summary(rows: list[cases.Row]) -> dict[str, float]:
    """The figures that others read."""

    def of(case: str, way: str) -> cases.Row:
        return next(row for row in rows if row["case"].startswith(case) and row["way"].startswith(way))

    joint, single = f"joint step, {cases.PAPER.name}", f"denoiser step, {cases.PLAIN.name}"
    fastest = max((row for row in rows if row["case"] == joint), key=lambda row: row["rate"])
    flow = [row for row in rows if row["case"].startswith("Noise Flow, likelihood")]
    return {
        "joint_step_ratio_float32": of(joint, "float32")["ratio"],
        "joint_step_ratio_fastest": fastest["ratio"],
        "joint_step_ratio_float32_cpu_profile": of(f"joint step, {cases.PROFILE.name}", "float32")["ratio"],
        "joint_step_ratio_fastest_cpu_profile": of(f"joint step, {cases.PROFILE.name}", "bfloat16")["ratio"],
        "denoiser_share_of_conv_ceiling": of(single, "bfloat16")["share_of_conv_ceiling"],
        "denoiser_share_of_conv_ceiling_float32": of(single, "float32")["share_of_conv_ceiling"],
        "denoiser_share_of_conv_ceiling_batch_norm": of(f"denoiser step, {cases.PAPER.name}", "bfloat16")[
            "share_of_conv_ceiling"
        ],
        "kl_ratio": of("marginal KL", "ours")["ratio"],
        "nll_ratio": of("log-likelihood, 12", "ours")["ratio"],
        "sample_ratio": of("sampling, 12", "ours")["ratio"],
        "fastest_flow": max(flow, key=lambda row: row["rate"])["way"],
        "epoch_seconds": 2 * EPOCH / fastest["rate"],
    }


def shares_of_copy(rows: list[cases.Row], device: torch.device) -> dict[str, float]:
    """How near a frame's likelihood and sampling come to reading and writing each plane once."""
    bandwidth, plane_set = ceilings.copy(device), 16 * cases.FRAME[0] * cases.FRAME[1]
    found = {"copy_gigabytes_per_second": bandwidth / 1e9}
    for case, traffic in (("log-likelihood", 2), ("sampling", 3)):  # noise and clean in; eps and clean in, noise out
        row = next(r for r in rows if r["case"] == f"{case}, 12-megapixel frame" and r["way"] == "ours")
        found[f"{case}_share_of_copy_bandwidth"] = traffic * plane_set * row["rate"] / bandwidth
    return found


def throughput(device: torch.device) -> list[dict]:
    """Images per second of the joint step against batch, patch and threads: what the figure shows."""
    flow, points, threads = cases.perturbed_flow(device), [], torch.get_num_threads()
    for cores in range(1, threads + 1) if device.type == "cpu" else [threads]:
        torch.set_num_threads(cores)
        grid = [(pairs, patch) for patch in (16, 32, 64) for pairs in (4, 8, 16, 32, 64) if pairs * patch**2 <= 65536]
        ways = {point: growth.step(device, point[0], point[1], flow) for point in grid}
        for (pairs, patch), seconds in interleaved(ways, 3).items():
            rate = 2 * pairs / statistics.median(seconds)
            point = {"cores": cores, "pairs": pairs, "patch": patch, "images_per_second": rate}
            points.append(point | {"pixels_per_second": rate * 4 * patch**2})
    torch.set_num_threads(threads)
    return points


def figure(points: list[dict], path: Path) -> None:
    """Throughput against batch, one line per patch size and number of cores."""
    from n2nf_core import plots

    plots.style()
    lines: dict[str, tuple[list, list]] = {}
    for point in points:
        label = f"{point['patch']}x{point['patch']}, {point['cores']} core{'s' if point['cores'] > 1 else ''}"
        xs, ys = lines.setdefault(label, ([], []))
        xs.append(point["pairs"])
        ys.append(point["pixels_per_second"] / 1e6)
    drawn = plots.lines(lines, "pairs in a batch", "million pixels per second")
    with durable_replace(path) as new:
        drawn.savefig(new, format=path.suffix[1:])


def show(rows: list[dict]) -> None:
    """The table."""
    print(f"\n{'':44} {'':18} {'rate':>10} {'':10} {'ratio':>7} {'(range)':>15} {'peak MB':>8}")
    for row in rows:
        span = f"({row['lowest_ratio']:.2f}-{row['highest_ratio']:.2f})"
        share = f"  {row['share_of_conv_ceiling']:.0%} of ceiling" if "share_of_conv_ceiling" in row else ""
        print(
            f"{row['case'][:44]:44} {row['way'][:18]:18} {row['rate']:10.3g} {row['unit']:10} {row['ratio']:7.2f} "
            f"{span:>15} {row['peak_megabytes']:8.0f}{share}"
        )


def main() -> None:
    """Measure all or some, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--figure", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    device, repeats = torch.device(options.device), options.repeats
    if device.type == "cuda" and not torch.cuda.is_available():
        raise SystemExit("error: no CUDA device here; run without DEVICE=cuda")
    rows, found = steps(device, repeats)
    rows += cases.flow_training(device, compile=device.type == "cuda" or shutil.which("g++") is not None)
    rows += cases.frames(device, 256, (32, 32), "256 patches", repeats)
    rows += cases.frames(device, 1, cases.FRAME, "12-megapixel frame", repeats)
    rows += cases.kl(device)
    rows += cases.denoising(device)
    show(rows)
    content = summary(rows) | found | shares_of_copy(rows, device) | start_up()
    with tempfile.TemporaryDirectory() as scratch:
        content["data"] = data.rows(Path(scratch))
    content |= {"growth": growth.time(device), "memory": growth.memory(device), "throughput": throughput(device)}
    for key, value in content.items():
        print(f"{key}: {value:.4g}" if isinstance(value, float) else f"{key}: {value}")
    if options.figure:
        figure(content["throughput"], options.figure)
    if options.json:
        name = torch.cuda.get_device_name() if device.type == "cuda" else f"{platform.machine()} CPU"
        source = {
            "command": f"make bench DEVICE={device.type}", "commit": results.commit(), "torch": torch.__version__,
            "device": name, "threads": torch.get_num_threads(), "processor": processor(),
        }  # fmt: skip
        results.write_json(options.json, content | {"rows": rows, "provenance": source})


if __name__ == "__main__":
    main()
