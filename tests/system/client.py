"""An example client of the internal HTTP API, for other services: standard library only, to be copied freely.

    sheaf = Sheaf("http://127.0.0.1:8080", token=os.environ.get("SHEAF_TOKEN"))
    job = sheaf.submit("scan.pdf", data)
    sheaf.wait(job)
    for record in sheaf.records(): …
"""
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid


class Refused(Exception):
    """The answer was no; `code` is stable, the text is for people."""

    def __init__(self, status, answer):
        super().__init__(answer.get("error", f"status {status}"))
        self.status, self.code = status, answer.get("code")


class Sheaf:
    def __init__(self, base, token=None, patience=60):
        self.base, self.token, self.patience = base.rstrip("/"), token, patience

    def call(self, method, path, body=None, headers=None):
        """One question. "Try again" (503, 429, no answer) is repeated for a while: what is sent may be sent twice,
        because every document carries a key of its own."""
        until = time.monotonic() + self.patience
        headers = dict(headers or {})
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        while True:
            wait = 1.0
            try:
                request = urllib.request.Request(self.base + path, data=body, method=method, headers=headers)
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return json.load(answer)
            except urllib.error.HTTPError as e:
                with e:
                    if e.code not in (429, 503) or time.monotonic() > until:
                        raise Refused(e.code, json.load(e)) from None
                    wait = float(e.headers.get("Retry-After", "1"))
            except (urllib.error.URLError, ConnectionError):
                if time.monotonic() > until:
                    raise
            time.sleep(min(wait, max(0.0, until - time.monotonic())))

    def submit(self, filename, data):
        """The id of the job that the document became."""
        query = urllib.parse.urlencode({"filename": filename})
        answer = self.call("POST", f"/api/v1/documents?{query}", data,
                           {"Content-Type": "application/octet-stream", "Idempotency-Key": str(uuid.uuid4())})
        return answer["job_ids"][0]["job_id"]

    def job(self, job_id):
        return self.call("GET", f"/api/job_status/{job_id}")

    def wait(self, job_id, timeout=600, every=0.2):
        until = time.monotonic() + timeout
        while True:
            job = self.job(job_id)
            if job["status"] in ("finished", "failed", "cancelled"):
                return job
            if time.monotonic() > until:
                raise TimeoutError(f"job {job_id} is {job['status']} after {timeout} s")
            time.sleep(every)

    def _pages(self, path, name, **query):
        while True:
            page = self.call("GET", path + "?" + urllib.parse.urlencode(query))
            yield from page[name]
            if not page["next_cursor"]:
                return
            query["cursor"] = page["next_cursor"]

    def jobs(self, **query):
        """state=, since=; newest first."""
        return self._pages("/api/v1/jobs", "jobs", **query)

    def records(self, **query):
        """mode=, school=, grade=, batch=, …"""
        return self._pages("/api/v1/records", "records", **query)
