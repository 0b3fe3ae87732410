# Copyright: the flaskops.stack authors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
"""The sentence at the top of every file that the collection manages."""

from __future__ import annotations

# The ids of instances are made from files with this sentence: it must not depend on a configuration, and a new wording makes new instances.
MANAGED = "Managed by flaskops.stack; changes by hand are overwritten."
HEADER = f"# {MANAGED}\n"
