"""What holds for every file of configs/."""

from pathlib import Path

import pytest

CONFIGS = Path(__file__).parents[3] / "configs"
NAMES = sorted(path.stem for path in CONFIGS.glob("*.py"))


@pytest.mark.parametrize("name", NAMES)
def test_it_tells_its_command_and_has_a_test(name):
    text = (CONFIGS / f"{name}.py").read_text()
    assert f"python -m seqjax.train --config configs/{name}.py" in text.split('"""')[1]
    tests = [path.read_text() for path in Path(__file__).parent.glob("test_*.py")]
    assert any(f"{name}.py:" in test or f'"{name}": (' in test for test in tests)
