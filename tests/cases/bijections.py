"""What every bijection must keep: perturbed parameters, float64, H != W, mixed batches."""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from n2nf_core.flow import Bijection
from n2nf_core.types import Context

TOLERANCE = 1e-10  # float64, a few hundred operations


class Case(NamedTuple):
    """A bijection, noise (3, C, 5, 3) and its context: two cameras, three ISO values."""

    bijection: Bijection
    x: Tensor
    context: Context


def perturbed(build: Callable[[], Bijection], channels: int = 4) -> Case:
    """A case with moved parameters: zero-initialised layers would hide errors of sign."""
    torch.manual_seed(0)
    bijection = build().double()
    for parameter in bijection.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    clean = torch.rand(3, channels, 5, 3, dtype=torch.float64)
    clean[0, 0, 0, 0] = -0.05  # below black: the variance must stay positive
    context = Context(clean, torch.tensor([0, 1, 1]), torch.tensor([300.0, 100.0, 2000.0], dtype=torch.float64))
    return Case(bijection, torch.randn(3, channels, 5, 3, dtype=torch.float64), context)


def round_trip(case: Case) -> None:
    bijection, x, context = case
    z, ladj = bijection(x, context)
    assert ladj.shape == (3,)
    assert z.dtype == ladj.dtype == torch.float64
    torch.testing.assert_close(bijection.inverse(z, context), x, atol=TOLERANCE, rtol=TOLERANCE)
    torch.testing.assert_close(bijection(bijection.inverse(x, context), context)[0], x, atol=TOLERANCE, rtol=TOLERANCE)


def ladj_is_that_of_autograd(case: Case) -> None:
    bijection, x, context = case
    for row in range(len(x)):
        one = context.rows(slice(row, row + 1))
        jacobian = torch.autograd.functional.jacobian(lambda v, c=one: bijection(v, c)[0], x[row : row + 1])
        expected = torch.linalg.slogdet(jacobian.reshape(x[0].numel(), -1)).logabsdet
        torch.testing.assert_close(bijection(x, context)[1][row], expected, atol=TOLERANCE, rtol=TOLERANCE)


def mixed_batch_is_its_rows(case: Case) -> None:
    bijection, x, context = case
    z, ladj = bijection(x, context)
    for row in range(len(x)):
        part = slice(row, row + 1)
        alone, alone_ladj = bijection(x[part], context.rows(part))
        torch.testing.assert_close(z[part], alone, atol=1e-13, rtol=1e-13)
        torch.testing.assert_close(ladj[part], alone_ladj, atol=1e-12, rtol=1e-12)


def every_parameter_has_a_gradient(case: Case) -> None:
    bijection, x, context = case
    z, ladj = bijection(x, context)
    (0.5 * z.square().flatten(1).sum(1) - ladj).mean().backward()
    for name, parameter in bijection.named_parameters():
        assert parameter.grad is not None, name
        assert parameter.grad.isfinite().all(), name
        assert parameter.grad.abs().max() > 0, name


def saved_and_loaded_is_the_same(case: Case, file) -> None:
    bijection, x, context = case
    torch.save(bijection.state_dict(), file)
    expected = bijection(x, context)
    for parameter in bijection.parameters():
        parameter.data += 1.0
    bijection.load_state_dict(torch.load(file, weights_only=True))
    torch.testing.assert_close(bijection(x, context), expected, atol=0, rtol=0)


CHECKS = (round_trip, ladj_is_that_of_autograd, mixed_batch_is_its_rows, every_parameter_has_a_gradient)
"""Checks of a case; :func:`saved_and_loaded_is_the_same` needs a file as well."""
