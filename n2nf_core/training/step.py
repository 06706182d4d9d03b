"""What one step of training evaluates: both models and a loss, as they are or compiled."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import torch
from torch import Tensor, nn

from n2nf_core.files import one_line
from n2nf_core.types import Denoiser, LossTerms, NoiseModel, NoisyPair

Loss = Callable[[Denoiser, NoiseModel, NoisyPair], LossTerms]


class CompileWarning(UserWarning):
    """torch.compile could not be used; training goes on without it."""


class Joint(nn.Module):
    """Both models as one module, so that DDP sees one forward and one backward.

    compile: the denoiser, where nearly all arithmetic is, through torch.compile, once for every image size (on the CPU
    its convolutions are specialised to one). The flow has its fused steps there.
    """

    def __init__(self, denoiser: nn.Module, noise_model: nn.Module, precision: str, compile: bool = False):
        super().__init__()
        self.denoiser, self.noise_model, self.precision = denoiser, noise_model, precision
        self._compiled = torch.compile(denoiser.forward) if compile else None

    def denoise(self, noisy: Tensor) -> Tensor:
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

    def forward(self, loss: Loss, pair: NoisyPair) -> LossTerms:
        return loss(self.denoise, self.noise_model, pair)
