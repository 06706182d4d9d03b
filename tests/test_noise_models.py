"""log_prob and sample of every noise model: against integration, moments, and the probability-integral transform."""

import math

import pytest
import torch
from cases.noise_models import CAMERAS, MODELS, context_of
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from n2nf_core.flow.fused import layer_by_layer
from n2nf_core.types import Context, NoiseModel


@pytest.fixture(params=MODELS, ids=str, scope="module")
def model(request):
    return MODELS[request.param]().double()


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


class NoFloat64(TorchDispatchMode):
    """As on a device without float64, such as Apple's GPUs: an operation that makes it is an error."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        found = function(*args, **(kwargs or {}))
        for value in tree_leaves(found):
            assert not (isinstance(value, torch.Tensor) and value.dtype == torch.float64), f"{function} made float64"
        return found


@pytest.mark.parametrize("name", ["nlf_flow", "noise_flow", "sensor_flow"])
def test_a_flow_needs_no_float64(name):
    model = MODELS[name]()
    assert [key for key, value in model.state_dict().items() if value.dtype == torch.float64] == []
    assert [key for key, value in model.named_buffers() if value.dtype == torch.float64] == []
    context = context_of(model, 4, 6, 5).to(torch.float32)
    with layer_by_layer(), NoFloat64():  # the kernels of a CPU are free to use it
        noise = model.sample(context, generator=torch.Generator().manual_seed(0))
        model.log_prob(noise.requires_grad_(), context).sum().backward()
    assert bool(noise.grad.isfinite().all())
