"""The script that fits the lab's models, and the models that it left in the repository."""

import json
import sys

import fit_lab_models

from n2nf_core.widgets import lab, weights


def test_the_script_writes_models_and_where_they_came_from(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fit_lab_models, "PHONES", ("IP",))
    monkeypatch.setattr(fit_lab_models, "LAWS", {"banded": fit_lab_models.LAWS["banded"]})
    monkeypatch.setattr(fit_lab_models, "ISOS", (400.0,))
    monkeypatch.setattr(fit_lab_models, "STEPS", {"nlf_flow": 2, "noise_flow": 2, "sensor_flow": 2})
    monkeypatch.setattr(sys, "argv", ["fit_lab_models.py", str(tmp_path)])
    fit_lab_models.main()
    models = weights.load((tmp_path / "lab.safetensors").read_bytes())
    kinds = ["awgn", "photon_transfer", "nlf_flow", "noise_flow", "sensor_flow"]
    assert list(models) == [f"{group}/{kind}" for group in ("phones", "banded", "telegraph") for kind in kinds]
    assert models["banded/noise_flow"].knots.isos == {"banded": (400.0,)}
    content = json.loads((tmp_path / "lab.json").read_text())
    assert content["provenance"]["steps"]["phones/nlf_flow"] == 2
    assert all(-6 < row["nll_nats_per_dim"] < -1 for row in content["noise_models"]["banded"].values())


def test_the_committed_models_say_what_made_them():
    content = json.loads((lab.HERE / "lab.json").read_text())
    assert len(content["provenance"]["commit"]) == 40, "made from a working tree with changes"
    fitted = weights.load((lab.HERE / "lab.safetensors").read_bytes())
    assert set(fitted) == {f"{g}/{kind}" for g, kinds in content["noise_models"].items() for kind in kinds}
    banded = {kind: row["nll_nats_per_dim"] for kind, row in content["noise_models"]["banded"].items()}
    assert banded["noise_flow"] < banded["nlf_flow"] - 0.03 and banded["nlf_flow"] < banded["awgn"]
