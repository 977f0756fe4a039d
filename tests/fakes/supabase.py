"""A Supabase project: PostgREST in front of a real PostgreSQL (it does for each request what PostgREST does: a transaction, the
role, the claims, the function), Storage with objects in memory, and the sign-in (gotrue.py): the signers' public keys, or whose a token is.

It looks at what it gets: the key in both headers, the content type and length, `x-upsert`, paths without escapes, JSON bodies.
"""
import json
import re
import time

from fakes import gotrue
from fakes.base import Answer, Fake

KEY = "sb_secret_made-up-for-tests-1"
BUCKET = "essay-submissions"
# PostgREST's own table (Error.hs): SQLSTATE by its beginning → HTTP status.
STATUS = [("23503", 409), ("23505", 409), ("42501", 403), ("42P01", 404), ("42883", 404), ("25006", 405), ("28", 403), ("0L", 403), ("0P", 403),
          ("08", 503), ("53400", 500), ("53", 503), ("57P01", 503), ("57", 500), ("40", 500), ("21", 500), ("25", 500), ("54", 500),
          ("55", 500), ("58", 500), ("P0001", 400), ("P0", 500), ("XX", 500)]


def sql_error(state):
    status = next((s for begin, s in STATUS if state.startswith(begin)), 400)
    return Answer(status, {"code": state, "details": None, "hint": None, "message": "as scripted"})


def pgrst_error(number, **headers):
    status = {0: 503, 1: 503, 2: 503, 3: 504, 301: 401, 302: 401, 303: 401, 202: 404, 205: 404, 106: 406}.get(number, 400)
    return Answer(status, {"code": f"PGRST{number:03}", "details": None, "hint": None, "message": "as scripted"},
                  {k.replace("_", "-"): v for k, v in headers.items()})


def storage_error(status, error, code, http=400):
    return Answer(http, {"statusCode": str(status), "error": error, "message": "as scripted", "code": code})


class Supabase(Fake):
    def __init__(self, db):
        super().__init__()
        self.db, self.key, self.objects, self.bucket = db, KEY, {}, BUCKET
        self.signers, self.secret = [], None  # of its users' tokens: tokens.Key, or with none of those a secret
        self.links = {}    # token → (path, until when)

    def env(self):
        return {"SUPABASE_URL": self.url + "/", "SUPABASE_SERVICE_ROLE_KEY": KEY}

    def answer(self, request):
        headers = request.headers
        given = re.fullmatch(r"/storage/v1/object/sign/[^/]+/(.+)\?token=(\w+)", request.path)
        if given and request.method == "GET":  # whoever has the address
            path, until = self.links.get(given[2], (None, 0))
            if path != given[1] or time.time() > until:
                return storage_error(400, "InvalidJWT", "InvalidJWT")
            return Answer(200, self.objects[path][1], {"Content-Type": self.objects[path][0]})
        if request.path == "/auth/v1/.well-known/jwks.json":  # asks for no key
            return Answer(200, {"keys": [k.jwk() for k in self.signers]}, {"Cache-Control": "public, max-age=600"})
        if request.path == "/auth/v1/user" and self.secret:
            return gotrue.whose(request, self.secret, {KEY}, self.want)
        storage = request.path.startswith("/storage/v1/")
        self.want(headers.get("apikey") == KEY, "no or another apikey")
        self.want(headers.get("Authorization") == "Bearer " + KEY, "Authorization is not the key that apikey has")
        if self.key != KEY:  # it was revoked
            return storage_error(403, "Unauthorized", "AccessDenied") if storage else pgrst_error(301)
        if storage:
            return self.storage(request, request.path[len("/storage/v1"):])
        match = re.fullmatch(r"/rest/v1/rpc/(\w+)", request.path)
        if self.want(match and request.method == "POST", f"{request.method} {request.path}"):
            self.want(headers.get("Content-Type") == "application/json", "a call that is not JSON")
            return self.call(match[1], request.json())
        return Answer(404, {"code": "PGRST125", "message": "Invalid path", "details": None, "hint": None})

    def call(self, function, arguments):
        self.want(list(arguments) == ["p"], f"arguments {list(arguments)}")
        argument = json.dumps(arguments["p"]).replace("'", "''")
        done = self.db.run(f"BEGIN; SET LOCAL ROLE service_role; SET LOCAL request.jwt.claims = '{{\"role\":\"service_role\"}}'; "
                           f"SELECT to_jsonb({function}('{argument}'::jsonb)); COMMIT", "sheaf", "postgres", verbose=True)
        if done.returncode:
            state = re.search(r"ERROR:\s+(\w{5}):", done.stderr)
            return sql_error(state[1]) if state else pgrst_error(0)
        return Answer(200, done.stdout.strip() or "null")

    def storage(self, request, path):
        self.want("%" not in path and "//" not in path, f"path {path}")
        if path == f"/bucket/{BUCKET}":
            return Answer(200, {"id": BUCKET, "public": False}) if self.bucket == BUCKET else storage_error(404, "Bucket not found", "NoSuchBucket")
        if path in (f"/object/sign/{BUCKET}", f"/object/list/{BUCKET}", f"/object/{BUCKET}"):
            self.want(request.headers.get("Content-Type") == "application/json", "a question that is not JSON")
            return self.of_many(request.method, path, request.json())
        match = re.fullmatch(r"/object(/authenticated)?/([^/]+)/(.+)", path)
        if not self.want(match, path) or match[2] != self.bucket:
            return storage_error(404, "Bucket not found", "NoSuchBucket")
        if request.method == "POST":
            self.want(request.headers.get("Content-Length"), "an upload without Content-Length")
            self.want(request.headers.get("Content-Type"), "an upload without Content-Type")
            if match[3] in self.objects and request.headers.get("x-upsert") != "true":
                return storage_error(409, "Duplicate", "KeyAlreadyExists")
            self.objects[match[3]] = (request.headers["Content-Type"], request.body)
            return Answer(200, {"Key": f"{BUCKET}/{match[3]}", "Id": "00000000-0000-4000-8000-00000000000a"})
        if match[3] not in self.objects:
            return storage_error(404, "not_found", "NoSuchKey")
        return Answer(200, self.objects[match[3]][1], {"Content-Type": self.objects[match[3]][0]})

    def of_many(self, method, path, asked):
        if self.bucket != BUCKET:
            return storage_error(404, "Bucket not found", "NoSuchBucket")
        if path.startswith("/object/sign/") and self.want(method == "POST" and set(asked) == {"expiresIn", "paths"}, f"sign: {asked}"):
            self.want(0 < len(asked["paths"]) <= 1000, f"{len(asked['paths'])} paths to be signed")
            return Answer(200, [self.sign(one, asked["expiresIn"]) for one in asked["paths"]])
        if path.startswith("/object/list/") and self.want(method == "POST" and {"prefix", "limit", "offset"} <= set(asked), f"list: {asked}"):
            return Answer(200, self.list(asked["prefix"])[asked["offset"]:][:asked["limit"]])
        self.want(method == "DELETE" and set(asked) == {"prefixes"}, f"{method} {path} {asked}")
        gone = [p for p in asked["prefixes"] if self.objects.pop(p, None)]
        return Answer(200, [{"name": p, "bucket_id": BUCKET} for p in gone])

    def sign(self, path, seconds):
        if path not in self.objects:
            return {"error": "Either the object does not exist or you do not have access to it", "path": path, "signedURL": None}
        token = f"signed{len(self.links)}"
        self.links[token] = (path, time.time() + seconds)
        return {"error": None, "path": path, "signedURL": f"/object/sign/{BUCKET}/{path}?token={token}"}

    def list(self, folder):
        """What lies directly in a folder; folders in it have no id."""
        below = sorted(p[len(folder) + 1:] for p in self.objects if p.startswith(folder + "/"))
        names = {name.partition("/")[0]: "/" in name for name in below}
        return [{"name": n, "id": None if is_folder else "00000000-0000-4000-8000-00000000000b", "metadata": None} for n, is_folder in names.items()]
