"""Gaussian noise models against scipy's normal distribution."""

import numpy as np
import pytest
import torch
from cases.noise_models import CAMERAS, MODELS, context_of
from scipy import stats

from n2nf_core import raw
from n2nf_core.baselines import GaussianNoise, camera_nlf, fit_awgn, fit_mixture, fit_photon_transfer
from n2nf_core.cameras import NLF
from n2nf_core.types import Context

OTHER = ("noise_flow", "sensor_flow", "mixture", "per_plane")  # not Gaussian, or without one NLF for all planes
GAUSSIAN = [name for name in MODELS if name not in OTHER]


@pytest.mark.parametrize("name", GAUSSIAN)
def test_gaussian_models_match_scipy_and_their_nlf(name):
    """log_prob is scipy's normal density at the table's variance; samples pass a Kolmogorov-Smirnov test on the PIT."""
    model = MODELS[name]().double()
    context = context_of(model, 1, 8, 8)._replace(iso=torch.tensor([400.0], dtype=torch.float64))
    shot, read = model.nlf()["GP"][400]
    deviation = (shot * context.clean + read).sqrt()
    noise = model.sample(context, generator=torch.Generator().manual_seed(6))
    expected = stats.norm.logpdf(noise.numpy(), scale=deviation.numpy()).sum()
    assert model.log_prob(noise, context).item() == pytest.approx(expected, rel=1e-6)
    many = Context(*(field.expand(200, *field.shape[1:]) for field in context))
    uniform = stats.norm.cdf((model.sample(many, generator=torch.Generator().manual_seed(7)) / deviation).numpy())
    assert stats.kstest(uniform.ravel(), "uniform").pvalue > 1e-4


def test_adding_a_camera_is_fitting_its_parameters():
    table = {**camera_nlf(CAMERAS).nlf(), "mine": {250.0: NLF(0.003, 1e-5)}}
    model = GaussianNoise(table)
    assert model.cameras == ("GP", "S6", "mine")
    assert model.context(torch.zeros(1, 4, 2, 2), "mine", 250).camera.item() == 2


def test_the_variance_falls_below_signal_0_as_far_as_the_table_says():
    """Light is not negative, unless the black level is stated too high."""
    line, signal = NLF(0.01, 1e-3), torch.tensor([-0.2, -0.05, -0.02, 0.0, 0.5]).view(1, 1, 1, 5)
    table = {"A": {100: line, 400: line}, "B": {100: line}}
    model = GaussianNoise(table, {"A": {400: -0.05}})
    for camera, iso, darkest in (("A", 100, 0.0), ("A", 400, -0.05), ("A", 200, -0.025), ("B", 100, 0.0)):
        expected = line.shot * signal.clamp(min=darkest) + line.read
        torch.testing.assert_close(model.variance(model.context(signal, camera, iso)), expected)
    assert model.built_by == {"kind": "gaussian", "darkest": {"A": {400.0: -0.05}}}
    assert GaussianNoise(table).built_by == {"kind": "gaussian"}
    for wrong in (-0.11, 0.1):
        with pytest.raises(ValueError, match="darkest of A at ISO 100"):
            GaussianNoise(table, {"A": {100: wrong}})


def test_awgn_is_the_mean_variance_of_all_frames():
    """A burst of more frames counts by its degrees of freedom; 4 standard errors."""
    generator = torch.Generator().manual_seed(0)
    bursts = [0.5 + 0.1 * torch.randn(count, 4, 16, 16, generator=generator) for count in (2, 8)]
    ((row,),) = [list(row.values()) for row in fit_awgn([("A", 100, b) for b in bursts]).nlf().values()]
    freedom = 8 * bursts[0][0].numel()
    assert row.shot == 0 and row.read == pytest.approx(0.01, rel=4 * (2 / freedom) ** 0.5)
    squares = sum(float(b.var(0).sum()) * (len(b) - 1) for b in bursts)
    assert row.read == pytest.approx(squares / freedom)


def test_real_scmos_below_its_black_level(real_data):
    """Held-out rows, leave-one-out residuals: AWGN, photon transfer, and what a signed signal and heavy tails add."""
    with np.load(real_data / "acsn_scmos_tirf_200hz.npz") as file:
        frames = (torch.from_numpy(raw.pack(file["frames"].astype(np.float32))) - 100) / 100
    train, test = [("A", 100, frames[:, :, :96] / 10)], frames[:, :, 96:] / 10  # a tenth, below saturation
    signal = (test.sum(0) - test) / 19
    photon, fits = fit_photon_transfer(train)
    mixture, _ = fit_mixture(train)
    models = {"awgn": fit_awgn(train), "clamped": GaussianNoise({"A": {100: fits["A"][100].nlf()}})}
    nll = {}
    for name, model in (models | {"photon": photon, "mixture": mixture}).items():
        context = model.context(signal, "A", 100)
        nll[name] = float(-model.log_prob((test - signal) * 0.95**0.5, context).mean()) / test[0].numel() + np.log(10)
    assert fits["A"][100].darkest == pytest.approx(-0.0015, abs=0.0005), "1.5 DN below the stated black level"
    assert nll["photon"] < nll["clamped"] < nll["awgn"] - 0.1
    assert nll["mixture"] < -2.125, "a Student-t on a line of photon transfer has -2.125"
