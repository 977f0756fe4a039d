"""RQ through four stages: each enqueues the next. usage: python3 -m peer_rq worker │ produce JOBS"""
import json
import os
import sys
import time

import redis
import rq

connection = redis.Redis.from_url(os.environ["REDIS_URL"])
queue = rq.Queue("q", connection=connection)


def step(n):
    if n < 4:
        queue.enqueue("peer_rq.step", n + 1)
    else:
        connection.incr("ended")


if __name__ == "__main__":
    if sys.argv[1] == "worker":
        rq.SimpleWorker([queue], connection=connection).work(logging_level="ERROR")
    else:
        jobs, began = int(sys.argv[2]), time.monotonic()
        for _ in range(jobs):
            queue.enqueue("peer_rq.step", 1)
        while int(connection.get("ended") or 0) < jobs:
            time.sleep(0.01)
        s = time.monotonic() - began
        print(json.dumps({"jobs": jobs, "s": s, "per_s": jobs / s}))
