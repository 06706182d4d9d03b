"""Noise Flow and the NLF flow: latents of samples, any size, and where training starts."""

import torch
from cases.noise_models import CAMERAS, ISOS, context_of, perturbed_flow, recordings
from scipy import stats

from n2nf_core.baselines import (
    fit_photon_transfer,
)
from n2nf_core.flow import nlf_flow, noise_flow


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


def test_flow_starts_from_photon_transfer():
    model, _ = fit_photon_transfer(recordings())
    for build in (nlf_flow, noise_flow):
        flow = build(CAMERAS, ISOS).start_from(model.nlf())
        context = context_of(flow, 4, 3, 3)
        noise = model.double().sample(context, generator=torch.Generator().manual_seed(0))
        torch.testing.assert_close(
            flow.double().log_prob(noise, context), model.log_prob(noise, context), rtol=1e-3, atol=1e-3
        )
