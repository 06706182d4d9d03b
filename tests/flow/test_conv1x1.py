"""The invertible 1x1 convolution holds the weight that it is given."""

import pytest
import torch

from n2nf_core.flow import InvertibleConv1x1
from n2nf_core.types import Context


def test_conv1x1_holds_the_weight_it_is_given():
    weight = torch.randn(4, 4, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    layer = InvertibleConv1x1(4).double()
    layer.set_weight(weight)
    x = torch.randn(1, 4, 2, 3, dtype=torch.float64)
    z, _ = layer(x, Context(x, torch.zeros(1, dtype=torch.long), torch.ones(1)))
    torch.testing.assert_close(z, torch.einsum("oc,bchw->bohw", weight, x), atol=1e-12, rtol=1e-12)
    with pytest.raises(ValueError, match="singular"):
        layer.set_weight(torch.zeros(4, 4))
