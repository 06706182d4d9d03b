"""Images side by side are on one scale, and thumbnails hold it."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from n2nf_core.plots import images
from n2nf_core.plots.theme import label


def drawn(figure):
    return [axis.images[0] for axis in figure.axes if axis.images]


def test_panels_share_one_scale_and_noise_is_about_zero():
    rng = np.random.default_rng(0)
    pictures = {f"p{k}": (k + 1) * rng.standard_normal((6, 9)) for k in range(5)}
    figure = images.panels(pictures, unit="nats", signed=True)
    shown = drawn(figure)[:5]
    assert all(np.array_equal(image.get_array(), p) for image, p in zip(shown, pictures.values(), strict=True))
    limit = np.percentile(np.abs(np.stack(list(pictures.values()))), 99.5)
    assert {image.get_clim() for image in shown} == {(-limit, limit)}
    assert [axis.axison for axis in figure.axes[3:7]] == [True, True, False, True], "the last row is not full"
    assert figure.axes[-1].get_xlabel() == "nats"


@pytest.mark.parametrize(("count", "given", "shape"), [(8, 4, (4, 2)), (4, 3, (2, 2)), (5, 5, (2, 3)), (2, 3, (1, 2))])
def test_a_row_with_too_many_panels_is_broken_in_its_middle(count, given, shape):
    figure = images.panels({f"p{k}": np.ones((4, 4)) for k in range(count)}, unit="", columns=given)
    assert figure.axes[0].get_gridspec().get_geometry() == shape


def test_a_limit_that_is_given_holds():
    shown = drawn(images.panels({"a": np.ones((4, 4)), "b": np.zeros((4, 4))}, unit="", limit=0.25))
    assert {image.get_clim() for image in shown[:2]} == {(0.0, 0.25)}


def test_worst_patches_are_each_on_the_scale_of_the_real_noise():
    real = np.random.default_rng(1).standard_normal((5, 5))
    figure = images.worst_patches({"noise_flow": [(real, 2 * real, 0.125)], "awgn": [(3 * real, real, 1.0)]})
    first, second, third, fourth = drawn(figure)
    assert first.get_clim() == second.get_clim() == (-3 * real.std(), 3 * real.std())
    assert np.allclose(third.get_clim(), 3 * np.array(first.get_clim())) and third.get_clim() == fourth.get_clim()
    assert np.array_equal(first.get_array(), real) and np.array_equal(second.get_array(), 2 * real)
    assert figure.axes[0].get_title("left").strip() == "KL 0.125"
    assert [axis.texts[0].get_text() for axis in figure.axes[::2]] == [label("noise_flow"), label("awgn")]


def test_a_thumbnail_is_black_at_low_and_white_at_high():
    data = images.thumbnail(np.array([[-1.0, 0.25], [0.5, 2.0]]), 0.25, 1.25)
    assert np.array(Image.open(io.BytesIO(base64.b64decode(data)))).tolist() == [[0, 0], [64, 255]]
