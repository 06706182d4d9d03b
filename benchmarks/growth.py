"""How cost grows: time against pairs, patch size, flow depth, cameras and frames; memory against the frame.

A straight line through (size, seconds) by least squares; ``slope`` is seconds per unit of size, ``linearity`` the share
of the variance that the line explains.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence

import numpy as np
import torch

from benchmarks.cases import CAMERAS, PROFILE, batch_of, perturbed_flow, quiet
from benchmarks.ceilings import wait
from benchmarks.timing import interleaved, peak_bytes
from n2nf_core import tiles
from n2nf_core.bursts import Burst
from n2nf_core.flow import NoiseFlow, noise_flow
from n2nf_core.losses import joint_loss
from n2nf_core.pairs import PatchPairs
from n2nf_core.training.step import TrainingStep

Row = dict[str, object]


def line(name: str, unit: str, ways: dict[int, Callable[[], object]], repeats: int = 5) -> Row:
    """The line through the median seconds of every size."""
    seconds = interleaved(ways, repeats)
    sizes, times = np.array(list(ways), float), np.array([statistics.median(seconds[size]) for size in ways])
    slope, start = np.polyfit(sizes, times, 1)
    rest = times - (slope * sizes + start)
    return {
        "name": name, "unit": unit, "sizes": sizes.tolist(), "seconds": times.tolist(), "slope_seconds": float(slope),
        "start_seconds": float(start), "linearity": float(1 - (rest**2).sum() / ((times - times.mean()) ** 2).sum()),
    }  # fmt: skip


def step(device: torch.device, count: int, size: int, flow: NoiseFlow) -> Callable[[], None]:
    """One joint step, forward and backward."""
    model = TrainingStep(PROFILE.build(device).train(), flow, "bf16-mixed").to(memory_format=torch.channels_last)
    pair = batch_of(flow, count, size, size, device)

    def run() -> None:
        model.zero_grad(set_to_none=True)
        model(joint_loss, pair).total.backward()
        wait(device)

    return run


def flow_for(cameras: int, device: torch.device) -> NoiseFlow:
    """Noise Flow for many cameras."""
    return noise_flow([f"camera {k}" for k in range(cameras)], (100, 400, 1600)).to(device)


def time(device: torch.device) -> list[Row]:
    """Time against everything that can grow."""
    flow = perturbed_flow(device)
    patch = batch_of(flow, 64, 32, 32, device)
    noise = patch.second - patch.first
    deep = {depth: perturbed_flow(device, depth) for depth in (1, 2, 4, 8)}

    def likelihood(model: NoiseFlow) -> Callable[[], None]:
        return quiet(device, lambda: model.log_prob(noise, patch.context(patch.first)))

    return [
        line("joint step", "pairs in the batch", {n: step(device, n, 32, flow) for n in (8, 16, 32, 64)}),
        line("joint step", "pixels of a patch", {s * s: step(device, 8, s, flow) for s in (16, 32, 48, 64)}),
        line("log-likelihood", "steps A of the flow", {2 * depth: likelihood(model) for depth, model in deep.items()}),
        line("joint step", "cameras", {n: step(device, 16, 32, flow_for(n, device)) for n in (5, 20, 50, 100)}),
        line("cutting 200 batches", "frames of the burst", {n: cutting(n, device) for n in (2, 8, 32, 64)}),
    ]


def cutting(count: int, device: torch.device) -> Callable[[], None]:
    """200 batches of 32 pairs of patches from ``count`` frames in memory."""
    frames = np.random.default_rng(0).random((count, 4, 128, 128), np.float32)
    pairs = PatchPairs([Burst(frames, 0.0, 1.0, "RGGB", CAMERAS[0], 100.0, "noise")], CAMERAS, device=device)

    def run() -> None:
        for number in range(200):
            pairs.batch(number)
        wait(device)

    return run


def memory(device: torch.device, sides: Sequence[int] = (512, 1024, 2048)) -> list[Row]:
    """Peak memory beyond the result, in megabytes, of sampling and denoising frames of 4 planes of a side."""
    flow, denoiser = perturbed_flow(device), PROFILE.build(device).eval()
    rows = []
    for name, function in {
        "sampling": lambda pair: flow.sample(pair.context(pair.first)),
        "denoising": lambda pair: tiles.denoise(denoiser, pair.first),
    }.items():
        found = []
        for side in sides:
            pair = batch_of(flow, 1, side, side, device)
            run = quiet(device, lambda p=pair, f=function: f(p))
            run()
            found.append((peak_bytes(run) - pair.first.nbytes) / 1e6)
        frame = [16 * side * side / 1e6 for side in sides]
        rows.append({"name": name, "frame_megabytes": frame, "beyond_result_megabytes": found})
    return rows
