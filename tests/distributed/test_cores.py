"""Into how many devices a CPU is divided."""

import os

import jax
import pytest

from seqjax.distributed.config import MeshConfig
from seqjax.distributed.cores import VARIABLE, divide_cpu, divided_into
from seqjax.errors import UserError


@pytest.fixture
def divided(monkeypatch):
    """Returns `divided(mesh, batch_size, cores)`: what JAX is told before it looks for devices."""
    monkeypatch.delenv(VARIABLE)
    told = {}
    monkeypatch.setattr(jax.config, "update", told.__setitem__)

    def number(mesh: MeshConfig, batch_size: int = 32, cores: int = 4) -> int | None:
        monkeypatch.setattr(os, "sched_getaffinity", lambda process: set(range(cores)))
        told.clear()
        divide_cpu(mesh, batch_size)
        return told.get("jax_num_cpu_devices")

    return number


def test_a_device_a_core_where_the_batch_can_be_dealt_out(divided):
    assert divided(MeshConfig()) == 4
    assert divided(MeshConfig(), batch_size=30) == 1
    assert divided(MeshConfig(), cores=1) == 1
    assert divided(MeshConfig(data=-1, tensor=2)) == 4
    assert divided(MeshConfig(data=-1, tensor=2), cores=3, batch_size=30) == 2


def test_as_many_as_the_configuration_says(divided):
    assert divided(MeshConfig(cpu_devices=1)) == 1
    assert divided(MeshConfig(data=1)) == 1
    assert divided(MeshConfig(data=2, fsdp=3), batch_size=5) == 6
    with pytest.raises(UserError, match=r"mesh\.cpu_devices=-1 must be"):
        MeshConfig(cpu_devices=-1)


def test_the_environment_decides_before_anything_else(divided, monkeypatch):
    monkeypatch.setenv(VARIABLE, "8")
    assert divided(MeshConfig(cpu_devices=2)) is None


def test_what_a_run_records_are_the_devices_it_had():
    assert divided_into(jax.devices()) == 8
    assert divided_into(jax.devices()[:1]) == 1
