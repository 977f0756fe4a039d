#!/bin/sh
# make demo: the main job on the sample forms.  Starts the stack in SHEAF_VAR (var/), uploads tests/fixtures/forms,
# shows a line per record and stays up until Ctrl-C; with ONCE=1 it stops at the end.  Exit 0 only if every
# upload became its records.  usage: cli/demo.sh [BUILD_FOLDER]
set -u
cd "$(dirname "$0")/.." || exit 1
sheaf=${1:-build/release}/sheaf
export SHEAF_VAR="${SHEAF_VAR:-var}"
# A trial on this machine alone: nobody signs in, whatever project the environment names.
export SHEAF_AUTH="${SHEAF_AUTH:-none}"
ready=$SHEAF_VAR/run/demo-ready

mkdir -p "$SHEAF_VAR/run" && rm -f "$ready" || exit 1
"$sheaf" up --quiet --ready-file "$ready" &
up=$!
stop() {
    kill -TERM "$up" 2>/dev/null
    wait "$up"
    rm -f "$ready"
}
trap 'stop; exit 130' INT TERM HUP

echo "starting Redis and the services; their logs are in $SHEAF_VAR/log"
waited=0
until [ -f "$ready" ]; do
    if ! kill -0 "$up" 2>/dev/null || [ "$waited" -gt 600 ]; then
        echo "the stack did not start; \`$sheaf doctor\` says more" >&2
        stop
        exit 1
    fi
    sleep 0.1
    waited=$((waited + 1))
done

set -- tests/fixtures/forms/*.pdf tests/fixtures/forms/*.jpg tests/fixtures/forms/*.png
echo "uploading $# sample forms"
"$sheaf" submit --records "$@"
result=$?
if [ "$result" -eq 0 ]; then
    echo "every upload became its records"
else
    echo "not every upload became its records" >&2
fi

if [ "${ONCE:-}" != 1 ]; then
    echo "the dashboard: $(cut -d' ' -f2 "$ready")  (Ctrl-C stops everything)"
    trap 'stop; exit $result' INT TERM HUP
    wait "$up"
fi
stop
exit "$result"
