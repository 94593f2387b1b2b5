"""Threads that share the work of kernels: native code that hands out parts, and takes them.

One job runs at a time. Who has one while another runs does it alone, so callers in many threads
share nothing and wait for nobody. A job is a function and a number of parts; ``ticket`` holds the
job's number and how many parts nobody has taken. A part is taken by counting down, which fails if
the ticket has changed since it was read, so who takes a part has read the function of that job.

    parallel:  busy? or no threads -> all parts here
               else publish -> wake who sleeps -> take parts -> wait for those that others took
    worker:    look for a part a while -> sleep until there is a new ticket -> look again

POSIX threads' functions are found in the C library. Where there are none, all parts are done by the
caller, as they are after a fork, in the child.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import sys
import threading
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from pullback.compiler.circumstances import circumstances
from pullback.compiler.interface import PARALLEL
from pullback.compiler.loading import load
from pullback.compiler.store import standard_store
from pullback.lazy import lazy

if TYPE_CHECKING:
    from pullback.compiler.llvm import pool as code
else:
    code = lazy("pullback.compiler.llvm.pool")


def threads() -> int:
    """Return how many threads may compute at once: the usable cores, or ``PULLBACK_THREADS``."""
    wanted = os.environ.get("PULLBACK_THREADS", "")
    if wanted.isdecimal() and int(wanted) > 0:
        return int(wanted)
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def parallel() -> int:
    """Return the address of the function that shares out work; start the threads."""
    count = threads() if sys.platform in {"linux", "darwin"} else 1
    loaded = load(_object_code(shared=count > 1), {})
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(loaded))  # it runs to the end of the process

    def function(name: str) -> Callable[[], None]:
        return ctypes.CFUNCTYPE(None)(loaded.address(name))

    if count > 1:
        start, close, work = map(function, ("pullback_open", "pullback_close", "pullback_worker"))
        start()
        os.register_at_fork(after_in_child=close)
        for k in range(count - 1):
            threading.Thread(target=work, name=f"pullback-{k}", daemon=True).start()
    return loaded.address(PARALLEL)


def _object_code(*, shared: bool) -> bytes:
    """Return the machine code, which is kept for later processes."""
    store, where = standard_store(), circumstances()
    if store is None or where is None:
        return code.object_code(shared=shared)
    key = hashlib.sha256(b"pool" + bytes([shared]) + where).digest()
    found = store.read(key)
    if found is None:
        found = code.object_code(shared=shared)
        store.write(key, found)
    return found
