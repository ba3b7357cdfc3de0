"""Names of what sections compute from and what they find."""

from typing import Any, TypeAlias

from madtheory._types import Array as Array

#: Arguments or numbers of a section, as they go to JSON and come from it.
Numbers: TypeAlias = dict[str, Any]
