"""What holds for every file of configs/."""

from pathlib import Path

import pytest

CONFIGS = Path(__file__).parents[3] / "configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_it_tells_its_command_and_has_a_test(name):
    text = (CONFIGS / f"{name}.py").read_text()
    assert f"python -m seqjax.train --config configs/{name}.py" in text.split('"""')[1]
    assert Path(__file__).with_name(f"test_{name}.py").is_file()
