"""An event file of TensorBoard's, written a record at a time: no file stays open and no thread
runs, so that a full disk is noticed, a kill costs no more than the record that is being written,
and processes that are forked take nothing over.

A resumed run goes on in a file of its own, into which the earlier one's records were taken over as
far as the run has come: readers see each figure once. The earlier one stays, empty.
"""

from __future__ import annotations

import os
import struct
import time
from typing import Any, Callable, Iterator, List, Mapping, Set, Tuple

from ..utils.files import names_in, open_in_place, replacing
from ..utils.libraries import library
from ..utils.opening import ANY_SIZE, MB, open_regular, unreadable

LIBRARY = "tensorboardX"
#: What TensorBoard knows its files by.
MARK = "tfevents"
#: Where records are gathered, until the file has a name that TensorBoard knows.
GATHERED = "events"
VERSION = "brain.Event:2"
#: An image has at most a few MB.
MAX_RECORD = 64 * MB
_HEAD, _SUM = struct.Struct("<QI"), struct.Struct("<I")

Keeps = Callable[[str, int], bool]


def event_files(folder: str) -> List[str]:
    """Return what TensorBoard would read in a folder, in its order."""
    return [os.path.join(folder, name) for name in names_in(folder) if MARK in name]


def read_events(path: str) -> Iterator[Tuple[Any, bytes]]:
    """Yield the events of a file, each with its record's bytes; a damaged record is left out, and
    what a killed process left half-written.

    Raises
    ------
    InputError
        For what is no file that can be read.
    """
    masked = library(f"{LIBRARY}.record_writer").masked_crc32c
    parse = library(f"{LIBRARY}.proto.event_pb2").Event.FromString
    undecodable = library("google.protobuf.message").DecodeError
    with open_regular(path, ANY_SIZE) as file:
        try:
            while True:
                head = file.read(_HEAD.size)
                if len(head) < _HEAD.size:
                    return
                size, head_sum = _HEAD.unpack(head)
                if size > MAX_RECORD or masked(head[:8]) != head_sum:
                    return
                rest = file.read(size + _SUM.size)
                if len(rest) < size + _SUM.size:
                    return
                if masked(rest[:size]) != _SUM.unpack(rest[size:])[0]:
                    continue
                try:
                    yield parse(rest[:size]), head + rest
                except undecodable:
                    continue
        except OSError as error:
            raise unreadable(path, error) from error


class EventFile:
    """The one event file in a folder.

    Parameters
    ----------
    folder : str
        It is there.
    keeps : callable
        Tells, by tag and step, whether what was shown before is kept.

    Attributes
    ----------
    tags : set of str
        What has been shown.

    Raises
    ------
    InputError
        For earlier files that cannot be read, or without tensorboardX.
    """

    def __init__(self, folder: str, keeps: Keeps):
        self._proto = library(f"{LIBRARY}.proto.event_pb2")
        self._masked = library(f"{LIBRARY}.record_writer").masked_crc32c
        self._summary = library(f"{LIBRARY}.proto.summary_pb2").Summary
        self.tags: Set[str] = set()
        self.path = os.path.join(folder, f"events.out.{MARK}.{int(time.time())}.{os.getpid()}")
        gathered = os.path.join(folder, GATHERED)
        earlier = event_files(folder)
        with replacing(gathered) as temporary, open(temporary, "wb") as file:
            file.write(self._record(file_version=VERSION))
            # has a TensorBoard that is running forget what it read of the earlier file
            start = self._proto.SessionLog(status=self._proto.SessionLog.START)
            file.write(self._record(session_log=start))
            for path in earlier:
                for event, record in read_events(path):
                    tags = [value.tag for value in event.summary.value]
                    if tags and all(keeps(tag, event.step) for tag in tags):
                        self.tags.update(tags)
                        file.write(record)
        last = earlier[-1] if earlier else self.path
        os.replace(gathered, last)  # at no moment a figure is gone, or there twice
        for path in earlier[:-1]:
            os.remove(path)
        os.replace(last, self.path)
        open_in_place(last, "ab").close()  # a TensorBoard that reads it goes on from its end only

    def add(self, step: int, *values: Any) -> None:
        """Append an event of this step.

        Parameters
        ----------
        step : int
            Where it stands.
        values : sequence of Summary.Value
            What it shows.
        """
        self.tags.update(value.tag for value in values)
        record = self._record(step=step, summary=self._summary(value=values))
        with open_in_place(self.path, "ab") as file:
            file.write(record)

    def add_scalars(self, step: int, group: str, scalars: Mapping[str, float]) -> None:
        """Append an event of numbers by name, of a group that TensorBoard shows together."""
        made = self._summary.Value
        tagged = {f"{group}/{name}": value for name, value in scalars.items()}
        self.add(step, *(made(tag=tag, simple_value=value) for tag, value in tagged.items()))

    def _record(self, **content: Any) -> bytes:
        data = self._proto.Event(wall_time=time.time(), **content).SerializeToString()
        size = struct.pack("<Q", len(data))
        return b"".join((size, _SUM.pack(self._masked(size)), data, _SUM.pack(self._masked(data))))
