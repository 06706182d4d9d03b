"""A 3x3 convolution with fewer multiplications, against the direct one: python -m benchmarks.winograd

Winograd's F(2x2, 3x3) needs 16 products for 4 outputs instead of 36: tiles of 4x4 pixels and the weights are
transformed, multiplied as 16 matrix products over the channels, and transformed back (Lavin, Gray, "Fast Algorithms for
Convolutional Neural Networks", CVPR 2016). Image by image, so that the intermediate values stay in the cache. Forward
only, float32, one thread, 64 images of 32x32 pixels; a ratio is direct over Winograd, the median of rounds.
"""

from __future__ import annotations

import argparse
import json
import statistics

import torch
from torch import Tensor
from torch.nn import functional as F

from benchmarks.timing import interleaved, on_every_kind

INPUT = torch.tensor([[1.0, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]])
WEIGHT = torch.tensor([[1.0, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]])
OUTPUT = torch.tensor([[1.0, 1, 1, 0], [0, 1, -1, -1]])


def winograd(images: Tensor, weight: Tensor) -> Tensor:
    """conv2d(images, weight, padding=1) of images (N, C, H, W) of even sides and weights (O, C, 3, 3)."""
    into, of_weight, out = (torch.kron(matrix, matrix) for matrix in (INPUT, WEIGHT, OUTPUT))
    outputs, channels = weight.shape[:2]
    height, width = (side // 2 for side in images.shape[2:])
    transformed = (of_weight @ weight.reshape(-1, 9).T).reshape(16, outputs, channels)
    found = []
    for image in images:
        tiles = F.pad(image, (1, 1, 1, 1)).unfold(1, 4, 2).unfold(2, 4, 2)
        tiles = into @ tiles.permute(3, 4, 0, 1, 2).reshape(16, -1)
        products = torch.bmm(transformed, tiles.reshape(16, channels, -1)).reshape(16, -1)
        planes = (out @ products).reshape(2, 2, outputs, height, width)
        found.append(planes.permute(2, 3, 0, 4, 1).reshape(outputs, 2 * height, 2 * width))
    return torch.stack(found)


def measured() -> dict[str, float]:
    """Channels -> time of the direct convolution over that of Winograd's."""
    torch.set_num_threads(1)
    ratios = {}
    for channels in (32, 64):
        images, weight = torch.randn(64, channels, 32, 32), torch.randn(channels, channels, 3, 3) / channels
        torch.testing.assert_close(winograd(images, weight), F.conv2d(images, weight, padding=1), rtol=1e-4, atol=1e-4)
        last = [tensor.contiguous(memory_format=torch.channels_last) for tensor in (images, weight)]
        ways = {"direct": lambda x=last: F.conv2d(*x, padding=1), "winograd": lambda x=images, w=weight: winograd(x, w)}
        with torch.no_grad():
            seconds = interleaved(ways, 9)
        pairs = zip(seconds["direct"], seconds["winograd"], strict=True)
        ratios[f"{channels} channels"] = statistics.median(direct / ours for direct, ours in pairs)
    return ratios


def main() -> None:
    """Measure on every kind of processor up to this one, and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--here", action="store_true", help="only the processor that this process sees, as JSON")
    if parser.parse_args().here:
        print(json.dumps(measured()))
        return
    for kind, ratios in on_every_kind("-m", "benchmarks.winograd", "--here").items():
        print(kind, {name: round(ratio, 2) for name, ratio in ratios.items()})


if __name__ == "__main__":
    main()
