"""Google: the token address and images:annotate.

It looks at what it gets: the grant's signature, audience, times and scope; the token of each call; the JSON, field by
field; the picture itself, which it opens.  What it "reads" on a picture is what `text` says.
"""
import base64
import io
import json
import time
import urllib.parse

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fakes.base import Answer, Fake

GRPC = {1: ("CANCELLED", 499), 2: ("UNKNOWN", 500), 3: ("INVALID_ARGUMENT", 400), 4: ("DEADLINE_EXCEEDED", 504),
        5: ("NOT_FOUND", 404), 7: ("PERMISSION_DENIED", 403), 8: ("RESOURCE_EXHAUSTED", 429), 13: ("INTERNAL", 500),
        14: ("UNAVAILABLE", 503), 16: ("UNAUTHENTICATED", 401)}
EMAIL = "reader@made-up.test"
BREAKS = {" ": "SPACE", "\n": "LINE_BREAK"}


def unpad(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Vision(Fake):
    def __init__(self, lines, lifetime=3599, api_key=None):
        super().__init__()
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        self.lines, self.lifetime, self.api_key = lines, lifetime, api_key
        self.tokens, self.grants, self.pages, self.revoked = {}, 0, 0, False
        self.parent = ""

    def account(self):
        pem = self.key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()).decode()
        return json.dumps({"type": "service_account", "project_id": "made-up", "private_key_id": "key-1", "private_key": pem,
                           "client_email": EMAIL, "token_uri": self.url + "/token"}, indent=1)

    def env(self):
        return {"GOOGLE_CLOUD_VISION_CREDENTIALS_B64": base64.b64encode(self.account().encode()).decode(),
                "SHEAF_GOOGLE_BASE_URL": self.url}

    # -- errors, in both shapes ------------------------------------------------------------------------------
    @staticmethod
    def error(number, **headers):
        name, status = GRPC[number]
        return Answer(status, {"error": {"code": status, "message": "as scripted", "status": name}},
                      {k.replace("_", "-"): v for k, v in headers.items()})

    @staticmethod
    def image_error(number):
        return Answer(200, {"responses": [{"error": {"code": number, "message": "as scripted"}}]})

    # -- work -------------------------------------------------------------------------------------------------
    def is_scripted(self, request):
        return request.path != "/token"

    def answer(self, request):
        return self.grant(request) if request.path == "/token" else self.annotate(request)

    def grant(self, request):
        form = urllib.parse.parse_qs(request.body.decode())
        self.want(request.headers["Content-Type"] == "application/x-www-form-urlencoded", "token: content type")
        self.want(form.get("grant_type") == ["urn:ietf:params:oauth:grant-type:jwt-bearer"], "token: grant_type")
        signed, _, signature = form["assertion"][0].rpartition(".")
        self.want("=" not in form["assertion"][0], "token: padding in a JWT")
        head, claims = (json.loads(unpad(part)) for part in signed.split("."))
        try:
            self.key.public_key().verify(unpad(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            self.complain("token: signature")
        now = time.time()
        self.want(head == {"alg": "RS256", "typ": "JWT", "kid": "key-1"}, f"token: head {head}")
        self.want(claims["iss"] == EMAIL and claims["aud"] in (self.url + "/token", "https://oauth2.googleapis.com/token"),
                  "token: iss or aud")
        self.want(claims["scope"].endswith(("/auth/cloud-vision", "/auth/cloud-platform")), "token: scope")
        self.want(abs(claims["iat"] - now) < 60 and claims["exp"] - claims["iat"] <= 3600, "token: times")
        if self.revoked:
            return Answer(400, {"error": "invalid_grant", "error_description": "Invalid JWT Signature."})
        with self.lock:
            self.grants += 1
            token = f"ya29.made-up-{self.grants}"
            self.tokens[token] = now + self.lifetime
        return Answer(200, {"access_token": token, "expires_in": self.lifetime, "token_type": "Bearer"})

    def let_in(self, request):
        if self.api_key:
            self.want("Authorization" not in request.headers and "key=" not in request.path, "a key beside a token, or in a URL")
            return request.headers.get("X-Goog-Api-Key") == self.api_key
        kind, _, token = (request.headers.get("Authorization") or "").partition(" ")
        return kind == "Bearer" and self.tokens.get(token, 0) > time.time() and not self.revoked

    def annotate(self, request):
        from PIL import Image
        where = f"/v1/{self.parent}images:annotate"
        if not self.want(request.path == where and request.method == "POST", f"annotate: {request.method} {request.path}"):
            return self.error(5)
        self.want(request.headers["Content-Type"].startswith("application/json"), "annotate: content type")
        self.want(len(request.body) < 10_000_000, f"annotate: {len(request.body)} bytes")
        if not self.let_in(request):
            return self.error(16)
        asked = request.json()
        self.want(set(asked) == {"requests"}, f"annotate: fields {set(asked)}")
        if not asked["requests"]:
            return self.error(3)
        answers = []
        for one in asked["requests"]:
            self.want(set(one) <= {"image", "features", "imageContext"} and one["features"] == [{"type": "DOCUMENT_TEXT_DETECTION"}],
                      "annotate: a request's fields")
            picture = Image.open(io.BytesIO(base64.b64decode(one["image"]["content"], validate=True)))
            picture.load()
            answers.append(self.read(picture))
            with self.lock:
                self.pages += 1
        return Answer(200, {"responses": answers})

    def read(self, picture):
        width, height = picture.size
        lines = self.lines(picture) if callable(self.lines) else self.lines
        if not lines:
            return {}
        step, words = height / (len(lines) + 2), []
        for row, line in enumerate(lines):
            at = 0
            for word in line.split():
                x, y = round(width * (0.08 + 0.0095 * at)), round(step * (row + 1))
                at += len(word) + 1
                words.append(self.word(word, x, y, round(width * 0.0095 * len(word)), round(step * 0.6), at < len(line)))
        return {"fullTextAnnotation": {"text": "\n".join(lines), "pages": [{
            "width": width, "height": height, "blocks": [{"blockType": "TEXT", "paragraphs": [{"words": words}]}]}]}}

    @staticmethod
    def word(text, x, y, width, height, more):
        symbols = [{"text": c, "confidence": 0.97} for c in text]
        symbols[-1]["property"] = {"detectedBreak": {"type": "SPACE" if more else "LINE_BREAK"}}
        corners = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
        return {"confidence": 0.97, "symbols": symbols,
                "boundingBox": {"vertices": [{k: v for k, v in (("x", a), ("y", b)) if v} for a, b in corners]}}
