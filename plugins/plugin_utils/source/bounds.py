# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""How much an archive may be: far more than any project, and less than what fills the controller."""

from __future__ import annotations

# The source of the Linux kernel has 90,000 files and 1.5 GiB.
MOST_MEMBERS = 200_000
MOST_BYTES = 2 * 1024**3
# Linux takes paths of 4095 bytes and names of 255; half of a path is left for the directories of the cache and of the release above it.
LONGEST_PATH = 2048
LONGEST_NAME = 255
# The standard library of Python 3.11 walks and removes trees by recursion, of which it allows 1000 levels.
DEEPEST = 100
# The headers of a tar that belong to one member: a long path and extended attributes, whose values are at most 64 KiB each.
MOST_HEADER_BYTES = 1024 * 1024
# All headers of a tar: three blocks for each member, which is what tar writes for long paths and exact times.
MOST_HEADERS_BYTES = MOST_MEMBERS * 3 * 512
