# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""Limits of memory and processes, which several units of an application have."""

from __future__ import annotations

from .key import Key

MEMORY_MAX = Key(
    "str",
    "Upper limit of the memory of all processes together. If they need more, the kernel kills one of them.",
    pattern=r"[1-9][0-9]{0,8}[MG]",
    remedy="write a size such as 512M",
)

TASKS_MAX = Key(
    "int",
    "Upper limit of processes and threads, including those that the application starts.",
    derived="1024, or twice `processes` × `threads` if that is more",
    minimum=16,
    maximum=4194304,
)
