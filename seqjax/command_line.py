"""The edge of every command: flags in; one sentence and status 2 for what the user can mend."""

import errno
import logging
import os
import sys
import traceback
from collections.abc import Callable

import absl.logging
import jax
from absl.flags import FlagValues

from seqjax.command_flags import help_text, parse
from seqjax.data.prepare import default_cache_folder
from seqjax.distributed import hosts
from seqjax.distributed.freed_memory import keep_freed_memory
from seqjax.distributed.preemption import Preempted
from seqjax.errors import UserError

STATUS_BUG = 1
STATUS_USER_ERROR = 2
STATUS_PREEMPTED = 75  # EX_TEMPFAIL: the same command goes on, as launchers know
STATUS_INTERRUPTED = 130
STATUS_NOBODY_READS = 141
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def run_command(
    define_flags: Callable[[FlagValues], None], main: Callable[[FlagValues], None]
) -> None:
    """Runs `main` with the parsed flags of `define_flags`, and ends the process.

    On one of several hosts what ends it, a bug included, must end the process without waiting for
    the other hosts, and they end in turn when they miss it.
    """
    module = sys.modules[main.__module__]
    values = FlagValues()
    define_flags(values)
    try:
        if {"--help", "-help", "-h"} & set(sys.argv[1:]):
            print(help_text(module.__doc__, values))
        else:
            parse(values, sys.argv)
            keep_freed_memory()
            quiet_libraries()
            use_compilation_cache()
            main(values)
        sys.stdout.flush()
        hosts.leave(0)
    except UserError as error:
        message, status = str(error), STATUS_USER_ERROR
    except Preempted as error:
        message, status = str(error), STATUS_PREEMPTED
    except KeyboardInterrupt:
        message, status = "interrupted.", STATUS_INTERRUPTED
    except BrokenPipeError:
        # Whoever read the output has seen enough, and Python must not try to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(STATUS_NOBODY_READS)
    except Exception as error:
        if disk_is_full(error):
            message = "The disk is full: free some space, then the same command goes on."
            status = STATUS_USER_ERROR
        elif memory_is_full(error):
            message = (
                "The device's memory is full: take a smaller train.batch_size, a larger "
                "train.accumulate, shorter sequences, model.remat, or more devices."
            )
            status = STATUS_USER_ERROR
        elif jax.distributed.is_initialized():
            traceback.print_exc()
            message = (
                "this host cannot go on, often since another one has died, whose log says why; "
                "the same command on all hosts goes on from the last checkpoint."
            )
            status = STATUS_BUG
        else:
            raise
    print(f"{module.__spec__.name.split('.')[-1]}: {message}", file=sys.stderr)
    hosts.leave(status)


def quiet_libraries() -> None:
    """Orbax and asyncio log an error with its traceback, and then raise it as well."""
    absl.logging.set_verbosity(absl.logging.FATAL)
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)


def use_compilation_cache() -> None:
    """Keeps what takes long to compile for later processes, in the cache folder."""
    jax.config.update("jax_compilation_cache_dir", str(default_cache_folder() / "compilations"))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.2)


def memory_is_full(error: Exception) -> bool:
    """Whether an error is a device's, and says that it has no room for an array."""
    of_device = isinstance(error, jax.errors.JaxRuntimeError)
    return of_device and "RESOURCE_EXHAUSTED" in str(error)


def disk_is_full(error: BaseException | None) -> bool:
    """Whether the operating system's reason for an error was a full disk or quota.

    Orbax and TensorStore wrap that reason in errors of their own, or keep its text alone.
    """
    if error is None:
        return False
    return (
        getattr(error, "errno", None) in DISK_FULL
        or any(os.strerror(number) in str(error) for number in DISK_FULL)
        or disk_is_full(error.__cause__ or error.__context__)
    )
