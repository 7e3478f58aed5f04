"""The hosts of a run: how they find each other, agree, and leave. A host is one process of JAX's.

Nothing here does anything on a single host. Every function is called on all hosts alike, in the
same order.
"""

import json
import os
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import jax
import numpy as np
from jax.experimental import multihost_utils
from orbax.checkpoint import multihost

from seqjax.errors import UserError

MODES = ("auto", "on", "off")
# A host that has not been heard of for so long is taken for dead, and the others end.
HEARTBEAT_SECONDS = 20
# How long a host that is done, or has failed, waits for others that leave as well.
LEAVING_SECONDS = 10
# How much longer than another a host may take for a part that each does for itself.
PREPARING_SECONDS = 24 * 3600
# After so long a person is told what a host waits for.
PATIENCE_SECONDS = 15
ENVIRONMENT = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")


def join(mode: str) -> None:
    """Joins the other hosts of a run; called before JAX looks for devices.

    Where the environment variables of `ENVIRONMENT` are set they say who the hosts are, else JAX
    finds out on a slice of TPUs, under Slurm and under Open MPI. `auto` goes on alone where none of
    these is there, `on` refuses to, `off` does not look.
    """
    if mode == "off" or jax.distributed.is_initialized():
        return
    told = threading.Timer(PATIENCE_SECONDS, _say_what_is_waited_for)
    told.daemon = True
    told.start()
    try:
        jax.distributed.initialize(
            **_named_hosts(),
            heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
            shutdown_timeout_seconds=HEARTBEAT_SECONDS,
        )
    except ValueError as error:
        if "coordinator_address should be defined" not in str(error):
            raise
        if mode == "on":
            raise UserError(
                f"--distributed=on finds no other hosts: set {', '.join(ENVIRONMENT)} on each "
                f"host, or leave it at auto."
            ) from error
    finally:
        told.cancel()


def _named_hosts() -> dict[str, Any]:
    values = [os.environ.get(name) for name in ENVIRONMENT]
    if not any(values[1:]):  # an address alone is for JAX to complete
        return {}
    try:
        address, count, number = values[0], int(values[1]), int(values[2])
    except (TypeError, ValueError):
        count, number = 0, 0
    if not values[0] or not 0 <= number < count:
        spelled = ", ".join(f"{n}={v or ''}" for n, v in zip(ENVIRONMENT, values, strict=True))
        raise UserError(
            f"{spelled} do not say who the hosts are: they must be the first host's HOST:PORT, "
            f"the number of hosts, and this host's own number from 0; or set none of them."
        )
    return {"coordinator_address": address, "num_processes": count, "process_id": number}


def _say_what_is_waited_for() -> None:
    print(
        "Waiting for the other hosts: the same command must be started on all of them.",
        file=sys.stderr,
        flush=True,
    )


def several() -> bool:
    """Whether there is more than this host."""
    return jax.process_count() > 1


def is_first() -> bool:
    """Whether this is the host that writes and prints what belongs to all."""
    return jax.process_index() == 0


def gather(text: str) -> list[str]:
    """The text of every host, in their order."""
    if not several():
        return [text]
    data = text.encode()
    sizes = multihost_utils.process_allgather(np.int32(len(data)))
    if not sizes.max():
        return [""] * len(sizes)
    padded = np.zeros(sizes.max(), np.uint8)
    padded[: len(data)] = np.frombuffer(data, np.uint8)
    rows = multihost_utils.process_allgather(padded)
    return [row[:size].tobytes().decode() for row, size in zip(rows, sizes, strict=True)]


@contextmanager
def together() -> Iterator[None]:
    """A part that fails on all hosts where it fails on any: none goes on without another."""
    failure = None
    try:
        yield
    except Exception as error:
        failure = error
    _meet("together", PREPARING_SECONDS)  # devices would not wait for each other for so long
    said = gather("" if failure is None else str(failure) or type(failure).__name__)
    if failure is not None:
        raise failure
    for host, reason in enumerate(said):
        if reason:
            raise UserError(f"Host {host} of {len(said)}: {reason}")


def from_first(make: Callable[[], Any]) -> Any:
    """What `make` gives on the first host, where alone it is called; anything that JSON holds."""
    with together():
        made = make() if is_first() else None
    return json.loads(gather(json.dumps(made) if is_first() else "")[0]) if several() else made


def check_same(what: str, text: str) -> None:
    """Refuses hosts that were started with something else than the first one."""
    for host, other in enumerate(texts := gather(text)):
        if other != texts[0]:
            raise UserError(
                f"The {what} of host {host} of {len(texts)} is not that of host 0: start the same "
                f"command, of the same code and with the same files, on all of them."
            )


def leave(status: int) -> NoReturn:
    """Ends the process; waits for the others only where they leave too.

    A host that fails alone must not wait for the rest, who would wait for it.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    if jax.distributed.is_initialized():
        try:
            _meet("leave", LEAVING_SECONDS)
        except Exception:
            os._exit(status)
    sys.exit(status)


def _meet(place: str, seconds: int) -> None:
    multihost.get_barrier_sync_fn()(key=place, timeout_ms=1000 * seconds)
