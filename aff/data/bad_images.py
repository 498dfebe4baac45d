"""Training images that cannot be read: how many of them a run puts up with."""

from __future__ import annotations

import threading
from typing import Callable, Dict, Optional

from ..utils.errors import InputError


class BadImagePolicy:
    """Counts the damaged images among a run's training images; each is replaced by the next good
    one, so that a batch stays a pure function of seed and epoch.

    Parameters
    ----------
    total : int
        Number of images.
    share : float
        Share of them, 0 to 1, that may be damaged.
    """

    def __init__(self, total: int, share: float):
        self.total = total
        self.allowed = min(int(share * total + 1e-9), total - 1)
        self.found: Dict[int, str] = {}
        self.say: Optional[Callable[[str], None]] = None
        self._lock = threading.Lock()

    def instead(self, index: int, error: InputError) -> int:
        """Return the index of the image to try instead of a damaged one.

        Raises
        ------
        InputError
            When more are damaged than may be.
        """
        with self._lock:
            if index not in self.found:
                if len(self.found) >= self.allowed:
                    raise self._too_many(error) from error
                self.found[index] = str(error)
                if self.say:
                    self.say(
                        f"{error}: the next image takes its place ({len(self.found)} of "
                        f"at most {self.allowed})"
                    )
        return (index + 1) % self.total

    def _too_many(self, error: InputError) -> InputError:
        if not self.allowed:
            return InputError(
                f"{error.message}; 'aff prepare' leaves out what does not decode, "
                "{max_bad_records} SHARE trains without it"
            )
        return InputError(
            f"{error.message}: one more damaged image than the {self.allowed} of {self.total} that "
            "{max_bad_records} allows"
        )
