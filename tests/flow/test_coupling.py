"""The affine coupling: channels, and batch normalisation in it."""

import pytest
import torch
from cases.knots import CAMERAS, ISOS
from torch import nn

from n2nf_core.flow import AffineCoupling, noise_flow


def test_coupling_needs_an_even_number_of_channels():
    with pytest.raises(ValueError, match="even number of channels, got 3"):
        AffineCoupling(3)


def test_batch_statistics_make_a_density_depend_on_the_batch():
    """In training mode the coupling with batch normalisation is invertible, but no row is what it is alone."""
    torch.manual_seed(0)
    coupling = AffineCoupling(4, norm=nn.BatchNorm2d).double()
    for parameter in coupling.parameters():
        parameter.data += 0.3 * torch.randn_like(parameter)
    x, context = torch.randn(3, 4, 5, 7, dtype=torch.float64), None
    z, ladj = coupling(x, context)
    torch.testing.assert_close(coupling.inverse(z, context), x)
    assert (coupling(x[:1], context)[0] - z[:1]).abs().max() > 1e-3
    assert (coupling.eval()(x, context)[1] - ladj).abs().max() > 1e-3
    flow = noise_flow(CAMERAS, ISOS, steps=2, coupling=lambda channels: AffineCoupling(channels, norm=nn.BatchNorm2d))
    assert sum(isinstance(module, nn.BatchNorm2d) for module in flow.modules()) == 2 * 2 * 2
