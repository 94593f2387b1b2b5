"""What all tests share: compiled code that they keep lies in a folder of their own."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile

# Before anything is compiled: the folder is read once.
_FOLDER = tempfile.mkdtemp(prefix="pullback-tests-")
os.environ["PULLBACK_CACHE_DIR"] = _FOLDER
atexit.register(shutil.rmtree, _FOLDER, ignore_errors=True)
