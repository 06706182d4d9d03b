"""Numbers in the README are those of the committed results, and the results say where they came from."""

import json
from pathlib import Path

import pytest

from n2nf_core.plots import label

ROOT = Path(__file__).parents[1]
RESULTS = sorted((ROOT / "results").glob("*.json"))


def with_interval(row, key, digits):
    low, high = row[f"{key}_interval"]
    return f"{row[key]:.{digits}f} [{low:.{digits}f}, {high:.{digits}f}]"


def noise_table(content) -> str:
    rows = content["noise_models"]
    known = all("regret_nats_per_dim" in row for row in rows.values())
    lines = [f"| noise model | NLL (nats/dim) | KL, floor (nats) |{' regret (nats/dim) |' if known else ''}"]
    lines.append("|---|---|---|" + ("---|" if known else ""))
    for name, row in rows.items():
        line = f"| {label(name)} | {with_interval(row, 'nll_nats_per_dim', 3)} "
        line += f"| {row['kl_nats']:.4f}, {row['kl_floor_nats']:.4f} |"
        lines.append(line + (f" {with_interval(row, 'regret_nats_per_dim', 5)} |" if known else ""))
    return "\n".join(lines)


def gap_table(content) -> str:
    """Paired differences, where a notebook took a model away for them; empty for the others."""
    gaps = content.get("gain_over_photon_transfer_nats_per_dim", {})
    lines = ["| less photon transfer | NLL (nats/dim) |", "|---|---|"]
    for name, gap in gaps.items():
        low, high = gap["interval"]
        lines.append(f"| {label(name)} | {gap['mean']:+.5f} [{low:+.5f}, {high:+.5f}] |")
    return "\n".join(lines) if gaps else ""


def denoiser_table(content) -> str:
    lines = ["| denoiser | PSNR (dB) | SSIM |", "|---|---|---|"]
    for name, row in content["denoisers"].items():
        lines.append(f"| {label(name)} | {with_interval(row, 'psnr_db', 2)} | {row['ssim']:.3f} |")
    return "\n".join(lines)


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_tables_in_the_readme_of_results_are_read_not_retyped(path):
    content = json.loads(path.read_text())
    text = (ROOT / "results/README.md").read_text()
    for table in (noise_table(content), gap_table(content), denoiser_table(content)):
        assert table in text, f"results/README.md should hold, for {path.name}:\n\n{table}"


@pytest.mark.parametrize("path", RESULTS, ids=lambda p: p.stem)
def test_results_say_what_made_them(path):
    block = json.loads(path.read_text())["provenance"]
    known = ("n2nf run notebooks/", "python -m n2nf_core.runner notebooks/")  # now, and before the modules moved
    assert block["profile"] in ("cpu", "gpu") and block["command"].startswith(known)
    assert len(block["commit"]) == 40, "made from a working tree with changes"
    assert block["data"] and block["packages"]["torch"]
