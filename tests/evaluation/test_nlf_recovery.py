"""Dark frames, the Cramer-Rao bound, the likelihood's maximum and the denoiser's error, against what is known."""

import math

import pytest
import torch

from n2nf_core.baselines import camera_nlf
from n2nf_core.cameras import NLF
from n2nf_core.evaluation import nlf_recovery
from n2nf_core.simulation import dark_bursts, simulated_bursts

TRUTH = camera_nlf(["S6"])
NLF_S6 = TRUTH.nlf()["S6"][800.0]


def test_a_dark_frame_holds_read_noise_alone():
    bursts = dark_bursts(TRUTH, "S6", 800, count=2, size=64, seed=0)
    frames = torch.cat([b.planes([0, 1]) for b in bursts])
    error = math.sqrt(2 / frames.numel())
    assert float(frames.square().mean()) == pytest.approx(NLF_S6.read, rel=5 * error)
    assert len(frames.flatten().unique()) > 0.99 * frames.numel(), "no two frames are the same"
    assert all(float(abs(b.clean).max()) == 0 for b in bursts)


def simulated(seed, signal):
    generator = torch.Generator().manual_seed(seed)
    variance = NLF_S6.shot * signal + NLF_S6.read
    return (2 * variance).sqrt() * torch.randn(signal.shape, generator=generator, dtype=torch.float64)


def test_the_likelihood_reaches_the_bound():
    signal = torch.cat((torch.zeros(2000), torch.linspace(0.01, 1, 4000))).double()
    bound = nlf_recovery.cramer_rao(signal, NLF_S6)
    found = [nlf_recovery.maximum_likelihood(signal, simulated(k, signal), NLF(1e-2, 1e-4)) for k in range(200)]
    for key in ("shot", "read"):
        z = torch.tensor([(getattr(f, key) - getattr(NLF_S6, key)) / getattr(bound, key) for f in found])
        assert abs(float(z.mean())) < 5 / math.sqrt(200)
        assert float(z.std()) == pytest.approx(1, abs=5 / math.sqrt(400))


def test_the_bound_of_a_dark_frame_is_that_of_a_variance():
    bound = nlf_recovery.cramer_rao(torch.cat((torch.zeros(800), torch.full((10,), 0.5))), NLF_S6)
    assert bound.read / NLF_S6.read == pytest.approx(math.sqrt(2 / 800), rel=1e-3)


def test_the_denoisers_error_is_found_from_pairs_at_every_signal():
    bursts = simulated_bursts(TRUTH, [("S6", 800)], scenes=4, size=64, seed=0)

    class TooBright(torch.nn.Conv2d):
        def forward(self, noisy):
            return super().forward(noisy) + 0.02

    denoiser = TooBright(4, 4, 3, padding=1, padding_mode="reflect", bias=False)
    with torch.no_grad():
        denoiser.weight.zero_()
        for plane in range(4):
            denoiser.weight[plane, plane] = 1 / 9
    rows = nlf_recovery.error_by_signal(denoiser, bursts, bins=4)
    assert [r["signal"] for r in rows] == sorted(r["signal"] for r in rows)
    for row in rows:
        assert row["against_clean"] > 0.02**2
        assert abs(row["estimated_from_pairs"] - row["against_clean"]) < 5 * row["estimated_error"]
