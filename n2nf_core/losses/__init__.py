"""What training minimises, each with its equation: noise terms, and the losses that are built from them."""

from n2nf_core.losses.noise_terms import NoiseTerm, cross_sample, nll_per_dim, pair_difference, self_sample
from n2nf_core.losses.objectives import (
    PAPER_MSE_WEIGHT,
    after_denoising,
    denoiser_loss,
    half_pair_mse,
    joint_loss,
    noise2noise_mse,
    on_samples,
    r2r,
    recorrupt,
    supervised,
    weighted_denoiser_loss,
)  # fmt: skip
from n2nf_core.losses.reshaped import Law, OfManyFrames, Reshaped, Reshaping, of_denoised, of_two_frames

__all__ = [
    "PAPER_MSE_WEIGHT", "Law", "NoiseTerm", "OfManyFrames", "Reshaped", "Reshaping", "after_denoising",
    "cross_sample", "denoiser_loss", "half_pair_mse", "joint_loss", "nll_per_dim", "noise2noise_mse", "of_denoised",
    "of_two_frames", "on_samples", "pair_difference", "r2r", "recorrupt", "self_sample", "supervised",
    "weighted_denoiser_loss",
]  # fmt: skip
