"""Freed memory is kept: large blocks come from the heap again, and stay in it."""

import platform
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes
from threading import Thread

from seqjax.distributed.freed_memory import keep_freed_memory

keep_freed_memory()
library = ctypes.CDLL(None)
library.malloc.restype = library.memset.restype = ctypes.c_void_p
library.malloc.argtypes, library.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
library.memset.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_size_t]

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096

def fill_and_free():
    block = library.malloc(2**27)
    library.memset(block, 1, 2**27)
    library.free(block)

before = resident()
CALL
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is for GNU's C library")
@pytest.mark.parametrize(
    "call",
    ["fill_and_free()", "thread = Thread(target=fill_and_free); thread.start(); thread.join()"],
    ids=["main thread", "another thread"],
)
def test_a_large_block_stays_with_the_process(call: str):
    program = PROGRAM.replace("CALL", call)
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert int(ran.stdout) >= 2**27, ran.stderr
