"""Scripts as functions in Redis: kept there under names of their own version, and done without where they are not to be had."""
import documents
from stack import Stack, wait_for

NULLS = dict(SHEAF_OCR="null", SHEAF_LLM="null", SHEAF_RECORDS="null", SHEAF_OBJECTS="null", SHEAF_NOTIFY_WHEN="never")
SERVICES = ("dispatcher", "persist-svc", "ocr-svc", "llm-svc", "gateway")
OLD = "#!lua name=%s\nredis.register_function('%s', function() return 1 end)"


def library(name):
    return OLD % (name, name)


def calls(client, command):
    return client.info("commandstats").get("cmdstat_" + command, {}).get("calls", 0)


def start_all(stack):
    for name in SERVICES:
        stack.start(name)
    for name in SERVICES:
        stack.wait_ready(name)


def read_one(stack):
    status, answer = stack.upload(("form.pdf", documents.pdf([documents.form_lines(1)])))
    assert status in (200, 201, 202), answer
    job = stack.job_done(answer["job_ids"][0]["job_id"])
    assert job["status"] == "finished", job


def names(client):
    listed = client.execute_command("FUNCTION", "LIST")
    return sorted(dict(zip(one[::2], one[1::2]))["library_name"] for one in listed)


def test_a_dispatcher_drops_the_libraries_of_other_versions_and_nobody_elses():
    with Stack(**NULLS) as s:
        for name in ("sheaf_turn_0123", "sheaf_enqueue_4567", "sheafs", "theirs"):
            s.redis.execute_command("FUNCTION", "LOAD", library(name))
        start_all(s)
        wait_for(lambda: not any(n.endswith(("_0123", "_4567")) for n in names(s.redis)), what="the old libraries' end")
        read_one(s)
        ours = [n for n in names(s.redis) if n.startswith("sheaf_")]
        assert [n.split("_")[1] for n in ours] == ["enqueue", "turn"]
        assert [n for n in names(s.redis) if n not in ours] == ["sheafs", "theirs"]
        assert calls(s.redis, "fcall") > 5
        s.redis.execute_command("FUNCTION", "FLUSH")  # as a restart without persistence would
        read_one(s)
        assert [n for n in names(s.redis)] == ours


def test_where_functions_are_not_allowed_scripts_do_the_same():
    with Stack(**NULLS) as s:
        s.redis.execute_command("ACL", "SETUSER", "default", "-fcall", "-function")
        start_all(s)
        read_one(s)
        assert calls(s.redis, "evalsha") > 5
        s.redis.execute_command("ACL", "SETUSER", "default", "+function")
        assert names(s.redis) == []
