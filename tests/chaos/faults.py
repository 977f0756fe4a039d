"""What each kind of fault does. One thread for each, so that they overlap as the plan has them."""
import collections
import contextlib
import hashlib
import os
import pathlib
import signal
import threading
import time

import redis

from engine import batch_of, source
from ledger import prefix

LEAST_ROOM = 0.02  # of Redis's memory in use when it is filled: so much more is allowed
SLOW = {"redis": {"delay_s": 0.15}, "clients": {"bytes_per_s": 40000}}
END_S = 5  # how long a strike waits for a batch to end


def sha_of(script):
    """The digest that services call it by."""
    return hashlib.sha1(source(script).encode()).hexdigest().encode()


class Striker:
    def __init__(self, cluster, plan, recovery, began):
        self.cluster, self.plan, self.recovery, self.began = cluster, plan, recovery, began
        self.counts, self.missed = collections.Counter(), collections.Counter()
        self.lock = threading.Lock()
        self.threads = []
        self.wrong = []
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def join(self):
        self.thread.join()
        for t in self.threads:
            t.join()

    def _run(self):
        for fault in self.plan.faults:
            time.sleep(max(0.0, self.began + fault.at_s - time.monotonic()))
            t = threading.Thread(target=self._strike, args=(fault,), daemon=True)
            self.threads.append(t)
            t.start()

    def _strike(self, fault):
        words = fault.kind.split()
        verb = getattr(self, "_" + "_".join(w.replace("-", "_") for w in words), None)
        try:
            struck = verb(fault) is not False
        except (redis.exceptions.RedisError, OSError):
            struck = True  # Redis was away while we prepared; what we did stays done
        except Exception as e:  # noqa: BLE001  a mistake of ours must not look like a clean run
            self.wrong.append(f"{fault}: {e!r}")
            struck = False
        with self.lock:
            (self.counts if struck else self.missed)[fault.kind] += 1

    # -- help ---------------------------------------------------------------------------------------------
    def _held(self, *labels):
        """What these hold; nothing when Redis does not answer."""
        held = {}
        with contextlib.suppress(redis.exceptions.RedisError, OSError), contextlib.closing(self.cluster.private_redis()) as client:
            for label in labels:
                pid = None if label == "redis" else self.cluster[label].pid
                held.update(dict.fromkeys(self.recovery.held_by(client, label, pid)))
        return list(held)

    def _signal(self, label, number):
        with self.cluster.lock, contextlib.suppress(ProcessLookupError):
            self.cluster[label].signal(number)

    def _down(self, fault, labels, number):
        """Ends processes; they rest for the fault's time."""
        for label in labels:
            self.cluster.rest(label)
        held, now = self._held(*labels), time.monotonic()
        for label in labels:
            self._signal(label, number)
            if number == signal.SIGTERM:
                self._signal(label, signal.SIGCONT)  # one that is frozen hears it too
        self.recovery.watch(fault, now, held)
        for label in labels:
            self.cluster[label].process.wait(60)
        time.sleep(fault.seconds)
        for label in labels:
            self.cluster.wake(label)

    def _stand(self, fault, counts_from):
        label = fault.victims[0]
        held = self._held(label)
        pid = self.cluster[label].pid
        self._signal(label, signal.SIGSTOP)
        self.recovery.watch(fault, time.monotonic() + counts_from, held)
        time.sleep(fault.seconds)
        with self.cluster.lock:
            if self.cluster[label].pid == pid:
                self._signal(label, signal.SIGCONT)

    # -- processes ------------------------------------------------------------------------------------------
    def _kill(self, fault):
        self._down(fault, fault.victims, signal.SIGKILL)

    def _kill_decoders(self, fault):
        """The children that decode documents, as when the kernel runs out of memory; a page gets another attempt."""
        pid = self.cluster[fault.victims[0]].pid
        children = [int(c) for task in pathlib.Path(f"/proc/{pid}/task").glob("*/children") for c in task.read_text().split()]
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
        return bool(children)

    def _terminate(self, fault):
        self._down(fault, fault.victims, signal.SIGTERM)

    def _freeze(self, fault):
        self._stand(fault, self.plan.lease_s)

    def _pause(self, fault):
        self._stand(fault, self.plan.lease_s)

    def _all_dispatchers(self, fault):
        self._down(fault, fault.victims, signal.SIGKILL)

    def _everything(self, fault):
        """As when the machine goes down, but for what its disk had not yet."""
        held, now = self._held("redis"), time.monotonic()
        for label in fault.victims:
            self.cluster.rest(label)
            self._signal(label, signal.SIGKILL)
        self.cluster.redis_down(True)
        self.recovery.watch(fault, now, held)
        for label in fault.victims:
            self.cluster[label].process.wait(60)
        time.sleep(fault.seconds)
        self.cluster.redis_up()
        for label in fault.victims:
            self.cluster.wake(label)

    def _batch_end(self, fault):
        """At the moment a batch ends, or when only its last job is left."""
        client = self.cluster.private_redis()
        until, from_now = time.monotonic() + END_S, client.pubsub(ignore_subscribe_messages=True)
        from_now.subscribe("sheaf:events")
        try:
            while time.monotonic() < until:
                message = from_now.get_message(timeout=0.5)
                for line in (message["data"].split("\n") if message else ()):
                    if self._is_the_moment(client, line.split(" "), fault.detail):
                        self._down(fault, fault.victims, signal.SIGKILL)
                        return True
        finally:
            from_now.close()
            client.close()
        return False

    @staticmethod
    def _is_the_moment(client, words, when):
        if when == "after":
            return words[0] == "b" and words[3] == "1"
        if words[0] != "j" or words[4] != "finished":
            return False
        batch = batch_of(client, words[3])
        return batch.get("sealed") == "1" and batch["started"] == "1"

    # -- Redis ------------------------------------------------------------------------------------------------
    def _kill_redis(self, fault, hard=True):
        held, now = self._held("redis"), time.monotonic()
        self.cluster.redis_down(hard)
        self.recovery.watch(fault, now, held)
        time.sleep(fault.seconds)
        self.cluster.redis_up()

    def _stop_redis(self, fault):
        self._kill_redis(fault, hard=False)

    def _pause_redis(self, fault):
        process = self.cluster.redis_process
        process.send_signal(signal.SIGSTOP)
        time.sleep(fault.seconds)
        process.send_signal(signal.SIGCONT)

    def _fill_redis(self, fault):
        with contextlib.closing(self.cluster.private_redis()) as client:
            used = client.info("memory")["used_memory"]
            client.config_set("maxmemory", int(used * (1 + LEAST_ROOM)))
            time.sleep(fault.seconds)
            client.config_set("maxmemory", 0)  # a restarted one has no limit anyway

    # -- connections ---------------------------------------------------------------------------------------------
    def _relay(self, fault):
        kind, label = fault.kind.split()[-1], fault.victims[0]
        relays = {"redis": self.cluster.redis_relays, "reply": self.cluster.redis_relays, "clients": self.cluster.client_relays}
        return self.cluster.wire_relays[label, fault.detail.split()[0]] if kind == "wire" else relays[kind][label]

    def _cut(self, fault):
        held, now = self._held(fault.victims[0]), time.monotonic()
        self._relay(fault).cut()
        if fault.kind == "cut redis":
            self.recovery.watch(fault, now, held)

    _cut_redis = _cut_wire = _cut_clients = _cut

    def _half_close(self, fault):
        self._relay(fault).half_close(fault.detail.split()[-1])

    _half_close_redis = _half_close_wire = _half_close_clients = _half_close

    def _hang(self, fault):
        """Bytes are taken and not passed on: what looks like a peer that hangs."""
        label, relay = fault.victims[0], self._relay(fault)
        held, now = self._held(label), time.monotonic()
        relay.hold()
        if fault.kind == "hang redis":
            self.recovery.watch(fault, now + self.plan.lease_s, held)
        time.sleep(fault.seconds)
        relay.release()

    _hang_redis = _hang_wire = _hang

    def _slow(self, fault):
        relay = self._relay(fault)
        relay.slow(**SLOW[fault.kind.split()[-1]])
        time.sleep(fault.seconds)
        relay.fast()

    _slow_redis = _slow_clients = _slow

    def _lost_reply(self, fault):
        """Redis does what it is asked, and the answer gets lost with the connection."""
        return self._relay(fault).cut_reply_to(sha_of(fault.detail)).wait(END_S)
