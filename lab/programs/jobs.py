# SPDX-License-Identifier: GPL-2.0-or-later
"""A shell with one job: jobs.py OUTPUT COMMAND...

Starts the command in a process group of its own, as shells do, with its output in the file, and writes there what
waitpid() says of it: "stopped N", "continued", "status N".
"""
import os
import sys

output = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND, 0o644)
child = os.fork()
if child == 0:
    os.setpgid(0, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.execv(sys.argv[2], sys.argv[2:])
while True:
    _, status = os.waitpid(child, os.WUNTRACED | os.WCONTINUED)
    if os.WIFSTOPPED(status):
        line = f"stopped {os.WSTOPSIG(status)}"
    elif os.WIFCONTINUED(status):
        line = "continued"
    else:
        line = f"status {os.waitstatus_to_exitcode(status)}"
    os.write(output, line.encode() + b"\n")
    if line.startswith("status"):
        break
