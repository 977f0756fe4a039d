"""The ledger of tests/chaos finds what it is there for: each way to break the promise is a finding in its account."""
import sys

import pytest

from stack import TOP

sys.path.insert(0, str(TOP / "tests" / "chaos"))

import ledger  # noqa: E402
from clients import File  # noqa: E402
from plan import Upload  # noqa: E402

BATCH = "00b"


class World:
    """Two files of one batch, both finished, all accounts in order."""

    def __init__(self):
        self.files = [File(Upload(n, "form", n), f"{n}.pdf", b"document %d" % n) for n in range(2)]
        self.jobs, self.rows, self.originals, self.mails, self.engine = {}, [], {}, {}, {}
        for n, file in enumerate(self.files):
            file.job, file.batch = f"00{n}", BATCH
            self.jobs[file.job] = {"state": "finished", "run": "7", "n:save": "1", "err": ""}
            self.row(file, 0)
            self.originals[file.base] = [file.digest]
            self.mails[file.job] = [("finished", "7", None)]
        self.batches = {BATCH: {"jobs": "2", "finished": "2", "failed": "0", "cancelled": "0", "queued": "0", "started": "0", "ended": "9"}}
        self.mails[BATCH] = [("batch", "9", (2, 0, 0, 2))]

    def row(self, file, index, **more):
        self.rows.append({"submission_id": ledger.submission_id(file.base, index), "base_id": file.base, "job_id": file.job,
                          "chunk_index": index, "is_container_parent": 0, "deleted_at": None, "run": 7, **more})

    def accounts(self):
        facts = ledger.Facts(self.jobs, self.batches, self.rows, self.originals, self.mails, self.engine, [])
        return {f.account for f in ledger.check(self.files, {BATCH: 2}, facts)}

    @property
    def job(self):
        return self.jobs["000"]


def test_what_is_in_order_has_no_finding():
    assert World().accounts() == set()


def test_an_unfinished_job_is_stuck():
    w = World()
    w.job["state"] = "started"
    w.batches[BATCH].update(finished="1", started="1", ended="")
    assert "stuck" in w.accounts()


def test_a_sound_document_that_failed_with_its_reason_is_shown_and_without_one_is_lost():
    w = World()
    w.files[0].acted = True  # the batch's message may have other numbers
    w.job.update(state="failed", err='{"code":"poison"}')
    w.mails["000"] = [("failed", "7", None)]
    assert w.accounts() == {"faulted"}
    w.job["err"] = ""
    assert w.accounts() == {"lost"}


@pytest.mark.parametrize("account, breach", [
    ("lost", lambda w: w.jobs.pop("000")),
    ("lost", lambda w: w.rows.pop()),
    ("lost", lambda w: w.originals.pop(w.files[0].base)),
    ("lost", lambda w: w.mails.pop("000")),
    ("lost", lambda w: w.mails.pop(BATCH)),
    ("lost", lambda w: w.mails.update({"000": [("finished", "6", None)]})),
    ("doubled", lambda w: w.row(w.files[0], 1)),
    ("doubled", lambda w: w.row(w.files[0], 0, submission_id="another")),
    ("doubled", lambda w: w.originals[w.files[0].base].append(w.files[0].digest)),
    ("doubled", lambda w: w.mails["000"].append(("cancelled", "7", None))),
    ("doubled", lambda w: w.mails[BATCH].append(("batch", "10", (2, 0, 0, 2)))),
    ("doubled", lambda w: w.jobs.update({"009": w.job})),
    ("doubled", lambda w: w.batches.update({"00c": {"jobs": "1"}})),
    ("doubled", lambda w: w.originals.update({"0" * 12: ["x"]})),
    ("stuck", lambda w: w.engine.update({"tasks:page": 1})),
    ("stuck", lambda w: w.batches[BATCH].update(ended="")),
    ("wrong", lambda w: w.originals.update({w.files[0].base: ["other bytes"]})),
    ("wrong", lambda w: w.mails.update({BATCH: [("batch", "9", (1, 0, 0, 2))]})),
    ("wrong", lambda w: setattr(w.files[0], "allowed", {"cancelled"})),
])
def test_a_breach_is_found_in_its_account(account, breach):
    w = World()
    breach(w)
    assert account in w.accounts()
