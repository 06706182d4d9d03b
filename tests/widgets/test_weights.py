"""Models as one buffer: they come back, and what a page cannot run is refused."""

import pytest
import torch

from n2nf_core.baselines import GaussianNoise
from n2nf_core.cameras import NLF
from n2nf_core.flow import NoiseFlow, noise_flow
from n2nf_core.widgets import lab, weights


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
    with pytest.raises(ValueError, match="noise_flow of the default sizes only"):
        weights.dump({"small": noise_flow(["A"], [100], steps=2)})
