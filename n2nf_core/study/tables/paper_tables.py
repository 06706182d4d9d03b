"""The results that the paper published, to be shown beside ours and marked as the paper's.

A. Maleky, S. Kousha, M. S. Brown, M. A. Brubaker: Noise2NoiseFlow: Realistic Camera Noise Modeling Without Clean
Images, CVPR 2022. They were measured on SIDD. The KL uses the same histogram bins as ours. On other data than SIDD the
order of the rows of a table can be compared, but its values cannot.

>>> TABLES["Table 5"]["R2RFlow"]
{'nll_nats_per_dim': -3.443, 'kl_nats': 0.0983, 'psnr_db': 50.08}
"""

from __future__ import annotations

TABLES: dict[str, dict[str, dict[str, float]]] = {
    "Table 1": {
        "AWGN": {"nll_nats_per_dim": -2.874, "kl_nats": 0.4815},
        "Camera NLF": {"nll_nats_per_dim": -3.282, "kl_nats": 0.0578},
        "N2N+NF": {"nll_nats_per_dim": -3.459, "kl_nats": 0.0363},
        "Noise Flow": {"nll_nats_per_dim": -3.502, "kl_nats": 0.0267},
        "Noise2NoiseFlow": {"nll_nats_per_dim": -3.501, "kl_nats": 0.0265},
    },
    "Table 2": {  # kl_nats is over all cameras
        "AWGN": {"kl_nats_IP": 0.4353, "kl_nats_S6": 0.4863, "kl_nats_GP": 0.5865, "kl_nats": 0.4934},
        "Camera NLF": {"kl_nats_IP": 0.0513, "kl_nats_S6": 0.1014, "kl_nats_GP": 0.0212, "kl_nats": 0.0596},
        "Calibrated P-G": {"kl_nats_IP": 0.0188, "kl_nats_S6": 0.0981, "kl_nats_GP": 0.0332, "kl_nats": 0.0492},
        "Noise Flow": {"kl_nats_IP": 0.0112, "kl_nats_S6": 0.0469, "kl_nats_GP": 0.0180, "kl_nats": 0.0250},
        "Noise2NoiseFlow": {"kl_nats_IP": 0.0125, "kl_nats_S6": 0.0444, "kl_nats_GP": 0.0190, "kl_nats": 0.0249},
    },
    "Table 3": {
        "Noise2Noise+DnCNN": {"psnr_db": 51.57, "ssim": 0.977},
        "DnCNN-supervised": {"psnr_db": 51.32, "ssim": 0.980},
        "DnCNN - NF synthesized": {"psnr_db": 51.71, "ssim": 0.980},
        "Noise2NoiseFlow": {"psnr_db": 52.80, "ssim": 0.984},
    },
    "Table 4": {
        "DnCNN + Noise Flow": {"nll_nats_per_dim": -3.501, "kl_nats": 0.0265, "psnr_db": 52.80},
        "U-Net + Noise Flow": {"nll_nats_per_dim": -3.500, "kl_nats": 0.0255, "psnr_db": 52.64},
        "DnCNN + NLF": {"nll_nats_per_dim": -3.461, "kl_nats": 0.0288, "psnr_db": 52.69},
        "U-Net + NLF": {"nll_nats_per_dim": -3.463, "kl_nats": 0.0332, "psnr_db": 52.13},
    },
    "Table 5": {  # Noise Flow is trained on clean images and has no denoiser
        "Noise Flow": {"nll_nats_per_dim": -3.502, "kl_nats": 0.0267},
        "Noise2NoiseFlow": {"nll_nats_per_dim": -3.501, "kl_nats": 0.0265, "psnr_db": 52.80},
        "R2RFlow": {"nll_nats_per_dim": -3.443, "kl_nats": 0.0983, "psnr_db": 50.08},
    },
    "From scratch": {  # from the paper's text: the denoiser was not pre-trained
        "DnCNN + Noise Flow": {"nll_nats_per_dim": -3.498, "kl_nats": 0.0275, "psnr_db": 52.65},
    },
}
"""Table -> row -> column -> value. The names of columns end with their unit, as in our results."""
