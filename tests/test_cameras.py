import warnings

import pytest
import torch

from n2nf_core.cameras import IsoClampWarning, IsoKnots, UnknownCameraError

KNOTS = IsoKnots(("IP", "S6"), {"IP": (100, 800), "S6": (3200, 100, 400)})


TABLE = torch.tensor([[1.0, 4.0, 99.0], [10.0, 20.0, 30.0]])  # 99 is padding: IP has two knots


def value(camera: int, iso: float) -> float:
    return KNOTS(TABLE, torch.tensor([camera]), torch.tensor([iso])).item()


def test_exact_at_the_knots():
    assert [value(0, 100), value(0, 800)] == [1.0, 4.0]
    assert [value(1, 100), value(1, 400), value(1, 3200)] == [10.0, 20.0, 30.0]


def test_linear_in_log_iso_between_the_knots():
    assert value(0, 200) == pytest.approx(2.0)
    assert value(0, 400) == pytest.approx(3.0)
    assert value(1, 800) == pytest.approx(20 + 10 / 3)


@pytest.mark.parametrize(("camera", "iso", "expected"), [(0, 50, 1.0), (0, 6400, 4.0), (1, 6400, 30.0)])
def test_outside_the_knots_it_clamps_and_says_to_what(camera, iso, expected):
    near = {50: "ISO 100", 6400: "ISO 800" if camera == 0 else "ISO 3200"}[iso]
    with pytest.warns(IsoClampWarning, match=f"ISO {iso} is outside .* using {near}"):
        assert value(camera, float(iso)) == expected


def test_inside_the_knots_it_is_silent():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        value(0, 100.0), value(0, 799.99), value(1, 3200.0)


def test_unknown_camera_names_the_known_ones():
    with pytest.raises(UnknownCameraError, match="camera 'X9' is not known.*IP, S6"):
        KNOTS.context(torch.zeros(1, 4, 2, 2), "X9", 100)
    with pytest.raises(UnknownCameraError, match="number 2"):
        value(2, 100)
    with pytest.raises(UnknownCameraError, match="number -1"):
        value(-1, 100)


def test_iso_must_be_positive():
    with pytest.raises(ValueError, match="positive"):
        value(0, 0.0)
    with pytest.raises(ValueError, match="positive"):
        IsoKnots(("IP",), (0, 100))


def test_one_knot_is_a_constant():
    knots = IsoKnots(("IP",), (800,))
    assert knots(torch.tensor([[7.0]]), torch.tensor([0]), torch.tensor([800.0])).item() == 7.0


def test_context_from_names_takes_one_or_one_per_row():
    clean = torch.zeros(2, 4, 2, 2)
    context = KNOTS.context(clean, ["S6", "IP"], 100)
    assert context.camera.tolist() == [1, 0] and context.iso.tolist() == [100, 100]
    with pytest.raises(ValueError, match="2 images, 1 cameras"):
        KNOTS.context(clean, ["S6"], 100)
