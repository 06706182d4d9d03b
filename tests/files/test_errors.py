"""Messages of errors in one line, and weights that are refused."""

import warnings

import pytest
import torch

from n2nf_core.files import CheckpointError, check_weights, one_line, show_warning


def test_an_error_in_one_line():
    assert one_line(ValueError("a\n b " + "c" * 300)) == "a b " + "c" * 196
    assert one_line(KeyError()) == "KeyError"


@pytest.mark.parametrize(
    ("tensor", "message"),
    [(torch.tensor([1.0, float("nan")]), "NaN or infinite"), (torch.zeros(2, dtype=torch.complex64), "complex64")],
)
def test_weights_that_no_model_has_are_refused_by_name(tmp_path, tensor, message):
    with pytest.raises(CheckpointError, match=f"a.pt: the tensor bias .*{message}"):
        check_weights(tmp_path / "a.pt", {"scale": torch.ones(1), "bias": tensor})


def test_a_warning_in_one_line(monkeypatch, capsys):
    monkeypatch.setattr(warnings, "showwarning", show_warning)
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("two\nlines", stacklevel=1)
    assert capsys.readouterr().err == "warning: two lines\n"
