"""The ledger: every 202 ↔ terminal state ↔ stored original ↔ rows ↔ messages. Nothing missing, nothing too much.

Pure but for `read()`, which gathers what there is. A finding is (account, what, about); accounts are lost, doubled, stuck, wrong.
"""
import collections
import hashlib
import re

from engine import BATCH_STATE, JOB_STATE, fields_of

STATE = {"job": JOB_STATE, "batch": BATCH_STATE}
ENDED = ("finished", "failed", "cancelled")
BROKEN_CODES = ("damaged", "no_pages")
Facts = collections.namedtuple("Facts", "jobs batches rows originals mails engine strays")
Finding = collections.namedtuple("Finding", "account what about")


def submission_id(base, index):
    return hashlib.sha256(f"{base}:{index}".encode()).hexdigest()[:12]


def prefix(id):
    """Of the keys of an id's shard, which its first two digits name."""
    return f"sheaf:{{{id[:2]}}}:"


# ---- gathering ------------------------------------------------------------------------------------------------

def scan(client, kind):
    """{id: hash} of all jobs, or of all batches."""
    keys = [k for k in client.scan_iter(f"sheaf:*:{kind}:*", count=1000) if re.fullmatch(r"sheaf:\{..\}:" + kind + ":[0-9a-f-]{36}", k)]
    found = {}
    for at in range(0, len(keys), 500):
        pipe = client.pipeline(transaction=False)
        for key in keys[at:at + 500]:
            pipe.hgetall(key)
        found.update((key.rsplit(":", 1)[1], fields_of(value, STATE[kind])) for key, value in zip(keys[at:at + 500], pipe.execute()))
    return found


def left_in_engine(client, types, shards):
    """What the engine still has of work: at the end all of it is 0."""
    left = {}
    for shard in range(shards):
        p = prefix(f"{shard:02x}")
        for type in types:
            left[f"{p}tasks:{type}"] = client.xlen(f"{p}tasks:{type}")
            for name in ("returned", "ring"):
                left[f"{p}{name}:{type}"] = client.llen(f"{p}{name}:{type}")
            left[f"{p}held:{type}"] = sum(int(n) for n in client.hvals(f"{p}held:{type}"))
        left[f"{p}waiting"] = sum(int(n) for n in client.hvals(f"{p}waiting"))
        left[f"{p}later"] = client.zcard(f"{p}later")
        left[f"{p}wait"] = len(list(client.scan_iter(f"{p}wait:*")))
    return {name: n for name, n in left.items() if n}


def read_mail(path):
    text = path.read_text(errors="replace")
    counts = re.search(r"(\d+) of (\d+) essay", text)
    cancelled, errors = re.search(r"(\d+) cancelled", text), re.search(r"(\d+) had errors", text)
    return tuple(int(m.group(i)) if m else 0 for m, i in ((counts, 1), (errors, 1), (cancelled, 1), (counts, 2)))


def read(cluster, types, shards):
    client = cluster.private_redis()
    originals, mails, strays = {}, {}, []
    for path in (cluster.var / "objects").rglob("*"):
        if path.is_file() and ".tmp" not in path.parts:
            if path.stem == "original":
                originals.setdefault(path.parent.name, []).append(hashlib.sha256(path.read_bytes()).hexdigest())
            elif "artifacts" not in path.parts:
                strays.append(str(path))
    for path in (cluster.var / "outbox").glob("*.eml"):
        about, event, run = path.stem.split(".")
        mails.setdefault(about, []).append((event, run, read_mail(path) if event == "batch" else None))
    facts = Facts(scan(client, "job"), scan(client, "batch"), cluster.rows(), originals, mails, left_in_engine(client, types, shards),
                  strays)
    client.close()
    return facts


# ---- the check -----------------------------------------------------------------------------------------------------

def check_state(file, job):
    state = job.get("state")
    if state not in ENDED:
        yield Finding("stuck", f"state {state}, open {job.get('open')}, msg {job.get('msg')}", file.job)
    elif state == "failed" and '"code"' not in job.get("err", ""):
        yield Finding("lost", "failed without a reason", file.job)
    elif state not in file.allowed:
        account = "faulted" if state == "failed" else "wrong"
        yield Finding(account, f"{state} instead of {' or '.join(sorted(file.allowed))} ({job.get('err', '')[:160]}) after {file.acted}", file.job)


def check_kept(base, files, jobs, rows, originals):
    """One document's original and rows; several files may be the same document."""
    finished = [jobs[f.job] for f in files if jobs.get(f.job, {}).get("state") == "finished"]
    if len(originals) > 1:
        yield Finding("doubled", f"{len(originals)} originals", base)
    if originals and set(originals) != {files[0].digest}:
        yield Finding("wrong", "the original has other bytes", base)
    mine = [r for r in rows if not r["deleted_at"]]
    entries = [r for r in mine if not r["is_container_parent"]]
    known = {submission_id(base, r["chunk_index"]) for r in entries}
    if {r["submission_id"] for r in entries} != known or len(known) != len(entries):
        yield Finding("doubled", f"rows {sorted(r['submission_id'] for r in entries)}", base)
    if not finished:
        return
    if not originals:
        yield Finding("lost", "finished without its original", files[0].job)
    wanted = {int(j.get("n:save", 0)) for j in finished}
    if len(entries) < min(wanted):
        yield Finding("lost", f"{len(entries)} rows of {wanted}", files[0].job)
    if len(entries) > max(wanted):
        yield Finding("doubled", f"{len(entries)} rows of {wanted}", files[0].job)
    parents = len(mine) - len(entries)
    if parents != (1 if len(entries) > 1 else 0) and len(wanted) == 1:
        yield Finding("wrong", f"{parents} parent rows for {len(entries)} entries", files[0].job)


def check_mails(id, job, mails):
    """The last run's end is told once; an earlier run's end at most once."""
    state, run = job.get("state"), job.get("run")
    if (state, run) not in [(e, r) for e, r, _ in mails] and state in ENDED:
        yield Finding("lost", f"no message of its end ({state})", id)
    runs = collections.Counter(r for _, r, _ in mails)
    if any(n > 1 for n in runs.values()):
        yield Finding("doubled", f"messages {mails}", id)


def check_batch(id, batch, size, mails, acted):
    ended = sum(int(batch.get(s, 0)) for s in ENDED)
    if int(batch.get("jobs", 0)) != size:
        yield Finding("wrong", f"{batch.get('jobs')} jobs, {size} were answered", id)
    if ended != size or int(batch.get("queued", 0)) or int(batch.get("started", 0)) or batch.get("ended") in (None, "", "0"):
        yield Finding("stuck", f"batch {dict(batch)}", id)
    if not mails and ended == size:
        yield Finding("lost", "no message of the batch's end", id)
    if len(mails) > 1:
        yield Finding("doubled", f"messages {mails}", id)
    for _, _, (finished, failed, cancelled, total) in mails[:1]:
        if total != size:
            yield Finding("wrong", f"the message tells of {total} jobs of {size}", id)
        told, now = (finished, failed, cancelled), tuple(int(batch.get(s, 0)) for s in ENDED)
        if told != now and not acted:
            yield Finding("wrong", f"the message counts {told}, the batch {now}", id)


def check(files, batch_sizes, facts):
    findings, documents = [], collections.defaultdict(list)
    acted = {f.batch for f in files if f.acted}
    rows = collections.defaultdict(list)
    for row in facts.rows:
        rows[row["base_id"]].append(row)
    for file in files:
        documents[file.base].append(file)
        job = facts.jobs.get(file.job)
        if job is None:
            findings.append(Finding("lost", "answered with 202, and there is no such job", file.job))
            continue
        findings += check_state(file, job)
        findings += check_mails(file.job, job, facts.mails.get(file.job, []))
    for base, same in documents.items():
        findings += check_kept(base, same, facts.jobs, rows.get(base, []), facts.originals.get(base, []))
    for id, size in batch_sizes.items():
        findings += check_batch(id, facts.batches.get(id, {}), size, facts.mails.get(id, []), id in acted)
    known_jobs, known_batches = {f.job for f in files}, set(batch_sizes)
    answered_twice = len(files) - len(known_jobs)
    if answered_twice:
        findings.append(Finding("wrong", f"{answered_twice} jobs stand in two answers", ""))
    findings += [Finding("doubled", "a job that no answer names", id) for id in facts.jobs if id not in known_jobs]
    findings += [Finding("doubled", "a batch with jobs that no answer names", id)
                 for id, b in facts.batches.items() if id not in known_batches and int(b.get("jobs", 0))]
    findings += [Finding("doubled", "rows of a document that nobody sent", base) for base in rows if base not in documents]
    findings += [Finding("doubled", "an original of a document that nobody sent", base)
                 for base in facts.originals if base not in documents]
    findings += [Finding("doubled", "messages about nobody", id) for id in facts.mails if id not in known_jobs | known_batches]
    findings += [Finding("stuck", f"{n} left in {name}", "") for name, n in facts.engine.items()]
    findings += [Finding("wrong", "a stray object", path) for path in facts.strays]
    return findings
