"""The example of a hundred lines: the same losses, gradients, densities and samples as the core, and it learns."""

import ast
import re
from pathlib import Path

import pytest
import rooms
import torch

from benchmarks.plain import core_name
from examples import plain_noise2noiseflow as plain
from n2nf_core.denoisers import DnCNN
from n2nf_core.flow import noise_flow
from n2nf_core.losses import denoiser_loss, joint_loss
from n2nf_core.types import NoisyPair

SOURCE = Path(plain.__file__)
TOLERANCE = 1e-10  # relative to the largest entry: sums in another order differ by some 1e-15 of it
MSE_WEIGHTS = (2.0**18, 2.0**8)  # the paper's, and one under which the likelihood's share of a gradient is large


def perturbed(module: torch.nn.Module) -> torch.nn.Module:
    """In float64 and away from the start, where zeros hide errors of sign and couplings do nothing."""
    generator = torch.Generator().manual_seed(1)
    module = module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter += 0.1 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64)
    return module


@pytest.fixture
def models():
    """The example's denoiser and flow, and the core's with the same parameters."""
    torch.manual_seed(0)
    denoiser, flow = perturbed(plain.DnCNN(8)), perturbed(plain.NoiseFlow())
    core_denoiser = DnCNN(features=8, norm=torch.nn.Identity).double()
    matched = zip(core_denoiser.state_dict(), denoiser.state_dict().values(), strict=True)
    core_denoiser.load_state_dict(dict(matched))
    core_flow = noise_flow(["camera"], [100]).double()
    shapes = {name: value.shape for name, value in core_flow.state_dict().items()}
    state = {core_name(name): value for name, value in flow.state_dict().items()}
    core_flow.load_state_dict({name: value.view(shapes[name]) for name, value in state.items()})
    return denoiser, flow, core_denoiser, core_flow


@pytest.fixture
def pair():
    """Frames that are not square, dark in places, so that the denoised ones leave [0, 1] and are clipped."""
    generator = torch.Generator().manual_seed(2)
    clean = torch.rand(3, 4, 6, 9, generator=generator, dtype=torch.float64)
    first, second = clean + 0.2 * torch.randn(2, *clean.shape, generator=generator, dtype=torch.float64)
    return NoisyPair(first, second, torch.zeros(3, dtype=torch.long), torch.full((3,), 100.0, dtype=torch.float64))


def same(found: torch.Tensor, expected: torch.Tensor) -> bool:
    return bool((found - expected).abs().max() <= TOLERANCE * expected.abs().max())


def check_gradients(models) -> None:
    """Every parameter of both models has the gradient of its counterpart in the core, and one that is not zero."""
    denoiser, flow, core_denoiser, core_flow = models
    core = dict(core_flow.named_parameters())
    pairs = {name: (value, core.pop(core_name(name))) for name, value in flow.named_parameters()}
    assert not core, "the core's flow has parameters that the example has not"
    denoisers = zip(denoiser.named_parameters(), core_denoiser.parameters(), strict=True)
    pairs |= {f"denoiser {name}": (value, other) for (name, value), other in denoisers}
    for name, (value, other) in pairs.items():
        assert other.grad.abs().max() > 0, name
        assert same(value.grad, other.grad.view(value.shape)), name


@pytest.mark.parametrize("mse_weight", MSE_WEIGHTS)
def test_joint_loss_and_every_gradient_are_the_cores(models, pair, mse_weight):
    denoiser, flow, core_denoiser, core_flow = models
    denoised = denoiser(torch.cat((pair.first, pair.second)))
    assert (denoised < 0).any() and (denoised > 1).any(), "clipping would not show"
    found = plain.joint_loss(denoiser, flow, pair.first, pair.second, mse_weight)
    expected = joint_loss(core_denoiser, core_flow, pair, mse_weight).total
    assert same(found, expected)
    found.backward()
    expected.backward()
    check_gradients(models)


def test_the_default_weight_is_the_papers(models, pair):
    denoiser, flow, core_denoiser, core_flow = models
    found = plain.joint_loss(denoiser, flow, pair.first, pair.second)
    assert same(found, joint_loss(core_denoiser, core_flow, pair).total)


def test_pre_training_is_the_noise2noise_term_and_leaves_the_flow_alone(models, pair):
    denoiser, flow, core_denoiser, core_flow = models
    plain.joint_loss(denoiser, None, pair.first, pair.second, 1.0).backward()
    denoiser_loss(core_denoiser, core_flow, pair).total.backward()
    for found, expected in zip(denoiser.parameters(), core_denoiser.parameters(), strict=True):
        assert same(found.grad, expected.grad)


def test_the_denoiser_sees_both_frames_in_one_call(models, pair):
    denoiser, flow, *_ = models
    calls = []
    denoiser.register_forward_hook(lambda module, given, found: calls.append(len(found)))
    plain.joint_loss(denoiser, flow, pair.first, pair.second)
    assert calls == [6]


def test_log_likelihood_is_the_cores(models, pair):
    """Also where the clean signal is negative, of which the variance takes none."""
    _, flow, _, core_flow = models
    noise = pair.second - pair.first
    assert (pair.first < 0).any()
    found, expected = flow.log_prob(noise, pair.first), core_flow.log_prob(noise, pair.context(pair.first))
    assert found.shape == (3,) and bool(((found - expected).abs() <= TOLERANCE * expected.abs()).all())


def test_samples_are_the_cores(models, pair):
    """The same base noise gives the same sample, and the flow takes it back to that base noise."""
    _, flow, _, core_flow = models
    torch.manual_seed(3)
    base = torch.randn_like(pair.first)
    torch.manual_seed(3)
    found = flow.sample(pair.first)
    assert same(found, core_flow.bijection.inverse(base, pair.context(pair.first)))
    assert same(core_flow(found, pair.context(pair.first))[0], base)


def test_both_start_as_the_core_starts():
    torch.manual_seed(0)
    flow = plain.NoiseFlow()
    torch.manual_seed(0)
    start = noise_flow(["camera"], [100]).state_dict()
    drawn = ("lower", "upper", "log_s", "sign_s", "permutation", "conv1", "conv2")
    for name, value in flow.state_dict().items():
        if not any(part in name for part in drawn):
            assert torch.equal(value, start[core_name(name)].view(value.shape)), name
    for step in flow.steps:
        assert torch.allclose(step.weight() @ step.weight().T, torch.eye(4), atol=1e-6)


def test_noise_of_the_simulated_pairs_has_the_variance_that_is_written_there():
    torch.manual_seed(4)
    clean, first, second = plain.simulate(200)
    assert bool(((clean >= 0) & (clean <= 1)).all())
    u1, u2 = ((frame - clean) / (plain.SHOT * clean + plain.READ).sqrt() for frame in (first, second))
    for product, expected, variance in ((u1 * u1, 1, 2), (u2 * u2, 1, 2), (u1 * u2, 0, 1)):
        assert abs(product.mean() - expected) < 4 * (variance / clean.numel()) ** 0.5  # four standard errors


def test_it_runs_and_learns(capsys):
    """A quarter of its steps: above the noisy frames by decibels; from behind AWGN to between it and the truth."""
    plain.main(pretrain=300, joint=80)
    noisy, denoised, awgn, truth, learned = map(float, re.findall(r"-?\d+\.\d+", capsys.readouterr().out))
    assert denoised > noisy + 2
    assert truth < learned < awgn - 0.05  # where the flow starts it is worse than AWGN by 0.2


def test_it_can_be_read_in_ten_minutes():
    """At most a hundred lines, of at most 120 characters and one statement each, and nothing imported but torch."""
    text = SOURCE.read_text()
    lines, tree = text.splitlines(), ast.parse(text)
    assert len(lines) <= 100 and max(map(len, lines)) <= 120
    starts = [node.lineno for node in ast.walk(tree) if isinstance(node, ast.stmt)]
    assert len(starts) == len(set(starts)) and ";" not in re.sub(r'"""(.|\n)*?"""|#.*', "", text)
    assert {name.split(".")[0] for name in rooms.imported(SOURCE)} == {"torch"}
