"""log_prob and sample of every noise model: against integration, moments, and the probability-integral transform."""

import math

import pytest
import torch
from scipy import stats

from n2nf_core.baselines import (
    GaussianNoise,
    calibrated_pg,
    camera_nlf,
    fit_awgn,
    fit_photon_transfer,
    published_models,
)
from n2nf_core.cameras import NLF, UnknownCameraError
from n2nf_core.flow import nlf_flow, noise_flow
from n2nf_core.types import Context, NoiseModel

CAMERAS, ISOS = ("GP", "S6"), (100, 400, 3200)


def perturbed_flow(build):
    torch.manual_seed(3)
    flow = build(CAMERAS, ISOS)
    for name, parameter in flow.named_parameters():
        if "log_shot" not in name and "log_read" not in name:
            parameter.data += 0.2 * torch.randn_like(parameter)
    return flow


def recordings():
    generator = torch.Generator().manual_seed(5)
    truth, clean = camera_nlf(CAMERAS), torch.linspace(0, 0.8, 4 * 64 * 64).view(1, 4, 64, 64)
    for camera in CAMERAS:
        for iso in ISOS:
            context = truth.context(clean, camera, iso)
            yield camera, iso, torch.cat([clean + truth.sample(context, generator=generator) for _ in range(4)])


MODELS = {
    "awgn": lambda: fit_awgn(recordings()),
    "camera_nlf": lambda: camera_nlf(CAMERAS),
    "calibrated_pg": lambda: calibrated_pg(CAMERAS),
    "photon_transfer": lambda: fit_photon_transfer(recordings())[0],
    "nlf_flow": lambda: perturbed_flow(nlf_flow),
    "noise_flow": lambda: perturbed_flow(noise_flow),
}


@pytest.fixture(params=MODELS, ids=str, scope="module")
def model(request):
    return MODELS[request.param]().double()


def context_of(model, count, height=1, width=1):
    """A mixed batch: cameras and ISO values alternate, the signal runs from dark to bright."""
    clean = torch.linspace(0.02, 0.9, 4 * height * width, dtype=torch.float64).view(1, 4, height, width)
    names = [CAMERAS[i % 2] for i in range(count)]
    return model.context(clean.expand(count, -1, -1, -1), names, [(100.0, 250.0, 3200.0)[i % 3] for i in range(count)])


def test_it_follows_the_protocol(model):
    assert isinstance(model, NoiseModel)
    assert model.cameras == CAMERAS


def test_density_integrates_to_one_by_importance_sampling(model):
    """E_q[p / q] = 1 with a wide Gaussian proposal q; 1x1 images, so that four dimensions are integrated."""
    count, generator = 200_000, torch.Generator().manual_seed(0)
    context = context_of(model, 1)
    spread = 1.7 * model.sample(context_of(model, 6000).rows(slice(0, None, 6)), generator=generator).std(0)
    noise = torch.randn(count, *spread.shape, generator=generator, dtype=torch.float64) * spread
    proposal = torch.distributions.Normal(0, spread).log_prob(noise).flatten(1).sum(1)
    rows = Context(*(field.expand(count, *field.shape[1:]) for field in context))
    ratio = torch.exp(model.log_prob(noise, rows) - proposal)
    error = ratio.std() / math.sqrt(count)
    assert error < 0.03
    assert abs(ratio.mean() - 1) < 5 * error


def test_samples_and_log_prob_agree_in_entropy_gradient_and_moments(model):
    """The score has mean 0 and E[n * score] = -1 under the model's own samples (Stein), within 5 standard errors."""
    count, generator = 60_000, torch.Generator().manual_seed(1)
    context = context_of(model, count)
    noise = model.sample(context, generator=generator).requires_grad_()
    score = torch.autograd.grad(model.log_prob(noise, context).sum(), noise)[0]
    for value, expected in ((score * noise.std(), 0.0), (noise * score, -1.0)):
        value = value.detach().flatten(1)
        error = value.std(0) / math.sqrt(count)
        assert ((value.mean(0) - expected).abs() < 5 * error).all()


def test_temperature_scales_the_base(model):
    context = context_of(model, 4, 3, 5)
    cold, still = (model.sample(context, t, torch.Generator().manual_seed(2)) for t in (1e-9, 0.0))
    torch.testing.assert_close(cold, still, atol=1e-8, rtol=0)
    assert not torch.equal(model.sample(context, 1.0, torch.Generator().manual_seed(2)), cold)


def test_samples_follow_their_generator(model):
    context = context_of(model, 4, 3, 5)
    first, again, other = (model.sample(context, generator=torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_mixed_batch_equals_its_rows(model):
    context = context_of(model, 6, 4, 3)
    noise = 0.05 * torch.randn(6, 4, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    together = model.log_prob(noise, context)
    alone = torch.cat([model.log_prob(noise[i : i + 1], context.rows(slice(i, i + 1))) for i in range(6)])
    torch.testing.assert_close(together, alone, rtol=1e-12, atol=1e-10)


def test_wrong_shapes_are_named(model):
    context = context_of(model, 2, 4, 4)
    with pytest.raises(ValueError, match=r"\(2, 4, 4, 5\) and \(2, 4, 4, 4\)"):
        model.log_prob(torch.zeros(2, 4, 4, 5, dtype=torch.float64), context)
    with pytest.raises(ValueError, match=r"context.iso must hold one number per image.*\(2,\)"):
        model.log_prob(torch.zeros_like(context.clean), context._replace(iso=context.iso[:1]))


GAUSSIAN = [name for name in MODELS if name != "noise_flow"]


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


def test_noise_flow_latents_of_its_samples_are_standard_normal():
    flow = perturbed_flow(noise_flow).double()
    context = context_of(flow, 3000, 2, 3)
    z, _ = flow(flow.sample(context, generator=torch.Generator().manual_seed(8)), context)
    assert stats.kstest(z.numpy(force=True).ravel(), "norm").pvalue > 1e-4


def test_any_size_and_no_batch_statistics():
    flow = perturbed_flow(noise_flow)
    for height, width in ((1, 1), (2, 7), (33, 16)):
        context = flow.context(torch.rand(1, 4, height, width), "S6", 640)
        assert flow.sample(context).shape == (1, 4, height, width)
    assert not any("running" in name for name, _ in flow.named_buffers())


def test_gain_cannot_turn_negative():
    flow = nlf_flow(CAMERAS, ISOS)
    flow.bijection.layers[1].log_gain.data.fill_(-30.0)
    context = flow.context(torch.rand(1, 4, 4, 4), "S6", 100)
    assert flow.log_prob(torch.zeros(1, 4, 4, 4), context).isfinite().all()


def test_unknown_camera_and_bad_tables():
    for build in (camera_nlf, calibrated_pg):
        with pytest.raises(UnknownCameraError, match="'Z1'"):
            build(["Z1"])
    with pytest.raises(ValueError, match="NLF of A at ISO 100"):
        GaussianNoise({"A": {100: NLF(-1.0, 1.0)}})
    assert set(published_models(["IP", "S6"])) == {"camera_nlf", "calibrated_pg"}
    assert set(published_models(["G4"])) == {"camera_nlf"} and not published_models(["mine"])


def test_flow_starts_from_photon_transfer():
    model, _ = fit_photon_transfer(recordings())
    for build in (nlf_flow, noise_flow):
        flow = build(CAMERAS, ISOS).start_from(model.nlf())
        context = context_of(flow, 4, 3, 3)
        noise = model.double().sample(context, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(
            flow.double().log_prob(noise, context), model.log_prob(noise, context), rtol=1e-3, atol=1e-3
        )


def test_adding_a_camera_is_fitting_its_parameters():
    table = {**camera_nlf(CAMERAS).nlf(), "mine": {250.0: NLF(0.003, 1e-5)}}
    model = GaussianNoise(table)
    assert model.cameras == ("GP", "S6", "mine")
    assert model.context(torch.zeros(1, 4, 2, 2), "mine", 250).camera.item() == 2
