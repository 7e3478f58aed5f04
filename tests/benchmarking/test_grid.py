import pytest

from seqjax.benchmarking.grid import FULL, SHORT, Grid
from seqjax.benchmarking.mixer_cells import methods_of
from seqjax.errors import UserError
from seqjax.models.mixers import MIXERS


def test_the_short_grid_has_every_mixer_and_work():
    cells = SHORT.cells()
    assert {cell.mixer for cell in cells} == set(MIXERS)
    assert {cell.work for cell in cells} == {"train", "forward", "decode"}


def test_the_atlas_reaches_far_and_has_every_method_that_exists():
    cells = FULL.cells()
    assert {32, 16_384} <= {cell.length for cell in cells}
    for mixer in MIXERS:
        found = {cell.method for cell in cells if cell.mixer == mixer and cell.work == "train"}
        assert found == set(methods_of(mixer))
        decoded = [cell.method for cell in cells if cell.mixer == mixer and cell.work == "decode"]
        assert set(decoded) == {"auto"}


def test_cells_of_a_shape_lie_side_by_side_and_cheap_ones_first():
    cells = FULL.cells()
    shapes = [cell.shape for cell in cells]
    blocks = [shape for place, shape in enumerate(shapes) if shape != shapes[place - 1]]
    assert len(blocks) == len(set(shapes))
    assert [cell.size for cell in cells] == sorted(cell.size for cell in cells)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"mixers": ("lstn",)}, "--mixers has no 'lstn': did you mean 'lstm'?"),
        ({"works": ("trian",)}, "--works has no 'trian': did you mean 'train'?"),
        ({"methods": ("chunk",)}, "--methods has no 'chunk': did you mean 'chunked'?"),
        ({"widths": (6,)}, "--widths=6 must be a multiple of 4"),
    ],
)
def test_what_cannot_be_measured_is_refused(settings, said):
    with pytest.raises(UserError) as refused:
        Grid(**settings)
    assert said in str(refused.value)
