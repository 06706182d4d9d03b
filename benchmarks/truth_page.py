"""Tables of noise that is known: regret on worlds, recovered numbers, and NLL on real sensors; for benchmarks.page."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from n2nf_core.study.tables.readings import reading, student_interval

TERMS = ("clean", "cross_sample", "rescaled_cross_sample", "pair_difference", "leave_one_out")
TERMS += ("reshaped_pair_difference", "reshaped_leave_one_out", "joint_recommended", "photon_transfer")

HOLDS = {
    "nlf": {"noise_flow": "yes", "sensor_flow": "yes"},
    "rows": {"noise_flow": "no", "sensor_flow": "yes"},
    "telegraph": {"noise_flow": "no", "sensor_flow": "yes"},
    "tails": {"noise_flow": "no", "sensor_flow": "nearly"},
    "photons": {"noise_flow": "no", "sensor_flow": "nearly"},
    "released": {"noise_flow": "yes", "sensor_flow": "yes"},
}
"""Noise of a world -> whether a flow can be its density: "nearly" where a mixture of three Gaussians comes close."""

LIMIT = 0.002
"""Nats per dimension. A regret below it counts as none."""


def interval_over_seeds(values: list[float]) -> tuple[float, float, float]:
    """The mean and the ends of Student's 95 % interval of the mean; infinite ends for a single value."""
    mean, *ends = student_interval(values)
    return (mean, *ends) if len(values) > 1 else (mean, -math.inf, math.inf)


def _groups(found: Mapping) -> dict[str, list[dict]]:
    """Key without the seed -> the rows of all seeds."""
    groups: dict[str, list[dict]] = {}
    for key, row in found["rows"].items():
        groups.setdefault(key.rsplit(", seed", 1)[0], []).append(row)
    return groups


def worlds(found: Mapping) -> str:
    """Mean regret over seeds of every noise term on every world, in thousandths of a nat per dimension."""
    shown = [name for name in TERMS if any(name in row["regret"] for row in found["rows"].values())]
    lines = ["| world | seeds | recommended | " + " | ".join(name.replace("_", " ") for name in shown) + " |"]
    lines.append("|---" * (3 + len(shown)) + "|")
    for key, rows in _groups(found).items():
        cells = []
        for name in shown:
            values = [1000 * row["regret"][name][0] for row in rows if name in row["regret"]]
            cells.append(f"{sum(values) / len(values):.1f}" if values else "")
        choices = ", ".join(sorted({row["recommendation"]["choice"].replace("_", " ") for row in rows}))
        lines.append(f"| {key} | {len(rows)} | {choices} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def reach(found: Mapping) -> str:
    """Which flow should reach no regret on which world, and which one does, with the recommended term."""
    lines = ["| world | seeds | flow | can hold it | regret | at most 2 | regret / photon transfer's | reading |"]
    lines.append("|---" * 8 + "|")
    for key, rows in _groups(found).items():
        noise, scenes, flow = key.split(", ")[:3]
        first, regrets = [row["regret"]["photon_transfer"][0] for row in rows], [_recommended(row) for row in rows]
        mean, low, high = interval_over_seeds([regret for regret, _ in regrets])
        if len(rows) == 1:
            low, high = regrets[0][1]
        logs = [
            math.log(max(regret, 1e-6) / max(other, 1e-6)) for (regret, _), other in zip(regrets, first, strict=True)
        ]
        ratio, *ends = interval_over_seeds(logs)
        met = {"better": "yes", "worse": "no"}.get(reading(low - LIMIT, high - LIMIT), "undecided")
        interval = f"{1000 * mean:.2f} [{1000 * low:.2f}, {1000 * high:.2f}]"
        word = reading(*ends) if len(rows) > 1 else "one seed"
        cells = (f"{noise}, {scenes}", len(rows), flow.replace("_", " "), HOLDS.get(noise, {}).get(flow, ""), interval)
        lines.append("| " + " | ".join(map(str, (*cells, met, _ratio(ratio, ends), word))) + " |")
    return "\n".join(lines)


def _recommended(row: Mapping) -> tuple[float, list[float]]:
    return row["regret"][row["recommendation"]["choice"]]


def _ratio(log: float, ends: Iterable[float]) -> str:
    low, high = ends
    return f"{math.exp(log):.3g}" + ("" if math.isinf(low) else f" [{math.exp(low):.3g}, {math.exp(high):.3g}]")


def recovered(found: Mapping) -> str:
    """What Sensor Flows say of gain, read noise and row noise, over the truth; intervals over settings and seeds."""
    lines = ["| world | values | gain / truth | read / truth | row / truth |", "|---" * 5 + "|"]
    for key, rows in _groups(found).items():
        settings = [ratios for row in rows for ratios in _numbers(row)]
        if not settings:
            continue
        cells = []
        for name in ("gain", "read", "row"):
            logs = [math.log(ratios[name]) for ratios in settings if name in ratios]
            log, *ends = interval_over_seeds(logs) if logs else (0.0, 0.0, 0.0)
            inside = "" if logs and reading(*ends) == "undecided" else " *"
            cells.append(_ratio(log, ends) + inside if logs else "")
        world = ", ".join(key.split(", ")[:2])
        lines.append(f"| {world} | {len(settings)} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _numbers(row: Mapping) -> list[dict[str, float]]:
    return list(row.get("recovered", {}).get(row["recommendation"]["choice"], {}).values())


def camera(found: Mapping) -> str:
    """The choice on training rows, and the NLL on the rows that were not used."""
    lines = ["| what | nats per pixel |", "|---|---|"]
    lines += [f"| last training rows: {name} | {value:.4f} |" for name, value in found["trials"].items()]
    for name, value in found["nll_nats_per_pixel"].items():
        of = f", {found['chosen']}" if name == "sensor_flow" else ""
        lines.append(f"| held-out rows: {name.replace('_', ' ')}{of} | {value:.4f} |")
    return "\n".join(lines)


def rests_on(found: Mapping) -> str:
    """What the recommendation rests on, for every real set."""
    lines = ["| set, frames | rho | skewness | excess kurtosis | recommended | expected regrets, thousandths |"]
    lines.append("|---" * 6 + "|")
    for name, row in found["sets"].items():
        rest = row["recommendation"]
        for setting, means in rest["settings"].items():
            frames = setting.split()[-2]
            values = " | ".join(f"{value:.3f} ± {error:.3f}" for value, error in means.values())
            expected = sorted(rest["expected"].items(), key=lambda item: item[1])
            said = ", ".join(f"{term.replace('_', ' ')} {1000 * value:.1f}" for term, value in expected)
            lines.append(f"| {name}, {frames} | {values} | {rest['choice'].replace('_', ' ')} | {said} |")
    return "\n".join(lines)


def real(found: Mapping) -> str:
    """NLL of every model and term on every real set, and its difference from photon transfer's."""
    lines = ["| set | model, term | uniform NLL | exact NLL | minus photon transfer | reading |", "|---" * 6 + "|"]
    for name, row in found["sets"].items():
        for model, scores in row["models"].items():
            exact = _interval(scores["exact"], scores["exact_interval"]) if "exact" in scores else ""
            gain = _interval(scores["gain"], scores["gain_interval"], "+") if "gain" in scores else ""
            title = model.replace(" ", ", ", 1).replace("_", " ") if "gain" in scores else "photon transfer"
            uniform = _interval(scores["uniform"], scores["uniform_interval"])
            lines.append(f"| {name} | {title} | {uniform} | {exact} | {gain} | {scores.get('reading', '')} |")
    return "\n".join(lines)


def _interval(mean: float, ends: Iterable[float], sign: str = "") -> str:
    low, high = ends
    return f"{mean:{sign}.4f} [{low:{sign}.4f}, {high:{sign}.4f}]"
