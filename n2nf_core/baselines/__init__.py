"""What is known of noise without training: Gaussian models, fitted or published, and the cumulants of noise."""

from n2nf_core.baselines.cumulants import NoiseShape, Recording, measure_noise_shape
from n2nf_core.baselines.gaussian import GaussianNoise, fit_awgn, fit_photon_transfer
from n2nf_core.baselines.published import CALIBRATED_PG, CAMERA_NLF, calibrated_pg, camera_nlf, published_models

__all__ = [
    "CALIBRATED_PG", "CAMERA_NLF", "GaussianNoise", "NoiseShape", "Recording", "calibrated_pg", "camera_nlf",
    "fit_awgn", "fit_photon_transfer", "measure_noise_shape", "published_models",
]  # fmt: skip
