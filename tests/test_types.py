"""Records keep their rows and types together, and a protocol is asked for by name."""

import pytest
import torch

from n2nf_core.types import Context, Denoiser, HasKnots, HasNLF, NoiseModel, NoisyPair, ask_for, check_shapes


def context(count=3):
    return Context(torch.rand(count, 4, 2, 5), torch.arange(count), 100.0 * torch.arange(1, count + 1))


def test_a_context_is_cast_but_for_its_cameras():
    cast = context().to(torch.float64)
    assert (cast.clean.dtype, cast.camera.dtype, cast.iso.dtype) == (torch.float64, torch.long, torch.float64)


@pytest.mark.parametrize("index", [slice(1, 3), torch.tensor([1, 2])])
def test_rows_of_a_context_stay_together(index):
    whole = context()
    part = whole.rows(index)
    assert all(torch.equal(mine, field[1:]) for mine, field in zip(part, whole, strict=True))


def test_a_pair_is_cast_with_its_reference_and_conditions_an_estimate():
    first, second, clean = torch.rand(3, 2, 4, 3, 3)
    pair = NoisyPair(first, second, torch.tensor([1, 0]), torch.tensor([100.0, 800.0]), clean)
    cast = pair.to(torch.float64)
    assert {cast.first.dtype, cast.second.dtype, cast.iso.dtype, cast.clean.dtype} == {torch.float64}
    assert cast.camera.dtype == torch.long and pair._replace(clean=None).to(torch.float64).clean is None
    found = pair.context(0.5 * first)
    assert torch.equal(found.clean, 0.5 * first) and found.camera is pair.camera and found.iso is pair.iso


def test_shapes_that_do_not_belong_together_are_named():
    check_shapes(torch.zeros(3, 4, 2, 5), context())
    with pytest.raises(ValueError, match=r"\(3, 4, 5, 2\) and \(3, 4, 2, 5\)"):
        check_shapes(torch.zeros(3, 4, 5, 2), context())
    with pytest.raises(ValueError, match=r"context.camera must hold one number per image, shape \(3,\)"):
        check_shapes(torch.zeros(3, 4, 2, 5), context()._replace(camera=torch.zeros(2)))


class Silent:
    """The least that a noise model is."""

    cameras = ("A",)

    def context(self, clean, camera, iso): ...

    def log_prob(self, noise, context): ...

    def sample(self, context, temperature=1.0, generator=None): ...


def test_a_noise_model_is_what_has_the_four_names():
    assert isinstance(Silent(), NoiseModel) and not isinstance(torch.nn.Identity(), NoiseModel)
    assert isinstance(torch.nn.Identity(), Denoiser)
    assert ask_for(Silent(), NoiseModel).cameras == ("A",)


@pytest.mark.parametrize(("protocol", "lacking"), [(HasNLF, "nlf"), (HasKnots, "isos")])
def test_what_a_model_lacks_is_named(protocol, lacking):
    with pytest.raises(TypeError, match=f"Silent has no {lacking}:.*n2nf_core.types.{protocol.__name__}"):
        ask_for(Silent(), protocol)
