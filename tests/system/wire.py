"""A scripted worker: speaks the protocol of proto/PROTOCOL.md as any worker may, well or badly."""
import json
import struct
import time
import uuid

import zmq

HEADER = struct.Struct(">4sBBBB12sB3xQQQII16sII16sIH2x")
COMMANDS = ["", "HELLO", "WELCOME", "WHO", "CREDIT", "TASK", "RESULT", "RESULT_ACK", "PROGRESS", "HANDED_BACK", "HEARTBEAT",
            "CANCEL", "DRAIN", "BYE"]
NUMBER = {name: n for n, name in enumerate(COMMANDS)}
DONE, RETRY, THROTTLED, REFUSED = 1, 2, 3, 4
ACCEPTED, SUPERSEDED = 1, 2
assert HEADER.size == 104


class Message:
    def __init__(self, command, status=0, type="", shard=0, entry=(0, 0), token=(0, 0, 0), job=bytes(16), index=0,
                 ms_left=0, trace=bytes(16), room_seq=0, room=0, body=None, major=1):
        self.__dict__.update(locals())
        del self.self

    def frames(self):
        head = HEADER.pack(b"SHF1", self.major, 0, NUMBER[self.command], self.status, self.type.encode(), self.shard,
                           *self.entry, *self.token, self.job, self.index, self.ms_left, self.trace, self.room_seq, self.room)
        return [head] if self.body is None else [head, json.dumps(self.body, separators=(",", ":")).encode()]

    @staticmethod
    def parse(frames):
        (magic, major, _, command, status, kind, shard, ms, seq, run, attempt, delivery, job, index, ms_left, trace, room_seq,
         room) = HEADER.unpack(frames[0])
        assert magic == b"SHF1"
        body = json.loads(frames[1]) if len(frames) > 1 and frames[1] else {}
        return Message(COMMANDS[command], status, kind.rstrip(b"\0").decode(), shard, (ms, seq), (run, attempt, delivery), job,
                       index, ms_left, trace, room_seq, room, body, major)

    @property
    def job_id(self):
        return str(uuid.UUID(bytes=self.job))

    def __repr__(self):
        return f"<{self.command} {self.type} {self.index} {self.token} {self.body}>"


class Worker:
    """One process's link to one dispatcher; `rooms` by type."""

    context = zmq.Context.instance()

    def __init__(self, endpoint, instance=None, **rooms):
        self.instance = instance or "w-" + uuid.uuid4().hex[:12]
        self.rooms = rooms
        self.seq = 0
        self.socket = self.context.socket(zmq.DEALER)
        self.socket.routing_id = self.instance.encode()
        self.socket.linger = 0
        self.socket.connect(endpoint)
        self.beat_at = 0

    def send(self, message):
        self.socket.send_multipart(message.frames())

    def next_seq(self):
        self.seq += 1
        return self.seq

    def hello(self, holds=(), welcome=True, **extra):
        self.send(Message("HELLO", room_seq=self.next_seq(), body={
            "version": "0.1.0", "service": "test-svc", "host": "test", "instance": self.instance,
            "types": {t: {"room": 0, "total": n} for t, n in self.rooms.items()},
            "holds": [self.hold(t) for t in holds], "part": 0, "more": False, **extra}))
        if not welcome:
            return None
        answer = self.get("WELCOME")
        for kind in self.rooms:
            self.credit(kind)
        return answer

    @staticmethod
    def hold(task, state="working"):
        return {"type": task.type, "shard": task.shard, "entry": "%d-%d" % task.entry, "job": task.job_id, "index": task.index,
                "run": task.token[0], "attempt": task.token[1], "delivery": task.token[2], "state": state}

    def credit(self, kind, room=None):
        self.send(Message("CREDIT", type=kind, room_seq=self.next_seq(), room=self.rooms[kind] if room is None else room))

    def beat(self, **held):
        self.send(Message("HEARTBEAT", room_seq=self.next_seq(), body={"room": self.rooms, "held": held}))

    def result(self, task, outcome=DONE, body=None):
        self.about(task, "RESULT", status=outcome, body={"fan": 1} if body is None else body)

    def about(self, task, command, **more):
        self.send(Message(command, type=task.type, shard=task.shard, entry=task.entry, token=task.token, job=task.job,
                          index=task.index, trace=task.trace, room_seq=self.next_seq(),
                          room=self.rooms.get(task.type, 0), **more))

    def get(self, *wanted, timeout=30, beat=True, held=None):
        """The next message of one of these commands; heartbeats as a living worker does while it waits."""
        until = time.monotonic() + timeout
        while (left := until - time.monotonic()) > 0:
            if beat and time.monotonic() > self.beat_at:
                self.beat_at = time.monotonic() + 0.5
                self.beat(**(held or {k: 512 for k in self.rooms}))
            if self.socket.poll(min(left, 0.25) * 1000):
                message = Message.parse(self.socket.recv_multipart())
                if message.command in wanted:
                    return message
        return None

    def work(self, count, body=None, timeout=60):
        """Does `count` tasks of whatever type, and sees each acknowledged."""
        done, acks = [], 0
        until = time.monotonic() + timeout
        while acks < count and time.monotonic() < until:
            message = self.get("TASK", "RESULT_ACK", timeout=1)
            if message is None:
                continue
            if message.command == "TASK":
                done.append(message)
                self.result(message, body=body)
            else:
                acks += 1
        return done

    def leave(self):
        """BYE, which is sent although its socket is closed behind it."""
        if not self.socket.closed:
            self.send(Message("BYE"))
            self.socket.close(linger=5000)

    def close(self):
        self.socket.close()
