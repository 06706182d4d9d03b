"""The sums over tiles are the formulas of their docstrings."""

import numpy as np

from n2nf_core.bursts.tile_sums import BLOCK, blocks, tile_sums

SHAPE = (3, 4, 4, 16, 24)  # tiles, T, planes, rows, columns
STRIP = np.random.default_rng(0).normal(100, 5, SHAPE).astype(np.float32)


def test_differences_give_variance_and_the_covariances_of_neighbours():
    found = tile_sums(STRIP)
    d = (STRIP[1, 2] - STRIP[1, 1]).astype(np.float64)
    d -= d.mean((1, 2), keepdims=True)
    share = 16 * 24 / (16 * 24 - 1)
    right, below = (d[:, :, 1:] * d[:, :, :-1]).mean(), (d[:, 1:] * d[:, :-1]).mean()
    across, down = (d[::2] * d[1::2]).mean(), (d[:2] * d[2:]).mean()  # R Gr, Gb B; and R Gb, Gr B
    wanted = np.array(((d**2).mean(), right, below, across, down)) * share / 2
    np.testing.assert_allclose(found.steps[1, 1], wanted, rtol=1e-4, atol=1e-4)
    assert np.array_equal(tile_sums(STRIP[:, [0, 3]]).steps[:, 0], found.last)


def test_means_blocks_and_planes():
    found = tile_sums(STRIP)
    np.testing.assert_allclose(found.means, STRIP.mean((3, 4)), rtol=1e-5)
    second = STRIP[0, :, 2, :BLOCK, BLOCK : 2 * BLOCK]
    wanted = second.mean(), second.var(0, ddof=1).mean()
    np.testing.assert_allclose(found.blocks[1, 2], wanted, rtol=1e-4)
    assert blocks(STRIP[:, 0, :, :5, :7]).shape == (3, 4)
    pixel = STRIP[0, :, :, 0, 0].mean(0)
    np.testing.assert_allclose(found.cells[0], pixel - pixel.mean(), atol=1e-4)


def test_waves_are_an_alternation_without_the_slope_of_the_scene():
    rows, columns = np.mgrid[:16, :24]
    slope = 3.0 * rows - 2.0 * columns
    waves = 5.0 * (-1.0) ** columns - 7.0 * (-1.0) ** (rows + columns)
    strip = np.broadcast_to((slope + waves).astype(np.float32), SHAPE)
    found = tile_sums(strip).waves
    np.testing.assert_allclose(found.mean(0), (5, 0, -7), atol=1e-4)
    assert tile_sums(STRIP[..., :2, :]).waves.shape == (0, 3)
