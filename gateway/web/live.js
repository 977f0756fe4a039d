/* live.js: keeps a page in step with a job or a batch.
 *
 * Server-Sent Events first; each event is a whole snapshot, so nothing has to be patched together.  The browser itself
 * reconnects a broken stream and sends Last-Event-ID.  While no stream is open, snapshots are polled: the server may
 * refuse a stream (503: enough are open), and some networks swallow them. */

const POLL_MS = 2_000;
const POLL_SLOWEST_MS = 15_000;
const STREAM_AGAIN_MS = 30_000;  /* after a refusal */
const GRACE_MS = 3_000;          /* for the browser's own reconnect, before polling starts */
const CHECK_MS = 30_000;         /* a stream can die without a sign: a sleeping laptop, a proxy */

/* url: of the events. on: { name of event: function(snapshot) }. poll: { event, fetch }: where snapshots come from
 * otherwise, and which of `on` takes them.  onState("live" │ "polling" │ "offline") at each change.
 * Returns a function that ends it. */
export function watch({ url, on, poll, onState = () => {} }) {
  let source = null;
  let closed = false;
  let events = 0;
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
    const before = events;
    try {
      const snapshot = await poll.fetch();
      failures = 0;
      if (closed) return;
      /* An event that came meanwhile is newer than this answer. */
      if (events === before) on[poll.event](snapshot);
      if (closed) return;
      if (source?.readyState !== EventSource.OPEN) become("polling");
    } catch (error) {
      failures += 1;
      if (closed) return;
      if (source?.readyState !== EventSource.OPEN) become("offline");
    }
    pollIn(source?.readyState === EventSource.OPEN ? CHECK_MS : Math.min(POLL_MS * 2 ** failures, POLL_SLOWEST_MS));
  }

  function openStream() {
    clearTimeout(streamTimer);
    if (closed || document.hidden) return;
    source?.close();
    source = new EventSource(url);
    source.onopen = () => {
      become("live");
      pollIn(CHECK_MS);
    };
    source.onerror = () => {
      if (source.readyState === EventSource.CLOSED) {
        pollIn(0);
        streamTimer = setTimeout(openStream, STREAM_AGAIN_MS);
      } else {
        pollIn(GRACE_MS);
      }
    };
    for (const [name, take] of Object.entries(on)) {
      source.addEventListener(name, (event) => {
        events += 1;
        if (!closed) take(JSON.parse(event.data));
      });
    }
  }

  /* A page that nobody looks at gives its stream back (a stream holds a thread of the server) and polls slowly. */
  function visibility() {
    if (document.hidden) {
      source?.close();
      source = null;
      pollIn(POLL_SLOWEST_MS);
    } else {
      openStream();
      pollIn(GRACE_MS);
    }
  }

  function close() {
    closed = true;
    clearTimeout(timer);
    clearTimeout(streamTimer);
    document.removeEventListener("visibilitychange", visibility);
    source?.close();
  }

  document.addEventListener("visibilitychange", visibility);
  openStream();
  pollIn(document.hidden ? 0 : GRACE_MS);
  return close;
}
