"""The denoiser and the noise model's sampler as ONNX files, for programs without PyTorch.

Number of images, height and width are free in both. Every file is run with onnxruntime, at sizes other than those of
the export, and compared with PyTorch before it is given out.
"""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from n2nf_core.flow import Bijection, InvertibleConv1x1
from n2nf_core.types import Context, FromNormal, NoiseModel

TOLERANCE = 1e-5
"""Largest difference from PyTorch, in [0, 1] units, that a file may have."""
INSTALL = "ONNX files need the packages onnx, onnxscript and onnxruntime: pip install 'n2nf-core[onnx]'"

Inputs = Callable[[int, int, int], tuple[Tensor, ...]]
"""(images, height, width) -> inputs of the module that is exported."""


class _Sampler(nn.Module):
    """n = from_normal(normal; clean, camera, iso) for one camera."""

    def __init__(self, model: FromNormal, camera: int):
        super().__init__()
        self.model, self.camera = model, camera

    def forward(self, normal: Tensor, clean: Tensor, iso: Tensor) -> Tensor:
        index = torch.full_like(iso, self.camera, dtype=torch.long)
        return self.model.from_normal(normal, Context(clean, index, iso))


class _FixedConv1x1(Bijection):
    """The sampling direction of a 1x1 convolution with its matrix as a constant: ONNX cannot solve linear systems."""

    def __init__(self, layer: InvertibleConv1x1):
        super().__init__()
        self.register_buffer("matrix", layer.inverse_weight().detach()[:, :, None, None])

    def inverse(self, z: Tensor, context: Context) -> Tensor:
        return F.conv2d(z, self.matrix)


def _with_constants(model: nn.Module) -> nn.Module:
    model = copy.deepcopy(model).eval()
    for path, layer in list(model.named_modules()):
        if isinstance(layer, InvertibleConv1x1):
            above, _, name = path.rpartition(".")
            setattr(model.get_submodule(above), name, _FixedConv1x1(layer))
    return model


def sampler_onnx(model: NoiseModel, camera: str) -> bytes:
    """The sampler of one camera: inputs ``normal``, ``clean`` (B, 4, H, W) and ``iso`` (B,), output ``noise``.

    ``normal`` are independent standard normal values, so the caller has the random numbers in hand. ``clean`` and
    ``noise`` are packed planes in [0, 1] units. All are float32.

    model: a noise model that follows :class:`~n2nf_core.types.FromNormal`. camera: one of its cameras.

    ValueError for a model that is no map of normal values. ImportError without ONNX's packages. RuntimeError where
    onnxruntime gives another result than PyTorch.
    """
    if not isinstance(model, FromNormal) or not isinstance(model, nn.Module):
        raise ValueError(
            f"a {type(model).__name__} draws its noise in its own way and cannot be a sampler in ONNX, which maps "
            "normal values to noise: only Gaussian tables and flows can"
        )
    index = int(model.context(torch.zeros(1, 4, 2, 2), camera, 100.0).camera)
    knots = model.isos[camera]

    def inputs(count: int, height: int, width: int) -> tuple[Tensor, ...]:
        generator = torch.Generator().manual_seed(0)
        normal = torch.randn(count, 4, height, width, generator=generator)
        iso = torch.linspace(float(knots[0]), float(knots[-1]), count)
        return normal, torch.rand(normal.shape, generator=generator), iso

    sampler = _Sampler(_with_constants(model).float(), index)
    return _exported(sampler, ("normal", "clean", "iso"), "noise", inputs)


def denoiser_onnx(denoiser: nn.Module, channels: int = 4) -> bytes:
    """The denoiser: input ``noisy`` and output ``clean``, float32 (B, C, H, W), packed planes in [0, 1] units.

    A U-Net pads its input itself, so that every size works. denoiser: the network. channels: its number of planes C.
    Errors as for :func:`sampler_onnx`.
    """

    def inputs(count: int, height: int, width: int) -> tuple[Tensor, ...]:
        return (torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(0)),)

    return _exported(_with_constants(denoiser).float(), ("noisy",), "clean", inputs)


def _exported(module: nn.Module, names: Sequence[str], output: str, inputs: Inputs) -> bytes:
    try:
        import onnxruntime
        import onnxscript  # noqa: F401 (torch.onnx works with it)
    except ImportError as error:
        raise ImportError(INSTALL) from error
    free = torch.export.Dim.DYNAMIC
    args = inputs(2, 48, 64)
    shapes = tuple({0: free, 2: free, 3: free} if each.ndim == 4 else {0: free} for each in args)
    with torch.no_grad():
        with _quiet():
            program = torch.export.export(module, args, dynamic_shapes=shapes, strict=True)
            made = torch.onnx.export(program, input_names=names, output_names=[output], dynamo=True, verbose=False)
        data = _without_traces(made.model_proto).SerializeToString()
        session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
        for size in ((1, 36, 54), (3, 37, 41)):
            args = inputs(*size)
            found = session.run([output], dict(zip(names, (each.numpy() for each in args), strict=True)))[0]
            difference = float((torch.from_numpy(found) - module(*args)).abs().max())
            if not difference <= TOLERANCE:
                raise RuntimeError(
                    f"onnxruntime differs from PyTorch by {difference:.2g} at {size[1]} x {size[2]} pixels, more than "
                    f"{TOLERANCE:g}: the file was not written"
                )
    return data


def _without_traces(model):
    """The model without the stack traces of the export, which hold paths of this machine."""
    for node in model.graph.node:
        del node.metadata_props[:]
    return model


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep back two warnings that say nothing to the user: torchvision, which is not used, and PyTorch's own calls."""
    logger = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            yield
    finally:
        logger.setLevel(level)
