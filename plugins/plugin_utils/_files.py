# Copyright (c) raftops.nomad contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Put a file in place as a whole, on the controller: who reads it meanwhile finds the one before."""

from __future__ import annotations

import contextlib
import os
import uuid


def put(path: str, text: str, mode: int) -> None:
    """Replace what is there. `mode`: of the file, less what the umask takes. Raises OSError; then nothing is left."""
    partial = f"{path}.{uuid.uuid4().hex}"
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with open(descriptor, "wb") as file:
            file.write(text.encode("utf-8", "replace"))
        os.replace(partial, path)
    except OSError:
        with contextlib.suppress(OSError):  # there may be none
            os.unlink(partial)
        raise
