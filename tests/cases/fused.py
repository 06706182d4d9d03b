"""Flows whose layers stand beside one another in every way, and noise for them."""

import torch
from torch import nn

from n2nf_core.cameras import IsoKnots
from n2nf_core.flow import AffineCoupling, Gain, InvertibleConv1x1, NoiseFlow, SignalDependentScale, fused

ORDERS = {  # every way in which layers can stand beside one another
    "noise_flow": "S cacaca G cacaca",
    "gains": "G G ca G G ca G",
    "loose": "c G a ca c S c ca a G ca",
    "nothing_to_fuse": "S G c S a",
    "norms": "S ca cb G ca cb",
}


def build(order, channels=4):
    torch.manual_seed(1)
    knots = IsoKnots(("IP", "S6"), (100, 800))
    make = {
        "S": lambda: SignalDependentScale(knots),
        "G": Gain,
        "c": lambda: InvertibleConv1x1(channels),
        "a": lambda: AffineCoupling(channels, width=3),
        "b": lambda: AffineCoupling(channels, width=3, norm=nn.BatchNorm2d).eval(),
    }
    flow = NoiseFlow(fused.FusedChain([make[kind]() for kind in order.replace(" ", "")]), knots)
    for name, parameter in flow.named_parameters():
        parameter.data += 0.5 if name.endswith("scale") else 0.2 * torch.randn_like(parameter)
    return flow


def batch(flow, *shape):
    clean = torch.rand(shape, generator=torch.manual_seed(2))
    cameras = [flow.cameras[k % 2] for k in range(len(clean))]
    return torch.randn(shape) * 0.1, flow.context(clean, cameras, [100.0 + 90 * k for k in range(len(clean))])


def gradients(flow, noise, context):
    leaves = [noise.clone().requires_grad_(), context.clean.clone().requires_grad_()]
    z, ladj = flow(leaves[0], context._replace(clean=leaves[1]))
    ((z**3).sum() / z[0].numel() + (ladj * torch.arange(1.0, len(z) + 1)).sum() / z[0].numel()).backward()
    found = [leaf.grad for leaf in leaves + list(flow.parameters())]
    return [torch.zeros(()) if grad is None else grad.clone() for grad in found]
