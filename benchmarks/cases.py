"""What is measured of models, losses and metrics: functions to time against one another in the same run."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.ceilings import wait
from benchmarks.plain import frame_by_frame, histogram_kl, plain_flow
from benchmarks.timing import interleaved, peak_bytes
from examples import plain_noise2noiseflow as example
from n2nf_core import tiles
from n2nf_core.baselines import CAMERA_NLF
from n2nf_core.denoisers import DnCNN
from n2nf_core.flow import NoiseFlow, fused, noise_flow
from n2nf_core.losses import denoiser_loss, joint_loss
from n2nf_core.metrics import marginal_kl
from n2nf_core.training.step import TrainingStep
from n2nf_core.types import NoisyPair

Row = dict[str, str | float]
FRAME = (1500, 2000)  # planes of 12 megapixels
CAMERAS = ("IP", "GP", "S6", "N6", "G4")


@dataclass(frozen=True)
class Network:
    """A denoiser to measure with, and the batch it is trained on."""

    name: str
    features: int
    norm: Callable[[int], nn.Module]
    batch: int = 32
    patch: int = 32

    def build(self, device: torch.device) -> DnCNN:
        torch.manual_seed(0)
        return DnCNN(features=self.features, norm=self.norm).to(device)

    @property
    def operations(self) -> float:
        """Floating-point operations of one training step per image: forward, and twice that backward but for the
        gradient of the input, which nobody asks for."""
        convolutions = [m for m in self.build(torch.device("cpu")).body if isinstance(m, nn.Conv2d)]
        forward = [18 * m.in_channels * m.out_channels * self.patch**2 for m in convolutions]
        return 3 * sum(forward) - forward[0]


PAPER = Network("paper: 64 features, batch normalisation", 64, nn.BatchNorm2d)
PLAIN = Network("64 features, no normalisation", 64, nn.Identity)
PROFILE = Network("cpu profile: 32 features, no normalisation", 32, nn.Identity)


def perturbed_flow(device: torch.device, steps: int = 4) -> NoiseFlow:
    """Noise Flow for five cameras, moved away from its start, where couplings do nothing."""
    torch.manual_seed(0)
    flow = noise_flow(CAMERAS, {camera: tuple(CAMERA_NLF[camera]) for camera in CAMERAS}, steps=steps).to(device)
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter += 0.02 * torch.randn_like(parameter)
    return flow


def batch_of(flow: NoiseFlow, count: int, height: int, width: int, device: torch.device) -> NoisyPair:
    """Pairs of all cameras, in turns."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(count, 4, height, width, generator=generator)
    noise = 0.03 * torch.randn(2, *clean.shape, generator=generator)
    camera, iso = torch.arange(count) % len(flow.cameras), torch.full((count,), 400.0)
    return NoisyPair(clean + noise[0], clean + noise[1], camera, iso).to(device)


def training_step(parameters: list[nn.Parameter], loss: Callable, device: torch.device, **options) -> Callable:
    """A function that takes one step of Adam, to its end."""
    optimizer = torch.optim.Adam(parameters, lr=1e-6, **options)

    def run() -> None:
        optimizer.zero_grad(set_to_none=True)
        loss().backward()
        optimizer.step()
        wait(device)

    return run


def steps_of(network: Network, device: torch.device, joint: bool, compile: bool = False) -> dict[str, Callable]:
    """The same step three ways: plain, ours in float32, ours with a bfloat16 denoiser (and compiled on request)."""
    flow, denoiser = perturbed_flow(device), network.build(device)
    pair = batch_of(flow, network.batch, network.patch, network.patch, device)
    both_frames = plain_flow(flow, pair.camera.repeat(2), pair.iso.repeat(2)) if joint else None

    def loss() -> Tensor:
        return example.joint_loss(frame_by_frame(denoiser), both_frames, pair.first, pair.second)

    trained = [*denoiser.parameters(), *(both_frames.parameters() if joint else ())]
    functions = {"plain": training_step(trained, loss, device)}
    modes = {"float32": ("32-true", False), "bfloat16": ("bf16-mixed", False)}
    if compile:
        modes |= {"bfloat16 compiled": ("bf16-mixed", True)}
    for name, (precision, compiled) in modes.items():
        model = TrainingStep(network.build(device).train(), perturbed_flow(device), precision, compiled)
        model.to(memory_format=torch.channels_last)
        ours = joint_loss if joint else denoiser_loss
        used = list(model.parameters() if joint else model.denoiser.parameters())
        functions[name] = training_step(used, lambda m=model, f=ours: m(f, pair).total, device, fused=True)
    return functions


def compared(case: str, functions: dict[str, Callable], per_call: float, unit: str, repeats: int = 5) -> list[Row]:
    """Rows of a case: rate per second of every function, ratio to the first, peak memory beyond what was there."""
    memory = {name: peak_bytes(function) for name, function in functions.items()}  # and their warm-up
    seconds = interleaved(functions, repeats, warm_up=False)
    first = seconds[next(iter(seconds))]
    rows = []
    for name, found in seconds.items():
        ratios = [a / b for a, b in zip(first, found, strict=True)]
        rows.append(
            {
                "case": case, "way": name, "rate": per_call / statistics.median(found), "unit": unit,
                "ratio": statistics.median(ratios), "lowest_ratio": min(ratios), "highest_ratio": max(ratios),
                "peak_megabytes": memory[name] / 1e6,
            }
        )  # fmt: skip
    return rows


def flow_training(device: torch.device, compile: bool, patches: int = 64) -> list[Row]:
    """Likelihood and gradient of Noise Flow on 4x32x32 patches: layer by layer, compiled, fused."""
    flow = perturbed_flow(device)
    pair = batch_of(flow, patches, 32, 32, device)
    copy = plain_flow(flow, pair.camera, pair.iso)

    def step(log_prob: Callable, *contexts: Callable) -> Callable:
        def run() -> None:
            with ExitStack() as stack:
                for context in contexts:
                    stack.enter_context(context())
                flow.zero_grad()
                copy.zero_grad()
                clean = pair.first.clone().requires_grad_()
                log_prob(pair.second - clean, pair.context(clean)).mean().backward()
            wait(device)

        return run

    ways = {
        "plain": step(lambda noise, context: copy.log_prob(noise, context.clean)),
        "layers": step(flow.log_prob, fused.layer_by_layer),
    }
    if compile:
        ways["compiled"] = step(torch.compile(flow.log_prob), fused.layer_by_layer)
    ways["fused"] = step(flow.log_prob)
    return compared("Noise Flow, likelihood and gradient", ways, patches, "patches/s")


def frames(device: torch.device, count: int, size: tuple[int, int], name: str, repeats: int = 5) -> list[Row]:
    """Likelihood and sampling of ``count`` images of ``size``."""
    flow = perturbed_flow(device)
    pair = batch_of(flow, count, *size, device)
    context, noise = pair.context(pair.first), pair.second - pair.first
    copy = plain_flow(flow, pair.camera, pair.iso)
    likelihood = {
        "plain": quiet(device, lambda: copy.log_prob(noise, context.clean)),
        "ours": quiet(device, lambda: flow.log_prob(noise, context)),
    }
    sampling = {
        "plain": quiet(device, lambda: copy.sample(context.clean)),
        "ours": quiet(device, lambda: flow.sample(context)),
    }
    unit = "frames/s" if count == 1 else "patches/s"
    return compared(f"log-likelihood, {name}", likelihood, count, unit, repeats) + compared(
        f"sampling, {name}", sampling, count, unit, repeats
    )


def quiet(device: torch.device, function: Callable) -> Callable:
    """The function without gradients, to its end."""

    def run() -> None:
        with torch.no_grad():
            function()
        wait(device)

    return run


def kl(device: torch.device, patches: int = 10_000) -> list[Row]:
    """Marginal KL of 4x32x32 patches against a loop over numpy.histogram."""
    generator = torch.Generator().manual_seed(0)
    real, model = (0.03 * torch.randn(2, patches, 4, 32, 32, generator=generator)).unbind()
    arrays, moved = (real.numpy(), model.numpy()), (real.to(device), model.to(device))
    ways = {"numpy.histogram": lambda: histogram_kl(*arrays), "ours": quiet(device, lambda: marginal_kl(*moved))}
    assert np.allclose(ways["numpy.histogram"](), marginal_kl(*moved).cpu(), atol=1e-5)
    return compared("marginal KL", ways, patches, "patches/s")


def denoising(device: torch.device, network: Network = PAPER, repeats: int = 3) -> list[Row]:
    """A 12-megapixel frame through the denoiser: at once in NCHW, and in tiles."""
    noisy = torch.rand(1, 4, *FRAME, generator=torch.Generator().manual_seed(0)).to(device)
    old, ours = network.build(device).eval(), network.build(device).to(memory_format=torch.channels_last).eval()

    def in_bfloat16() -> None:
        with torch.autocast(device.type, torch.bfloat16):
            tiles.denoise(ours, noisy)

    ways = {"plain": lambda: old(noisy), "float32 in tiles": lambda: tiles.denoise(ours, noisy)}
    ways = {name: quiet(device, way) for name, way in (ways | {"bfloat16 in tiles": in_bfloat16}).items()}
    return compared("denoising, 12-megapixel frame", ways, 1, "frames/s", repeats)
