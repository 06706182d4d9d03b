"""How good bursts, noise models and denoisers are, on data that was not used for training."""

from n2nf_core.evaluation.burst_quality import (
    choose_burst,
    difference_correlation,
    lag_variance,
    match_light,
)  # fmt: skip
from n2nf_core.evaluation.held_out import HeldOut, held_out_patches, of_one_frame
from n2nf_core.evaluation.scores import (
    Denoise,
    denoiser_error,
    frame_scores,
    interval,
    network,
    nll,
    nll_gain,
    noisy,
    psnr_gain,
    recovered_nlf,
    sample,
    score_denoisers,
    score_noise_models,
)  # fmt: skip

__all__ = [
    "Denoise", "HeldOut", "choose_burst", "denoiser_error", "difference_correlation",
    "frame_scores", "held_out_patches", "interval", "lag_variance", "match_light", "network", "nll", "nll_gain",
    "noisy", "of_one_frame", "psnr_gain", "recovered_nlf", "sample", "score_denoisers", "score_noise_models",
]  # fmt: skip
