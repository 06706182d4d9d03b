"""A noise model and a denoiser of one camera in one safetensors file.

    tensors    noise_model/<entry>, denoiser/<entry>             the entries of the state dicts, bit for bit
    metadata   format, version, noise_model, denoiser, about     the last three are JSON
               sha256                                            of the tensors and of these three

``about`` states camera, ISO, black and white level, so the file is enough to put noise on raw data in DN:

    denoiser, noise_model, about = load_model("camera.safetensors")
    clean = raw.normalise(planes_in_dn, about["black"], about["white"])
    noisy = clean + noise_model.sample(noise_model.context(clean, about["camera"], about["iso"]))

Nothing is pickled, so reading a file runs none of its content.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from n2nf_core.baselines import GaussianNoise
from n2nf_core.denoisers import DnCNN, LinearSkip, UNet
from n2nf_core.export.size_limit import AtMost
from n2nf_core.files import CheckpointError, check_weights, durable_replace, one_line
from n2nf_core.flow import nlf_flow, noise_flow, sensor_flow
from n2nf_core.raw import four_levels
from n2nf_core.types import NLF, HasKnots, NoiseModel, Rebuildable, ask_for

FORMAT, VERSION = "n2nf-model", 1
BUILDERS = {"nlf_flow": nlf_flow, "noise_flow": noise_flow, "sensor_flow": sensor_flow}
NORMS = {"batch": nn.BatchNorm2d, "none": nn.Identity}
_DESCRIPTIONS = ("noise_model", "denoiser", "about")
REQUIRED = ("camera", "iso", "black", "white")


def describe(model: NoiseModel) -> dict:
    """What :func:`rebuild` needs beside the tensors: kind, cameras, ISO knots, and sizes that differ from the defaults.

    Errors: ValueError for a model that does not state the function that builds it.
    """
    if not isinstance(model, Rebuildable) or not model.built_by:
        raise ValueError(
            "only Gaussian tables and the models that nlf_flow(), sensor_flow() and noise_flow() build, with affine "
            f"couplings, can be stored, got a {type(model).__name__} that is none of them"
        )
    return {**model.built_by, "cameras": list(model.cameras), "isos": dict(ask_for(model, HasKnots).isos)}


def rebuild(described: Mapping, state: Mapping[str, Tensor]) -> NoiseModel:
    """The noise model of :func:`describe` with the tensors of ``state``, bit for bit, in evaluation mode.

    Arguments:
        described: what :func:`describe` returned.
        state: the entries of the state dict.
    """
    if described["kind"] == "gaussian":
        shot, read = state["log_nlf"].exp().tolist()
        rows = enumerate(described["isos"].items())
        model = GaussianNoise({c: {i: NLF(shot[r][k], read[r][k]) for k, i in enumerate(row)} for r, (c, row) in rows})
    else:
        model = BUILDERS[described["kind"]](**{k: v for k, v in described.items() if k != "kind"})
    model.load_state_dict(state, assign=True)
    return model.eval()


def _describe_denoiser(model: nn.Module) -> dict:
    if isinstance(model, UNet):
        found = {"kind": "unet", "channels": model.stem.in_channels, "features": model.stem.out_channels}
        found |= {"depth": model.depth}
    elif isinstance(model, DnCNN):
        convolutions = [m for m in model.body if isinstance(m, nn.Conv2d)]
        norm = "batch" if any(isinstance(m, nn.BatchNorm2d) for m in model.body) else "none"
        found = {"kind": "dncnn", "channels": convolutions[0].in_channels, "features": convolutions[0].out_channels}
        found |= {"layers": len(convolutions), "norm": norm}
        found |= {"skip": None if isinstance(model.skip, nn.Identity) else model.skip.kernel_size[0]}
    else:
        raise ValueError(f"only a DnCNN or a UNet can be stored, got a {type(model).__name__}")
    if repr(_build_denoiser(found)) != repr(model):
        raise ValueError(
            f"this {type(model).__name__} differs from what its sizes build, so load_model could not rebuild it: "
            f"store a {type(model).__name__} whose layers were not changed"
        )
    return found


def _build_denoiser(described: Mapping) -> nn.Module:
    sizes = {k: v for k, v in described.items() if k not in ("kind", "norm", "skip")}
    if described["kind"] == "unet":
        return UNet(**sizes)
    skip, channels = described["skip"], described["channels"]
    if skip is not None:
        skip = LinearSkip(channels, skip)
    return DnCNN(**sizes, norm=NORMS[described["norm"]], skip=skip)


def _check(about: Mapping) -> None:
    missing = [name for name in REQUIRED if name not in about]
    if missing:
        raise ValueError(f"about must state {', '.join(missing)}: the file cannot be used on raw data without it")
    if not isinstance(about["camera"], str) or not 0 < about["iso"] < math.inf or not about["white"] < math.inf:
        stated = {name: about[name] for name in ("camera", "iso", "white")}
        raise ValueError(f"about must state a name, a positive ISO and a finite white level, not {stated}")
    if not about["white"] > max(four_levels(about["black"])):
        raise ValueError(f"the white level {about['white']} must lie above the black level {about['black']}")


def save_model(path: str | Path, noise_model: NoiseModel, denoiser: nn.Module, about: Mapping) -> Path:
    """Write both models and ``about`` to one file, completely or not at all. An existing file is replaced.

    Arguments:
        path: the file.
        noise_model: a Gaussian table, or a model that ``nlf_flow()``, ``noise_flow()`` or ``sensor_flow()`` built.
        denoiser: a DnCNN or a UNet.
        about: JSON values; at least camera, iso, black (DN, one value or four) and white (DN).

    Returns the path. Errors: ValueError for a model that :func:`load_model` could not build, and for an incomplete
    ``about``.
    """
    from safetensors.torch import save

    _check(about)
    described = {"noise_model": describe(noise_model), "denoiser": _describe_denoiser(denoiser), "about": about}
    metadata = {name: json.dumps(value, allow_nan=False) for name, value in described.items()}
    tensors = {
        f"{name}/{key}": tensor.detach().cpu().contiguous()
        for name, model in (("noise_model", noise_model), ("denoiser", denoiser))
        for key, tensor in model.state_dict().items()
    }
    stamped = {"format": FORMAT, "version": str(VERSION), "sha256": digest(metadata, tensors), **metadata}
    data = _sorted_header(save(tensors, stamped))
    with durable_replace(path) as new:
        new.write_bytes(data)
    return Path(path)


def _sorted_header(data: bytes) -> bytes:
    """The same safetensors file with its metadata sorted, so that the same models always give the same bytes.

    A file is the length of its header in 8 bytes, the header as JSON, padded with spaces to 8 bytes, and the tensors.
    """
    end = 8 + int.from_bytes(data[:8], "little")
    header = json.loads(data[8:end])
    header["__metadata__"] = dict(sorted(header["__metadata__"].items()))
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data[end:]


def load_model(path: str | Path) -> tuple[nn.Module, NoiseModel, dict]:
    """(denoiser, noise_model, about) of a file that :func:`save_model` wrote.

    Both models are in evaluation mode, on the CPU.

    Errors: FileNotFoundError; CheckpointError, one line that names the file, for a damaged file, another format or
    another version, weights that are NaN or infinite, and sizes that its tensors do not have.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file at {path}: check its name (n2nf model writes one)")
    try:
        with safe_open(path, framework="pt") as file:
            metadata, tensors = file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        reason = one_line(error)
        told = f"it is truncated or another kind of file ({reason})"
        raise CheckpointError(f"{path} is not a readable model file; {told}: give one that n2nf model wrote") from error
    _check_header(path, metadata, tensors)
    check_weights(path, tensors)
    try:
        described = {name: json.loads(metadata[name], parse_constant=_refuse) for name in _DESCRIPTIONS}
        _check(described["about"])
        with AtMost(tensors, described):
            noise_model = rebuild(described["noise_model"], _below(tensors, "noise_model"))
            denoiser = _build_denoiser(described["denoiser"])
        denoiser.load_state_dict(_below(tensors, "denoiser"), assign=True)
    except Exception as error:  # what the description states reaches the models, whose errors are of many types
        raise CheckpointError(f"{path} does not hold the models it describes ({one_line(error)})") from error
    return denoiser.eval(), noise_model, described["about"]


def _check_header(path: Path, metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> None:
    """CheckpointError for another format or version, and where the file's own checksum is not that of its content."""
    if metadata.get("format") != FORMAT:
        found = str(metadata.get("format"))[:40]
        raise CheckpointError(f"{path} is not a model file: its format is {found!r}, not {FORMAT!r}")
    if metadata.get("version") != str(VERSION):
        version = str(metadata.get("version"))[:40]
        raise CheckpointError(
            f"{path}: model file version {version}, this program reads {VERSION}: use the version of n2nf_core that "
            "wrote the file"
        )
    unknown = set(metadata) - {"format", "version", "sha256", *_DESCRIPTIONS}
    if unknown or metadata.get("sha256", (found := digest(metadata, tensors))) != found:
        raise CheckpointError(f"{path} is damaged (its content does not match its checksum): copy it again")


def digest(metadata: Mapping[str, str], tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 of the descriptions in ``metadata`` and of all tensors by name, with their types and shapes.

    A file from before checksums were written has none, and is read without.
    """
    total = hashlib.sha256(json.dumps([metadata.get(name) for name in _DESCRIPTIONS]).encode())
    for key, tensor in sorted(tensors.items()):
        total.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        total.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().data)
    return total.hexdigest()


def _refuse(constant: str) -> None:
    raise ValueError(f"it states {constant}, which is no number")


def _below(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}/"): tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")}
