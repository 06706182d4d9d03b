"""The trained models of one camera as one file, for use outside the project."""

from n2nf_core.export.model_file import load_model, save_model

__all__ = ["load_model", "save_model"]
