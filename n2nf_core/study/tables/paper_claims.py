"""The claims of the paper that the study tests, in the paper's order, then ours, and the page that lists them."""

from __future__ import annotations

from pathlib import Path

from n2nf_core.plots import label
from n2nf_core.study.tables.claims import (
    KL,
    NLL,
    PSNR,
    REGRET,
    SETS,
    Claim,
    collapse_tests,
    compare,
    on_both,
    paper,
    recovery_tests,
    section,
    summary,
    zero_weight_tests,
)
from n2nf_core.study.tables.readings import Tables

READ = (
    "Differences are first minus second, with Student's 95 % interval of the mean over seeds. *Better* and *worse* "
    "mean that the interval does not contain 0, *undecided* that it does; the interval then bounds the difference. "
    "A claim without a line of the paper's is our own. "
    "Every number and every verdict is read from the Parquet files of this folder."
)


def noise_claims(t: Tables) -> list[Claim]:
    """Claims about noise models: Tables 1 and 2."""
    return [
        Claim(
            "clean",
            "Without clean images the noise model is as good as Noise Flow trained with them.",
            paper("Table 1", (NLL, KL), "Noise2NoiseFlow", "Noise Flow"),
            on_both(t, "40", "noise2noiseflow", "supervised", (NLL, KL)),
            "40_evaluate_noise_model",
            "What is missing is the error of the denoiser, which the residual y₁ − D(y₂) contains beside the "
            "noise. On SIDD a reference image has errors of its own, and those can hide a gap of this size.",
            level=True,
        ),
        Claim(
            "joint",
            "A noise model that is trained jointly with the denoiser is better than one trained after it (N2N+NF).",
            paper("Table 1", (NLL, KL), "Noise2NoiseFlow", "N2N+NF"),
            on_both(t, "40", "noise2noiseflow", "n2n_nf", (NLL, KL), "against N2N+NF, ")
            + on_both(t, "40", "noise2noiseflow", "cross_sample_after", (NLL, KL), "against the same residual, "),
            "40_evaluate_noise_model",
            "N2N+NF differs from Noise2NoiseFlow in two things: it is trained after the denoiser, and it learns from "
            "y − D(y), in which the denoiser has seen the frame's own noise. The second comparison has the residual "
            "y₁ − D(y₂) on both sides, so that it is about joint training alone.",
        ),
        gaussian_claim(t),
    ]


def gaussian_claim(t: Tables) -> Claim:
    """Noise2NoiseFlow against the two Gaussian models of Table 1."""
    tests = [
        compare(where, t.gap("40", "noise2noiseflow", name, NLL, **chosen), f"against {label(name)}, ")
        for where, chosen in SETS.items()
        for name in ("awgn", "camera_nlf")
    ]
    return Claim(
        "gaussian",
        "The learned noise model is better than AWGN and than the camera's noise level function.",
        paper("Table 1", (NLL,), "Noise2NoiseFlow", "AWGN", "Camera NLF"),
        tuple(tests),
        "40_evaluate_noise_model",
        "The noise of the simulated phones is drawn from their noise level function, so no model can be better "
        "than it there. The noise of the dark sensors is not Gaussian; their noise level function is the nominal one.",
    )


def denoiser_claims(t: Tables) -> list[Claim]:
    """Claims about denoisers: Table 3."""
    return [
        Claim(
            "denoiser",
            "Joint training gives a better denoiser than Noise2Noise alone.",
            paper("Table 3", (PSNR,), "Noise2NoiseFlow", "Noise2Noise+DnCNN"),
            on_both(t, "41", "d_noise2noiseflow", "d_noise2noise", (PSNR,)),
            "41_evaluate_denoiser",
            "All variants take the same number of steps from the same start; the paper trains for longer. At the "
            "paper's weight nearly all of the denoiser's gradient comes from the Noise2Noise term; for other weights "
            "see our claims below.",
        ),
        Claim(
            "supervised",
            "The jointly trained denoiser is better than one trained on clean images.",
            paper("Table 3", (PSNR,), "Noise2NoiseFlow", "DnCNN-supervised"),
            on_both(t, "41", "d_noise2noiseflow", "d_supervised", (PSNR,)),
            "41_evaluate_denoiser",
            "Here the clean image is exact. On SIDD it is an average of frames.",
        ),
        Claim(
            "synthesized",
            "A denoiser trained on noise drawn from a noise model is as good as one trained on real noise.",
            paper("Table 3", (PSNR,), "DnCNN - NF synthesized", "DnCNN-supervised"),
            on_both(t, "41", "d_synthesized", "d_supervised", (PSNR,)),
            "41_evaluate_denoiser",
            "The interval is over few seeds; a difference within it may exist in either direction.",
            level=True,
        ),
    ]


def figure_claims(t: Tables) -> list[Claim]:
    """Claims of Figures 5 and 6."""
    return [
        Claim(
            "lambda",
            "The cross-sample loss is robust to λ, and the self-sample loss collapses below a critical λ.",
            "Figure 5: cross-sample is stable for every λ from 0 to 2¹⁹; self-sample diverges for λ up to 2¹⁶.",
            collapse_tests(t),
            "60_ablate_lambda",
            "One camera at one ISO. The critical λ is 2 divided by the variance of the noise: less noise, larger λ.",
        ),
        Claim(
            "recovery",
            "Training recovers the parameters of a noise level function.",
            "Figure 6: β1 and β2 of an iPhone 7 at ISO 800 approach the calibration.",
            recovery_tests(t),
            "50_recover_nlf_parameters",
            "The denoiser's error counts as shot noise, and the variance is looked up at the denoised signal, not "
            "at the true one.",
            level=True,
        ),
    ]


CAMERAS, BASE = "simulated GP and S6", "DnCNN + Noise Flow"
"""The data of notebooks 61 and 62, and the row of Table 4 that the others are compared with."""


def ablation_claims(t: Tables) -> list[Claim]:
    """Claims of Tables 4 and 5."""
    return [
        Claim(
            "unet",
            "DnCNN is a better denoiser for this task than the U-Net.",
            paper("Table 4", (PSNR,), BASE, "U-Net + Noise Flow"),
            (compare(CAMERAS, t.gap("61", "dncnn_noise_flow", "unet_noise_flow", PSNR)),),
            "61_ablate_architecture",
            "Both networks are small and do about the same arithmetic; training is short.",
        ),
        Claim(
            "flow",
            "Noise Flow describes the noise better than a noise level function alone.",
            paper("Table 4", (NLL,), BASE, "DnCNN + NLF"),
            (compare(CAMERAS, t.gap("61", "dncnn_noise_flow", "dncnn_nlf_flow", REGRET)),),
            "61_ablate_architecture",
            "The noise of these simulated cameras is drawn from a noise level function, so Noise Flow has nothing to "
            "find beyond it. Real sensors can differ.",
        ),
        scratch_claim(t),
        pairs_claim(t),
    ]


def pairs_claim(t: Tables) -> Claim:
    """Pairs against recorrupted single images."""
    return Claim(
        "pairs",
        "Pairs are better than single images that are made noisier (R2RFlow).",
        paper("Table 5", (NLL, PSNR), "Noise2NoiseFlow", "R2RFlow"),
        tuple(
            compare(CAMERAS, t.gap("62", "noise2noise_flow", name, score), what)
            for name, what in (("r2r", "one level for all signals, "), ("r2r_signal", "following the signal, "))
            for score in (NLL, PSNR)
        ),
        "62_train_from_single_images",
        "An R2R that follows the signal is given the variance of the noise by photon transfer, which needs pairs or a "
        "calibration of the camera.",
    )


def scratch_claim(t: Tables) -> Claim:
    """Training with and without a denoiser that was trained before."""
    return Claim(
        "scratch",
        "Without pre-training of the denoiser the result is about the same.",
        f"without, {paper('From scratch', (NLL, PSNR), BASE)} With, {paper('Table 4', (NLL, PSNR), BASE)}",
        tuple(compare(CAMERAS, t.gap("61", "from_scratch", "dncnn_noise_flow", score)) for score in (REGRET, PSNR)),
        "61_ablate_architecture",
        "Without pre-training all steps are joint and use the larger learning rate of pre-training, so the "
        "comparison changes two things.",
        level=True,
    )


def own_claims(t: Tables) -> list[Claim]:
    """Claims of ours: what the likelihood does to the denoiser where the Noise2Noise term does not drown it."""
    alone, weighted = "d_likelihood_alone", "d_weighted_noise2noise"
    return [
        Claim(
            "alone",
            "Without the Noise2Noise term, λ = 0, the likelihood gives a better denoiser than with λ = 2¹⁸.",
            "",
            zero_weight_tests(t) + on_both(t, "41", alone, "d_noise2noiseflow", (PSNR,)),
            "60_ablate_lambda",
            "The phones and the dark sensors are several cameras at once, whose noise has different variances; the "
            "S6 is one camera at one ISO. Training is short.",
        ),
        Claim(
            "weighted",
            "Noise2Noise with squared errors divided by the variance of the noise gives a better denoiser than "
            "without.",
            "",
            on_both(t, "41", weighted, "d_noise2noise", (PSNR,)),
            "41_evaluate_denoiser",
            "The variance is that of photon transfer. PSNR is a mean over frames, in which a frame of little noise "
            "counts as much as one of much noise.",
        ),
        Claim(
            "weights",
            "For the denoiser, the likelihood is worth no more than these weights.",
            "",
            on_both(t, "41", weighted, alone, (PSNR,)),
            "41_evaluate_denoiser",
            "The comparison is of Noise2Noise with weights and of joint training with λ = 0.",
            level=True,
        ),
    ]


def claims(tables: Tables) -> list[Claim]:
    """All claims that were tested: the paper's, in its order, and ours."""
    of_paper = [*noise_claims(tables), *denoiser_claims(tables), *figure_claims(tables), *ablation_claims(tables)]
    return [*of_paper, *own_claims(tables)]


def page(folder: Path) -> str:
    """The Markdown page of all claims, from the tables of a folder; it says so where the tables do not suffice."""
    try:
        found = claims(Tables(folder))
    except ValueError as error:
        return f"# What holds and what does not\n\nNot every claim can be tested with these results: {error}.\n"
    return "\n\n".join(["# What holds and what does not", READ, summary(found), *map(section, found)]) + "\n"
