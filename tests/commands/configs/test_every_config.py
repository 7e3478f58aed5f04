"""What holds for every file of configs/."""

import subprocess
import sys
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


READ_ALL = """
import importlib.util, sys
from jax._src import xla_bridge
from seqjax.models.presets import sized

for word in ("lstm", "transformer"):
    sized(word, "tiny")
for path in sys.argv[1:]:
    spec = importlib.util.spec_from_file_location("config", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    module.get_config()
assert not xla_bridge.backends_are_initialized()
"""


def test_reading_one_looks_for_no_devices():
    """The hosts of a run find each other after its configuration was read."""
    paths = [str(CONFIGS / f"{name}.py") for name in NAMES]
    subprocess.run([sys.executable, "-c", READ_ALL, *paths], cwd=CONFIGS.parent, check=True)
