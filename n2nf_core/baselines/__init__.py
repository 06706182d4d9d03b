"""What is known of noise without training: Gaussian and mixture models, fitted or published, and its cumulants."""

from n2nf_core.baselines.cumulants import NoiseShape, Recording, measure_noise_shape
from n2nf_core.baselines.gaussian import GaussianNoise, fit_awgn, fit_photon_transfer, of_fits
from n2nf_core.baselines.gaussian_mixture import GaussianMixture, PerPlane
from n2nf_core.baselines.mixture import MixtureNoise, fit_mixture
from n2nf_core.baselines.published import CALIBRATED_PG, CAMERA_NLF, calibrated_pg, camera_nlf, published_models

__all__ = [
    "CALIBRATED_PG", "CAMERA_NLF", "GaussianMixture", "GaussianNoise", "MixtureNoise", "NoiseShape", "PerPlane",
    "Recording", "calibrated_pg", "camera_nlf", "fit_awgn", "fit_mixture", "fit_photon_transfer",
    "measure_noise_shape", "of_fits", "published_models",
]  # fmt: skip
