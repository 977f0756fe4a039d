"""A Supabase project that signs tokens: keys made by openssl, published as a JWK set, and rotated when a test wants it."""
import base64
import hashlib
import hmac
import http.server
import json
import pathlib
import subprocess
import tempfile
import threading
import time

SECRET = "a secret of the project that is long enough"


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def der_numbers(data):
    """The two INTEGERs of an ECDSA signature."""
    numbers, at = [], 2
    while at < len(data):
        size = data[at + 1]
        numbers.append(data[at + 2:at + 2 + size].lstrip(b"\0").rjust(32, b"\0"))
        at += 2 + size
    return numbers


class Key:
    def __init__(self, kid, kind="EC"):
        self.kid, self.kind = kid, kind
        self.folder = tempfile.TemporaryDirectory(prefix="sheaf-key-")  # goes with the key
        self.path = pathlib.Path(self.folder.name) / "key.pem"
        options = ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"] if kind == "EC" else \
                  ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"]
        subprocess.run(["openssl", "genpkey", *options, "-out", self.path], check=True, capture_output=True)

    @property
    def alg(self):
        return "ES256" if self.kind == "EC" else "RS256"

    def public_der(self):
        return subprocess.run(["openssl", "pkey", "-in", self.path, "-pubout", "-outform", "DER"], check=True, capture_output=True).stdout

    def jwk(self):
        if self.kind == "EC":
            point = self.public_der()[-64:]
            parts = {"kty": "EC", "crv": "P-256", "x": b64(point[:32]), "y": b64(point[32:])}
        else:
            text = subprocess.run(["openssl", "rsa", "-in", self.path, "-noout", "-modulus"], check=True, capture_output=True, text=True).stdout
            parts = {"kty": "RSA", "n": b64(bytes.fromhex(text.strip().split("=")[1])), "e": "AQAB"}
        return {**parts, "alg": self.alg, "kid": self.kid, "use": "sig", "key_ops": ["verify"]}

    def sign(self, data):
        signature = subprocess.run(["openssl", "dgst", "-sha256", "-sign", self.path], input=data, check=True, capture_output=True).stdout
        return b"".join(der_numbers(signature)) if self.kind == "EC" else signature


def token(claims, key=None, secret=None, alg=None, kid=None, header=None):
    """Signed by a key, or by a secret; with neither it has no signature."""
    head = {"typ": "JWT", "alg": alg or (key.alg if key else "HS256" if secret else "none"), **(header or {})}
    if kid or key:
        head["kid"] = kid or key.kid
    signed = f"{b64(json.dumps(head).encode())}.{b64(json.dumps(claims).encode())}"
    mac = (secret.encode() if isinstance(secret, str) else secret) if secret else None
    signature = key.sign(signed.encode()) if key and not mac else hmac.new(mac, signed.encode(), hashlib.sha256).digest() if mac else b""
    return f"{signed}.{b64(signature)}"


def claims(project_url, user, expires_in=3600, **more):
    """What a project says of a signed-in user."""
    return {"iss": project_url + "/auth/v1", "aud": "authenticated", "role": "authenticated", "sub": user, "iat": int(time.time()),
            "exp": int(time.time()) + expires_in, "email": f"{user[:8]}@school.example", **more}


class Project(http.server.ThreadingHTTPServer):
    """Publishes `keys`; counts how often it was asked; may be made to fail."""
    daemon_threads = True

    def __init__(self, *keys):
        super().__init__(("127.0.0.1", 0), Handler)
        self.keys, self.asked, self.fails = list(keys), 0, False
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}"

    def claims(self, user, expires_in=3600, **more):
        return claims(self.url, user, expires_in, **more)


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        project = self.server
        known = self.path == "/auth/v1/.well-known/jwks.json"
        project.asked += known
        self.send_response(500 if project.fails else 200 if known else 404)
        self.end_headers()
        self.wfile.write(json.dumps({"keys": [k.jwk() for k in project.keys]}).encode())

    def log_message(self, *_):
        pass
