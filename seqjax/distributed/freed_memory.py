"""What a step on a CPU frees, kept for the next one."""

import ctypes

# Of GNU's malloc.h; the thresholds are counts of bytes, and as large as an int is.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8
LARGEST = 2**31 - 1


def keep_freed_memory() -> None:
    """Has GNU's C library keep freed memory, instead of giving large blocks back.

    A compiled step asks for all its temporaries as one block and frees it at its end. The system
    would hand it out again page by page, zeroed, in every step: a third of the time of an LSTM's
    at 256 steps, or of a Gated DeltaNet's. A thread's own arena holds no block above 64 MiB, so
    that threads share the main one. Where the C library is another one, nothing is done.

    It must come before the threads whose memory it is about.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST)
        mallopt(M_TRIM_THRESHOLD, LARGEST)
        mallopt(M_ARENA_MAX, 1)
