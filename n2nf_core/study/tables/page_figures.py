"""The large figure of every notebook's page, made from its table. The docstring of each function is its caption."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pandas as pd

from n2nf_core import plots
from n2nf_core.plots import label
from n2nf_core.study.tables.columns import unflatten
from n2nf_core.study.tables.readings import over_seeds, reading

SENSORS = {False: "simulated phones", True: "simulated sensors in the dark"}
"""Parameter ``physical`` -> name of the data."""


def _gaps(frame: pd.DataFrame, pairs: Mapping[str, tuple[str, str]], score: str) -> dict[str, tuple]:
    """Name -> what a row of :func:`~n2nf_core.plots.forest` needs, for pairs of columns without their score."""
    found = {}
    for name, (one, other) in pairs.items():
        gap = over_seeds(frame[f"{one}.{score}"] - frame[f"{other}.{score}"], score)
        found[name] = (gap.mean, gap.low, gap.high, gap.values, gap.word)
    return found


def _against(group: str, base: str, names: tuple[str, ...]) -> dict[str, tuple[str, str]]:
    return {label(name): (f"{group}.{name}", f"{group}.{base}") for name in names}


def _by_sensor(frame: pd.DataFrame) -> dict[str, pd.DataFrame]:
    return {SENSORS[bool(key)]: part for key, part in frame.groupby("point.parameters.physical")}


def start(frame: pd.DataFrame) -> plots.Figure:
    """Regret of every noise model on held-out patches of three simulated phones, whose density is known, with 95 %
    intervals over places of a patch. The axis is logarithmic; 0.01 nats per dimension, dotted, is what a variance that
    is 20 % too large costs. The camera NLF, which is the truth here, is left out."""
    models = unflatten(frame.iloc[0])["noise_models"]
    rows = {}
    for name, row in models.items():
        value, (low, high) = row["regret_nats_per_dim"], row["regret_nats_per_dim_interval"]
        if name != "camera_nlf":
            rows[name] = (max(value, 1e-6), max(low, 1e-6), max(high, 1e-6), None)
    return plots.ranges({"simulated phones": rows}, "regret (nats per dimension)", mark=0.01, log=True)


def pairs(frame: pd.DataFrame) -> plots.Figure:
    """Half the mean square of the difference of two frames against their distance in the burst, divided by that of
    neighbouring frames. A level line at 1 is a scene that stands still; a line that climbs is one that moves."""
    lags = unflatten(frame.iloc[0])["lag_variance"]
    steps = sorted(lags, key=int)
    values = [lags[step] / lags[steps[0]] for step in steps]
    figure = plots.lines({"one burst": ([int(s) for s in steps], values)}, "lag (frames)", "variance / that at lag 1")
    figure.set_size_inches(5.2, 3.0)
    figure.axes[0].set_xticks([int(s) for s in steps])
    figure.axes[0].set_ylim(0.9, max(1.1, 1.02 * max(values)))
    return figure


def comparison(frame: pd.DataFrame) -> plots.Figure:
    """NLL of three noise models less that of the NLF flow, on held-out patches of a phone and of a sensor in the dark.
    Left of the dotted line a model is better than a learned line through the variance. Noise Flow has its paired 95 %
    interval over places; the other two are drawn without one. The axis is logarithmic beyond 0.0001."""
    row = unflatten(frame.iloc[0])
    panels = {}
    for data, models in row["noise_models"].items():
        nll = {
            name: scores["nll_nats_per_dim"] - models["nlf_flow"]["nll_nats_per_dim"] for name, scores in models.items()
        }
        low, high = row["noise_flow_minus_nlf_flow_nats_per_dim"][data]["interval"]
        rows = {name: (nll[name], nll[name], nll[name], None) for name in ("awgn", "photon_transfer")}
        panels[data] = rows | {"noise_flow": (nll["noise_flow"], low, high, None)}
    figure = plots.ranges(panels, "NLL less the NLF flow's (nats per dimension)", mark=0)
    figure.axes[0].set_xscale("symlog", linthresh=1e-4)
    figure.axes[0].set_xticks([-1e-3, 0, 1e-3, 1e-1], ["−0.001", "0", "0.001", "0.1"])
    figure.axes[0].minorticks_off()
    return figure


SIMULATED = {None: "S6", "": "S6", "sony-a7s2": "Sony A7S2"}
"""Parameter ``data`` of notebook 30 -> the camera."""


def noise_terms(frame: pd.DataFrame) -> plots.Figure:
    """Shot noise that an NLF flow ends with under three noise terms, divided by that of photon transfer on the same
    pairs. One run each, so a point has no interval."""
    panels = {}
    for row in map(unflatten, frame.to_dict("records")):
        fits = row["nlf"]
        base = fits.pop("photon_transfer")["shot"]
        data = row["point"]["parameters"].get("data")
        name = f"simulated {SIMULATED.get(data, data)}"
        panels[name] = {n: (*[fit["shot"] / base] * 3, None) for n, fit in fits.items()}
    return plots.ranges(panels, "shot noise / photon transfer's", mark=1)


NOISE_CLAIMS = {
    "joint training − N2N+NF": ("noise2noiseflow", "n2n_nf"),
    "joint training − same residual after": ("noise2noiseflow", "cross_sample_after"),
    "noisy pairs − clean images": ("noise2noiseflow", "supervised"),
    "pair difference − the paper's loss": ("pair_difference", "noise2noiseflow"),
    "pair difference − clean images": ("pair_difference", "supervised"),
}


def noise_models(frame: pd.DataFrame) -> plots.Figure:
    """Differences of NLL on held-out patches, first minus second, with Student's 95 % interval of the mean over seeds.
    Left of the dotted line the first is better. Thin marks are single seeds; the axis is logarithmic beyond 0.001."""
    chosen = {n: (f"noise_models.{a}", f"noise_models.{b}") for n, (a, b) in NOISE_CLAIMS.items()}
    panels = {name: _gaps(part, chosen, "nll_nats_per_dim") for name, part in _by_sensor(frame).items()}
    return plots.forest(panels, "difference of NLL (nats per dimension)", linear=1e-3)


DENOISER_CLAIMS = {
    "joint training − Noise2Noise alone": ("d_noise2noiseflow", "d_noise2noise"),
    "likelihood alone − Noise2Noise": ("d_likelihood_alone", "d_noise2noise"),
    "weighted − plain Noise2Noise": ("d_weighted_noise2noise", "d_noise2noise"),
    "likelihood alone − weighted Noise2Noise": ("d_likelihood_alone", "d_weighted_noise2noise"),
    "Noise2Noise − clean images": ("d_noise2noise", "d_supervised"),
    "drawn noise − real noise": ("d_synthesized", "d_supervised"),
}


def denoisers(frame: pd.DataFrame) -> plots.Figure:
    """Differences of PSNR on held-out frames, first minus second, with Student's 95 % interval of the mean over seeds.
    Right of the dotted line the first is better. Thin marks are single seeds."""
    chosen = {n: (f"denoisers.{a}", f"denoisers.{b}") for n, (a, b) in DENOISER_CLAIMS.items()}
    panels = {name: _gaps(part, chosen, "psnr_db") for name, part in _by_sensor(frame).items()}
    return plots.forest(panels, "difference of PSNR (dB)")


def architecture(frame: pd.DataFrame) -> plots.Figure:
    """PSNR on held-out frames less that of DnCNN with Noise Flow, with Student's 95 % interval of the mean over seeds.
    Right of the dotted line a variant is better. Thin marks are single seeds."""
    names = ("unet_noise_flow", "unet_nlf_flow", "dncnn_nlf_flow", "from_scratch", "default_start", "batch_statistics")
    rows = _gaps(frame, _against("denoisers", "dncnn_noise_flow", names), "psnr_db")
    return plots.forest({"simulated GP and S6": rows}, "difference of PSNR (dB)")


def single_images(frame: pd.DataFrame) -> plots.Figure:
    """PSNR on held-out frames less that of training on pairs, with Student's 95 % interval of the mean over seeds.
    Right of the dotted line a variant is better than pairs. Thin marks are single seeds."""
    names = ("supervised", "r2r_signal", "r2r_alpha_one", "r2r", "r2r_half", "r2r_double")
    rows = _gaps(frame, _against("denoisers", "noise2noise_flow", names), "psnr_db")
    return plots.forest({"simulated GP and S6": rows}, "difference of PSNR (dB)")


def failures(frame: pd.DataFrame) -> plots.Figure:
    """KL above its floor in the worst twentieth of all held-out patches: mean over seeds with the least and the
    greatest value. The black bar is what the same choice gives when the real noise is drawn from the model itself, so
    that all of it is chance. The axis is logarithmic."""
    names = [c.split(".")[1] for c in frame if c.endswith(".excess_kl_nats")]
    panels = {}
    for title, part in _by_sensor(frame).items():
        found = {n: part[f"failures.{n}.excess_kl_nats"] for n in names}
        chance = {n: float(part[f"failures.{n}.by_chance_nats"].mean()) for n in names}
        panels[title] = {n: (v.mean(), v.min(), v.max(), chance[n]) for n, v in found.items()}
    return plots.ranges(panels, "KL above its floor (nats)", log=True)


CAMERAS = {
    "acsn_scmos_tirf_200hz": "scientific CMOS camera, one scene",
    "nikon_d7000_iso100_flats_000": "Nikon D7000, flat fields",
    "emva_bright_00": "Basler CCD, flat fields",
}
"""Name of a run's first burst -> the camera; a burst without an entry is simulated."""


def own_cameras(frame: pd.DataFrame) -> plots.Figure:
    """NLL of Noise Flow less that of photon transfer on held-out rows or exposures, one camera a line, each with its
    paired 95 % interval. Left of the dotted line the flow is better. The axis is logarithmic beyond 0.0001."""
    found = {}
    for row in map(unflatten, frame.to_dict("records")):
        burst = json.loads(row["provenance"]["data"])[0]["name"]
        gain = row["gain_over_photon_transfer_nats_per_dim"]["noise_flow"]
        name = CAMERAS.get(burst, f"simulated sensor {row['provenance']['seed'] + 1}")
        found[name] = (gain["mean"], *gain["interval"], (), reading(*gain["interval"]))
    title, unit = "Noise Flow − photon transfer", "difference of NLL (nats per dimension)"
    figure = plots.forest({title: found}, unit, linear=1e-4)
    figure.axes[0].set_xticks([-1e-1, -1e-2, -1e-3, 0, 1e-3, 1e-2], ["−0.1", "−0.01", "−0.001", "0", "0.001", "0.01"])
    figure.axes[0].minorticks_off()
    return figure
