"""What leaves the project: a camera's models in one file, its noise as an augmentation, and its profile for others."""

from n2nf_core.export.model_file import load_model, save_model
from n2nf_core.export.transforms import CameraNoise

__all__ = ["CameraNoise", "load_model", "save_model"]
