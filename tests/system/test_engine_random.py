"""The engine's scripts in any order: dispatchers that lose replies, freeze, adopt and die, people who cancel and kick.

A seeded walk of a few hundred calls, then everything is let come to its end. After every few steps, and at the end: no task is
lost, none is there twice, nothing is counted twice, every batch ends once. SEEDS are the walks of the standard run.
"""
import collections
import random

import pytest

from engine import OWNER, SHARD, Engine

SEEDS = range(12)
STEPS = 300
AFTER_END = ("notify",)
STAGES = ("store", "inspect", "page", "split", "extract", "save", "notify", "fetch")


class Walk:
    def __init__(self, client, seed):
        client.flushall()
        self.engine, self.rng = Engine(client, notify="both"), random.Random(seed)
        self.dispatchers = ["d1", "d2", "d3"]
        self.held = []                                  # what somebody believes to have in hand, rightly or not
        self.jobs, self.batches = [], []
        self.accepted = collections.defaultdict(set)    # (job, run, type, index) -> tokens that counted
        self.fans = {}                                  # a stage gives the same answer however often it is asked

    # -- steps ------------------------------------------------------------------------------------------
    def submit(self):
        answer = self.engine.enqueue(files=self.rng.randint(1, 3), seal=self.rng.random() < 0.8)["answer"]
        self.batches.append(answer["batch_id"])
        self.jobs += [row["job_id"] for row in answer["job_ids"]]

    def close_batch(self):
        if self.batches:
            self.engine.run("batch", "close", self.rng.choice(self.batches), OWNER)

    def take(self):
        room = {stage: self.rng.randint(0, 4) for stage in STAGES}
        tasks = self.engine.take(self.rng.choice(self.dispatchers), window=self.rng.choice((2, 64)), **room)
        if self.rng.random() < 0.85:  # else the reply was lost
            self.held += tasks

    def some(self, most=4):
        return self.rng.sample(self.held, min(len(self.held), self.rng.randint(1, most)))

    def forget(self, tasks):
        self.held = [t for t in self.held if t not in tasks]

    def commit(self, tasks=None):
        tasks = tasks or self.some()
        for task in tasks:
            for _ in range(1 if self.rng.random() < 0.9 else 2):  # the answer was lost: once more
                if self.engine.commit(task, fan=self.fan(task)) == [1]:
                    self.accepted[task.job, task.run, task.type, task.index].add(task.token)
        if self.rng.random() < 0.9:  # else somebody says it again much later
            self.forget(tasks)

    def fan(self, task):
        return self.fans.setdefault((task.job, task.run, task.type), self.rng.randint(0, 3))

    def turn(self):
        """Results and room in one call, some results twice, as a dispatcher says them under load."""
        done = self.some(6)
        room = {stage: self.rng.randint(0, 3) for stage in STAGES}
        said = [*done, *self.some(1)]
        answers, tasks = self.engine.turn(said, room, self.rng.choice(self.dispatchers), fan=self.fan)
        for task, answer in zip(said, answers):
            if answer == 1:
                self.accepted[task.job, task.run, task.type, task.index].add(task.token)
        self.forget(done)
        self.held += tasks

    def defer(self):
        for task in self.some(2):
            self.engine.defer(task, self.rng.choice(("retry", "throttled", "lost", "lost", "refused")), most=3)
            self.forget([task])

    def give_back(self):
        self.engine.named("give_back", tasks := self.some(), me=self.rng.choice(self.dispatchers))
        self.forget(tasks)

    def renew(self):
        tasks = self.some(8)
        for task, answer in zip(tasks, self.engine.named("renew", tasks, me=self.rng.choice(self.dispatchers))):
            if answer != 1 and self.rng.random() < 0.5:  # others are deaf to it
                self.forget([task])

    def adopt(self):
        self.engine.named("adopt", self.some(), me=self.rng.choice(self.dispatchers))

    def reclaim(self):
        self.engine.reclaim(self.rng.choice(self.dispatchers), lease=self.rng.choice((0, 0, 10000)), types=STAGES)

    def reclaim_mine(self):
        argv = []
        for stage in STAGES:
            argv += [stage, " ".join(t.entry for t in self.held if t.type == stage and self.rng.random() < 0.7)]
        self.engine.run("reclaim", self.rng.choice(self.dispatchers), 10000, "mine", *argv)

    def dies(self):
        """Another one, with another name, takes its place; what its workers hold they still hold."""
        self.dispatchers[self.rng.randrange(3)] = f"d{self.rng.random()}"

    def promote(self):
        if self.rng.random() < 0.5:
            for member in self.engine.r.zrange(SHARD + "later", 0, -1):
                self.engine.r.zadd(SHARD + "later", {member: 1})
        self.engine.promote(most=self.rng.choice((1, 100)))

    def cancel(self):
        if self.jobs and self.rng.random() < 0.3:
            self.engine.run("cancel", self.rng.choice(self.jobs), OWNER)

    def rerun(self):
        if self.jobs:
            self.engine.run("rerun", self.rng.choice(self.jobs), OWNER,
                            self.rng.choice(("", "", "inspect", "page", "split", "extract", "save", "store")))

    def reap(self):
        self.engine.reap(done=self.engine.reap())

    def pause(self):
        self.engine.r.sadd(SHARD + "paused", self.rng.choice(STAGES))
        self.engine.r.srem(SHARD + "paused", self.rng.choice(STAGES))

    def step(self):
        weights = {self.submit: 4, self.close_batch: 1, self.take: 20, self.commit: 16, self.turn: 12, self.defer: 5,
                   self.give_back: 3, self.renew: 3, self.adopt: 4, self.reclaim: 3, self.reclaim_mine: 2, self.dies: 1,
                   self.promote: 5, self.cancel: 1, self.rerun: 3, self.reap: 1, self.pause: 1}
        (what,) = self.rng.choices(list(weights), list(weights.values()))
        if self.held or what not in (self.commit, self.turn, self.defer, self.give_back, self.renew, self.adopt):
            what()

    def finish(self):
        self.engine.r.delete(SHARD + "paused")
        for batch in self.batches:
            self.engine.run("batch", "close", batch, OWNER)
        for _ in range(500):
            for member in self.engine.r.zrange(SHARD + "later", 0, -1):
                self.engine.r.zadd(SHARD + "later", {member: 1})
            self.engine.promote()
            self.engine.reclaim("last", lease=0, types=STAGES)
            tasks = self.engine.take("last", **{stage: 64 for stage in STAGES})
            if not tasks:
                return
            for task in tasks:
                self.commit([task])
        raise AssertionError("it never comes to an end")

    # -- what must hold ------------------------------------------------------------------------------------
    def tasks_there(self):
        """(job, run, type, index) -> how often it is somewhere: in a stream, waiting, or due later."""
        r, there = self.engine.r, collections.Counter()

        def note(stage, packed):
            job, run, index = packed.split(" ")[:3]
            there[job, run, stage, int(index)] += 1
        for stage in STAGES:
            for _, fields in r.xrange(SHARD + "tasks:" + stage):
                note(stage, fields["t"])
        for key in r.scan_iter(SHARD + "wait:*"):
            for packed in r.lrange(key, 0, -1):
                note(key[len(SHARD):].split(":")[1], packed)
        for member in r.zrange(SHARD + "later", 0, -1):
            stage, _, _, packed = member.split(" ", 3)
            note(stage, packed)
        return there

    def check(self):
        there = self.tasks_there()
        for job in self.jobs:
            fields = self.engine.job(job)
            if fields["state"] not in ("queued", "started"):
                continue
            parked = len(fields.get("parked", "").split())
            expected = {(job, fields["run"], name.split(":")[1], int(name.split(":")[2]))
                        for name, token in fields.items() if name.startswith("out:") and (token == "" or token[0] == "!") and "notify" not in name}
            real = {task: n for task, n in there.items() if task[0] == job and task[1] == fields["run"] and task[2] not in AFTER_END}
            assert all(n == 1 for n in real.values()), ("twice", real)
            assert len(expected) == len(real) + parked and set(real) <= expected, (job, fields, expected ^ set(real))
            assert int(fields["open"]) == len(real), (fields, real)
            assert fields["state"] == "started" or fields["fly"] == "0", fields
        for stage in STAGES:
            key = SHARD + "tasks:" + stage
            if not self.engine.r.exists(key) or not self.engine.r.xinfo_groups(key):
                continue
            entries = {entry for entry, _ in self.engine.r.xrange(key)}
            pending = {row["message_id"] for row in self.engine.r.xpending_range(key, "dispatchers", "-", "+", 10000)}
            assert pending <= entries, ("deleted while pending", pending - entries)
        for key, tokens in self.accepted.items():
            assert len(tokens) == 1, ("counted twice", key, tokens)

    def check_end(self):
        self.check()
        assert not any(self.tasks_there().values())
        for job in self.jobs:
            fields = self.engine.job(job)
            assert fields["state"] in ("finished", "failed", "cancelled"), fields
            if fields["state"] == "finished":
                assert (fields["open"], fields["fly"]) == ("0", "0"), fields
                assert all(token and token[0] != "!" for name, token in fields.items() if name.startswith("out:") and "notify" not in name), fields
        for batch in self.batches:
            fields = self.engine.batch(batch)
            jobs = self.engine.r.lrange(SHARD + f"batch:{batch}:jobs", 0, -1)
            counts = collections.Counter(self.engine.job(job)["state"] for job in jobs)
            assert {s: int(fields[s]) for s in ("queued", "started", "finished", "failed", "cancelled")} == {
                s: counts[s] for s in ("queued", "started", "finished", "failed", "cancelled")}, (fields, counts)
            assert int(fields["jobs"]) == len(set(jobs)) == len(jobs) and fields["ended"] != "0"
            told = [key for key in self.accepted if key[0] == batch]
            buried = [m for m in self.engine.r.zrange(SHARD + "dead", 0, -1) if m.split(" ")[1] == batch]
            assert len(told) + len(buried) == 1, ("a batch ends once", told, buried)


@pytest.mark.parametrize("seed", SEEDS)
def test_whatever_happens_no_task_is_lost_and_nothing_counts_twice(server, seed):
    walk = Walk(server.client, seed)
    for step in range(STEPS):
        walk.step()
        if step % 20 == 0:
            walk.check()
    walk.finish()
    walk.check_end()
