"""What the fakes have in common: an HTTP server on a free port of loopback, a script of answers, complaints."""
import collections
import http.server
import json
import socket
import threading
import time


class Answer:
    """What a fake says: a status, a body (JSON, text or bytes), headers, and perhaps only after a while."""

    def __init__(self, status=200, body=None, headers=None, after=0.0, cut=False):
        self.status, self.headers, self.after, self.cut = status, dict(headers or {}), after, cut
        self.headers.setdefault("Content-Type", "application/json")
        self.body = body if isinstance(body, bytes) else b"" if body is None else \
            body.encode() if isinstance(body, str) else json.dumps(body).encode()


class Only:
    """In a script: `then` (an Answer, or a function as in the script itself) for the next request that is `wanted`; others pass it by,
    also those that come at the same time."""

    def __init__(self, wanted, then):
        self.wanted, self.then = wanted, then


class Request:
    def __init__(self, method, path, headers, body):
        self.method, self.path, self.headers, self.body, self.at = method, path, headers, body, time.monotonic()

    def json(self):
        return json.loads(self.body)


class Fake:
    """`with Fake() as f:` serves; subclasses say what by answer(request)."""

    def __init__(self):
        self.script = collections.deque()  # Answers, functions of the request that give one (or None: do your work), Only
        self.complaints, self.requests, self.connections = [], [], 0
        self.keep_requests = True  # off for loads: bodies would fill the memory
        self.calls = 0
        self.lock = threading.Lock()

    def answer(self, request):
        raise NotImplementedError

    def complain(self, what):
        with self.lock:
            self.complaints.append(what)

    def want(self, condition, what):
        if not condition:
            self.complain(what)
        return condition

    def _next(self, request):
        with self.lock:
            self.calls += 1
            if self.keep_requests:
                self.requests.append(request)
            scripted = self.script.popleft() if self.script and self.is_scripted(request) else None
        if isinstance(scripted, Only):
            scripted = scripted.then
        if callable(scripted):
            scripted = scripted(request)
        return scripted or self.answer(request)

    def is_scripted(self, request):
        """Whether the next scripted answer is meant for such a request."""
        return not isinstance(self.script[0], Only) or self.script[0].wanted(request)

    def __enter__(self):
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True
            wbufsize = -1

            def setup(self):
                super().setup()
                with fake.lock:
                    fake.connections += 1

            def log_message(self, *_):
                pass

            def serve(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                answer = fake._next(Request(self.command, self.path, self.headers, body))
                if answer.after:
                    time.sleep(answer.after)
                try:
                    if answer.cut:
                        self.connection.shutdown(socket.SHUT_RDWR)
                        self.close_connection = True
                        return
                    self.send_response(answer.status)
                    for name, value in answer.headers.items():
                        self.send_header(name, value)
                    self.send_header("Content-Length", str(len(answer.body)))
                    self.end_headers()
                    self.wfile.write(b"" if self.command == "HEAD" else answer.body)
                    self.wfile.flush()
                except OSError:
                    self.close_connection = True  # whoever asked was killed: part of some tests

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = serve

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, *_):
                pass  # a peer that went away; what a fake dislikes is in its complaints

        self.server = Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server.server_address[1]}"
