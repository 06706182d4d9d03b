"""Noise models for comparison, fitted to bursts or published: Gaussian, or mixtures of Gaussians."""

from n2nf_core.baselines.gaussian import GaussianNoise, fit_awgn, fit_photon_transfer
from n2nf_core.baselines.mixture import GaussianMixture, PerPlane
from n2nf_core.baselines.published import CALIBRATED_PG, CAMERA_NLF, calibrated_pg, camera_nlf, published_models

__all__ = [
    "CALIBRATED_PG", "CAMERA_NLF", "GaussianMixture", "GaussianNoise", "PerPlane", "calibrated_pg", "camera_nlf",
    "fit_awgn", "fit_photon_transfer", "published_models",
]  # fmt: skip
