"""An S3 server of one bucket, path style.  It computes the whole signature again (AWS Signature Version 4, as published) and the
payload's hash, and refuses a wrong key, hash, order and clock, as S3 does."""
import base64
import datetime
import hashlib
import hmac
import html
import re
import threading
import urllib.parse

from fakes.base import Answer, Fake

KEY_ID, SECRET, REGION, BUCKET = "AKIDMADEUP0000000001", "made/up+secret0123456789", "eu-west-1", "sheaf-tests"


def sign(secret, region, date, amz_date, canonical, service="s3"):
    """The signature of a canonical request."""
    key = ("AWS4" + secret).encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    scope = f"{date}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", amz_date, scope, hashlib.sha256(canonical.encode()).hexdigest()])
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def canonical_request(method, path, query, headers, signed, payload_hash):
    pairs = sorted(urllib.parse.parse_qsl(query, keep_blank_values=True))
    quote = lambda t: urllib.parse.quote(t, safe="-_.~")  # noqa: E731
    lines = [f"{name}:{' '.join(headers[name].split())}" for name in signed]
    return "\n".join([method, path, "&".join(f"{quote(k)}={quote(v)}" for k, v in pairs), *lines, "", ";".join(signed), payload_hash])


def refuse(status, code):
    return Answer(status, f"<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>as scripted</Message></Error>", {"Content-Type": "application/xml"})


class Stored:
    def __init__(self, mime, body):
        self.mime, self.body, self.at = mime, body, datetime.datetime.utcnow()


class S3(Fake):
    def __init__(self, session_token=None):
        super().__init__()
        self.objects, self.session_token, self.secret, self.skew = {}, session_token, SECRET, datetime.timedelta()
        self.work, self.away = threading.Lock(), False

    def env(self):
        token = {"AWS_SESSION_TOKEN": self.session_token} if self.session_token else {}
        return {"SHEAF_OBJECTS": "s3", "SHEAF_S3_ENDPOINT": self.url, "SHEAF_S3_BUCKET": BUCKET, "SHEAF_S3_REGION": REGION,
                "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET, **token}

    def check(self, request):
        headers = {k.lower(): v for k, v in request.headers.items()}
        if "X-Amz-Signature=" in request.path:
            return self.check_link(request, headers)
        given = re.fullmatch(r"AWS4-HMAC-SHA256 Credential=([^/]+)/(\d{8})/([^/]+)/s3/aws4_request, SignedHeaders=([^,]+), Signature=([0-9a-f]{64})",
                             headers.get("authorization", ""))
        if not given:
            return refuse(403, "AccessDenied")
        key_id, date, region, signed, signature = given.groups()
        signed = signed.split(";")
        if key_id != KEY_ID:
            return refuse(403, "InvalidAccessKeyId")
        if region != REGION:
            return refuse(400, "AuthorizationHeaderMalformed")
        if signed != sorted(signed) or not {"host", "x-amz-date", "x-amz-content-sha256"} <= set(signed):
            return refuse(403, "SignatureDoesNotMatch")
        if self.session_token and ("x-amz-security-token" not in signed or headers["x-amz-security-token"] != self.session_token):
            return refuse(400, "ExpiredToken")
        at = datetime.datetime.strptime(headers["x-amz-date"], "%Y%m%dT%H%M%SZ")
        if abs(at - datetime.datetime.utcnow() - self.skew) > datetime.timedelta(minutes=15) or at.strftime("%Y%m%d") != date:
            return refuse(403, "RequestTimeTooSkewed")
        path, _, query = request.path.partition("?")
        canonical = canonical_request(request.method, path, query, headers, signed, headers["x-amz-content-sha256"])
        if not hmac.compare_digest(sign(self.secret, region, date, headers["x-amz-date"], canonical), signature):
            return refuse(403, "SignatureDoesNotMatch")
        if hashlib.sha256(request.body).hexdigest() != headers["x-amz-content-sha256"]:
            return refuse(400, "XAmzContentSHA256Mismatch")
        return None

    def check_link(self, request, headers):
        """Its signature stands in the address."""
        path, _, query = request.path.partition("?")
        query, _, signature = query.rpartition("&X-Amz-Signature=")
        asked = dict(urllib.parse.parse_qsl(query))
        date, moment = asked["X-Amz-Date"][:8], datetime.datetime.strptime(asked["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        if asked["X-Amz-Credential"] != f"{KEY_ID}/{date}/{REGION}/s3/aws4_request" or asked.get("X-Amz-Security-Token") != self.session_token:
            return refuse(403, "AccessDenied")
        if not 0 < int(asked["X-Amz-Expires"]) <= 604800 or datetime.datetime.utcnow() + self.skew > moment + datetime.timedelta(seconds=int(asked["X-Amz-Expires"])):
            return refuse(403, "AccessDenied")
        canonical = canonical_request(request.method, path, query, headers, ["host"], "UNSIGNED-PAYLOAD")
        if not hmac.compare_digest(sign(self.secret, REGION, date, asked["X-Amz-Date"], canonical), signature):
            return refuse(403, "SignatureDoesNotMatch")
        return None

    def answer(self, request):
        if self.away:
            return Answer(cut=True)
        refusal = self.check(request)
        if refusal:
            return refusal
        path, _, query = request.path.partition("?")
        bucket, _, key = path[1:].partition("/")
        if bucket != BUCKET:
            return refuse(404, "NoSuchBucket")
        asked = {} if "X-Amz-Signature" in query else dict(urllib.parse.parse_qsl(query, keep_blank_values=True))
        with self.work:
            return self.of_bucket(request, asked) if not key else self.of_object(request, key)

    def of_object(self, request, key):
        if request.method == "PUT":
            self.want(request.headers.get("Content-Length") is not None, "a chunked upload")
            self.want("If-None-Match" not in request.headers, "a condition that not every server knows")
            self.objects[key] = Stored(request.headers.get("Content-Type"), request.body)
            return Answer(200)
        if request.method == "DELETE":
            self.objects.pop(key, None)
            return Answer(204)
        if key not in self.objects:
            return Answer(404) if request.method == "HEAD" else refuse(404, "NoSuchKey")
        return Answer(200, self.objects[key].body, {"Content-Type": self.objects[key].mime})

    def of_bucket(self, request, asked):
        if request.method == "GET" and asked.get("list-type") == "2":
            return self.list(asked)
        if not self.want(request.method == "POST" and asked == {"delete": ""}, f"{request.method} {request.path}"):
            return refuse(501, "NotImplemented")
        self.want(base64.b64decode(request.headers.get("Content-MD5", "")) == hashlib.md5(request.body).digest(), "Content-MD5")
        keys = [html.unescape(k) for k in re.findall(r"<Object><Key>(.*?)</Key></Object>", request.body.decode())]
        self.want(0 < len(keys) <= 1000, f"{len(keys)} keys in one call")
        for key in keys:
            self.objects.pop(key, None)
        return Answer(200, "<?xml version=\"1.0\"?><DeleteResult/>", {"Content-Type": "application/xml"})

    def list(self, asked):
        self.want(set(asked) <= {"list-type", "max-keys", "prefix", "start-after"}, f"list: {sorted(asked)}")
        found = sorted(k for k in self.objects if k.startswith(asked.get("prefix", "")) and k > asked.get("start-after", ""))
        most = min(1000, int(asked.get("max-keys", "1000")))
        rows = "".join(f"<Contents><Key>{html.escape(k)}</Key><LastModified>{self.objects[k].at:%Y-%m-%dT%H:%M:%S}.000Z</LastModified>"
                       f"<Size>{len(self.objects[k].body)}</Size></Contents>" for k in found[:most])
        return Answer(200, f"<?xml version=\"1.0\"?><ListBucketResult><Name>{BUCKET}</Name><IsTruncated>{str(len(found) > most).lower()}"
                           f"</IsTruncated>{rows}</ListBucketResult>", {"Content-Type": "application/xml"})

    def keys(self, prefix):
        return [k for k in sorted(self.objects) if k.startswith(prefix)]
