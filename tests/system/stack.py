"""Real services on free ports, each in its own process; ended by pid, whatever happens."""
import contextlib
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

import openapi

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests"))  # for the fakes
BUILD = pathlib.Path(os.environ.get("TESTS_BUILD", TOP / "build" / "release")).resolve()
ADMIN = {"gateway": 1, "dispatcher": 2, "ocr-svc": 3, "llm-svc": 4, "persist-svc": 5, "notify-svc": 6}
SLOW = float(os.environ.get("TESTS_SLOW", "1"))  # sanitizer builds take longer


reserved = {}  # base → the socket that keeps others off it


def free_base():
    """A port with room for a whole stack behind it (0 … +98), this process's until release_base(). Below those that the kernel
    gives to connections (32768 and up): a service that is started again must not find its port taken by somebody's client."""
    for n in range(220):
        base = 10000 + (os.getpid() + n) % 220 * 100
        keep = socket.socket()
        try:
            keep.bind(("127.0.0.1", base + 99))  # another one's stack may have the base and not be up yet
            for offset in (0, 1, 2, 3, 4, 5, 6, 10, 20, 21, 22, 30, 40, 60, 90):
                with socket.socket() as s:
                    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                    s.bind(("127.0.0.1", base + offset))
            reserved[base] = keep
            return base
        except OSError:
            keep.close()
    raise RuntimeError("no free ports")


def release_base(base):
    reserved.pop(base).close()


def wait_for(condition, timeout=30, what="it"):
    """What the condition gives. Looked at the more seldom the longer it takes: looking costs those who are waited for."""
    began = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - began
        if waited > timeout * SLOW:
            raise AssertionError(f"{what} did not come about in {timeout * SLOW:.0f} s")
        time.sleep(min(0.1, 0.01 + waited / 20))


def http(method, url, body=None, headers=None, timeout=30):
    """(status, headers, body bytes); any status is an answer."""
    request = urllib.request.Request(url, data=body, method=method, headers=headers or {})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read()
    except urllib.error.HTTPError as e:
        with e:
            return e.code, e.headers, e.read()


class Process:
    def __init__(self, stack, name, env, log, argv=(), build=BUILD):
        self.name, self.env, self.log, self.stack, self.argv, self.build = name, env, log, stack, argv, build
        self.start()

    def start(self):
        with open(self.log, "ab") as out:
            self.process = subprocess.Popen([str(self.build / self.name), *self.argv], env=self.env, stdout=out, stderr=out,
                                            stdin=subprocess.DEVNULL, cwd=TOP)

    @property
    def pid(self):
        return self.process.pid

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """kill -9, and gone."""
        process = self.process  # another thread may start the next one as soon as this is dead
        process.kill()
        process.wait(30)

    def stop(self, timeout=40):
        """SIGTERM; its exit code."""
        self.process.terminate()
        return self.process.wait(timeout)

    def rss_mib(self):
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS"):
                return int(line.split()[1]) / 1024
        return 0.0


class Stack:
    """Redis and any services. `with Stack("dispatcher", "gateway", SHEAF_OCR="null") as s:`"""

    def __init__(self, *services, redis_options=(), **settings):
        self.folder = tempfile.mkdtemp(prefix="sheaf-test-")
        self.base = free_base()
        self.settings = settings
        self.processes = []
        self.named = {}
        self.redis_options = redis_options
        self.redis_socket = self.folder + "/redis.sock"
        self.services = services

    def __enter__(self):
        try:
            self.start_redis()
            for name in self.services:
                self.start(name)
            for name in self.services:
                self.wait_ready(name)
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(self, kind, *_):
        for p in reversed(self.processes):
            if p.process.poll() is None:
                with contextlib.suppress(Exception):
                    p.signal(signal.SIGCONT)
                p.process.kill()
        self.redis_process.kill()
        for process in (*(p.process for p in self.processes), self.redis_process):  # all die at the same time
            process.wait(30)
        release_base(self.base)
        reports = self.sanitizer_reports()
        if kind is not None:
            for log in sorted(pathlib.Path(self.folder).glob("*.log")):
                print(f"==== {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
        shutil.rmtree(self.folder, ignore_errors=True)
        assert not reports, reports

    def sanitizer_reports(self):
        found = []
        for log in pathlib.Path(self.folder).glob("*.log"):
            text = log.read_text(errors="replace")
            if "Sanitizer" in text or "runtime error:" in text:
                found.append(log.name + ":\n" + text[-4000:])
        return "\n".join(found)

    # -- parts ------------------------------------------------------------------------------------
    def start_redis(self):
        self.redis_process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.redis_socket, "--dir", self.folder, "--save", "",
             "--appendonly", "yes", "--maxmemory-policy", "noeviction", "--stream-node-max-entries", "4", "--hash-max-listpack-value", "1024", *self.redis_options],
            stdout=subprocess.DEVNULL)
        import redis
        self.redis = redis.Redis(unix_socket_path=self.redis_socket, decode_responses=True)

        def up():
            try:
                return self.redis.ping()
            except redis.exceptions.RedisError:
                return False
        wait_for(up, what="Redis")

    def kill_redis(self):
        self.redis_process.kill()
        self.redis_process.wait(30)

    def env(self, **more):
        # Keys that lie about in somebody's environment must not turn on a real service.
        foreign = ("SHEAF_", "GOOGLE_", "GROQ_", "OPENAI_", "SUPABASE_", "SMTP_", "AWS_", "EMAIL", "GMAIL_", "DATABASE_URL")
        env = {k: v for k, v in os.environ.items() if not k.startswith(foreign)}
        env.update(REDIS_URL="unix://" + self.redis_socket, SHEAF_PORT=str(self.base), SHEAF_VAR=self.folder + "/var",
                   ASAN_OPTIONS=os.environ.get("ASAN_OPTIONS", "detect_leaks=1"))
        env.update({k: str(v) for k, v in {**self.settings, **more}.items()})
        return env

    def start(self, name, label=None, build=BUILD, **more):
        """Under its label; whoever had that label before is gone already."""
        label = label or name
        if label != name:
            more.setdefault("SHEAF_ADMIN_PORT", 0)
        p = Process(self, name, self.env(**more), f"{self.folder}/{label}.log", build=build)
        self.processes.append(p)
        self.named[label] = p
        return p

    def __getitem__(self, label):
        return self.named[label]

    def log(self, label):
        return pathlib.Path(f"{self.folder}/{label}.log").read_text(errors="replace")

    def is_ready(self, name):
        try:
            return http("GET", f"http://127.0.0.1:{self.base + ADMIN[name]}/readyz", timeout=5)[0] == 200
        except OSError:
            return False

    def wait_ready(self, name, timeout=60):
        def ready():
            code = self.named[name].process.poll()
            assert code is None, f"{name} ended with {code}: {self.log(name)[-2000:]}"
            return self.is_ready(name)
        wait_for(ready, timeout, f"{name} ready")

    @property
    def dispatcher_endpoint(self):
        return f"tcp://127.0.0.1:{self.base + 20}"

    # -- the gateway ----------------------------------------------------------------------------------
    def url(self, path):
        return f"http://127.0.0.1:{self.base}{path}"

    def get(self, path, **headers):
        return self.ask("GET", path, None, {k.replace("_", "-"): v for k, v in headers.items()})

    def ask(self, method, path, body, headers, timeout=30):
        """(status, answer); every answer of the gateway is held against openapi.json."""
        status, head, answer = http(method, self.url(path), body, headers, timeout)
        kind = head.get("Content-Type", "")
        answer = json.loads(answer) if "json" in kind and "ndjson" not in kind else answer
        openapi.check(method, path, status, kind, answer)
        return status, answer

    def post(self, path, value=None, method="POST", **headers):
        body = b"" if value is None else json.dumps(value).encode()
        headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        return self.ask(method, path, body, headers)

    def put(self, path, value):
        return self.post(path, value, method="PUT")

    def upload(self, *files, fields=(), key=None, timeout=60):
        """files: (name, bytes). (status, answer)."""
        boundary = "----sheaf-test-boundary"
        parts = [f'--{boundary}\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n'.encode() for k, v in fields]
        for name, data in files:
            quoted = name.replace("\\", "\\\\").replace('"', '\\"')
            parts += [f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{quoted}"\r\n'
                      "Content-Type: application/octet-stream\r\n\r\n".encode(), data, b"\r\n"]
        body = b"".join(parts) + f"--{boundary}--\r\n".encode()
        headers = {"Content-Type": "multipart/form-data; boundary=" + boundary}
        if key:
            headers["Idempotency-Key"] = key
        return self.ask("POST", "/upload", body, headers, timeout)

    def metric(self, label, name):
        """Sum of a metric of a service, over its labels."""
        status, _, body = http("GET", f"http://127.0.0.1:{self.base + ADMIN[label]}/metrics")
        assert status == 200
        return sum(float(line.split()[-1]) for line in body.decode().splitlines() if line.startswith(name))

    def metric_of_now(self, label, name):
        """The same of a service that may be starting yet: it has counted nothing."""
        try:
            return self.metric(label, name)
        except OSError:
            return 0

    def room(self, stage):
        """How many tasks the dispatcher may give away now. A worker that it knows has said no room before it was welcomed."""
        return self.metric_of_now("dispatcher", f'sheaf_room{{type="{stage}"}}')

    def job_done(self, job, timeout=60):
        def done():
            status, answer = self.get(f"/api/job_status/{job}")
            return answer if status == 200 and answer["status"] in ("finished", "failed", "cancelled") else None
        return wait_for(done, timeout, f"job {job}")

    def doctor(self, **settings):
        """What `sheaf doctor` found, by subject."""
        ran = subprocess.run([str(BUILD / "sheaf"), "doctor", "--json"], env=self.env(**settings), cwd=TOP, capture_output=True,
                             text=True, timeout=60 * SLOW)
        return {f["subject"]: f for f in json.loads(ran.stdout)}

    def batch_done(self, batch, timeout=60):
        def done():
            status, answer = self.get(f"/api/batch_status?batch_id={batch}")
            return answer if status == 200 and answer["done"] else None
        return wait_for(done, timeout, f"batch {batch}")
