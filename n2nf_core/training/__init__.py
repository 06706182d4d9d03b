"""Training a denoiser and a noise model together on noisy pairs."""

from n2nf_core.training.fitting import (
    CompileWarning,
    FitConfig,
    FitResult,
    GraphWarning,
    Loss,
    LostProcessError,
    NonFiniteLossError,
    constant,
    cosine,
    fit,
    never,
)  # fmt: skip
from n2nf_core.training.profiles import PROFILES, STUDY, SWEEP, Profile
from n2nf_core.training.recipe import Recipe, Trained, dncnn
from n2nf_core.training.recommendation import Recommendation, recommend_noise_term

__all__ = [
    "PROFILES", "STUDY", "SWEEP", "CompileWarning", "FitConfig", "FitResult", "GraphWarning", "Loss",
    "LostProcessError", "NonFiniteLossError", "Profile", "Recipe", "Recommendation", "Trained", "constant", "cosine",
    "dncnn", "fit", "never", "recommend_noise_term",
]  # fmt: skip
