"""The plain way: examples/plain_noise2noiseflow.py, eager, float32, NCHW, one layer at a time.

Flow and losses are the example's. Here is only what it has not: our parameters for it, of many cameras and ISO values
where the example knows one; a denoiser call for every frame, where the example makes one for both; and the marginal KL,
which training does not need.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

from examples import plain_noise2noiseflow as example
from n2nf_core.flow import NoiseFlow


def core_name(name: str) -> str:
    """Where our flow keeps a parameter of the example's: S, four steps of (W, coupling), G, four steps.

    >>> core_name("steps.4.weight3")
    'bijection.layers.11.conditioner.conv3.weight'
    """
    alone = {"log_shot": 0, "log_read": 0, "log_gain": 9}
    if name in alone:
        return f"bijection.layers.{alone[name]}.{name}"
    _, number, rest = name.split(".", 2)
    place = 1 + 2 * int(number) + (int(number) >= 4)
    if rest in ("permutation", "sign_s", "lower", "upper", "log_s"):
        return f"bijection.layers.{place}.{rest}"
    of_conditioner = {"weight3": "conv3.weight", "bias3": "conv3.bias"}.get(rest, rest)
    return f"bijection.layers.{place + 1}." + (rest if rest == "scale" else f"conditioner.{of_conditioner}")


def plain_flow(flow: NoiseFlow, camera: Tensor, iso: Tensor) -> example.NoiseFlow:
    """The example's flow with our parameters, for batches of these cameras (B,) and ISO values (B,).

    The example knows one camera at one ISO. Here its shot and read are one number per image, (B, 1, 1, 1), interpolated
    once; all the rest is the same arithmetic on the same parameters.
    """
    copy, scale, state = example.NoiseFlow().to(flow.bijection.layers[0].log_shot), flow.signal_scale, flow.state_dict()
    for name in ("log_shot", "log_read"):
        value = scale.knots(getattr(scale, name), camera, iso).detach()
        state[core_name(name)] = value[:, None, None, None]
        setattr(copy, name, nn.Parameter(torch.empty_like(state[core_name(name)])))
    copy.load_state_dict({name: state[core_name(name)] for name in copy.state_dict()})
    return copy


def frame_by_frame(denoiser: nn.Module) -> Callable[[Tensor], Tensor]:
    """The denoiser, called for the first frames of pairs and then for the second ones."""
    return lambda frames: torch.cat([denoiser(half) for half in frames.chunk(2)])


def histogram_kl(real: np.ndarray, model: np.ndarray) -> np.ndarray:
    """Marginal KL the plain way: one numpy.histogram per patch."""
    edges = np.concatenate(([-1000.0], np.arange(-32, 33) / 320, [1000.0]))
    found = []
    for one, other in zip(real, model, strict=True):
        p, q = ((np.histogram(values, edges)[0] + 1) / (values.size + 66) for values in (one, other))
        found.append((p * np.log(p / q)).sum())
    return np.array(found)
