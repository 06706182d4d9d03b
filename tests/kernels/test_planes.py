"""Sums over flat planes with a frame of zeros against PyTorch's convolutions, and its gradients."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from n2nf_core.kernels import planes

HEIGHT, WIDTH = 5, 7
SIZE = HEIGHT * (WIDTH + 2) - 2  # values from the first pixel to the last one
PITCH = WIDTH + 2


def random(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def flat(images):
    """(C, h, w) as flat planes with their frame of zeros."""
    return np.pad(images, ((0, 0), (1, 1), (1, 1))).reshape(len(images), -1)


def inner(flat_planes):
    """(C, h, w) inside the frame."""
    return flat_planes.reshape(len(flat_planes), HEIGHT + 2, WIDTH + 2)[:, 1:-1, 1:-1]


def test_exp_is_accurate_where_float32_is():
    x = np.linspace(-87, 87, 20001, dtype=np.float32)
    found = np.array([planes.exp(value) for value in x])
    assert np.abs(found / np.exp(x.astype(np.float64)) - 1).max() < 2e-7


def test_tanh_of_small_and_large_values():
    x = np.linspace(-20, 20, 4001, dtype=np.float32)
    found = np.array([planes.tanh(value) for value in x])
    assert np.abs(found - np.tanh(x.astype(np.float64))).max() < 3e-7
    assert np.isnan(planes.tanh(np.float32(np.nan)))


def test_a_convolution_and_its_gradients_are_pytorchs():
    x, weight, bias, grad = random(2, HEIGHT, WIDTH), random(3, 2, 3, 3, seed=1), random(3, seed=2), None
    grad = random(3, HEIGHT, WIDTH, seed=3)
    leaves = [torch.from_numpy(values).requires_grad_() for values in (x, weight, bias)]
    true = F.conv2d(leaves[0][None], *leaves[1:], padding=1)
    wanted = torch.autograd.grad(true, leaves, torch.from_numpy(grad)[None])
    target = planes.scratch(3, HEIGHT, WIDTH)
    planes.conv3x3(flat(x), weight, bias, target, SIZE, PITCH)
    assert inner(target) == pytest.approx(true[0].detach().numpy(), abs=1e-5)
    to_source, to_weight, to_bias = planes.scratch(2, HEIGHT, WIDTH), np.zeros_like(weight), np.zeros_like(bias)
    planes.conv3x3_to_source(flat(grad), weight, to_source, SIZE, PITCH)
    planes.conv3x3_to_weight(flat(grad), flat(x), to_weight, to_bias, SIZE, PITCH)
    for found, expected in zip((inner(to_source), to_weight, to_bias), wanted, strict=True):
        assert found == pytest.approx(expected.numpy(), abs=1e-4)


def test_mixing_and_its_gradient_are_matrix_products():
    x, weight, grad = random(3, HEIGHT, WIDTH), random(2, 3, seed=1), random(2, HEIGHT, WIDTH, seed=2)
    target, to_weight = planes.scratch(2, HEIGHT, WIDTH), np.zeros_like(weight)
    planes.mix(flat(x), weight, target)
    planes.mix_to_weight(flat(grad), flat(x), to_weight)
    assert inner(target) == pytest.approx(np.einsum("oc,chw->ohw", weight, x), abs=1e-5)
    assert to_weight == pytest.approx(np.einsum("ohw,chw->oc", grad, x), abs=1e-4)


def test_a_rectified_plane_has_a_clear_frame_and_passes_gradients_where_it_is_positive():
    x, bias = random(2, HEIGHT, WIDTH), np.array([0.3, -0.3], np.float32)
    hidden = flat(x)
    hidden[:, PITCH] = 5  # dirt that a convolution leaves at the left of the first row
    planes.relu(hidden, bias, HEIGHT, WIDTH)
    expected = np.maximum(x + bias[:, None, None], 0)
    assert np.array_equal(hidden, flat(expected))
    grad = np.ones_like(hidden)
    planes.pass_relu(grad, hidden)
    assert np.array_equal(grad, flat((expected > 0).astype(np.float32)))


def test_a_tile_is_loaded_with_its_margin_and_stored_without_it():
    image = random(2, 9, 11)
    tile, top, left, height, width = (3, 6, 4, 8), 1, 2, 7, 8  # a margin of 2
    part, target = planes.scratch(2, height, width), np.zeros_like(image)
    planes.load(image, part, top, left, height, width)
    planes.store(part, target, tile, top, left, width)
    expected = np.zeros_like(image)
    expected[:, 3:6, 4:8] = image[:, 3:6, 4:8]
    assert np.array_equal(target, expected)
    assert planes.kept_sum(part[0], tile, top, left, width) == pytest.approx(float(expected[0].sum()), abs=1e-5)
