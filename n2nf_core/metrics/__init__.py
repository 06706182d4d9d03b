"""Metrics of noise models and denoisers, and confidence intervals for their means.

Most metrics return one value per patch or image, so that an interval of their mean can be computed.
"""

from n2nf_core.metrics.divergence import MarginalKL, marginal_kl, pooled_kl
from n2nf_core.metrics.images import SSIM_REACH, SSIM_WINDOW, psnr, ssim, ssim_map
from n2nf_core.metrics.intervals import Interval, bootstrap_interval

__all__ = [
    "SSIM_REACH", "SSIM_WINDOW", "Interval", "MarginalKL", "bootstrap_interval", "marginal_kl", "pooled_kl", "psnr",
    "ssim", "ssim_map",
]  # fmt: skip
