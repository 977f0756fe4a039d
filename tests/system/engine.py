"""The engine's scripts, called as dispatcher and gateway call them, on a private Redis.

Everything here is plain Redis: no service runs, so that a test can stand between any two steps.
"""
import hashlib
import json
import pathlib
import shutil
import struct
import subprocess
import tempfile
import time
import uuid

import redis

TOP = pathlib.Path(__file__).resolve().parents[2]
LUA = TOP / "proto" / "redis"
OWNER = "00000000-0000-4000-8000-000000000001"
SHARD = "sheaf:{00}:"
NEEDS = {"store": "", "inspect": "", "page": "res:inspect:0", "split": "out:page:*",
         "extract": "res:split:0,out:split:0,out:page:*", "save": "res:split:0,out:extract:#",
         "notify": "state,err,created,finished"}
# What a stage opens when it is done, and what its last one opens: dispatcher/pipeline.c in short.
OPENS = {"inspect": "page:0:{fan}", "split": "extract:0:{fan}", "extract": "save:#:1"}
JOINS = {"page": "split"}
GRAPH = "inspect>page page>split split>extract extract>save"


class Server:
    """A Redis of one's own on a unix socket, ended by pid."""

    def __init__(self, *options):
        self.folder = tempfile.mkdtemp(prefix="sheaf-redis-")
        self.socket = self.folder + "/s"
        self.options = options
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.socket, "--dir", self.folder, "--save", "",
             "--maxmemory-policy", "noeviction", "--stream-node-max-entries", "4", "--hash-max-listpack-value", "1024", *self.options],
            stdout=subprocess.DEVNULL)
        self.client = redis.Redis(unix_socket_path=self.socket, decode_responses=True)
        for _ in range(500):
            try:
                self.client.ping()
                return
            except redis.exceptions.RedisError:
                time.sleep(0.01)
        raise RuntimeError("redis-server did not come up")

    def stop(self):
        self.process.terminate()
        self.process.wait(30)
        shutil.rmtree(self.folder, ignore_errors=True)


PARTS = ("core", "jobs", "admission", "stages", "ends", "deliveries", "finish")
ALONE = ("alive", "claim", "heard", "throttle")


class Alone:
    """One of the scripts that stand alone, on its key in an empty Redis; called with its ARGV."""

    def __init__(self, client, script, key):
        client.flushall()
        self.redis, self.text, self.key = client, source(script), key

    def __call__(self, *argv):
        return self.redis.eval(self.text, 1, self.key, *argv)


def source(script):
    """A script as it goes to Redis: lib/scripts.c in short."""
    def text(name):
        return (LUA / f"{name}.lua").read_text()
    if script in ALONE:
        return text(script)
    before = [text(part) for part in PARTS] + ([text("commit"), text("take")] if script == "turn" else [])
    return ("local function make()\n" + "".join(before) + "local function main()\nlocal ARGV = ARGS\n" + text(script)
            + "end\nreturn function(keys, args) begin(keys, args) return main() end\nend\nreturn make()(KEYS, ARGV)\n")


def library(name, script, flags):
    """A script as a function: lib/scripts.c in short."""
    made = script[:script.rindex("return make()")]
    return (f"#!lua name={name}\n{made}local serve\nlocal function answer(keys, args)\n    if not serve then serve = make() end\n"
            f"    return serve(keys, args)\nend\n"
            f"redis.register_function{{function_name = '{name}', callback = answer, flags = {{{', '.join(flags)}}}}}\n")


# The places of the field `state` of a job and of a batch: proto/redis/jobs.lua.
JOB_STATE = ("state", "run", "seq", "open", "fly", "since", "busy", "class", "owner", "batch", "msg")
STAGE_COUNTS = ("n", "d", "s", "e", "by")
BATCH_STATE = ("owner", "jobs", "queued", "started", "finished", "failed", "cancelled", "sealed", "expected", "ended", "seq")


def fields_of(fields, names):
    """A hash as it stands in Redis, with the places of its state as fields of their own, and those of a stage as n:<stage> and so on."""
    fields = {**fields, **dict(zip(names, fields["state"].split("\0")))} if "state" in fields else fields
    for stage in [name[6:] for name in fields if name.startswith("stage:")]:
        fields.update((f"{what}:{stage}", text) for what, text in zip(STAGE_COUNTS, fields["stage:" + stage].split("\0")) if text)
    return fields


def job_of(client, id):
    return fields_of(client.hgetall(f"sheaf:{{{id[:2]}}}:job:{id}"), JOB_STATE)


def batch_of(client, id):
    return fields_of(client.hgetall(f"sheaf:{{{id[:2]}}}:batch:{id}"), BATCH_STATE)


def token_of(client, id, stage, index=0):
    """The token that a task ended with; "" while it is open or in somebody's hand ("!" and the token)."""
    token = client.hget(f"sheaf:{{{id[:2]}}}:job:{id}", f"out:{stage}:{index}") or ""
    return "" if token.startswith("!") else token


class Task:
    """One delivery, as take answered it."""

    def __init__(self, row):
        self.type, self.entry, self.delivery, packed, about = row[:5]
        self.about, self.needs = json.loads(about), row[5:]
        self.owner, self.batch = self.about["owner"], self.about["batch"]
        self.job, self.run, index, attempt, losses, base, self.since = packed.split(" ")
        self.index, self.attempt, self.losses, self.base = int(index), int(attempt), int(losses), int(base)

    @property
    def token(self):
        return f"{self.run}.{self.attempt}.{self.delivery}"

    def __repr__(self):
        return f"<{self.type} {self.index} of {self.job[:8]} {self.attempt}.{self.delivery}>"


def tasks_of(words, abouts):
    """The tasks in a list of take's answer; abouts: job → what the caller need not be told again."""
    kind, width = words[:2]
    for at in range(2, len(words), width):
        entry, delivery, packed, about, *needs = words[at:at + width]
        yield Task([kind, entry, delivery, packed, about or abouts[packed.split(" ")[0]], *needs])


class Engine:
    shard = 0

    def __init__(self, client, notify="never"):
        self.r = client
        self.scripts = self.load()
        self.r.hset(SHARD + "policy", mapping={"notify": notify, "graph": GRAPH, "keep_finished": 604800000,
                                               "keep_failed": 2592000000, "keep_batch": 2592000000})

    @classmethod
    def on(cls, client, shard=0):
        """On a Redis whose policy a dispatcher writes."""
        engine = cls.__new__(cls)
        engine.r, engine.shard = client, shard
        engine.scripts = cls.load()
        return engine

    @staticmethod
    def load():
        return {p.stem: source(p.stem) for p in LUA.glob("*.lua")}

    def digest(self, script):
        """How a call of this script looks on the wire."""
        return hashlib.sha1(self.scripts[script].encode()).hexdigest().encode()

    def run(self, script, *argv):
        return self.r.eval(self.scripts[script], 1, f"sheaf:{{{self.shard:02x}}}:", *argv)

    # -- gateway --------------------------------------------------------------------------------
    def new_id(self):
        text = uuid.uuid4().hex
        return str(uuid.UUID(f"{self.shard:02x}" + text[2:12] + "8" + text[13:16] + "8" + text[17:]))

    def enqueue(self, files=1, owner=OWNER, batch=None, seal=True, key=None, klass=2, expected=0, ids=None,
                digests=None, first=("store", "inspect"), new_batch=None):
        ids = ids or [self.new_id() for _ in range(files)]
        digests = digests or [uuid.uuid4().hex * 2 for _ in ids]
        new_batch, batch = batch is None if new_batch is None else new_batch, batch or self.new_id()
        argv = [batch, int(new_batch), owner, klass, int(seal), expected, "", key or "", "".join(sorted(digests))[:64], 86400000,
                "null", " ".join(first)]
        for n, (i, d) in enumerate(zip(ids, digests)):
            about = {"owner": owner, "batch": batch, "name": f"{n}.pdf", "digest": d, "size": 10, "mime": "application/pdf"}
            argv += [i, d, about["name"], json.dumps(about)]
        return json.loads(self.run("enqueue", *argv))

    def submit(self, **kw):
        """One job; its id."""
        return self.enqueue(**kw)["answer"]["job_ids"][0]["job_id"]

    # -- dispatcher -----------------------------------------------------------------------------
    def turn(self, done=(), room=None, me="d1", limit_ms=3600000, window=64, fan=1, worker="w1", told=True):
        """Results and room in one call: an answer per result, and tasks. `fan` may be a function of the task. `told`: we know what the jobs of the
        results tell all their tasks."""
        kinds, results = [], []
        for t in done:
            n = fan(t) if callable(fan) else fan
            kind = (t.type, worker, OPENS.get(t.type, "").format(fan=n), JOINS.get(t.type, ""), int(told))
            if kind not in kinds:
                kinds.append(kind)
            texts = (t.entry, t.run, t.token, t.job, str(t.index), json.dumps({"fan": n}))
            results.append(struct.pack(">H", kinds.index(kind) + 1) + "".join(text + "\0" for text in texts).encode())
        argv = [me, limit_ms, len(kinds), len(results), *(word for kind in kinds for word in kind), *results]
        for kind, n in (room or {}).items():
            argv += [kind, n, window, NEEDS.get(kind, "")]
        answers, lists = self.run("turn", *argv)
        abouts = {t.job: json.dumps(t.about) for t in done}
        return answers, [task for one in lists for task in tasks_of(one, abouts)]

    def take(self, me="d1", limit_ms=3600000, window=64, **room):
        return self.turn((), room or {k: 64 for k in NEEDS}, me, limit_ms, window)[1]

    def commit(self, *tasks, fan=1, worker="w1"):
        return self.turn(tasks, fan=fan, worker=worker)[0]

    def defer(self, task, mode, after_ms=0, most=5, code="", text="why", me="d1"):
        return self.run("defer", me, task.type, task.entry, task.run, task.attempt, task.delivery, task.job, task.index, mode,
                        after_ms, most, code, text)[0]

    def named(self, script, tasks, me="d1"):
        argv = [me]
        for t in tasks:
            argv += [t.type, t.entry, t.delivery, t.job, t.run]
        return self.run(script, *argv)

    def reclaim(self, me="d1", lease=10000, types=tuple(NEEDS), mode="idle"):
        return self.run("reclaim", me, lease, mode, *types)

    def promote(self, most=100):
        return self.run("promote", most)

    def reap(self, idle=600000, dead_max=10000, age=10**12, done=(), most=100):
        return self.run("reap", idle, dead_max, age, " ".join(NEEDS), most, *done)

    # -- looking --------------------------------------------------------------------------------
    def job(self, id):
        return job_of(self.r, id)

    def batch(self, id):
        return batch_of(self.r, id)

    def alive(self, dispatcher):
        self.r.set("sheaf:dispatcher:" + dispatcher, "{}", px=600000)

    def age(self, idle_ms, *tasks):
        """As if these had been given out so long ago."""
        for t in tasks:
            key = SHARD + "tasks:" + t.type
            (row,) = self.r.xpending_range(key, "dispatchers", t.entry, t.entry, 1)
            self.r.execute_command("XCLAIM", key, "dispatchers", row["consumer"], 0, t.entry, "IDLE", idle_ms, "RETRYCOUNT", row["times_delivered"], "JUSTID")

    def now_ms(self):
        """By Redis's clock, which the scripts go by."""
        seconds, micros = self.r.time()
        return seconds * 1000 + micros // 1000

    def finish(self, job, pages=1, entries=1):
        """Runs whatever is open, whoever's it is, until nothing is."""
        for _ in range(1000):
            tasks = self.take()
            if not tasks:
                return
            for t in tasks:
                self.commit(t, fan=pages if t.type == "inspect" else entries)


class FunctionEngine(Engine):
    """turn and enqueue as the functions that services make of them: what a call leaves behind meets the next one."""

    def run(self, script, *argv):
        if script not in ("turn", "enqueue"):
            return super().run(script, *argv)
        name = f"sheaf_{script}_{hashlib.sha1(self.scripts[script].encode()).hexdigest()}"
        try:
            return self.r.fcall(name, 1, SHARD, *argv)
        except redis.exceptions.ResponseError as e:
            if "Function not found" not in str(e):
                raise
        self.r.function_load(library(name, self.scripts[script], ["'allow-oom'"] if script == "turn" else []))
        return self.r.fcall(name, 1, SHARD, *argv)
