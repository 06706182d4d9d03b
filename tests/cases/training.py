"""Small models, pairs and options to train with."""

from functools import partial

import numpy as np
import torch
from torch import nn

from n2nf_core.bursts import Burst
from n2nf_core.denoisers import DnCNN
from n2nf_core.flow import noise_flow
from n2nf_core.losses import joint_loss, pair_difference
from n2nf_core.pairs import PatchPairs, Sampling
from n2nf_core.training import FitConfig

LOSS = partial(joint_loss, mse_weight=100.0, noise_term=pair_difference)


def pairs(seed=0):
    rng = np.random.default_rng(3)
    clean = np.broadcast_to(np.linspace(0.1, 0.9, 24, dtype=np.float32), (4, 24, 24))
    noisy = clean + 0.05 * rng.standard_normal((4, 4, 24, 24))
    burst = Burst(noisy.astype(np.float32), 0.0, 1.0, "RGGB", "S6", 800.0, "ramp", clean=clean.copy())
    return PatchPairs([burst], ["S6"], Sampling(patch=16, batch=8, frame_pairs=2, seed=seed))


def models(build=noise_flow, norm=nn.BatchNorm2d):
    torch.manual_seed(0)
    return DnCNN(layers=3, features=8, norm=norm), build(["S6"], [800.0])


def config(steps=30, **options):
    usual = {"pretrain_steps": 10, "device": "cpu", "precision": "32-true", "log_every": 4, "checkpoint_every": 8}
    usual["threads"] = 1  # the sum of a gradient depends on their number, which follows the company on the machine
    return FitConfig(steps=steps, **usual | options)


def weights(*modules):
    return torch.cat([v.flatten().double() for m in modules for v in m.state_dict().values()])


OPTIONS = {"log_every": 5, "checkpoint_every": 4}


class Exact:
    """The pairs in float64.

    In float32 the parameters of a hidden unit that is hardly ever active have gradients of the size of Adam's 1e-8;
    their rounding, which depends on how a batch is shared, then moves them by up to 1e-4 in 20 steps.
    """

    fingerprint = pairs().fingerprint

    def batches(self, step, *where):
        for batch in pairs().batches(step, *where):
            yield batch.to(torch.float64)


def start():
    return [model.double() for model in models(norm=nn.Identity)]
