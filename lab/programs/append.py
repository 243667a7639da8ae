# SPDX-License-Identifier: GPL-2.0-or-later
"""Opens a file by its name again and again and appends a line to it: append.py FILE"""

import sys
import time

number = 0
while True:
    number += 1
    with open(sys.argv[1], "a", encoding="ascii") as file:
        file.write(f"{number}\n")
    print(number, flush=True)
    time.sleep(0.1)
