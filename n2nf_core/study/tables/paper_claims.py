"""The claims of the paper that the study tests, in the paper's order, and the page that lists them."""

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
    Evidence,
    compare,
    on_both,
    paper,
    section,
    summary,
)
from n2nf_core.study.tables.readings import Tables, student_interval

READ = (
    "Differences are first minus second, with Student's 95 % interval of the mean over seeds. *Better* and *worse* "
    "mean that the interval does not contain 0, *undecided* that it does; the interval then bounds the difference. "
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
            "What is missing is the error of the denoiser, which the residual y1 − D(y2) contains beside the noise. "
            "On SIDD a reference image has errors of its own, and those can hide a gap of this size.",
            level=True,
        ),
        Claim(
            "joint",
            "A noise model that is trained jointly with the denoiser is better than one trained after it (N2N+NF).",
            paper("Table 1", (NLL, KL), "Noise2NoiseFlow", "N2N+NF"),
            on_both(t, "40", "noise2noiseflow", "n2n_nf", (NLL, KL)),
            "40_evaluate_noise_model",
            "The two differ in more than the order of training. N2N+NF learns from y − D(y), in which the denoiser has "
            "seen the frame's own noise; Noise2NoiseFlow learns from y1 − D(y2), in which it has not. This comparison "
            "cannot say which of the two makes the difference.",
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
            "paper's weight nearly all of the denoiser's gradient comes from the Noise2Noise term.",
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
            "Over three seeds the interval is wide, so a difference of that size may exist in either direction.",
            level=True,
        ),
    ]


def collapse_tests(t: Tables) -> tuple[Evidence, ...]:
    """How many runs collapsed, on both sides of the critical lambda."""
    frame, tests = t.frame("60"), []
    critical = float(frame["critical_mse_weight"].mean())
    sides = {"below": frame["mse_weight"] < critical, "above": frame["mse_weight"] >= critical}
    for name in ("cross_sample", "self_sample"):
        for side, chosen in sides.items():
            steps = frame.loc[chosen, f"collapse.{name}.collapse_step"]
            text = f"{label(name)} collapsed in {steps.notna().sum()} of {len(steps)} runs {side} the critical λ"
            falls = name == "self_sample" and side == "below"
            expected = steps.notna().all() if falls else steps.isna().all()
            tests.append(Evidence("simulated S6, ISO 800", text, "as claimed" if expected else "not as claimed"))
    return tuple(tests)


def recovery_tests(t: Tables) -> tuple[Evidence, ...]:
    """Shot and read noise over their truth, less 1, for every camera."""
    tests = []
    for camera in t.frame("50")["point.parameters.camera"].unique():
        for what in ("shot", "read"):
            values = t.numbers("50", f"recovery.cross_sample.{what}_ratio", camera=camera)
            mean, low, high = (100 * (v - 1) for v in student_interval(values))
            text = f"{what} noise {mean:+.1f} % [{low:+.1f}, {high:+.1f}] from the truth".replace("-", "−")
            tests.append(Evidence(f"simulated {camera}, ISO 800", text, "undecided" if low <= 0 <= high else "biased"))
    return tuple(tests)


def figure_claims(t: Tables) -> list[Claim]:
    """Claims of Figures 5 and 6."""
    return [
        Claim(
            "lambda",
            "The cross-sample loss is robust to λ, and the self-sample loss collapses below a critical λ.",
            "Figure 5: cross-sample is stable for every λ from 0 to 2^19; self-sample diverges for λ up to 2^16.",
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
            "at the true one. The paper's camera was not tried.",
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
        Claim(
            "pairs",
            "Pairs are better than single images that are made noisier (R2RFlow).",
            paper("Table 5", (NLL, PSNR), "Noise2NoiseFlow", "R2RFlow"),
            tuple(compare(CAMERAS, t.gap("62", "noise2noise_flow", "r2r", score)) for score in (NLL, PSNR)),
            "62_train_from_single_images",
            "R2R is given one added deviation for all signals, while the noise grows with the signal. An R2R whose "
            "added noise follows the signal was not tried and may come closer.",
        ),
    ]


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


def claims(tables: Tables) -> list[Claim]:
    """All claims of the paper that were tested, in the paper's order."""
    return [*noise_claims(tables), *denoiser_claims(tables), *figure_claims(tables), *ablation_claims(tables)]


def page(folder: Path) -> str:
    """The Markdown page of all claims, from the tables of a folder; it says so where the tables do not suffice."""
    try:
        found = claims(Tables(folder))
    except ValueError as error:
        return f"# What holds and what does not\n\nNot every claim can be tested with these results: {error}.\n"
    return "\n\n".join(["# What holds and what does not", READ, summary(found), *map(section, found)]) + "\n"
