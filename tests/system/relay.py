"""A TCP proxy that misbehaves on demand, to stand between any two processes: client and Redis, worker and dispatcher.

    with Relay("/tmp/x/redis.sock") as relay:            # or Relay(("127.0.0.1", 6379))
        stack.start("dispatcher", REDIS_URL=relay.redis_url)     # everything of this client goes through it
        relay.cut()                      # every connection ends with a reset, at once; new ones are welcome
        relay.refuse(); relay.accept()   # nobody listens any more; somebody does again, at the same port
        relay.hold("replies")            # bytes are taken and kept: what looks like a peer that hangs
        relay.release()                  # … and let go, in order
        relay.slow(bytes_per_s=2000)     # both directions; relay.slow(delay_s=0.5) for a long way; relay.fast() ends it
        relay.half_close("client")       # the client reads an end of file and may still write; "server" likewise
        trap = relay.cut_reply_to(b"…")  # the next request with these bytes is passed on, its reply is thrown away, and
        trap.wait(10)                    #   the connection cut: the other side has done it, and ours does not know

"requests" are bytes from the client (who connected) to the server, "replies" the other direction. Each call has taken effect
when it returns. One thread for all connections; counts in `connections`, `bytes`. Not for load: it copies in Python.
"""
import collections
import contextlib
import queue
import selectors
import socket
import struct
import threading
import time

CHUNK = 65536
BUFFERED_MOST = 8 << 20  # what one direction holds back; beyond it the sender feels it
SETTLE_S = 0.05          # a trap's reply is complete when the server is silent for so long
RESET = struct.pack("ii", 1, 0)  # SO_LINGER that makes close() a reset


class Way:
    """One direction of one connection: what was read of `source` and is not yet written to `sink`."""

    def __init__(self, kind, source, sink):
        self.kind, self.source, self.sink = kind, source, sink
        self.waiting = collections.deque()  # (due, bytes)
        self.held = 0                       # bytes in it
        self.free_at = 0.0                  # when the rate allows the next byte
        self.ended = False                  # the source has said end of file
        self.closed = False                 # and the sink was told


class Connection:
    def __init__(self, client, server):
        self.client, self.server = client, server
        self.requests, self.replies = Way("requests", client, server), Way("replies", server, client)
        self.tail = b""       # end of the requests so far: a trap's bytes may come in two pieces
        self.caught = None    # the trap that this connection is in
        self.silent_at = 0.0  # when its reply counts as complete; 0: nothing came yet

    @property
    def ways(self):
        return (self.requests, self.replies)


class Relay:
    def __init__(self, target):
        self.target = target
        self.connections = self.bytes = 0
        self.open, self.held, self.traps = [], set(), []
        self.rate, self.delay = 0, 0.0
        self.selector = selectors.DefaultSelector()
        self.commands = queue.Queue()
        self.bell, self.ear = socket.socketpair()
        self.selector.register(self.ear, selectors.EVENT_READ)
        # Holds the port while nobody listens: the kernel must not give it to somebody's client meanwhile.
        self.place = self._bound(0)
        self.port = self.place.getsockname()[1]
        self._listen()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    # -- what a test says ---------------------------------------------------------------------------
    @property
    def redis_url(self):
        return f"redis://127.0.0.1:{self.port}"

    @property
    def endpoint(self):
        return f"tcp://127.0.0.1:{self.port}"

    def cut(self):
        self._do(lambda: [self._end(c) for c in list(self.open)])

    def refuse(self):
        self._do(self._deafen)

    def accept(self):
        self._do(lambda: self.listener or self._listen())

    def hold(self, *kinds):
        self._do(lambda: self.held.update(kinds or ("requests", "replies")))

    def release(self):
        self._do(self.held.clear)

    def slow(self, bytes_per_s=0, delay_s=0.0):
        def change():
            self.rate, self.delay = bytes_per_s, delay_s
        self._do(change)

    def fast(self):
        self.slow()

    def half_close(self, side):
        def change():
            for c in self.open:
                with contextlib.suppress(OSError):
                    (c.client if side == "client" else c.server).shutdown(socket.SHUT_WR)
                (c.replies if side == "client" else c.requests).closed = True
        self._do(change)

    def cut_reply_to(self, needle):
        """An event that is set once it has happened."""
        assert 0 < len(needle) <= 256
        trap = threading.Event()
        trap.needle = needle
        self._do(lambda: self.traps.append(trap))
        return trap

    def close(self):
        self.commands.put(None)
        self.bell.send(b".")
        self.thread.join(30)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    # -- the thread ---------------------------------------------------------------------------------
    def _do(self, change):
        done = threading.Event()
        self.commands.put((change, done))
        self.bell.send(b".")
        assert done.wait(30), "the relay's thread is gone"

    @staticmethod
    def _bound(port):
        s = socket.socket()
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        s.bind(("127.0.0.1", port))
        return s

    def _listen(self):
        self.listener = self._bound(self.port)
        self.listener.listen(64)
        self.selector.register(self.listener, selectors.EVENT_READ)

    def _deafen(self):
        if self.listener:
            self.selector.unregister(self.listener)
            self.listener.close()
            self.listener = None

    def _run(self):
        while True:
            for key, events in self.selector.select(self._look()):
                if key.fileobj is self.ear:
                    self.ear.recv(4096)
                elif key.fileobj is self.listener:
                    self._welcome()
                elif key.data in self.open and events & selectors.EVENT_READ:
                    self._read(key.data, key.fileobj)
            while not self.commands.empty():
                command = self.commands.get()
                if command is None:
                    self._close_all()
                    return
                command[0]()
                command[1].set()
            self._move()

    def _close_all(self):
        self._deafen()
        for c in list(self.open):
            self._end(c)
        for s in (self.ear, self.bell, self.place):
            s.close()
        self.selector.close()

    def _welcome(self):
        client, _ = self.listener.accept()
        family = socket.AF_UNIX if isinstance(self.target, str) else socket.AF_INET
        server = socket.socket(family, socket.SOCK_STREAM)
        try:
            server.connect(self.target)
        except OSError:
            server.close()
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        for s in (client, server):
            s.setblocking(False)
            if s.family == socket.AF_INET:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.open.append(Connection(client, server))
        self.connections += 1

    def _end(self, c):
        self.open.remove(c)
        for s in (c.client, c.server):
            with contextlib.suppress(KeyError, ValueError):
                self.selector.unregister(s)
            with contextlib.suppress(OSError):
                s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            s.close()

    def _read(self, c, source):
        way = c.requests if source is c.client else c.replies
        try:
            data = source.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError:
            self._end(c)
            return
        if not data:
            way.ended = True
            return
        self.bytes += len(data)
        if c.caught and way is c.replies:
            c.silent_at = time.monotonic() + SETTLE_S
            return
        if way is c.requests and not c.caught:
            self._spring(c, data)
        way.waiting.append((time.monotonic() + self.delay, data))
        way.held += len(data)

    def _spring(self, c, data):
        for trap in self.traps:
            if trap.needle in c.tail[1 - len(trap.needle):] + data:
                self.traps.remove(trap)
                c.caught = trap
                break
        c.tail = (c.tail + data)[-256:]

    def _look(self):
        """Which sockets are worth waiting for, and for how long at most."""
        now, until = time.monotonic(), None
        for c in self.open:
            for way in c.ways:
                other = c.replies if way is c.requests else c.requests
                wanted = 0 if way.ended or way.held > BUFFERED_MOST else selectors.EVENT_READ
                if other.waiting and other.kind not in self.held:
                    due = max(other.waiting[0][0], other.free_at)
                    if due <= now:
                        wanted |= selectors.EVENT_WRITE
                    else:
                        until = min(until or due, due)
                self._watch(way.source, wanted, c)
            if c.silent_at:
                until = min(until or c.silent_at, c.silent_at)
        return None if until is None else max(0.0, until - now)

    def _watch(self, s, wanted, c):
        known = self.selector.get_map().get(s)
        if known and known.events == wanted:
            return
        if known:
            self.selector.unregister(s)
        if wanted:
            self.selector.register(s, wanted, c)

    def _move(self):
        now = time.monotonic()
        for c in list(self.open):
            if c.silent_at and now >= c.silent_at:
                self._end(c)
                c.caught.set()
                continue
            for way in c.ways:
                if c in self.open:
                    self._write(c, way, now)
            if c in self.open and all(way.ended and way.closed for way in c.ways):
                self._end(c)

    def _write(self, c, way, now):
        if way.kind in self.held:
            return
        if way.closed:  # half-closed by us: what still comes is lost, as on a real one
            way.waiting.clear()
            way.held = 0
            return
        try:
            while way.waiting and way.waiting[0][0] <= now and way.free_at <= now:
                due, data = way.waiting.popleft()
                most = max(1, self.rate // 20) if self.rate else len(data)
                sent = way.sink.send(data[:most])
                way.held -= sent
                if sent < len(data):
                    way.waiting.appendleft((due, data[sent:]))
                if self.rate:
                    way.free_at = max(now, way.free_at) + sent / self.rate
                elif sent < len(data):
                    return
            if way.ended and not way.waiting and not way.closed:
                way.closed = True
                way.sink.shutdown(socket.SHUT_WR)
        except BlockingIOError:
            way.waiting.appendleft((due, data))
        except OSError:
            self._end(c)
