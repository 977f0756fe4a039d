"""The real thing: OpenStack Swift with its S3 interface (s3api), one replica on one folder, all on loopback. Not a fake: nothing here
knows what Sheaf sends."""
import datetime
import hashlib
import importlib.util
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from fakes.s3 import canonical_request, sign

KEY_ID, SECRET, REGION, BUCKET = "test:tester", "testing", "us-east-1", "sheaf-tests"
SERVERS = ("account", "container", "object", "proxy")
START = """
import sys
import swift.common.utils as utils
utils.SWIFT_CONF_FILE = sys.argv[1]
from swift.common.wsgi import run_wsgi
sys.exit(run_wsgi(sys.argv[2], sys.argv[3]))
"""
RING = "import sys; from swift.cli.ringbuilder import main; sys.argv[0] = 'swift-ring-builder'; main()"
FILTERS = ("catch_errors", "gatekeeper", "cache:memcache", "listing_formats", "s3api", "tempauth", "slo")


def missing():
    """Why it cannot run here; None when it can."""
    if importlib.util.find_spec("swift") is None:
        return "python3-swift is not installed"
    with tempfile.NamedTemporaryFile() as f:
        try:
            os.setxattr(f.name, "user.sheaf", b"1")
        except OSError:
            return "the temporary folder has no extended attributes"
    return None


class Swift:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="sheaf-swift-"))
        self.processes = []

    def env(self):
        return {"SHEAF_OBJECTS": "s3", "SHEAF_S3_ENDPOINT": self.url, "SHEAF_S3_BUCKET": BUCKET, "SHEAF_S3_REGION": REGION,
                "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['proxy']}"

    def write(self, name, text):
        (self.folder / name).write_text(text)

    def configure(self):
        (self.folder / "node" / "d1").mkdir(parents=True)
        self.write("swift.conf", "[swift-hash]\nswift_hash_path_suffix = a\nswift_hash_path_prefix = b\n"
                                 "[storage-policy:0]\nname = gold\npolicy_type = replication\ndefault = yes\n")
        common = f"bind_ip = 127.0.0.1\nworkers = 0\nuser = root\nswift_dir = {self.folder}\ndevices = {self.folder}/node\nmount_check = false\n"
        for name in SERVERS[:3]:
            self.write(f"{name}.conf", f"[DEFAULT]\n{common}bind_port = {self.ports[name]}\n[pipeline:main]\npipeline = {name}-server\n"
                                       f"[app:{name}-server]\nuse = egg:swift#{name}\n")
            builder = self.folder / f"{name}.builder"
            for step in (("create", "4", "1", "1"), ("add", f"r1z1-127.0.0.1:{self.ports[name]}/d1", "1"), ("rebalance",)):
                subprocess.run([sys.executable, "-c", RING, builder, *step], capture_output=True, cwd=self.folder)
        names = [f.partition(":")[0] for f in FILTERS]
        self.write("proxy.conf", f"[DEFAULT]\n{common}bind_port = {self.ports['proxy']}\n[pipeline:main]\npipeline = {' '.join(names)} proxy-server\n"
                                 "[app:proxy-server]\nuse = egg:swift#proxy\naccount_autocreate = true\nallow_account_management = true\n"
                   + "".join(f"[filter:{n}]\nuse = egg:swift#{f.rpartition(':')[2]}\n" + ("user_test_tester = testing .admin\n" if n == "tempauth" else "")
                             for n, f in zip(names, FILTERS)))

    def __enter__(self):
        self.ports = {}
        for name in SERVERS:
            with socket.socket() as s:
                s.bind(("127.0.0.1", 0))
                self.ports[name] = s.getsockname()[1]
        self.configure()
        for name in SERVERS:
            with open(self.folder / f"{name}.log", "wb") as log:
                self.processes.append(subprocess.Popen([sys.executable, "-c", START, self.folder / "swift.conf", self.folder / f"{name}.conf",
                                                        f"{name}-server"], stdout=log, stderr=log, stdin=subprocess.DEVNULL))
        until = time.monotonic() + 60
        while True:
            try:
                assert self.call("PUT", f"/{BUCKET}")[0] in (200, 409)
                return self
            except (OSError, AssertionError):
                if time.monotonic() > until:
                    print(*((self.folder / f"{n}.log").read_text()[-2000:] for n in SERVERS), sep="\n====\n")
                    self.__exit__()
                    raise
                time.sleep(0.2)

    def __exit__(self, *_):
        for process in self.processes:
            process.kill()
            process.wait(10)
        shutil.rmtree(self.folder, ignore_errors=True)

    def call(self, method, path, query=""):
        """One signed call of a test's own: (status, body)."""
        moment = datetime.datetime.utcnow().strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self.url.partition("//")[2], "x-amz-content-sha256": hashlib.sha256(b"").hexdigest(), "x-amz-date": moment}
        canonical = canonical_request(method, path, query, headers, sorted(headers), headers["x-amz-content-sha256"])
        headers["Authorization"] = (f"AWS4-HMAC-SHA256 Credential={KEY_ID}/{moment[:8]}/{REGION}/s3/aws4_request, "
                                    f"SignedHeaders={';'.join(sorted(headers))}, Signature={sign(SECRET, REGION, moment[:8], moment, canonical)}")
        request = urllib.request.Request(self.url + path + (f"?{query}" if query else ""), method=method, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as e:
            with e:
                return e.code, e.read()

    def keys(self, prefix):
        status, body = self.call("GET", f"/{BUCKET}", f"list-type=2&max-keys=1000&prefix={prefix.replace('/', '%2F')}")
        assert status == 200, body
        return re.findall(r"<Key>(.*?)</Key>", body.decode())
