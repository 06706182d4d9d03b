"""What leaves the project: one camera in one file."""

from n2nf_core.export.model_file import load_model, save_model

__all__ = ["load_model", "save_model"]
