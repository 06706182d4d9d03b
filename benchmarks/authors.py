"""Ours beside the code that the paper's authors released: python -m benchmarks.authors CHECKOUT [--json FILE]

CHECKOUT is a folder with the files of github.com/SamsungLabs/Noise2NoiseFlow. Its licence forbids commercial use: it is
run, and nothing of it is kept here. Both sides have the released weights, except for the training step, where both
start from random ones. That both compute the same is checked first. Their code asks for a GPU in two places; here it
gets the CPU. Everything runs on one thread, in turns; a ratio is the median over rounds of their time over ours.

The ceiling of the training step is what the denoiser's convolutions alone would take at the machine's rate (see
ceilings.py): no step is faster.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks import cases, ceilings
from benchmarks.timing import on_every_kind, processor
from n2nf_core.denoisers import DnCNN
from n2nf_core.losses import cross_sample, joint_loss
from n2nf_core.official import CAMERAS, CLOCKWISE, load_official
from n2nf_core.study import results
from n2nf_core.training import precision
from n2nf_core.training.step import TrainingStep
from n2nf_core.types import NoisyPair

CHECKPOINT = "noise2noiseflow/experiments/paper/pretrained_model/saved_models/best_model.pth"
ARCHITECTURE = "sdn|unc|unc|unc|unc|gain|unc|unc|unc|unc"
PAIRS, PATCHES, SIDE, ISO = 32, 256, 32, 800
CPU = torch.device("cpu")


class Authors:
    """Their model, fed with our tensors."""

    def __init__(self, checkout: Path):
        sys.path[:0] = [str(checkout / "noise2noiseflow"), str(checkout)]
        Tensor.cuda = lambda self, *options: self
        import model

        model.__path__.append(str(checkout / "noise2noiseflow" / "model"))  # two folders of one name
        from model.flow_layers.affine_coupling import AffineCoupling
        from model.flow_layers.gain import Gain
        from model.noise2noise_flow import Noise2NoiseFlow

        for layer in (AffineCoupling, Gain):
            given = layer.__init__.__defaults__
            layer.__init__.__defaults__ = tuple("cpu" if value == "cuda" else value for value in given)
        start = (1.0, -5.0, 0.0, np.full(5, -5.0), np.ones((3, 5)))
        with contextlib.redirect_stdout(io.StringIO()):
            self.model = Noise2NoiseFlow((4, SIDE, SIDE), ARCHITECTURE, 1, start, True)
        self.start = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.released = torch.load(checkout / CHECKPOINT, map_location="cpu", weights_only=True)["state_dict"]

    def load(self, state: dict[str, Tensor]) -> nn.Module:
        """The model with these weights."""
        self.model.load_state_dict(state)
        return self.model

    @staticmethod
    def about(count: int, **images: Tensor) -> dict[str, Tensor]:
        """Images in their order of planes, beside the number of the camera and the ISO of each."""
        index = torch.full((count, 1, 1, 1), CAMERAS.index("S6"))
        planes = {name: image[:, list(CLOCKWISE)].contiguous() for name, image in images.items()}
        return planes | {"iso": torch.full((count, 1, 1, 1), float(ISO)), "cam": index.float()}


def batch(count: int) -> NoisyPair:
    """Pairs of the Galaxy S6 at ISO 800."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(count, 4, SIDE, SIDE, generator=generator)
    noise = 0.03 * torch.randn(2, *clean.shape, generator=generator)
    return NoisyPair(
        clean + noise[0], clean + noise[1], torch.full((count,), CAMERAS.index("S6")), torch.full((count,), float(ISO))
    )


def steps(theirs: Authors) -> dict[str, Callable]:
    """A step of joint training with the paper's loss, batch and networks: theirs, ours in float32, ours as it comes."""
    pair, model = batch(PAIRS), theirs.load(theirs.start).train()
    images = theirs.about(PAIRS, noisy1=pair.first, noisy2=pair.second)
    ways = {"authors": cases.training_step(list(model.parameters()), lambda: model.loss_u(**images)[0], CPU)}

    def ours(how: str) -> Callable:
        network = DnCNN(features=64, norm=nn.BatchNorm2d)
        both = TrainingStep(network.train(), cases.perturbed_flow(CPU), how).to(memory_format=torch.channels_last)
        return cases.training_step(
            list(both.parameters()),
            lambda: both(lambda d, n, p: joint_loss(d, n, p, noise_term=cross_sample), pair).total, CPU, fused=True,
        )  # fmt: skip

    chosen = precision.choose(DnCNN(features=64, norm=nn.BatchNorm2d), torch.cat((pair.first, pair.second)))
    return ways | {"ours, float32": ours("32-true"), f'ours, precision="auto" ({chosen})': ours(chosen)}


def scoring(theirs: Authors, checkpoint: Path) -> tuple[dict[str, Callable], dict[str, Callable]]:
    """Likelihood and sampling of patches by the released noise model; both sides' likelihoods are compared."""
    pair, model = batch(PATCHES), theirs.load(theirs.released).eval()
    _, flow = load_official(checkpoint)
    clean, noise = pair.first.clamp(0, 1), pair.second - pair.first
    context = pair.context(clean)
    images = theirs.about(PATCHES, clean=clean, noise=noise)
    given, residual = {key: images[key] for key in ("clean", "iso", "cam")}, images["noise"]
    found, expected = flow.log_prob(noise, context), -model.noise_flow._loss(residual, **given)[0]
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=0.5)
    likelihood = {
        "authors": cases.quiet(CPU, lambda: model.noise_flow.loss(residual, **given)),
        "ours": cases.quiet(CPU, lambda: flow.log_prob(noise, context)),
    }
    sampling = {
        "authors": cases.quiet(CPU, lambda: model.sample(**given)),
        "ours": cases.quiet(CPU, lambda: flow.sample(context)),
    }
    return likelihood, sampling


def table(content: dict) -> str:
    """One row per kind of processor, case and way, and the ceiling of the step."""
    lines = ["| processor | case, on one thread | way | images/s | times the authors' code (range) |", "|---" * 5 + "|"]
    for kind, found in content["kinds"].items():
        for row in found["rows"]:
            span = f"{row['ratio']:.2f} ({row['lowest_ratio']:.2f} to {row['highest_ratio']:.2f})"
            lines.append(f"| {kind} | {row['case']} | {row['way']} | {row['rate']:.0f} | {span} |")
        for name, rate in found["step_images_per_second_at_most"].items():
            lines.append(f"| {kind} | joint step, ceiling | convolutions alone, {name} | {rate:.0f} | |")
    return "\n".join(lines)


def measured(checkout: Path, repeats: int) -> dict:
    """The rows of the processor that this process sees."""
    torch.set_num_threads(1)
    theirs = Authors(checkout)
    rows = cases.compared("joint step, 32 pairs of 32x32", steps(theirs), 2 * PAIRS, "images/s", repeats)
    kinds = {"float32": torch.float32, "bfloat16": torch.bfloat16}
    limit = {name: ceilings.convolution(CPU, kind) / cases.PAPER.operations for name, kind in kinds.items()}
    likelihood, sampling = scoring(theirs, checkout / CHECKPOINT)
    rows += cases.compared("log-likelihood, 256 patches", likelihood, PATCHES, "images/s", repeats)
    rows += cases.compared("sampling, 256 patches", sampling, PATCHES, "images/s", repeats)
    return {"rows": rows, "step_images_per_second_at_most": limit}


def main() -> None:
    """Measure on every kind of processor up to this one, print, write."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path)
    parser.add_argument("--here", action="store_true", help="only the processor that this process sees, as JSON")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--repeats", type=int, default=9)
    options = parser.parse_args()
    checkout = options.checkout.resolve()
    if options.here:
        print(json.dumps(measured(checkout, options.repeats)))
        return
    kinds = on_every_kind("-m", "benchmarks.authors", str(checkout), "--here", "--repeats", str(options.repeats))
    source = {"command": "python -m benchmarks.authors CHECKOUT", "commit": results.commit(), "processor": processor()}
    content = {"kinds": kinds, "provenance": source}
    print(table(content))
    if options.json:
        results.write_json(options.json, content)


if __name__ == "__main__":
    main()
