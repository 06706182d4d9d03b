"""A noise model and a denoiser of one camera in one safetensors file.

    tensors    noise_model/<entry>, denoiser/<entry>             the entries of the state dicts, bit for bit
    metadata   format, version, noise_model, denoiser, about     the last three are JSON

``about`` states camera, ISO, black and white level, so the file is enough to put noise on raw data in DN:

    denoiser, noise_model, about = load_model("camera.safetensors")
    clean = raw.normalise(planes_in_dn, about["black"], about["white"])
    noisy = clean + noise_model.sample(noise_model.context(clean, about["camera"], about["iso"]))

Nothing is pickled, so reading a file runs none of its content.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from n2nf_core.baselines import GaussianNoise
from n2nf_core.denoisers import DnCNN, LinearSkip, UNet
from n2nf_core.files import CheckpointError, durable_replace
from n2nf_core.flow import nlf_flow, noise_flow, sensor_flow
from n2nf_core.raw import four_levels
from n2nf_core.types import NLF, HasKnots, NoiseModel, Rebuildable, ask_for

FORMAT, VERSION = "n2nf-model", 1
BUILDERS = {"nlf_flow": nlf_flow, "noise_flow": noise_flow, "sensor_flow": sensor_flow}
NORMS = {"batch": nn.BatchNorm2d, "none": nn.Identity}
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
    data = save(tensors, {"format": FORMAT, "version": str(VERSION), **metadata})
    with durable_replace(path) as new:
        new.write_bytes(data)
    return Path(path)


def load_model(path: str | Path) -> tuple[nn.Module, NoiseModel, dict]:
    """(denoiser, noise_model, about) of a file that :func:`save_model` wrote.

    Both models are in evaluation mode, on the CPU.

    Errors: FileNotFoundError; CheckpointError, which names the file, for a damaged file, another format or another
    version.
    """
    from safetensors import SafetensorError, safe_open

    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no model file at {path}")
    try:
        with safe_open(path, framework="pt") as file:
            metadata, tensors = file.metadata() or {}, {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise CheckpointError(f"{path} is not a readable model file; it may be truncated ({error})") from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"{path} is not a model file: its format is {metadata.get('format')!r}, not {FORMAT!r}")
    if metadata.get("version") != str(VERSION):
        version = metadata.get("version")
        raise CheckpointError(
            f"{path}: model file version {version}, this program reads {VERSION}: use the version of n2nf_core that "
            "wrote the file"
        )
    try:
        described = {name: json.loads(metadata[name]) for name in ("noise_model", "denoiser", "about")}
        noise_model = rebuild(described["noise_model"], _below(tensors, "noise_model"))
        denoiser = _build_denoiser(described["denoiser"])
        denoiser.load_state_dict(_below(tensors, "denoiser"), assign=True)
        _check(described["about"])
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CheckpointError(f"{path} does not hold the models it describes ({error})") from error
    return denoiser.eval(), noise_model, described["about"]


def _below(tensors: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    return {key.removeprefix(f"{name}/"): tensor for key, tensor in tensors.items() if key.startswith(f"{name}/")}
