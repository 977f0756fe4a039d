/* live.js: keeps a page in step with a job or a batch.
 *
 * Server-Sent Events first; each event is a whole snapshot, so nothing has to be patched together.  The browser itself
 * reconnects a broken stream and sends Last-Event-ID.  While no stream is open, snapshots are polled: the server may
 * refuse a stream (503: enough are open), some networks swallow them, and a page with many batches opens only a few. */

const POLL_MS = 2_000;
const POLL_SLOWEST_MS = 15_000;
const STREAM_AGAIN_MS = 30_000;  /* after a refusal */
const STREAMS_MOST = 2;          /* of a page: a browser opens six connections to a server, and what is sent needs some */
const GRACE_MS = 3_000;          /* for the browser's own reconnect, before polling starts */
const CHECK_MS = 30_000;         /* a stream can die without a sign: a sleeping laptop, a proxy */

let streams = 0;

/* url: of the events. on: { name of event: function(snapshot) }. poll: { event, fetch }: where snapshots come from
 * otherwise, and which of `on` takes them.  onState("live" │ "polling" │ "offline") at each change.
 * Returns a function that ends it. */
export function watch({ url, on, poll, onState = () => {} }) {
  let source = null;
  let closed = false;
  let taken = 0;
  let failures = 0;
  let timer = 0;
  let streamTimer = 0;
  let state = null;

  function become(next) {
    if (state === next) return;
    state = next;
    onState(next);
  }

  function pollIn(ms) {
    clearTimeout(timer);
    if (!closed) timer = setTimeout(pollNow, ms);
  }

  async function pollNow() {
    const before = taken;
    try {
      const snapshot = await poll.fetch();
      failures = 0;
      if (closed) return;
      /* What was taken meanwhile is newer than this answer. */
      if (taken === before) {
        taken += 1;
        on[poll.event](snapshot);
      }
      if (closed) return;
      if (source?.readyState !== EventSource.OPEN) become("polling");
    } catch (error) {
      failures += 1;
      if (closed) return;
      if (source?.readyState !== EventSource.OPEN) become("offline");
    }
    pollIn(source?.readyState === EventSource.OPEN ? CHECK_MS : Math.min(POLL_MS * 2 ** failures, POLL_SLOWEST_MS));
  }

  function dropStream() {
    if (source === null) return;
    source.close();
    source = null;
    streams -= 1;
  }

  function openStream() {
    clearTimeout(streamTimer);
    if (closed || document.hidden) return;
    dropStream();
    if (streams >= STREAMS_MOST) {
      streamTimer = setTimeout(openStream, STREAM_AGAIN_MS);
      return;
    }
    streams += 1;
    source = new EventSource(url);
    source.onopen = () => {
      become("live");
      pollIn(CHECK_MS);
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        dropStream();
        pollIn(0);
        streamTimer = setTimeout(openStream, STREAM_AGAIN_MS);
      } else {
        pollIn(GRACE_MS);
      }
    };
    for (const [name, take] of Object.entries(on)) {
      source.addEventListener(name, (event) => {
        taken += 1;
        if (!closed) take(JSON.parse(event.data));
      });
    }
  }

  /* A page that nobody looks at gives its stream back (a stream holds a thread of the server) and polls slowly. */
  function visibility() {
    if (document.hidden) {
      dropStream();
      pollIn(POLL_SLOWEST_MS);
    } else {
      openStream();
      pollIn(source ? GRACE_MS : 0);
    }
  }

  function close() {
    closed = true;
    clearTimeout(timer);
    clearTimeout(streamTimer);
    document.removeEventListener("visibilitychange", visibility);
    dropStream();
  }

  document.addEventListener("visibilitychange", visibility);
  openStream();
  pollIn(source ? GRACE_MS : 0);
  return close;
}
