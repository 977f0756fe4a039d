"""The clients: each sends its requests in turn, with a key for each, and repeats what had no answer until it has one."""
import hashlib
import http.client
import json
import random
import threading
import time

import documents
from plan import LAYOUT

PATIENCE_S = 300
OWNER = "00000000-0000-4000-8000-000000000001"


class File:
    """One upload: what was sent, what was answered, what may have become of it."""

    def __init__(self, upload, name, data):
        self.ordinal, self.kind, self.name = upload.ordinal, upload.kind, name
        self.digest = hashlib.sha256(data).hexdigest()
        self.job = self.batch = None
        self.allowed = {"finished", "failed"} if upload.kind == "broken" else {"finished"}
        self.acted = []

    @property
    def base(self):
        return self.digest[:12]


def content(upload, seed):
    number = seed % 100000 * 100000 + upload.of
    if upload.kind == "scan":
        return "png", documents.png(documents.form_lines(number) + [f"form {number}"])
    if upload.kind == "long":
        return "pdf", documents.scan_pdf([documents.form_lines(number) + [f"form {number}, page {page}"] for page in range(4)], dpi=100)
    if upload.kind == "three":
        pages = [documents.form_lines(number + i) for i in range(3)]
        return "pdf", documents.pdf(pages, note=f"three {number}")
    data = documents.form(number)
    return "pdf", data[:300] + b"\n%d" % number if upload.kind == "broken" else data


class Wire:
    """HTTP to one gateway after the other, through their relays; a new connection after each failure."""

    def __init__(self, cluster, rng):
        self.cluster, self.rng, self.connection = cluster, rng, None

    def ask(self, method, path, body=None, headers=None):
        """(status, value), or None when there was no whole answer."""
        try:
            if not self.connection:
                relay = self.cluster.client_relays[f"gateway.{self.rng.randrange(LAYOUT['gateway'])}"]
                self.connection = http.client.HTTPConnection("127.0.0.1", relay.port, timeout=20)
            self.connection.request(method, path, body, headers or {})
            answer = self.connection.getresponse()
            data = answer.read()
            if answer.will_close:
                self.close()
            return answer.status, json.loads(data) if "json" in answer.headers.get("Content-Type", "") else None
        except (OSError, http.client.HTTPException, ValueError):
            self.close()
            return None

    def close(self):
        if self.connection:
            self.connection.close()
        self.connection = None


class Crowd:
    """All clients and the people who act on jobs. `files` is what the ledger begins with."""

    def __init__(self, cluster, plan, began):
        self.cluster, self.plan, self.began = cluster, plan, began
        self.lock = threading.Lock()
        self.files, self.refused, self.unanswered, self.answers_twice = [], [], [], []
        self.requests_repeated = self.full = 0
        self.batches = {}          # number in the plan → id
        self.batch_sizes = {}      # id → files
        self.actions = {a.upload: a.steps for a in plan.actions}
        self.threads = [threading.Thread(target=self._client, args=(n,), daemon=True) for n in range(plan.clients)]
        self.people = []

    def start(self):
        for t in self.threads:
            t.start()

    def join(self, timeout):
        until = time.monotonic() + timeout
        for t in self.threads:
            t.join(max(0, until - time.monotonic()))
        while self.people:
            self.people.pop().join(max(0, until - time.monotonic()))
        return not any(t.is_alive() for t in self.threads)

    # -- one client ----------------------------------------------------------------------------------
    def _client(self, n):
        rng = random.Random(f"{self.plan.seed} client {n}")
        wire = Wire(self.cluster, rng)
        for request in self.plan.requests:
            if request.client != n:
                continue
            pause = self.began + request.at_s - time.monotonic()
            if pause > 0:
                wire.close()
                time.sleep(pause)
            self._upload(wire, rng, request)
        wire.close()

    def _insist(self, wire, rng, *question):
        """Asks until there is a definite answer: (status, value, how often there was none)."""
        until, blanks = time.monotonic() + PATIENCE_S, 0
        while time.monotonic() < until:
            answer = wire.ask(*question)
            if answer and answer[0] < 500:
                return (*answer, blanks)
            if answer and answer[1] and answer[1].get("code") == "queue_full":
                with self.lock:
                    self.full += 1
            elif not answer or answer[0] >= 500:
                blanks += 1
            time.sleep(rng.uniform(0.05, 0.3))
        return None, None, blanks

    def _open_batch(self, wire, rng, number):
        if number not in self.batches:
            body = json.dumps({"expected": self.plan.expected[number]}).encode()
            status, answer, _ = self._insist(wire, rng, "POST", "/api/batches", body, {"Content-Type": "application/json"})
            if status != 201:
                return None
            self.batches[number] = answer["batch_id"]
        return self.batches[number]

    def _upload(self, wire, rng, request):
        files, boundary, parts = [], "----chaos", []
        batch = None
        if request.batch is not None:
            batch = self._open_batch(wire, rng, request.batch)
            if batch is None:
                self._lost(request, "no batch could be opened")
                return
            parts.append(f'--{boundary}\r\nContent-Disposition: form-data; name="batch_id"\r\n\r\n{batch}\r\n'.encode())
        for upload in request.uploads:
            ending, data = content(upload, self.plan.seed)
            files.append(File(upload, f"{upload.ordinal}.{ending}", data))
            parts += [f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{files[-1].name}"\r\n'
                      "Content-Type: application/octet-stream\r\n\r\n".encode(), data, b"\r\n"]
        parts.append(f"--{boundary}--\r\n".encode())
        headers = {"Content-Type": "multipart/form-data; boundary=" + boundary, "Idempotency-Key": f"{self.plan.seed}-{request.number}"}
        question = ("POST", "/upload", b"".join(parts), headers)
        status, answer, blanks = self._insist(wire, rng, *question)
        if status != 202 or len(answer["job_ids"]) != len(files):
            self._lost(request, f"{status} {json.dumps(answer)[:300]}")
            return
        again = None
        if rng.random() < 0.03:  # a client that did not believe it
            status, again, _ = self._insist(wire, rng, *question)
            if status != 202 or again["job_ids"] != answer["job_ids"]:
                with self.lock:
                    self.answers_twice.append((request.number, answer, status, again))
        with self.lock:
            self.requests_repeated += blanks
            self.batch_sizes[answer["batch_id"]] = self.batch_sizes.get(answer["batch_id"], 0) + len(files)
            for file, job in zip(files, answer["job_ids"]):
                file.job, file.batch = job["job_id"], answer["batch_id"]
                self.files.append(file)
                if file.ordinal in self.actions:
                    file.acted = self.actions[file.ordinal]
                    person = threading.Thread(target=self._person, args=(file,), daemon=True)
                    self.people.append(person)
                    person.start()

    def _lost(self, request, why):
        with self.lock:
            (self.unanswered if why.startswith("None") or why.startswith("no batch") else self.refused).append((request.number, why))

    # -- people ----------------------------------------------------------------------------------------
    def _person(self, file):
        """Does what the plan says to a job, and works out in which states it may end."""
        rng = random.Random(f"{self.plan.seed} person {file.ordinal}")
        wire = Wire(self.cluster, rng)
        for delay, verb in file.acted:
            time.sleep(delay)
            path = f"/api/jobs/{file.job}/" + verb.replace("rerun:", "rerun?from=")
            status, answer, blanks = self._insist(wire, rng, "POST", path)
            ends = {"cancel": "cancelled"}.get(verb, "finished")
            if status == 202:
                file.allowed = {ends}
            elif status == 409:  # after a repetition it may be the answer to what the first one did
                file.allowed = file.allowed | {ends} if blanks else file.allowed
            else:
                with self.lock:
                    self.refused.append((file.ordinal, f"{verb}: {status} {answer}"))
        wire.close()
