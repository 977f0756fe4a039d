/* workers.js: the banner that says when nobody is there to do the work.  Without it a waiting upload looks like a slow
 * one, for ever. */
import { workerStatus } from "./api.js";
import { setText } from "./dom.js";
import { duration, stageName } from "./words.js";

const EVERY_MS = 10_000;

/* The text for the banner, or null when all is well. Pure. */
export function workerWarning(status) {
  if (status.redis === "full") return "The queue is full. New files are taken as soon as there is room again.";
  if (status.redis && status.redis !== "ok") return `The queue does not answer (${status.redis}). Work goes on when it is back.`;
  if (status.dispatchers?.length === 0) return "No dispatcher is running, so no work is handed out. Uploads are kept safely and go on as soon as one is back.";
  const stages = status.stages ?? [];
  /* Messages are no part of a job's end: nobody waits for them here. */
  const absent = stages.filter((stage) => stage.workers === 0 && stage.stage !== "notify");
  if (absent.length > 0) {
    const services = [...new Set(absent.map((stage) => stage.service))].join(", ");
    const names = absent.map((stage) => `“${stageName(stage.stage)}”`).join(", ");
    return `No worker is listening for ${names} (${services} is not running). Uploads are kept safely and go on as soon as it is back.`;
  }
  const stuck = stages.filter((stage) => stage.stuck);
  if (stuck.length > 0) {
    return stuck.map((stage) => `“${stageName(stage.stage)}” has not moved for ${duration(stage.oldest_s)}.`).join(" ");
  }
  return null;
}

/* Looks again every few seconds while needed() says so or a warning stands there, and at once when the returned function is called. */
export function watchWorkers(banner, needed) {
  let timer = 0;
  async function look() {
    clearTimeout(timer);
    try {
      const warning = workerWarning(await workerStatus());
      setText(banner, warning ?? "");
      banner.hidden = warning === null;
    } catch {
      /* The page's own connection state says that the server is away. */
    }
    schedule();
  }
  function schedule() {
    timer = setTimeout(() => ((needed() || !banner.hidden) && !document.hidden ? look() : schedule()), EVERY_MS);
  }
  look();
  return look;
}
