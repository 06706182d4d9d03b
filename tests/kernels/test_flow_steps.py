"""The steps of a flow on arrays: a tile with its margin is the frame, and the way back leads to the start."""

import numpy as np
import pytest

from n2nf_core.kernels import flow_steps

CHANNELS, WIDTH, STEPS, MARGIN = 4, 3, 2, 4  # MARGIN: two pixels for each step


@pytest.fixture
def weights():
    rng = np.random.default_rng(0)
    shapes = (
        (CHANNELS, CHANNELS), (WIDTH, 2, 3, 3), (WIDTH,), (WIDTH, WIDTH), (WIDTH,), (CHANNELS, WIDTH + 1, 3, 3),
        (CHANNELS,), (),
    )  # fmt: skip
    return tuple(0.5 * rng.standard_normal((STEPS, *shape)).astype(np.float32) for shape in shapes)


def whole(x):
    return np.array([(k, 0, x.shape[2], 0, x.shape[3]) for k in range(len(x))])


def forward(x, weights, tiles, saved=0):
    z, ladj = np.zeros_like(x), np.zeros(len(tiles))
    inputs = np.zeros((saved, *x.shape), np.float32)
    flow_steps.forward(x, weights, tiles, MARGIN, z, ladj, inputs)
    return z, ladj, inputs


@pytest.fixture
def noise():
    return np.random.default_rng(1).standard_normal((2, CHANNELS, 9, 12)).astype(np.float32)


def test_the_inverse_undoes_the_steps(noise, weights):
    z, _, _ = forward(noise, weights, whole(noise))
    back = np.zeros_like(noise)
    inverses = np.linalg.inv(weights[0]).astype(np.float32)
    flow_steps.inverse(z, (inverses, *weights[1:]), whole(noise), MARGIN, back)
    assert back == pytest.approx(noise, abs=1e-3)


def test_tiles_with_their_margin_make_up_the_frame(noise, weights):
    tiles = np.array([(k, y, y + 3, x, x + 4) for k in range(2) for y in (0, 3, 6) for x in (0, 4, 8)])
    z, ladj, _ = forward(noise, weights, whole(noise))
    tiled, parts, _ = forward(noise, weights, tiles)
    assert np.array_equal(tiled, z)
    assert np.bincount(tiles[:, 0], parts) == pytest.approx(ladj, rel=1e-5)


def test_the_input_of_every_step_is_kept(noise, weights):
    _, _, saved = forward(noise, weights, whole(noise), STEPS)
    first = tuple(weight[:1] for weight in weights)
    assert np.array_equal(saved[0], noise)
    assert saved[1] == pytest.approx(forward(noise, first, whole(noise))[0], abs=1e-6)


def test_gradients_are_those_of_small_differences(noise, weights):
    """Along one direction in noise and parameters, of sum(z grad_z) + sum(ladj grad_ladj); far from ReLU's kinks."""
    weights[2][:], weights[4][:], weights[5][:] = (8, -8, 8), (20, 20, -20), 0.02 * weights[5]
    rng = np.random.default_rng(2)
    grad_z, grad_ladj = rng.standard_normal(noise.shape).astype(np.float32), np.array([1.0, -2.0], np.float32)
    grad_x, grads = np.zeros_like(noise), tuple(np.zeros_like(weight) for weight in weights)
    _, _, saved = forward(noise, weights, whole(noise), STEPS)
    flow_steps.backward(grad_z, grad_ladj, saved, weights, 0, 2, grad_x, grads)
    directions = [rng.standard_normal(values.shape).astype(np.float32) for values in (noise, *weights)]
    found = sum(float((d * g).sum()) for d, g in zip(directions, (grad_x, *grads), strict=True))

    def value(step):
        x, *moved = (v + np.float32(step) * d for v, d in zip((noise, *weights), directions, strict=True))
        z, ladj, _ = forward(x, tuple(moved), whole(noise))
        return float((z.astype(np.float64) * grad_z).sum() + (ladj * grad_ladj).sum())

    step = 1e-3
    assert found == pytest.approx((value(step) - value(-step)) / (2 * step), rel=0.02)
