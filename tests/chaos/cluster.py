"""The stack that is struck: several instances of each service, and a relay wherever two processes talk.

    clients ─relay─► gateway ─relay─► Redis ◄─relay─ dispatcher ◄─relay─ ocr-svc, llm-svc, persist-svc, notify-svc

Each dispatcher and gateway has its own relay to Redis; each worker has its own relay to each dispatcher. Some of ocr-svc
and llm-svc are the real ones (Tesseract, rules; plan.py says which), the others null providers; originals, records and messages
go where the embedded defaults put them, so that the ledger can count them. A supervisor starts again what ended.
"""
import contextlib
import pathlib
import sqlite3
import threading
import time

import redis

from plan import LAYOUT, REAL, WORKERS
from relay import Relay
from stack import Stack, http, wait_for

SECOND_GATEWAY = 40  # its port's distance from the first one's


class Cluster(Stack):
    def __init__(self, lease_s, shards, room):
        super().__init__(redis_options=("--appendfsync", "always"), SHEAF_LEASE=f"{lease_s * 1000:.0f}ms", SHEAF_NOTIFY_WHEN="both",
                         SHEAF_DRAIN="5s", SHEAF_SHARDS=shards, SHEAF_ROOM=room)
        self.labels = [f"{s}.{n}" for s in LAYOUT for n in range(LAYOUT[s])]
        self.redis_relays, self.client_relays, self.wire_relays = {}, {}, {}
        self.resting, self.fell = set(), []  # down on purpose; ended by themselves
        self.lock = threading.RLock()
        self.over = threading.Event()

    def __enter__(self):
        try:
            self.start_redis()
            for label in self.labels:
                self._start(label)
            for n in range(LAYOUT["gateway"]):
                wait_for(lambda n=n: self._answers(n), 30, f"gateway.{n}")
            wait_for(self._workers_there, 30, "workers of each stage")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        self.supervisor = threading.Thread(target=self._supervise, daemon=True)
        self.supervisor.start()
        return self

    def __exit__(self, kind, *rest):
        self.over.set()
        for relays in (self.redis_relays, self.client_relays, self.wire_relays):
            for relay in relays.values():
                with contextlib.suppress(Exception):
                    relay.close()
        super().__exit__(kind, *rest)

    # -- parts --------------------------------------------------------------------------------------
    def gateway_port(self, n):
        return self.base + SECOND_GATEWAY * n

    def _start(self, label):
        service, n = label.split(".")
        n, more = int(n), {"SHEAF_ADMIN_PORT": 0}
        if service in ("dispatcher", "gateway"):
            relay = self.redis_relays[label] = Relay(self.redis_socket)
            more["REDIS_URL"] = relay.redis_url
        if service == "dispatcher":
            more["SHEAF_DISPATCHER_BIND"] = f"tcp://127.0.0.1:{self.base + 20 + n}"
        if service == "gateway":
            more.update(SHEAF_PORT=self.gateway_port(n), SHEAF_RECORDS_URL=f"http://127.0.0.1:{self.base + 10}")
            self.client_relays[label] = Relay(("127.0.0.1", self.gateway_port(n)))
        if service in WORKERS:
            for d in range(LAYOUT["dispatcher"]):
                self.wire_relays[label, f"dispatcher.{d}"] = Relay(("127.0.0.1", self.base + 20 + d))
            more["SHEAF_DISPATCHERS"] = ",".join(self.wire_relays[label, f"dispatcher.{d}"].endpoint for d in range(LAYOUT["dispatcher"]))
        if service in ("ocr-svc", "llm-svc") and label not in REAL:
            more["SHEAF_OCR" if service == "ocr-svc" else "SHEAF_LLM"] = "null"
        self.start(service, label, **more)

    def _answers(self, n):
        try:
            return http("GET", f"http://127.0.0.1:{self.gateway_port(n)}/api/worker_status", timeout=5)[0] == 200
        except OSError:
            return False

    def _workers_there(self):
        stages = self.get("/api/worker_status")[1].get("stages", [])
        return len(stages) >= 7 and all(s["workers"] >= LAYOUT["persist-svc"] for s in stages)

    # -- the supervisor ---------------------------------------------------------------------------------
    def _supervise(self):
        while not self.over.wait(0.1):
            for label in self.labels:
                with self.lock:
                    code = self.named[label].process.poll()
                    if code is not None and label not in self.resting:
                        self.fell.append((label, code, self.log(label)[-600:]))
                        self.named[label].start()

    def rest(self, label):
        """Nobody starts it again until wake()."""
        with self.lock:
            self.resting.add(label)

    def wake(self, label):
        with self.lock:
            if self.over.is_set():
                return
            if self.named[label].process.poll() is not None:
                self.named[label].start()
            self.resting.discard(label)

    # -- Redis ------------------------------------------------------------------------------------------
    def redis_down(self, hard):
        with self.lock:
            (self.redis_process.kill if hard else self.redis_process.terminate)()
            self.redis_process.wait(30)

    def redis_up(self):
        with self.lock:
            if not self.over.is_set() and self.redis_process.poll() is not None:
                self.start_redis()

    def private_redis(self):
        """A connection of the caller's own, past all relays; for one thread."""
        return redis.Redis(unix_socket_path=self.redis_socket, decode_responses=True, socket_timeout=20)

    # -- what is kept for good --------------------------------------------------------------------------
    @property
    def var(self):
        return pathlib.Path(self.folder) / "var"

    def rows(self):
        with contextlib.closing(sqlite3.connect(f"file:{self.var}/records.db?mode=ro", uri=True, timeout=30)) as db:
            db.row_factory = sqlite3.Row
            return [dict(row) for row in db.execute("SELECT submission_id, base_id, job_id, chunk_index, is_container_parent, "
                                                    "deleted_at, run FROM submissions")]

    def healthy(self):
        """Every process there and every gateway answering: the end of a run begins here."""
        return all(self.named[label].process.poll() is None for label in self.labels) and \
            all(self._answers(n) for n in range(LAYOUT["gateway"]))

    def wait_healthy(self, timeout=60):
        until = time.monotonic() + timeout
        while not self.healthy() and time.monotonic() < until:
            time.sleep(0.2)
        return self.healthy()
