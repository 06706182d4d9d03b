"""What one step of training evaluates: both models and a loss, as they are or compiled."""

from __future__ import annotations

import copy
import math
import warnings
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor, nn

from n2nf_core.files import one_line
from n2nf_core.types import Denoiser, LossTerms, NoiseModel, NoisyPair

Loss = Callable[[Denoiser, NoiseModel, NoisyPair], LossTerms]


def on_device(loss: Loss, device: torch.device) -> Loss:
    """``loss`` with copies on ``device`` of the modules that it holds, such as a noise model that gives its weights.

    Arguments:
        loss: a loss, or a functools.partial of one.
        device: where training takes place.
    """
    if isinstance(loss, nn.Module):  # Apple's GPUs have no float64, in which Gaussian models keep their tables
        return copy.deepcopy(loss).to(device, torch.float32 if device.type == "mps" else None)
    if not isinstance(loss, partial):
        return loss
    given = {name: on_device(value, device) for name, value in loss.keywords.items()}
    return partial(on_device(loss.func, device), *(on_device(value, device) for value in loss.args), **given)


class CompileWarning(UserWarning):
    """torch.compile could not be used; training goes on without it."""


class TrainingStep(nn.Module):
    """Both models as one module, so that several processes see one forward and one backward pass.

    Arguments:
        denoiser: runs in the type that ``precision`` says.
        noise_model: always runs in the type of the images.
        precision: "32-true" or "bf16-mixed".
        compile: whether the denoiser, which does nearly all of the arithmetic, runs through torch.compile. On the CPU
            it is compiled once for every image size. The flow has its fused steps instead.
    """

    def __init__(self, denoiser: nn.Module, noise_model: nn.Module, precision: str, compile: bool = False):
        super().__init__()
        self.denoiser, self.noise_model, self.precision = denoiser, noise_model, precision
        self._compiled = torch.compile(denoiser.forward) if compile else None

    def denoise(self, noisy: Tensor) -> Tensor:
        """D(y) in the precision of training, (B, C, H, W) -> (B, C, H, W)."""
        with torch.autocast(noisy.device.type, torch.bfloat16, enabled=self.precision == "bf16-mixed"):
            return self._denoise(noisy.contiguous(memory_format=torch.channels_last))

    def _denoise(self, noisy: Tensor) -> Tensor:
        if self._compiled is None or not self.training:  # a look at the PSNR is not worth a compilation
            return self.denoiser(noisy)
        try:
            return self._compiled(noisy)
        except Exception as error:  # what a missing or broken compiler raises differs between versions and machines
            self._compiled = None
            found = self.denoiser(noisy)  # an error of the denoiser itself is raised here, as it is
            message = f"torch.compile failed, training goes on without it: {one_line(error)}"
            warnings.warn(message, CompileWarning, stacklevel=2)
            return found

    @torch.no_grad()
    def psnr(self, pair: NoisyPair) -> dict[str, float]:
        """``psnr_db`` of the first frames of ``pair`` in evaluation mode; nothing where no clean image is known."""
        if pair.clean is None:
            return {}
        self.eval()
        error = (self.denoise(pair.first) - pair.clean).square().mean()
        self.train()
        return {"psnr_db": -10 * math.log10(max(float(error), 1e-20))}

    def forward(self, loss: Loss, pair: NoisyPair) -> LossTerms:
        return loss(self.denoise, self.noise_model, pair)
