"""A bound on the size of models that a stranger's file describes, checked while they are built."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from torch import Tensor
from torch.overrides import TorchFunctionMode


class AtMost(TorchFunctionMode):
    """Stops the building of models that are larger than the tensors of their file: the sizes are a stranger's.

    Arguments:
        tensors: the tensors of the file.
        described: what the file states about its models.
    """

    def __init__(self, tensors: Mapping[str, Tensor], described: Mapping):
        super().__init__()
        elements = sum(tensor.numel() for tensor in tensors.values())
        widest = max((size for tensor in tensors.values() for size in tensor.shape), default=0)
        for size in _integers([described[name] for name in ("noise_model", "denoiser")]):
            if size > max(len(tensors), widest):
                raise ValueError(f"it states a size of {size}, which none of its tensors has")
        noise = described["noise_model"]
        if len(noise["cameras"]) * max(map(len, noise["isos"].values())) > elements:
            raise ValueError("it states more cameras and ISO values than its tensors hold")
        self.left = 100 * (elements + 64 * len(tensors))  # starting values are drawn with a few intermediate tensors

    def __torch_function__(self, function, types, arguments=(), keywords=None):
        result = function(*arguments, **(keywords or {}))
        if isinstance(result, Tensor):
            self.left -= result.numel() + 1
            if self.left < 0:
                raise ValueError("it describes models that are larger than its tensors")
        return result


def _integers(value: object) -> Iterator[int]:
    """All integers at any depth of a JSON value, without those that are ISO values."""
    if isinstance(value, Mapping):
        yield from (size for name, inner in value.items() if name != "isos" for size in _integers(inner))
    elif isinstance(value, list):
        yield from (size for inner in value for size in _integers(inner))
    elif isinstance(value, int):
        yield value
