"""The script that fits the lab's models, and the models that it left in the repository."""

import json
import sys

import fit_lab_models
import pytest
import torch

from n2nf_core.baselines import GaussianNoise
from n2nf_core.cameras import NLF
from n2nf_core.flow import NoiseFlow, noise_flow
from n2nf_core.widgets import lab, weights


def test_the_script_writes_models_and_where_they_came_from(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(fit_lab_models, "PHONES", ("IP",))
    monkeypatch.setattr(fit_lab_models, "LAWS", {"banded": fit_lab_models.LAWS["banded"]})
    monkeypatch.setattr(fit_lab_models, "ISOS", (400.0,))
    monkeypatch.setattr(fit_lab_models, "STEPS", {"nlf_flow": 2, "noise_flow": 2})
    monkeypatch.setattr(sys, "argv", ["fit_lab_models.py", str(tmp_path)])
    fit_lab_models.main()
    models = weights.load((tmp_path / "lab.safetensors").read_bytes())
    kinds = ["awgn", "photon_transfer", "nlf_flow", "noise_flow"]
    assert list(models) == [f"{group}/{kind}" for group in ("phones", "banded") for kind in kinds]
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


def test_models_come_back_from_the_buffer():
    torch.manual_seed(0)
    model = noise_flow(["A", "B"], {"A": [100, 400], "B": [50]})
    table = {"C": {100.0: NLF(1e-3, 1e-6), 800.0: NLF(0.0, 1e-4)}}
    found = weights.load(weights.dump({"flow": model, "table": lab.camera_nlf(["S6"])}))
    assert isinstance(found["flow"], NoiseFlow) and found["flow"].knots.isos == model.knots.isos
    for key, tensor in model.state_dict().items():
        assert torch.equal(found["flow"].state_dict()[key], tensor), key
    again = weights.load(weights.dump({"table": GaussianNoise(table)}))["table"].nlf()["C"]
    assert again[100.0] == pytest.approx(table["C"][100.0]) and again[800.0].read == pytest.approx(1e-4)


def test_a_flow_of_another_shape_is_refused():
    with pytest.raises(ValueError, match="4 channels and 4 steps"):
        weights.dump({"small": noise_flow(["A"], [100], steps=2)})
