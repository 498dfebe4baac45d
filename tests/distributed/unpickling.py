"""The worker of a job that sends its servers a pickle which would run a command there, as whoever
reaches their ports can; run by test_unpickling.py.
"""

import os
import pickle
import sys

from aff.distributed.process import finish, join_job


class Touch:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.system, (f"touch {self.path}",)


if __name__ == "__main__":
    join_job()
    import mxnet as mx

    kvstore = mx.kv.create("dist_sync")
    for _ in range(3):
        kvstore._send_command_to_servers(0, pickle.dumps(Touch(sys.argv[1]), 0).decode())
    kvstore.init(1, mx.nd.ones(3))
    kvstore.push(1, mx.nd.ones(3))
    total = mx.nd.zeros(3)
    kvstore.pull(1, out=total)
    print("sum", total.asnumpy().tolist())
    finish(0)
