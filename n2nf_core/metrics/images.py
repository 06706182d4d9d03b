"""PSNR and SSIM of denoised images, one value per image."""

from __future__ import annotations

from torch import Tensor

SSIM_WINDOW = 11
"""Side of the window of SSIM, in pixels; an image must be as large."""

SSIM_REACH = 5
"""Pixels that the window of SSIM reaches in each direction."""


def _check_images(estimate: Tensor, reference: Tensor, data_range: float) -> None:
    if estimate.shape != reference.shape or estimate.dim() != 4:
        raise ValueError(
            f"estimate and reference must both be (B, C, H, W), got {(*estimate.shape,)} and {(*reference.shape,)}"
        )
    if not data_range > 0:
        raise ValueError(f"data_range must be positive, got {data_range:g}")


def psnr(estimate: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """PSNR = 10 log10(data_range^2 / mean((estimate - reference)^2)), per image.

    Arguments:
        estimate, reference: (B, C, H, W), in one unit.
        data_range: white level minus black level in that unit; 1 for [0, 1] units.

    Returns (B,) in dB, inf where the two are equal. ValueError for other shapes, or a range that is not positive.

    >>> import torch
    >>> psnr(torch.full((1, 4, 8, 8), 0.1), torch.zeros(1, 4, 8, 8), data_range=1.0)
    tensor([20.])
    """
    from torchmetrics.functional.image import peak_signal_noise_ratio

    _check_images(estimate, reference, data_range)
    return peak_signal_noise_ratio(estimate, reference, data_range=float(data_range), reduction="none", dim=(1, 2, 3))


def ssim(estimate: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """SSIM = (2 m_e m_r + c1)(2 s_er + c2) / ((m_e^2 + m_r^2 + c1)(s_e^2 + s_r^2 + c2)), mean over an image.

    m are local means and s local (co)variances in a Gaussian window of 11 pixels (sigma 1.5). c1 = (0.01 data_range)^2,
    c2 = (0.03 data_range)^2. The image is mirrored at its border; scikit-image leaves the border out instead.

    Arguments:
        estimate, reference: (B, C, H, W) with H, W >= 11, in one unit.
        data_range: white level minus black level in that unit; 1 for [0, 1] units.

    Returns (B,). ValueError for other shapes, or a range that is not positive. Source: Wang, Bovik, Sheikh, Simoncelli,
    IEEE TIP 2004, as torchmetrics computes it.

    >>> import torch
    >>> ssim(torch.full((1, 4, 16, 16), 0.2), torch.full((1, 4, 16, 16), 0.1), data_range=1.0)
    tensor([0.8004])
    """
    return ssim_map(estimate, reference, data_range=data_range).mean((1, 2, 3))


def ssim_map(estimate: Tensor, reference: Tensor, *, data_range: float) -> Tensor:
    """The SSIM of every pixel, (B, C, H, W), whose mean over an image is :func:`ssim`.

    A pixel depends on those at most :data:`SSIM_REACH` away; an image is mirrored at its border.

    Arguments:
        estimate, reference: (B, C, H, W) with H, W >= 11, in one unit.
        data_range: white level minus black level in that unit; 1 for [0, 1] units.

    ValueError for other shapes, or a range that is not positive.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    _check_images(estimate, reference, data_range)
    if min(estimate.shape[2:]) < SSIM_WINDOW:
        size = f"{SSIM_WINDOW}x{SSIM_WINDOW}"
        raise ValueError(f"SSIM needs images of at least {size} pixels, got {(*estimate.shape[2:],)}")
    options = {"data_range": float(data_range), "reduction": "none", "return_full_image": True}
    return structural_similarity_index_measure(estimate, reference, **options)[1]
