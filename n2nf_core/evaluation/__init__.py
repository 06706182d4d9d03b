"""How good bursts, noise models and denoisers are, on data that was not used for training."""

from n2nf_core.evaluation.burst_quality import (
    choose_burst,
    difference_correlation,
    lag_variance,
    match_light,
)  # fmt: skip
from n2nf_core.evaluation.denoiser_scores import (
    Denoise,
    denoiser_error,
    frame_scores,
    network,
    noisy,
    psnr_gain,
    score_denoisers,
)  # fmt: skip
from n2nf_core.evaluation.held_out import HeldOut, held_out_patches
from n2nf_core.evaluation.scores import interval, nll, nll_gain, recovered_nlf, sample, score_noise_models

__all__ = [
    "Denoise", "HeldOut", "choose_burst", "denoiser_error", "difference_correlation",
    "frame_scores", "held_out_patches", "interval", "lag_variance", "match_light", "network", "nll", "nll_gain",
    "noisy", "psnr_gain", "recovered_nlf", "sample", "score_denoisers", "score_noise_models",
]  # fmt: skip
