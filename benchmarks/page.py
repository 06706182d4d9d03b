"""The tables of benchmarks/README.md from the committed runs: python -m benchmarks.page"""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import authors, choices, company, fuzz, time_to_quality, time_to_regret, truth_page

HERE = Path(__file__).parent
CPU_PROFILE_STEPS = 2500 + 5 * 800  # 00_start_here: pre-training, four joint trainings, Noise2Noise
GPU_PROFILE_STEPS, GPU_PROFILE_BATCH = 20_000 + 5 * 20_000, 138


def speed(bench: dict) -> str:
    """One row per case and way."""
    lines = ["| case | way | rate | times the plain way (range) | share of ceiling |", "|---|---|---|---|---|"]
    for row in bench["rows"]:
        share = f"{row['share_of_conv_ceiling']:.0%}" if "share_of_conv_ceiling" in row else ""
        span = f"{row['ratio']:.2f} ({row['lowest_ratio']:.2f} to {row['highest_ratio']:.2f})"
        lines.append(f"| {row['case']} | {row['way']} | {row['rate']:.3g} {row['unit']} | {span} | {share} |")
    return "\n".join(lines)


def growth(bench: dict) -> str:
    """One row per line that was fitted."""
    lines = ["| cost | against | slope | start | linearity |", "|---|---|---|---|---|"]
    for row in bench["growth"]:
        lines.append(
            f"| {row['name']} | {row['unit']}, {row['sizes'][0]:g} to {row['sizes'][-1]:g} | "
            f"{1e3 * row['slope_seconds']:.3g} ms | {1e3 * row['start_seconds']:.3g} ms | {row['linearity']:.3f} |"
        )
    lines += ["", "| memory beyond the result, MB | " + " | ".join(f"{x:.0f} MB frame" for x in _frames(bench)) + " |"]
    lines.append("|---" * (1 + len(_frames(bench))) + "|")
    for row in bench["memory"]:
        lines.append(f"| {row['name']} | " + " | ".join(f"{x:.0f}" for x in row["beyond_result_megabytes"]) + " |")
    return "\n".join(lines)


def _frames(bench: dict) -> list[float]:
    return bench["memory"][0]["frame_megabytes"]


def data(bench: dict) -> str:
    """One row per measurement of the data path."""
    lines = ["| data path | value | ratio | against |", "|---|---|---|---|"]
    lines += [
        f"| {r['name']} | {r['value']:.3g} {r['unit']} | {r['ratio']:.2f} | {r['reference']} |" for r in bench["data"]
    ]
    return "\n".join(lines)


def quality(found: dict) -> str:
    """Fast minus reference, per setting."""
    lines = ["| setting, figure | mean difference | largest | limit |", "|---|---|---|---|"]
    for name, row in found["summary"].items():
        lines.append(f"| {name} | {row['mean_difference']:+.2g} | {row['largest']:.2g} | {row['limit']} |")
    return "\n".join(lines)


def memory(found: dict) -> str:
    """One row per large burst and step."""
    lines = [
        "| burst | step | file, MB | peak, MB | seconds | ms per megapixel and frame |",
        "|---|---|---|---|---|---|",
    ]
    for row in found["rows"]:
        lines.append(
            f"| {row['case']} | {row['step']} | {row['file_megabytes']:.0f} | {row['peak_megabytes']:.0f} | "
            f"{row['seconds']:.1f} | {1e3 * row['seconds_per_megapixel_frame']:.0f} |"
        )
    return "\n".join(lines)


def plans(bench: dict) -> str:
    """What a run takes: measured here, or computed from a rate that is named."""

    def rate(case: str) -> float:
        return next(r["rate"] for r in bench["rows"] if r["case"].startswith(case) and r["way"] == "bfloat16")

    small, paper = rate("joint step, cpu profile"), rate("joint step, paper")
    cpu = CPU_PROFILE_STEPS * 64 / small / 60
    epoch, study = bench["epoch_seconds"] / 60, GPU_PROFILE_STEPS * 2 * GPU_PROFILE_BATCH / paper / 86_400
    return "\n".join(
        [
            "| run | on these two cores | how obtained |",
            "|---|---|---|",
            f"| `make demo PROFILE=cpu`, training alone | {cpu:.0f} min | {CPU_PROFILE_STEPS} steps of 64 images at "
            f"the joint step's {small:.0f} images/s; steps of the denoiser alone take less |",
            f"| an epoch of the paper, 162,288 pairs | {epoch:.0f} min | at {paper:.0f} images/s |",
            f"| `make demo PROFILE=gpu`, training alone | {study:.1f} days | {GPU_PROFILE_STEPS} steps of "
            f"{2 * GPU_PROFILE_BATCH} images at {paper:.0f} images/s: take a GPU |",
        ]
    )


KEPT = {
    "choices.json": {"What training chooses": choices.table},
    "company.json": {"In company": company.table},
    "authors.json": {"Beside the authors' code": authors.table},
    "time_to_quality.json": {"Quality against time": time_to_quality.table},
    "time_to_regret.json": {"Regret against time": time_to_regret.table},
    "fuzz.json": {"Damaged files": fuzz.table},
    "worlds.json": {
        "Regret on worlds of known density": truth_page.worlds,
        "Who reaches no regret": truth_page.reach,
        "Recovered numbers": truth_page.recovered,
    },
    "worlds_terms.json": {"Which term is best": truth_page.worlds},
    "acsn.json": {"A real sCMOS sensor": truth_page.camera},
    "real.json": {"Recommendations for real sensors": truth_page.rests_on, "NLL on real sensors": truth_page.real},
}


def tables() -> dict[str, str]:
    """Every table, by the heading it stands under; those of a run that is not committed are left out."""
    bench = json.loads((HERE / "bench.json").read_text())
    found = {"Computed times": plans(bench), "Speed": speed(bench), "Growth": growth(bench), "Data": data(bench)}
    if (HERE / "quality.json").exists():
        found["Quality"] = quality(json.loads((HERE / "quality.json").read_text()))
    for file, rows in KEPT.items():
        if (HERE / file).exists():
            found |= {heading: table(json.loads((HERE / file).read_text())) for heading, table in rows.items()}
    if (HERE / "memory.json").exists():
        found["Memory"] = memory(json.loads((HERE / "memory.json").read_text()))
    return found


if __name__ == "__main__":
    for heading, table in tables().items():
        print(f"## {heading}\n\n{table}\n")
