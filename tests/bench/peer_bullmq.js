// BullMQ through four stages: each adds the next, as its documentation shows; 50 at once. usage: peer_bullmq.js SOCKET JOBS
const { Queue, Worker } = require('bullmq');

const [socket, jobs] = [process.argv[2], Number(process.argv[3])];
const connection = { path: socket, maxRetriesPerRequest: null };
const names = ['one', 'two', 'three', 'four'];
const queues = names.map((name) => new Queue(name, { connection }));
let ended = 0;
let all;

const workers = names.map((name, i) => new Worker(name, async (job) => {
  if (i < 3) await queues[i + 1].add('step', job.data);
  return { words: 1 };
}, { connection, concurrency: 50 }));
workers[3].on('completed', () => { if (++ended === all) finished(); });
let finished;

async function through(n) {
  all = n;
  ended = 0;
  const end = new Promise((resolve) => { finished = resolve; });
  const began = process.hrtime.bigint();
  let unanswered = [];
  for (let i = 0; i < n; i++) { // at most 100 adds without an answer
    unanswered.push(queues[0].add('step', { n: i }));
    if (unanswered.length === 100) {
      await Promise.all(unanswered);
      unanswered = [];
    }
  }
  await Promise.all(unanswered);
  await end;
  return Number(process.hrtime.bigint() - began) / 1e9;
}

(async () => {
  await Promise.all(workers.map((w) => w.waitUntilReady()));
  await through(300);
  const s = await through(jobs);
  console.log(JSON.stringify({ jobs, s, per_s: jobs / s }));
  process.exit(0);
})();
