# SPDX-License-Identifier: GPL-2.0-or-later
"""Compiles the Python modules of a folder, over and over: compile.py SOURCES OUTPUT [ROUNDS [SECONDS-PER-MODULE]]

Opens, reads and makes files by name all the time. Prints a line for each module, and after each round a checksum of
all that was compiled, which does not depend on where that was done.
"""

import hashlib
import marshal
import os
import pathlib
import sys
import time

sources, output = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
rounds = int(sys.argv[3]) if len(sys.argv) > 3 else 1_000_000
pause = float(sys.argv[4]) if len(sys.argv) > 4 else 0.0

output.mkdir(exist_ok=True)
for number in range(rounds):
    total = hashlib.sha256()
    for source in sorted(sources.glob("*.py")):
        # The form without references is the same each time.
        compiled = marshal.dumps(compile(source.read_bytes(), str(source), "exec"), 2)
        scratch = output / (source.stem + ".new")
        scratch.write_bytes(compiled)
        os.replace(scratch, output / (source.stem + ".marshal"))
        total.update(compiled)
        print(f"{source.name}: {len(compiled)} bytes", flush=True)
        time.sleep(pause)
    print(f"round {number}: {total.hexdigest()[:16]}", flush=True)
