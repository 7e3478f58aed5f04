"""Hosts as real processes of this machine."""

import os
import socket
import subprocess
import sys

import pytest


@pytest.fixture
def start_hosts():
    """Returns `start_hosts(*commands, **environment)`: a process with one device for each command.

    A command is a list of arguments for Python; all processes are hosts of one run. None outlives
    the test.
    """
    started = []

    def start(*commands, **environment):
        with socket.socket() as free:
            free.bind(("localhost", 0))
            address = f"localhost:{free.getsockname()[1]}"
        common = os.environ | {"PYTHONPATH": os.getcwd(), "JAX_NUM_CPU_DEVICES": "1"} | environment
        processes = [
            subprocess.Popen(
                [sys.executable, *map(str, command)],
                env=common
                | {
                    "JAX_COORDINATOR_ADDRESS": address,
                    "JAX_NUM_PROCESSES": str(len(commands)),
                    "JAX_PROCESS_ID": str(number),
                },
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for number, command in enumerate(commands)
        ]
        started.extend(processes)
        return processes

    yield start
    for process in started:
        process.kill()
        process.wait()
