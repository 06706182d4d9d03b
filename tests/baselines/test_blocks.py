"""Means over halves of blocks, and a line through points whose signal has an error."""

import torch

from n2nf_core.baselines.blocks import block_means, expected, half_means, solve


def test_halves_are_the_squares_of_a_chessboard():
    image = torch.arange(2.0 * 4 * 6, dtype=torch.float64).view(2, 4, 6)
    keep = torch.ones(2, 4, 6, dtype=torch.bool)
    keep[0, 0, 1] = False
    number, mean = half_means(keep, [image], 4)
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(6), indexing="ij")
    for half in (0, 1):
        for plane in (0, 1):
            for block in (0, 1):  # the second one has two columns only
                here = ((rows + columns) % 2 == 1 - half) & (columns // 4 == block) & keep[plane]
                assert number[plane, block, half] == here.sum()
                assert mean[plane, block, half] == image[plane][here].mean()


def test_a_pixel_knows_the_mean_of_its_block():
    image = torch.arange(30.0).view(1, 5, 6)
    found = block_means(image, 4)
    assert found.shape == image.shape
    assert (found[0, :4, :4] == image[0, :4, :4].mean()).all() and (found[0, 4, 4:] == image[0, 4, 4:].mean()).all()


def test_errors_of_the_signal_do_not_bend_the_line_and_its_errors_are_honest():
    """Slope and offset of 60 sets of points, in standard errors: mean 0 and mean square 1, each within 4 errors."""
    z = []
    for seed in range(60):
        generator = torch.Generator().manual_seed(seed)
        true = torch.rand(400, 1, generator=generator, dtype=torch.float64)
        noise = torch.randn(2, 400, 2, generator=generator, dtype=torch.float64)
        signal, values = true + 0.3 * noise[0], 2 * true + 1 + 0.1 * noise[1]
        one, found = torch.ones_like(signal), expected(signal)
        fit, errors = solve((signal, one), (found, one), values, 1 / (1 + found.clamp(min=0)) ** 2)
        z.append((fit - torch.tensor([2.0, 1.0], dtype=torch.float64)) / errors)
    z = torch.stack(z)
    assert z.mean(0).abs().max() < 4 / 60**0.5
    assert (z.square().mean(0) - 1).abs().max() < 4 * (2 / 60) ** 0.5


def test_the_expected_signal_is_the_mean_of_others_whose_other_half_is_alike():
    generator = torch.Generator().manual_seed(0)
    true = torch.rand(640, 1, generator=generator, dtype=torch.float64)
    signal = true + 0.2 * torch.randn(640, 2, generator=generator, dtype=torch.float64)
    found = expected(signal)
    one = signal.clone()
    one[7, 0] += 5
    assert torch.isclose(expected(one)[7, 0], found[7, 0]), "a half's own error does not reach it"
    error, spread = (found - true).square().mean(), (signal - true).square().mean()
    assert error < 0.85 * spread
    torch.testing.assert_close(expected(signal[:2]), signal[:2].flip(0))
