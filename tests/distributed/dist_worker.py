"""One worker of the distributed test, run by test_job.py under mxnet's launcher."""

import sys

from aff.distributed.process import finish, join_job

if __name__ == "__main__":
    join_job()  # before mxnet is imported
    from .steps import work

    work(sys.argv[1])
    finish(0)
