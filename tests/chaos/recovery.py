"""How long a fault keeps a task waiting: from the signal until each task that the victim held is delivered again, or done.

At the fault's moment the pending entries of Redis say what was held: for a dispatcher what is pending under its name, for a
worker (Redis does not know which of its type has what) everything pending of its types, for Redis itself everything. Of
these each one is watched until it ended, was adopted, or is another's with the next delivery. A worker's figure is therefore never too
small. A freeze counts from the lease's end, as what is frozen may rightly keep its tasks so long.
"""
import collections
import threading
import time

import redis

from ledger import prefix
from plan import STAGES_OF

TYPES = tuple(t for types in STAGES_OF.values() for t in types)
GROUP, RETURNED = "dispatchers", "~returned"
EVERY_S = 0.05
GIVE_UP_S = 90

Held = collections.namedtuple("Held", "key type entry consumer delivery packed")


class Watch:
    """What one fault's victims held, and from when it counts."""

    def __init__(self, fault, counts_from, held):
        self.fault, self.counts_from, self.left = fault, counts_from, {h: None for h in held}


class Recovery:
    def __init__(self, cluster, shards):
        self.keys = {type: [f"{prefix(f'{shard:02x}')}tasks:{type}" for shard in range(shards)] for type in TYPES}
        self.cluster, self.redis = cluster, cluster.private_redis()
        self.lock = threading.Lock()
        self.watches, self.slow = [], []
        self.recoveries, self.slowest, self.never = 0, 0.0, []
        self.over = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def stop(self):
        self.over.set()
        self.thread.join(10)

    # -- at the fault -----------------------------------------------------------------------------------
    def held_by(self, client, label, pid):
        """What the victim holds now; just before the signal, on the striker's own connection."""
        service = label.split(".")[0]
        if service == "gateway":
            return []
        held = []
        for type, key in ((t, k) for t in STAGES_OF.get(service, TYPES) for k in self.keys[t]):
            try:
                rows = client.xpending_range(key, GROUP, "-", "+", 2000)
            except redis.exceptions.ResponseError:
                continue  # nothing was taken of this type yet
            mine = [r for r in rows if r["consumer"] != RETURNED and (service != "dispatcher" or f"-{pid}-" in r["consumer"])]
            texts = dict(client.xrange(key, mine[0]["message_id"], mine[-1]["message_id"])) if mine else {}
            held += [Held(key, type, r["message_id"], r["consumer"], r["times_delivered"], texts[r["message_id"]]["t"])
                     for r in mine if r["message_id"] in texts]
        return held

    def watch(self, fault, counts_from, held):
        if held:
            with self.lock:
                self.watches.append(Watch(fault, counts_from, held))

    def idle(self):
        with self.lock:
            return not self.watches

    # -- meanwhile ----------------------------------------------------------------------------------------
    def _run(self):
        while not self.over.wait(EVERY_S):
            with self.lock:
                watches = list(self.watches)
            if not watches:
                continue
            try:
                self._look(watches)
            except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError, redis.exceptions.BusyLoadingError):
                continue  # Redis is the one that was struck
            with self.lock:
                self.watches = [w for w in self.watches if w.left]

    def _look(self, watches):
        pipe, asked = self.redis.pipeline(transaction=False), []
        for w in watches:
            for h in w.left:
                pipe.xpending_range(h.key, GROUP, h.entry, h.entry, 1)
                job, _, index = h.packed.split(" ")[:3]
                pipe.hmget(f"{prefix(job)}job:{job}", "state", f"out:{h.type}:{index}")
                asked.append((w, h))
        answers, now = pipe.execute(), time.monotonic()
        waiting = None
        for (w, h), pending, job in zip(asked, answers[::2], answers[1::2]):
            row = pending[0] if pending else None
            if row:
                done = row["consumer"] != RETURNED and (row["consumer"] != h.consumer or row["times_delivered"] != h.delivery)
            elif self._ended(h, job):
                done = True
            else:  # lost or put off: the task goes on as another entry
                waiting = self._deliveries() if waiting is None else waiting
                done = tuple(h.packed.split(" ")[:3]) in waiting
            if done or now - w.counts_from > GIVE_UP_S:
                self._note(w, h, now, done)

    @staticmethod
    def _ended(h, job):
        standing, out = job
        if standing is None:
            return True
        state, run = standing.split("\0")[:2]
        return run != h.packed.split(" ")[1] or state not in ("queued", "started") or bool(out) and out[0] != "!"

    def _deliveries(self):
        """(job, run, index) of all tasks that somebody works on."""
        found = set()
        for key in (k for keys in self.keys.values() for k in keys):
            rows = self.redis.xpending_range(key, GROUP, "-", "+", 2000)
            if rows:
                texts = dict(self.redis.xrange(key, rows[0]["message_id"], rows[-1]["message_id"]))
                found |= {tuple(texts[r["message_id"]]["t"].split(" ")[:3])
                          for r in rows if r["consumer"] != RETURNED and r["message_id"] in texts}
        return found

    def _note(self, w, h, now, done):
        took = max(0.0, now - w.counts_from)
        del w.left[h]
        if not done:
            self.never.append((w.fault, h))
            return
        self.recoveries += 1
        if took > self.slowest:
            self.slowest = took
        if took > 8:
            self.slow.append((round(took, 1), w.fault, h))
