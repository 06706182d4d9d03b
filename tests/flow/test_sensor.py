"""Sensor Flow: what it states of a sensor, where it starts, and what it learns that Noise Flow cannot."""

import math

import pytest
import torch
from cases.noise_models import CAMERAS, ISOS, context_of, perturbed_flow
from scipy import stats

from n2nf_core.flow import layer_by_layer, noise_flow, sensor_flow
from n2nf_core.types import NLF

DN = 1 / 1000


def test_latents_of_its_samples_are_standard_normal():
    flow = perturbed_flow(sensor_flow).double()
    context = context_of(flow, 3000, 2, 3)
    z, _ = flow(flow.sample(context, generator=torch.Generator().manual_seed(8)), context)
    assert stats.kstest(z.numpy(force=True).ravel(), "norm").pvalue > 1e-4


@torch.no_grad()
def test_fused_and_layer_by_layer_agree_both_ways():
    flow = perturbed_flow(sensor_flow)
    context = context_of(flow, 6, 9, 14).to(torch.float32)
    noise = flow.sample(context, generator=torch.Generator().manual_seed(0))
    value = flow.log_prob(noise, context)
    with layer_by_layer():
        torch.testing.assert_close(flow.log_prob(noise, context), value, rtol=1e-5, atol=1e-2)
        again = flow.sample(context, generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(again, noise, rtol=1e-3, atol=1e-5)


def test_a_frame_larger_than_a_tile_keeps_its_rows_whole():
    flow = sensor_flow(["A"], [100], steps=0).start_from({"A": {100.0: NLF(1e-9, 1e-8)}})
    flow.lines.log_row.data.fill_(math.log(0.1))
    sample = flow.sample(flow.context(torch.zeros(1, 4, 2, 1100), "A", 100), generator=torch.Generator().manual_seed(0))
    left, right = sample[..., :500].mean(3), sample[..., 600:].mean(3)
    torch.testing.assert_close(left, right, rtol=0.02, atol=1e-4)
    torch.testing.assert_close(left[:, 0], left[:, 1], rtol=0.02, atol=1e-4)  # R and Gr share their rows
    assert (left[:, 0] - left[:, 2]).abs().min() > 0.01  # Gb and B have others


def test_it_starts_from_photon_transfer_and_says_so_in_dn():
    nlf = {"GP": {100.0: NLF(2.5 * DN, (3 * DN) ** 2)}, "S6": {3200.0: NLF(4 * DN, (8 * DN) ** 2)}}
    flow = sensor_flow(CAMERAS, ISOS, columns=True).start_from(nlf)
    told = flow.describe({"GP": DN, "S6": DN})["GP"][100.0]
    assert (told.gain, told.read) == pytest.approx((2.5, 3), rel=1e-5)
    assert (told.row, told.column) == pytest.approx((0.3, 0.3), rel=1e-5)
    assert float(told.signal[3]) == 0 and float(told.signal[5]) == pytest.approx(3 * math.sinh(2) / 4, rel=1e-5)
    assert told.skewness.abs().max() < 0.2 and told.excess_kurtosis.abs().max() < 1.5
    assert flow.describe()["S6"][3200.0].read == pytest.approx(8 * DN, rel=1e-5)
    assert flow.describe()["S6"][100.0].row == pytest.approx(1e-3, rel=1e-5)  # not given, so as at the start
    assert sensor_flow(["A"], [100]).describe()["A"][100.0].column == 0


def test_a_scale_that_its_convolutions_learn_belongs_to_the_noise():
    flow = sensor_flow(["A"], [100], components=1, steps=2).start_from({"A": {100.0: NLF(2 * DN, (3 * DN) ** 2)}})
    convolution = flow.bijection.layers[4]
    convolution.set_weight(0.5 * convolution.weight())  # half of z means twice the noise
    told = flow.describe({"A": DN})["A"][100.0]
    assert (told.gain, told.read, told.row) == pytest.approx((8, 6, 0.6), rel=1e-4)
    context = flow.context(torch.zeros(40, 4, 20, 20), "A", 100)
    sample = flow.sample(context, generator=torch.Generator().manual_seed(0)) / DN
    assert float(sample.square().mean()) == pytest.approx(6**2 + 0.6**2, rel=0.05)  # 5 standard errors


def skewed(clean, generator):
    """n = 3 DN (g - 4) / 2 + row of 1 DN, g gamma of shape 4: skewness 1, excess kurtosis 1.5."""
    gamma = -torch.rand(4, *clean.shape, generator=generator).clamp(min=1e-7).log().sum(0)
    rows = torch.randn(len(clean), 2, clean.shape[2], 1, generator=generator).repeat_interleave(2, 1)
    return 3 * DN * (gamma - 4) / 2 + DN * rows


def trained(build, steps=150):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(1)
    flow = build(["A"], [100]).start_from({"A": {100.0: NLF(1e-9, 10 * DN**2)}})
    adam = torch.optim.Adam(flow.parameters(), 3e-2)
    clean = torch.zeros(16, 4, 8, 16)
    for _ in range(steps):
        noise = skewed(clean, generator)
        loss = -flow.log_prob(noise, flow.context(clean, "A", 100)).mean() / noise[0].numel()
        adam.zero_grad()
        loss.backward()
        adam.step()
    held = skewed(clean.repeat(20, 1, 1, 1), generator)
    with torch.no_grad():
        value = -flow.log_prob(held, flow.context(torch.zeros_like(held), "A", 100)) / held[0].numel()
    return flow, value


def test_it_learns_skewness_and_rows_that_noise_flow_does_not():
    flow, value = trained(lambda *names: sensor_flow(*names, steps=0))
    other = trained(noise_flow, steps=100)[1]
    error = (other - value).std() / math.sqrt(len(value))
    assert (other - value).mean() > max(0.05, 5 * error)
    told = flow.describe({"A": DN})["A"][100.0]
    assert told.row == pytest.approx(1, abs=0.3)  # too large beside skewed noise
    assert told.read == pytest.approx(3, abs=0.15)
    assert told.skewness[3] == pytest.approx(1, abs=0.25)
    assert told.excess_kurtosis[3] == pytest.approx(1.5, abs=1)
