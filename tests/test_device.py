"""Every device that this machine has gives what the CPU gives: densities, samples, training, batches and scores.

The CPU is always one of the devices. There, the same tests compare with float64.
"""

import copy
import itertools
import warnings
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from cases.training import LOSS, config, models, pairs, weights
from torch import nn

from n2nf_core import evaluation, metrics, tiles
from n2nf_core.baselines import camera_nlf
from n2nf_core.bursts import Burst
from n2nf_core.denoisers import DnCNN
from n2nf_core.export import CameraNoise
from n2nf_core.flow import nlf_flow, noise_flow, sensor_flow
from n2nf_core.losses import OfManyFrames, Reshaped, joint_loss, r2r, weighted_denoiser_loss
from n2nf_core.losses.reshaped import Law, Reshaping
from n2nf_core.metrics import divergence
from n2nf_core.pairs import PatchPairs, Reading, Sampling, frame_buffers
from n2nf_core.pairs.frame_buffers import DeviceBuffer, HostBuffer, Places
from n2nf_core.training import CompileWarning, GraphWarning, fit

DEVICES = ["cpu"]
DEVICES += ["cuda"] if torch.cuda.is_available() else []
DEVICES += ["mps"] if torch.backends.mps.is_available() else []

VALUE = 5e-5  # of the largest value: float32 through seventeen layers
GRADIENT = 2e-4  # of the largest gradient of a parameter
EXACT = 1e-7  # training in float64: Adam makes steps of 1e-3 of gradients that are hardly more than rounding
SINGLE = 1e-3  # mean losses of a training in float32

CAMERAS, ISOS = ("GP", "S6"), (100, 800, 3200)
FLOWS = {"noise_flow": noise_flow, "nlf_flow": nlf_flow, "sensor_flow": sensor_flow}


@pytest.fixture(params=DEVICES)
def device(request):
    """A device, with a compiler's and a library's shortcuts as they are by default."""
    return torch.device(request.param)


@pytest.fixture
def exact(device):
    """A device that has float64."""
    if device.type == "mps":
        pytest.skip("MPS has no float64")
    return device


def perturbed(build):
    torch.manual_seed(3)
    flow = build(CAMERAS, ISOS)
    for name, parameter in flow.named_parameters():
        parameter.data += (0.5 if name.endswith("scale") else 0.1) * torch.randn_like(parameter)
    return flow


def patches(flow, count=6, height=17, width=12):
    generator = torch.Generator().manual_seed(5)
    clean = torch.rand(count, 4, height, width, generator=generator)
    noise = 0.1 * torch.randn(clean.shape, generator=generator)
    return noise, flow.context(clean, [CAMERAS[k % 2] for k in range(count)], [100.0 + 500 * k for k in range(count)])


def relative(found, true):
    """The largest difference as a share of the largest value."""
    return float((found.cpu().double() - true).abs().max() / true.abs().max())


@pytest.mark.parametrize("name", FLOWS)
def test_likelihood_and_its_gradients(device, name):
    flow = perturbed(FLOWS[name])
    noise, context = patches(flow)
    found, true = {}, {}
    for model, where, kind, values in ((flow, device, torch.float32, found), (flow, "cpu", torch.float64, true)):
        model = copy.deepcopy(model).to(where, kind)
        leaf = noise.to(where, kind, copy=True).requires_grad_()
        density = model.log_prob(leaf, context.to(where, kind))
        (density.mean() / noise[0].numel()).backward()
        values |= {"density": density.detach(), "noise": leaf.grad}
        values |= {name: parameter.grad for name, parameter in model.named_parameters()}
    assert found["density"].device.type == device.type
    assert relative(found.pop("density"), true.pop("density")) < VALUE
    errors = {name: relative(found[name], true[name]) for name in true}
    assert {name: error for name, error in errors.items() if error > GRADIENT} == {}


@pytest.mark.parametrize("name", FLOWS)
def test_a_sample_is_the_inverse_of_its_latents(device, name):
    flow = perturbed(FLOWS[name])
    noise, context = patches(flow)
    exact = copy.deepcopy(flow).double().bijection.inverse(10 * noise.double(), context.to(torch.float64))
    flow, context = flow.to(device), context.to(device)
    with torch.no_grad():
        assert relative(flow.bijection.inverse(10 * noise.to(device), context), exact) < VALUE
        drawn = [flow.sample(context, generator=torch.Generator(device).manual_seed(1)) for _ in range(2)]
        assert torch.equal(*drawn) and drawn[0].device.type == device.type
        latents = flow(drawn[0], context)[0].cpu().flatten()
    assert abs(float(latents.mean())) < 5 / len(latents) ** 0.5  # standard errors
    assert abs(float(latents.var()) - 1) < 5 * (2 / len(latents)) ** 0.5


def test_a_gaussian_model(device):
    model = camera_nlf(CAMERAS)
    noise, context = patches(model)
    true = model.log_prob(noise, context).double()
    if device.type == "mps":
        pytest.skip("the table of a Gaussian model is in float64")
    assert relative(model.to(device).log_prob(noise.to(device), context.to(device)), true) < VALUE


class Exact:
    """The training pairs in float64: rounding then says nothing about whether two ways are the same."""

    fingerprint = pairs().fingerprint

    def __init__(self, end=10**9):
        self.end = end

    def batches(self, step, *where):
        for batch in itertools.islice(pairs().batches(step, *where), max(self.end - step, 0)):
            yield batch.to(torch.float64)


def trained(folder, options, loss=LOSS, source=None, norm=nn.BatchNorm2d):
    both = [model.double() for model in models(norm=norm)]
    result = fit(*both, source or Exact(), options, folder, loss=loss)
    return weights(*both), result


def test_training_is_that_of_the_cpu(exact, tmp_path):
    there, found = trained(tmp_path / "there", config(device=exact.type, clip_norm=1.0))
    here, known = trained(tmp_path / "here", config(clip_norm=1.0))
    torch.testing.assert_close(there, here, atol=EXACT, rtol=EXACT)
    for row, other in zip(found.history, known.history, strict=True):
        assert row["mse"] == pytest.approx(other["mse"], rel=1e-8)


def test_a_recorded_step_is_the_step(exact, tmp_path):
    """Over two losses, with their own recordings, and a falling rate."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", GraphWarning)
        recorded, _ = trained(tmp_path / "recorded", config(40, pretrain_steps=20, device=exact.type))
    eager, _ = trained(tmp_path / "eager", config(40, pretrain_steps=20, device=exact.type, cuda_graph=False))
    torch.testing.assert_close(recorded, eager, atol=EXACT, rtol=EXACT)


def test_a_recorded_step_with_the_fused_flow_is_the_step(device, tmp_path):
    histories = []
    for recorded in (True, False):
        options = config(40, pretrain_steps=8, device=device.type, cuda_graph=recorded, clip_norm=1.0)
        result = fit(*models(norm=nn.Identity), pairs(), options, tmp_path / str(recorded), loss=LOSS)
        histories.append(result.history[2:])  # before, the denoiser alone
    for row, other in zip(*histories, strict=True):
        assert row["mse"] == pytest.approx(other["mse"], rel=SINGLE)
        assert row["nll_nats_per_dim"] == pytest.approx(other["nll_nats_per_dim"], rel=SINGLE, abs=SINGLE)


def test_a_step_that_cannot_be_recorded_runs_as_it_is(exact, tmp_path):
    def looks(denoiser, noise_model, pair):
        terms = LOSS(denoiser, noise_model, pair)
        return terms._replace(mse=torch.full_like(terms.mse.detach(), float(terms.mse)))  # waits for the device

    options = config(12, pretrain_steps=0, device=exact.type)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always", GraphWarning)
        found, _ = trained(tmp_path / "looks", options, looks)
    assert [w.category for w in told if w.category is GraphWarning] == [GraphWarning] * (exact.type == "cuda")
    plain, _ = trained(tmp_path / "plain", replace(options, cuda_graph=False))
    torch.testing.assert_close(found, plain, atol=EXACT, rtol=EXACT)


def test_an_interrupted_run_goes_on_as_if_it_had_not_been(exact, tmp_path):
    """With a loss that draws random numbers on the device: they come from the checkpoint too."""
    options, loss = config(device=exact.type), partial(r2r, mse_weight=100.0)
    whole, _ = trained(tmp_path / "whole", options, loss)
    with pytest.raises(ValueError, match="ended after 19"):
        trained(tmp_path / "broken", options, loss, Exact(19))
    torch.manual_seed(99)
    again, _ = trained(tmp_path / "broken", options, loss)
    torch.testing.assert_close(again, whole, atol=EXACT, rtol=EXACT)


def test_a_recorded_step_with_a_reshaped_residual_is_the_step(exact, tmp_path):
    """The leave-one-out contrast, with the tables of its map on the device; the reference stands for the mean."""
    law = Law((0.05, 0.06, 0.07), (0.2, 0.1, 0.0), (0.5, 0.2, 0.1))
    setting = Reshaping(0, 800.0, (0.1, 0.5, 0.9), law, law._replace(skewness=(0.1, 0.05, 0.0)), denoised_share=0.5)
    loss = partial(joint_loss, mse_weight=100.0, noise_term=Reshaped(OfManyFrames(4), (setting,)))
    with warnings.catch_warnings():
        warnings.simplefilter("error", GraphWarning)
        found, _ = trained(tmp_path / "there", config(device=exact.type), loss)
    known, _ = trained(tmp_path / "here", config(), loss)
    torch.testing.assert_close(found, known, atol=EXACT, rtol=EXACT)


def test_a_model_that_a_loss_holds_is_where_training_is(exact, tmp_path):
    """Photon transfer, which weights the squared errors; as a recorded step too."""
    loss = partial(weighted_denoiser_loss, known=camera_nlf(["S6"]))
    with warnings.catch_warnings():
        warnings.simplefilter("error", GraphWarning)
        found, _ = trained(tmp_path / "there", config(device=exact.type), loss)
    known, _ = trained(tmp_path / "here", config(), loss)
    torch.testing.assert_close(found, known, atol=EXACT, rtol=EXACT)


def test_a_cameras_noise_on_images_that_are_there(device):
    model = camera_nlf(CAMERAS)
    augment = CameraNoise(model, iso=100.0, cameras=["S6"]).to(device)
    image = torch.full((6, 3, 64, 64), 0.25, device=device)
    drawn = [augment(image, torch.Generator(device).manual_seed(1)) for _ in range(2)]
    assert torch.equal(*drawn) and drawn[0].device.type == device.type
    shot, read = model.nlf()["S6"][100.0]
    red = (drawn[0] - image)[:, 0, 0::2, 0::2].cpu()
    assert abs(float(red.var()) / (0.25 * shot + read) - 1) < 5 * (2 / red.numel()) ** 0.5  # standard errors


def test_bfloat16_and_a_compiled_denoiser_learn_too(device, tmp_path):
    if device.type == "cpu":
        pytest.skip("tests/training/test_step.py compiles for the CPU")
    options = config(300, pretrain_steps=50, device=device.type, precision="bf16-mixed", compile=True, noise_lr=0.05)
    denoiser, flow = models(nlf_flow)
    with warnings.catch_warnings():
        warnings.simplefilter("error", CompileWarning)
        result = fit(denoiser, flow, pairs(), options, tmp_path, loss=LOSS)
    shot, read = flow.nlf()["S6"][800.0]
    assert abs(shot * 0.5 + read - 0.05**2) < 0.1 * 0.05**2  # in float32 on a CPU it is 0.025 after these steps
    assert result.history[-1]["psnr_db"] > result.history[0]["psnr_db"]


@pytest.mark.parametrize("dtype", [np.uint16, np.float32])
def test_a_buffer_on_the_device_cuts_the_patches_of_the_host(device, dtype):
    rng = np.random.default_rng(0)
    frames = [rng.integers(0, 65536, (4, h, w)).astype(dtype) for h, w in ((20, 31), (16, 18), (40, 12))]
    slots = [frame.size for frame in frames]
    buffers = HostBuffer(slots, np.dtype(dtype)), DeviceBuffer(slots, np.dtype(dtype), device)
    for buffer in buffers:
        for slot, frame in enumerate(frames):
            buffer.put(slot, slot, buffer.ready(frame))
    which = rng.integers(0, 3, 50)
    height, width = np.array([frame.shape[1:] for frame in frames])[which].T
    top, left = rng.integers(0, height - 8), rng.integers(0, width - 8)
    places = Places(buffers[0].start[which], height, width, top, left, *rng.integers(0, 2, (2, 50)))
    host, there = (buffer.cut(places, 8) for buffer in buffers)
    assert there.device.type == device.type and there.dtype == torch.float32
    assert torch.equal(there.cpu(), torch.as_tensor(host))


@pytest.mark.parametrize("cache_bytes", [1 << 20, 40_000], ids=["resident", "streamed"])
def test_batches_do_not_depend_on_the_device(device, cache_bytes, monkeypatch):
    """uint16 frames, with their references, read ahead in threads."""
    rng = np.random.default_rng(1)
    bursts = [
        Burst(
            rng.integers(500, 16000, (3, 4, 24, 20 + k)).astype(np.uint16), 512.0, 16383.0, "RGGB", camera, 400.0,
            f"scene {k}", clean=rng.random((4, 24, 20 + k), np.float32),
        )
        for k, camera in enumerate(("GP", "S6", "GP", "S6"))
    ]  # fmt: skip
    how = Sampling(patch=8, batch=12, frame_pairs=4, lag=2), Reading(cache_bytes, workers=2)
    make = partial(PatchPairs, bursts, CAMERAS, *how)
    here = list(itertools.islice(make().batches(3, "cpu"), 30))
    if device.type == "cpu":
        monkeypatch.setattr(frame_buffers, "buffer", DeviceBuffer)
    there = list(itertools.islice(make().batches(3, device), 30))
    for mine, other in zip(here, there, strict=True):
        for field, same in zip(mine, other, strict=True):
            assert same.device.type == device.type
            torch.testing.assert_close(same.cpu(), field, atol=1e-6, rtol=0)


def test_histograms_are_counted_alike(device, monkeypatch):
    monkeypatch.setattr(divergence, "AT_A_TIME", 5000)  # several parts
    noise = 0.05 * torch.randn(2, 40, 4, 16, 16, generator=torch.manual_seed(0))
    noise[0, :, 0, 0] = torch.arange(16) / divergence.PER_UNIT - 0.02  # values on edges of bins
    real, model = noise.unbind()
    there = [values.to(device) for values in noise]
    torch.testing.assert_close(metrics.marginal_kl(*there).cpu(), metrics.marginal_kl(real, model), atol=2e-6, rtol=0)
    counts = divergence._on_device(there[0].flatten(1))
    assert torch.equal(counts.cpu(), divergence._counts(real))
    with pytest.raises(ValueError, match="not finite"):
        metrics.marginal_kl(there[0], there[1] / 0)


def test_scores_of_a_noise_model(device):
    flow = perturbed(noise_flow)
    noise, context = patches(flow, 64, 16, 16)
    names = [CAMERAS[k] for k in context.camera.tolist()]
    held = evaluation.HeldOut(noise, context.clean, names, context.iso.clamp(100, 3200).tolist(), torch.arange(64))
    here = evaluation.score_noise_models({"flow": flow}, held)["flow"]
    there = evaluation.score_noise_models({"flow": flow.to(device)}, held.to(device))["flow"]
    assert there["nll_nats_per_dim"] == pytest.approx(here["nll_nats_per_dim"], rel=VALUE)
    low, high = here["kl_nats_interval"]
    assert abs(there["kl_nats"] - here["kl_nats"]) <= high - low  # other random numbers


def test_a_denoised_frame(device):
    torch.manual_seed(0)
    network = DnCNN(layers=4, features=8, norm=nn.Identity).eval()
    frame = torch.rand(1, 4, 70, 50)
    true = copy.deepcopy(network).double()(frame.double()).detach()
    found = tiles.denoise(network.to(device), frame.to(device), tile=32)
    assert relative(found, true) < 2e-3  # convolutions of a GPU round to ten bits by default
