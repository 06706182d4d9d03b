"""A step in bfloat16 and compiled is the step."""

import shutil
import warnings
from functools import partial

import pytest
import torch
from cases.training import LOSS, config, models, pairs, weights
from torch import nn

from n2nf_core.baselines import camera_nlf
from n2nf_core.losses import joint_loss, weighted_denoiser_loss
from n2nf_core.training import CompileWarning, constant, fit
from n2nf_core.training.step import on_device


def test_bfloat16_trains_the_denoiser_and_keeps_the_flow_in_float32(tmp_path):
    denoiser, flow = models()
    seen = []
    flow.register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0].dtype))
    fit(denoiser, flow, pairs(), config(precision="bf16-mixed"), tmp_path, loss=LOSS)
    assert set(seen) == {torch.float32}
    assert weights(denoiser, flow).isfinite().all()


@pytest.mark.skipif(not shutil.which("g++"), reason="torch.compile needs a C++ compiler on the CPU")
def test_compiled_training_is_training_and_a_patch_size_compiles_once(tmp_path):
    torch._dynamo.reset()
    torch._dynamo.utils.counters.clear()

    class Sizes:
        """Patches of three sizes, in turns."""

        def __iter__(self):
            for number, batch in enumerate(pairs()):
                side = (16, 12, 10)[number % 3]
                cut = (None if f is None else f[..., :side, :side] if f.dim() == 4 else f for f in batch)
                yield type(batch)(*cut)

    trained, graphs = {}, {}
    for name, steps, compile in (("eager", 6, False), ("two sizes", 2, True), ("compiled", 6, True)):
        trained[name] = models(norm=nn.Identity)
        options = config(steps, pretrain_steps=0, compile=compile)
        with warnings.catch_warnings():
            warnings.simplefilter("error", CompileWarning)
            fit(*trained[name], Sizes(), options, tmp_path / name, loss=LOSS, schedule=constant)
        graphs[name] = torch._dynamo.utils.counters["stats"]["unique_graphs"]
        torch._dynamo.reset()
        torch._dynamo.utils.counters.clear()
    assert graphs == {"eager": 0, "two sizes": 2, "compiled": 3}
    torch.testing.assert_close(weights(*trained["compiled"]), weights(*trained["eager"]), atol=1e-4, rtol=1e-3)


def test_without_a_compiler_training_goes_on_and_says_so(tmp_path, monkeypatch):
    from torch._inductor import config as inductor

    torch._dynamo.reset()
    monkeypatch.setattr(inductor.cpp, "cxx", ("/nonexistent/g++",))
    plain, fallen = models(norm=nn.Identity), models(norm=nn.Identity)
    fit(*plain, pairs(), config(12), tmp_path / "plain", loss=LOSS)
    with pytest.warns(CompileWarning, match="torch.compile failed, training goes on without it"):
        fit(*fallen, pairs(), config(12, compile=True), tmp_path / "fallen", loss=LOSS)
    assert torch.equal(weights(*fallen), weights(*plain))


def test_modules_in_a_loss_are_copied_to_the_device_however_deep_they_are():
    known = camera_nlf(["S6"])
    loss = partial(partial(joint_loss, noise_term=partial(weighted_denoiser_loss, known=known)), mse_weight=1.0)
    there = on_device(loss, torch.device("meta"))
    assert (there.func, there.keywords["mse_weight"]) == (joint_loss, 1.0)
    assert there.keywords["noise_term"].keywords["known"].log_nlf.device.type == "meta"
    assert known.log_nlf.device.type == "cpu"
    assert on_device(joint_loss, torch.device("meta")) is joint_loss
