"""Parity with the authors' code on the values in noise2noiseflow_official_parity.npz."""

import pickle
import zipfile

import numpy as np
import pytest
import torch

from n2nf_core.official import CAMERAS, CheckpointError, load_official
from n2nf_core.types import Context

CLOCKWISE = [0, 1, 3, 2]  # the file's planes run clockwise; raster order is this permutation of them


@pytest.fixture(scope="module")
def models(real_data):
    return load_official(real_data / "noise2noiseflow_official_best_model.pth")


@pytest.fixture(scope="module")
def cases(real_data):
    with np.load(real_data / "noise2noiseflow_official_parity.npz") as file:
        content = {key: torch.from_numpy(np.asarray(file[key])) for key in file.files}

    def batch(*names):
        def planes(key):
            return torch.cat([content[f"{n}_{key}"] for n in names])[:, CLOCKWISE]

        rows = [len(content[f"{n}_nll_nats_per_dim"]) for n in names]
        camera = torch.cat([content[f"{n}_cam"].expand(r) for n, r in zip(names, rows, strict=True)])
        iso = torch.cat([content[f"{n}_iso"].expand(r).float() for n, r in zip(names, rows, strict=True)])
        flat = {
            k: torch.cat([content[f"{n}_{k}"] for n in names]) for k in ("nll_nats_per_dim", "logdet", "latent", "eps")
        }
        return (
            {k: planes(k) for k in ("clean", "noisy", "denoised", "noise_from_eps")}
            | flat
            | {"camera": camera, "iso": iso}
        )

    return {"0": batch("0"), "1": batch("1"), "mixed": batch("0", "1")}


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("case", ["0", "1", "mixed"])
@torch.no_grad()
def test_parity(models, cases, case, dtype):
    denoiser, flow = (model.to(dtype) for model in models)
    v = {k: t.to(dtype) if t.is_floating_point() else t for k, t in cases[case].items()}
    context = Context(v["clean"], v["camera"], v["iso"])
    noise, dims = v["noisy"] - v["clean"], v["clean"][0].numel()
    z, ladj = flow(noise, context)
    nll = -flow.log_prob(noise, context) / dims
    torch.testing.assert_close(nll, v["nll_nats_per_dim"], atol=1e-5, rtol=0)
    torch.testing.assert_close(ladj / dims, v["logdet"] / dims, atol=1e-5, rtol=0)
    torch.testing.assert_close(z, v["latent"], atol=1e-4, rtol=0)  # latents keep the authors' channel order
    torch.testing.assert_close(denoiser(v["noisy"]), v["denoised"], atol=1e-4, rtol=0)
    scale = v["noise_from_eps"].std()
    torch.testing.assert_close(
        flow.bijection.inverse(v["eps"], context), v["noise_from_eps"], atol=1e-4 * scale, rtol=0
    )
    if dtype is torch.float64:  # the reference itself is float32
        torch.testing.assert_close(nll, v["nll_nats_per_dim"], atol=0, rtol=1e-6)
        torch.testing.assert_close(ladj, v["logdet"], atol=0, rtol=1e-6)


def test_the_released_model_is_whole(models):
    denoiser, flow = models
    assert sum(p.numel() for p in denoiser.parameters()) == 263_616
    assert flow.cameras == CAMERAS == ("IP", "GP", "S6", "N6", "G4")
    assert not denoiser.training and not flow.training


class Payload:
    def __reduce__(self):
        return (exec, ("raise SystemExit('code in the checkpoint was run')",))


def test_a_pickle_with_code_is_refused_and_not_run(tmp_path):
    path = tmp_path / "evil.pth"
    torch.save({"state_dict": Payload()}, path)
    with pytest.raises(CheckpointError, match="evil.pth is not a checkpoint of plain tensors; nothing in it was run"):
        load_official(path)
    path.write_bytes(pickle.dumps(Payload()))
    with pytest.raises(CheckpointError, match="nothing in it was run"):
        load_official(path)


def test_other_files_are_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="no checkpoint at"):
        load_official(tmp_path / "absent.pth")
    (tmp_path / "cut.pth").write_bytes(b"PK\x03\x04 cut short")
    with pytest.raises(CheckpointError, match="cut.pth"):
        load_official(tmp_path / "cut.pth")
    torch.save({"weights": torch.zeros(1)}, tmp_path / "other.pth")
    with pytest.raises(CheckpointError, match="other.pth has no 'state_dict'"):
        load_official(tmp_path / "other.pth")
    torch.save({"state_dict": {"a": torch.zeros(1)}}, tmp_path / "short.pth")
    with pytest.raises(CheckpointError, match="short.pth does not hold the released"):
        load_official(tmp_path / "short.pth")


def released(real_data, path, change):
    """The released checkpoint after a stranger's change of its entries."""
    content = torch.load(real_data / "noise2noiseflow_official_best_model.pth", map_location="cpu", weights_only=True)
    change(content["state_dict"])
    torch.save(content, path)
    return path


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (torch.full((4, 64, 3, 3), float("nan")), "has NaN or infinite values"),
        (torch.zeros(1).expand(10**6, 10**6), "larger than its values"),
        (torch.zeros(4), "does not hold the released"),
        ("text", "does not hold the released"),
        (torch.zeros(4, 64, 3, 3, dtype=torch.complex64), "of torch.complex64, which no model uses"),
    ],
    ids=["nan", "expanded", "shape", "text", "complex"],
)
def test_strange_entries_are_refused_in_one_line(real_data, tmp_path, value, message):
    path = released(real_data, tmp_path / "odd.pth", lambda state: state.update({"denoiser.dncnn.23.weight": value}))
    with pytest.raises(CheckpointError, match=f"odd.pth.*{message}") as error:
        load_official(path)
    assert "\n" not in str(error.value)


def test_a_compressed_archive_is_refused_before_it_is_unpacked(tmp_path):
    with zipfile.ZipFile(tmp_path / "bomb.pth", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("best_model/data/0", bytes(10**7))
    with pytest.raises(CheckpointError, match="states 10000000 bytes of tensors, more than it has"):
        load_official(tmp_path / "bomb.pth")
