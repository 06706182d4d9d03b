"""The three sizes of a run: smoke proves the path, cpu is worth reading, gpu is the paper's scale."""

from __future__ import annotations

from dataclasses import dataclass

from n2nf_core.training.fitting import FitConfig


@dataclass(frozen=True)
class Profile:
    """Sizes that the notebooks share.

    scenes, size: simulated scenes per camera and ISO, and their side in planes. patch, batch: of training, in planes
    and pairs. features: of the denoiser. pretrain, joint: steps of the denoiser alone, and of both after it. compile:
    the denoiser, which pays where there are many steps.
    """

    scenes: int
    size: int
    patch: int
    batch: int
    features: int
    pretrain: int
    joint: int
    compile: bool = False

    def pretraining(self, seed: int, **options) -> FitConfig:
        """The denoiser alone, on the Noise2Noise term."""
        steps = options.pop("steps", self.pretrain)
        return self._config(steps, seed, **{"pretrain_steps": steps} | options)

    def joint_training(self, seed: int, **options) -> FitConfig:
        """Both models, from the pre-trained denoiser on."""
        return self._config(options.pop("steps", self.joint), seed, **{"denoiser_lr": 2e-4} | options)

    def noise2noise_training(self, seed: int, **options) -> FitConfig:
        """The denoiser alone for as many further steps as joint training takes: the one to compare with."""
        return self._config(self.joint, seed, **{"denoiser_lr": 2e-4, "pretrain_steps": self.joint} | options)

    def _config(self, steps: int, seed: int, **options) -> FitConfig:
        often = {"log_every": max(1, steps // 60), "checkpoint_every": max(100, steps // 20)}
        options = often | {"compile": self.compile} | options
        return FitConfig(steps=steps, seed=seed, **options)


PROFILES = {
    "smoke": Profile(scenes=4, size=64, patch=16, batch=8, features=16, pretrain=30, joint=15),
    "cpu": Profile(scenes=8, size=128, patch=32, batch=32, features=32, pretrain=2500, joint=800),
    "gpu": Profile(scenes=40, size=256, patch=32, batch=138, features=64, pretrain=20_000, joint=20_000, compile=True),
}

SWEEP = {
    "smoke": Profile(scenes=8, size=64, patch=16, batch=8, features=16, pretrain=30, joint=20),
    "cpu": Profile(scenes=12, size=128, patch=32, batch=16, features=16, pretrain=400, joint=800),
    "gpu": Profile(scenes=120, size=256, patch=32, batch=138, features=64, pretrain=5_000, joint=10_000, compile=True),
}
"""The same for one point of a sweep on one camera: shorter, because there are many of them."""

STUDY = {
    "smoke": Profile(scenes=4, size=64, patch=16, batch=8, features=16, pretrain=20, joint=10),
    "cpu": Profile(scenes=8, size=128, patch=32, batch=16, features=16, pretrain=800, joint=1200),
    "gpu": Profile(scenes=40, size=256, patch=32, batch=138, features=64, pretrain=20_000, joint=20_000, compile=True),
}
"""For a point that trains many models on many cameras."""
