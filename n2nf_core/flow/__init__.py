"""Normalizing flows as noise models: bijections, and the flows that are built from them.

A new layer is a :class:`Bijection` in a file of its own, with its name below and an entry in the registry of
``test_bijections.py``.
"""

from n2nf_core.flow.bijections import Bijection, Chain, ConditionalScale, Gain, SignalDependentScale
from n2nf_core.flow.conv1x1 import InvertibleConv1x1
from n2nf_core.flow.coupling import AffineCoupling
from n2nf_core.flow.flows import NoiseFlow, nlf_flow, noise_flow
from n2nf_core.flow.fused import FusedChain, layer_by_layer
from n2nf_core.flow.mixture import MixtureCDF
from n2nf_core.flow.quantised import log_bin_mass
from n2nf_core.flow.rows import LineNoise
from n2nf_core.flow.sensor import SensorFlow, SensorNumbers, sensor_flow

__all__ = [
    "AffineCoupling", "Bijection", "Chain", "ConditionalScale", "FusedChain", "Gain", "InvertibleConv1x1", "LineNoise",
    "MixtureCDF", "NoiseFlow", "SensorFlow", "SensorNumbers", "SignalDependentScale", "layer_by_layer", "log_bin_mass",
    "nlf_flow", "noise_flow", "sensor_flow",
]  # fmt: skip
