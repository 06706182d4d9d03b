"""benchmarks/gpu.sh, rehearsed on the CPU: every part runs, and leaves its result."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks/gpu.sh"


def run(*arguments):
    environment = {**os.environ, "PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    return subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, env=environment)


def test_a_rehearsal_leaves_every_result(tmp_path):
    found = run(str(tmp_path / "out"), "--device", "cpu")
    log = (tmp_path / "out/log.txt").read_text()
    assert found.returncode == 0, found.stdout + log[-3000:]
    content = json.loads((tmp_path / "out/gpu.json").read_text())
    assert set(content) == {"device_tests", "bench", "epoch", "evaluation", "study", "provenance"}
    assert content["device_tests"] == {"tests": 1, "failures": 0, "errors": 0, "skipped": 0}
    epoch, evaluation, study = (content[part] for part in ("epoch", "evaluation", "study"))
    assert epoch["pairs"] >= 64 and len(epoch["trials"]) == 4
    assert epoch["epoch_seconds"] > 0 and epoch["step_alone_seconds"] > 0 and 0 < epoch["share_of_conv_ceiling"] < 1
    assert evaluation["patches"] == 200 and evaluation["evaluation_seconds"] > 0
    assert all(math.isfinite(evaluation[key]) for key in ("nll_nats_per_dim", "kl_nats", "regret_nats_per_dim"))
    assert study["finished"] and study["variants"]["noise2noiseflow"]["nll_nats_per_dim"] < 0
    assert "Self CPU" in (tmp_path / "out/profile.txt").read_text()


def test_a_part_has_its_time_and_a_failed_one_is_counted(tmp_path):
    found = run(str(tmp_path / "out"), "--device", "cpu", "--seconds", "0")
    assert found.stdout.count("no time left") == 5 and found.returncode == 5
    assert json.loads((tmp_path / "out/gpu.json").read_text())["device_tests"] == {}


def test_without_arguments_it_says_how_it_is_called():
    found = run()
    assert found.returncode == 2 and "benchmarks/gpu.sh OUT" in found.stderr
