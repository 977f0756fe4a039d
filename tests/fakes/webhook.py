"""The receiver of a webhook, as a careful one is written: it believes nothing that is not signed, and lately."""
import hashlib
import hmac
import json
import re
import time

from fakes.base import Answer, Fake


class Webhook(Fake):
    def __init__(self, secret):
        super().__init__()
        self.secret, self.events = secret.encode(), []

    def is_scripted(self, request):
        return request.method == "POST"

    def answer(self, request):
        if request.method == "HEAD":
            return Answer(405)
        self.want(request.method == "POST", f"{request.method} instead of POST")
        self.want(request.headers["Content-Type"] == "application/json", "no JSON")
        parts = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", request.headers["Sheaf-Signature"] or "")
        if not self.want(parts, "no signature"):
            return Answer(401)
        wanted = hmac.new(self.secret, parts[1].encode() + b"." + request.body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(wanted, parts[2]):
            return Answer(401)
        self.want(abs(time.time() - int(parts[1])) < 300, "the signature is old")
        event = json.loads(request.body)
        self.want(request.headers["Sheaf-Event-Id"] == event["id"], "two names for one event")
        self.events.append(event)
        return Answer(204)
