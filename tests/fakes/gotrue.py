"""Supabase's sign-in (GoTrue) as far as a server asks it: the keys that the project publishes, and whose a token is.

It looks at what it gets: the key in `apikey`, the token in `Authorization`, no body; and it verifies the token by the project's secret.
"""
import base64
import hashlib
import hmac
import json
import time

from fakes.base import Answer, Fake

PUBLISHABLE, SECRET_KEY = "sb_publishable_made-up-for-tests-1", "sb_secret_made-up-for-tests-1"


def error(status, code, message="as scripted", **headers):
    return Answer(status, {"code": status, "error_code": code, "msg": message},
                  {"x-sb-error-code": code, **{k.replace("_", "-"): v for k, v in headers.items()}})


def gateway_error(message):
    """What stands before GoTrue says so itself, of a key that it does not know."""
    return Answer(401, {"message": message, "hint": "Double check your API key."})


def _part(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def claims_of(token, secret):
    """None: not signed by it, or expired."""
    try:
        signed, _, signature = token.rpartition(".")
        head, claims = (json.loads(_part(part)) for part in signed.split("."))
        good = hmac.compare_digest(hmac.new(secret.encode(), signed.encode(), hashlib.sha256).digest(), _part(signature))
    except ValueError:
        return None
    return claims if good and head["alg"] == "HS256" and claims["exp"] > time.time() else None


def user(claims):
    return Answer(200, {"id": claims["sub"], "aud": claims["aud"], "role": "authenticated", "email": claims.get("email", ""), "phone": "",
                        "app_metadata": claims.get("app_metadata", {}), "user_metadata": {}, "identities": [], "is_anonymous": False})


def whose(request, secret, keys, want):
    """GET /auth/v1/user"""
    want(request.method == "GET" and not request.body, f"{request.method} of the user, with {len(request.body)} bytes")
    if request.headers.get("apikey") not in keys:
        return gateway_error("Invalid API key" if request.headers.get("apikey") else "No API key found in request")
    kind, _, token = (request.headers.get("Authorization") or "").partition(" ")
    if not want(kind == "Bearer" and token, "a question without a token"):
        return error(401, "no_authorization", "This endpoint requires a valid Bearer token")
    claims = claims_of(token, secret)
    return user(claims) if claims else error(403, "bad_jwt", "invalid JWT: unable to parse or verify signature")


class GoTrue(Fake):
    """A project that signs with its secret and publishes no keys."""

    def __init__(self, secret, *signers):
        super().__init__()
        self.secret, self.signers, self.keys = secret, list(signers), {PUBLISHABLE, SECRET_KEY}

    def env(self, **more):
        return {"SUPABASE_URL": self.url, "SUPABASE_SERVICE_ROLE_KEY": SECRET_KEY, "SHEAF_RECORDS": "sqlite", "SHEAF_OBJECTS": "folder", **more}

    @property
    def asked(self):
        """How often it was asked whose a token is."""
        return sum(r.path == "/auth/v1/user" for r in self.requests)

    def is_scripted(self, request):
        return request.path == "/auth/v1/user"

    def answer(self, request):
        if request.path == "/auth/v1/.well-known/jwks.json":
            return Answer(200, {"keys": [k.jwk() for k in self.signers]}, {"Cache-Control": "public, max-age=600"})
        if not self.want(request.path == "/auth/v1/user", f"{request.method} {request.path}"):
            return error(404, "not_found")
        return whose(request, self.secret, self.keys, self.want)
