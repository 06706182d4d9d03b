"""Your burst without a page: what its buttons do, in threads as in a kernel, on a real file."""

import threading
from itertools import pairwise

import numpy as np
import pytest
import torch

from n2nf_core.flow import NoiseFlow
from n2nf_core.training import PROFILES, Profile
from n2nf_core.widgets import inspection
from n2nf_core.widgets.burst import YourBurst

SIGMAS = 5  # standard errors


@pytest.fixture
def stack(tmp_path):
    """Six frames with photon and read noise, one of which is brighter, and all partly saturated."""
    rng = np.random.default_rng(0)
    clean = 100 + 400 * np.add.outer(np.sin(np.arange(160) / 9) ** 2, np.cos(np.arange(160) / 7) ** 2)
    frames = rng.poisson(clean, (6, 160, 160)) + 4 * rng.standard_normal((6, 160, 160))
    frames[2] = 100 + 1.05 * (frames[2] - 100)
    frames[:, :16] = 2000
    path = tmp_path / "mine.npz"
    np.savez(path, frames=frames.round().clip(0).astype(np.uint16), black=100, white=2000, camera="mine", iso=400)
    return path


@pytest.fixture
def opened(stack, tmp_path):
    burst = YourBurst(stack, output_dir=tmp_path / "runs")
    burst.wait()
    assert (burst.state, burst.error) == ("open", "")
    return burst


def press(widget, act):
    """What the page sends when a button is pressed, by way of the widget's own messages."""
    widget._handle_custom_msg({"act": act}, [])


def test_an_opened_burst_is_shown(opened):
    about = opened.about
    assert (about["scene"], about["camera"], about["iso"], about["frames"]) == ("mine", "mine", 400.0, 6)
    assert about["size"] == [160, 160] and about["levels"] == [100.0, 2000.0]
    assert set(about["pictures"]) == {"first", "second", "difference"}
    drift = np.array(about["drift"])
    assert drift.shape == (4, 6) and (drift[:, 2] - drift[:, 0] > 0.03).all()
    said = "; ".join(about["findings"])
    assert "10.0% of the values are saturated" in said and "the light changes by" in said
    assert about["saturated"] == pytest.approx([0.1] * 6)


def test_photon_transfer_is_that_of_the_core(tmp_path):
    rng = np.random.default_rng(1)
    clean = np.linspace(120, 1500, 160 * 160).reshape(160, 160)
    frames = (rng.poisson(clean - 100, (6, 160, 160)) + 100).astype(np.uint16)  # 1 DN per electron
    path = tmp_path / "ramp.npz"
    np.savez(path, frames=frames, black=100, white=2000, camera="mine", iso=400)
    burst = YourBurst(path)
    burst.wait()
    photon = burst.about["photon"]
    assert abs(photon["shot"] - 1 / 1900) < SIGMAS * photon["shot_error"]
    signal = [x for x, _ in photon["points"]]
    assert len(signal) == inspection.POINTS and all(a <= b for a, b in pairwise(signal))


def test_faults_are_shown_and_leave_what_was_there(opened, tmp_path):
    before = opened.bursts
    opened.path = str(tmp_path / "nothing.npz")
    press(opened, "open")
    opened.wait()
    assert "nothing.npz: no such file or folder" in opened.error
    assert opened.state == "open" and opened.bursts is before
    opened.options = {"iso": "high"}
    opened.load()
    opened.wait()
    assert opened.error == "iso must be a number, got 'high'"
    empty = YourBurst()
    press(empty, "train")
    assert empty.error == "there is no burst to train on: open a burst first"


def test_what_the_form_says_wins_over_the_file(opened):
    opened.options = {"camera": "another", "iso": " 800 ", "black": "", "white": "1900"}
    opened.load()
    opened.wait()
    assert (opened.about["camera"], opened.about["iso"], opened.about["levels"][1]) == ("another", 800.0, 1900.0)


def test_training_runs_in_the_background_and_can_be_stopped_and_gone_on_with(opened, monkeypatch):
    monkeypatch.setitem(PROFILES, "smoke", Profile(4, 64, patch=16, batch=8, features=4, pretrain=3, joint=40))
    seen = threading.Event()
    opened.observe(lambda change: len(change["new"]) >= 5 and (press(opened, "stop"), seen.set()), "rows")
    press(opened, "train")
    assert opened.state == "training" and threading.current_thread() is threading.main_thread()
    opened.load()  # not while it trains
    assert opened.error == "the widget is still training: wait, or stop it first"
    opened.wait()
    opened.unobserve_all("rows")
    stopped = opened.rows[-1]["step"]
    assert seen.is_set() and opened.state == "stopped" and 5 <= stopped < 43
    assert f"step-{stopped:08d}" in opened.note
    press(opened, "train")
    opened.wait()
    steps = [row["step"] for row in opened.rows]
    assert (opened.state, opened.error) == ("trained", "") and steps == list(range(1, 44))
    assert isinstance(opened.noise_model, NoiseFlow) and opened.about["steps"] == 43
    assert all(np.isfinite(row["held_nll_nats_per_dim"]) for row in opened.rows)
    assert opened.rows[-1]["held_psnr_db"] > opened.about["noisy_psnr_db"]
    planes = opened.bursts[0].planes(0)
    assert torch.isfinite(opened.denoiser(planes)).all()


def test_another_burst_trains_in_another_folder(opened):
    from n2nf_core.widgets.burst_training import Training

    first = Training(opened.bursts, PROFILES["smoke"], opened.output_dir)
    other = Training([opened.bursts[0].crop(slice(0, 60))], PROFILES["smoke"], opened.output_dir)
    again = Training(opened.bursts, PROFILES["smoke"], opened.output_dir)
    assert first.folder == again.folder != other.folder
