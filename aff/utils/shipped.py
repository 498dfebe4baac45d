"""What comes with the package, beside its code."""

import os
from typing import Optional

PACKAGE = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))


def find_shipped(*parts: str) -> Optional[str]:
    """Return the path of a file or folder that comes with this installation, or with the clone that
    it runs from (`parts` as they lie in the repository), or None where it is not there.
    """
    for folder in (PACKAGE, os.path.dirname(PACKAGE)):
        path = os.path.join(folder, *parts)
        if os.path.exists(path):
            return path
    return None
