/** A run of the live fuzzer: rounds of harmed connections against one server, and after each a look at how it is. */
import { cpus } from 'node:os';
import { converse, type Outcome } from './conversation.ts';
import { Corpus } from './mutator.ts';
import { startLiveServer } from './server.ts';

export interface LiveRun {
  readonly seed: number;
  readonly seconds: number;
  /** Connections at a time. */
  readonly width?: number;
  readonly roundSeconds?: number;
  readonly print?: (line: string) => void;
}

export interface LiveReport {
  readonly seed: number;
  readonly connections: number;
  readonly logins: number;
  readonly harmed: number;
  readonly goodLogins: number;
  readonly slowestGoodLoginMs: number;
  /** Settled memory of all processes after each round. */
  readonly settledBytes: readonly number[];
  /** By how much memory grew over the second half of the run: along its trend, or between two rests where it was long enough for them. */
  readonly grownBytes: number;
  /** Memory after each rest, once heaps have been tidied up: in runs of some minutes after a quarter, the half and at the end. */
  readonly restedBytes: readonly number[];
  /** What must not be; empty where all is well. */
  readonly failures: readonly string[];
}

/** More growth than this over the second half is a leak: less is what a heap does by itself. */
const mostGrowth = 32 * 1024 * 1024;

/** Shorter runs do not rest. */
const restingRunSeconds = 120;

/** A round that has not ended so long after its time: somebody waits for ever. */
const stuckMs = 90_000;

export async function fuzzLiveServer(options: LiveRun): Promise<LiveReport> {
  const { seed, seconds, width = Math.max(8, cpus().length * 6), roundSeconds = 5, print = () => {} } = options;
  const failures: string[] = [];
  const server = await startLiveServer();
  const corpus = new Corpus();
  const count = { connections: 0, logins: 0, harmed: 0, goodLogins: 0, slowestGoodLoginMs: 0 };
  const settled: number[] = [];
  const rested: number[] = [];
  const note = ({ isLoggedIn, harmed, fault }: Outcome, index: number) => {
    if (isLoggedIn) count.logins++;
    count.harmed += harmed;
    if (fault !== undefined) failures.push(`our client, connection ${index}: ${fault}`);
  };
  const goodLogin = async () => {
    const start = performance.now();
    await server.logIn().catch((error: unknown) => failures.push(`a good login failed: ${(error as Error).message}`));
    count.goodLogins++;
    count.slowestGoodLoginMs = Math.max(count.slowestGoodLoginMs, performance.now() - start);
  };
  // Rests do not count: what is left then begins as much later.
  let begin = performance.now();
  const rests = seconds < restingRunSeconds ? [] : [0.25, 0.5, 1].map((part) => part * seconds * 1000);
  try {
    while (performance.now() < begin + seconds * 1000 && failures.length < 20) {
      const roundEnd = Math.min(begin + seconds * 1000, performance.now() + roundSeconds * 1000);
      const worker = async () => {
        while (performance.now() < roundEnd) {
          const index = count.connections++;
          note(await converse(server, seed, index, corpus), index);
        }
      };
      const workers = Array.from({ length: width }, worker);
      // In the middle of it: somebody else wants in.
      const round = (async () => {
        await goodLogin();
        await Promise.all(workers);
        await goodLogin();
      })();
      if (!(await endsWithin(round, roundSeconds * 1000 + stuckMs))) {
        failures.push(`the round up to connection ${count.connections} never ended`);
        break;
      }
      settled.push(await server.settledBytes());
      failures.push(...server.complaints().map((line) => `the log: ${line}`));
      const missing = server.missing();
      if (missing.length > 0) failures.push(`processes of the server have gone: ${missing.join(' ')}`);
      const mib = ((settled.at(-1) ?? 0) / 2 ** 20).toFixed(1);
      print(`${count.connections} connections, ${count.logins} logged in, ${count.harmed} messages harmed, ${mib} MiB`);
      const restAfterMs = rests[rested.length] ?? Number.POSITIVE_INFINITY;
      const start = performance.now();
      if (start - begin >= restAfterMs - 1) {
        rested.push(await server.restedBytes());
        begin += performance.now() - start;
        print(`rested: ${((rested.at(-1) ?? 0) / 2 ** 20).toFixed(1)} MiB`);
      }
    }
  } finally {
    await server.stop();
  }
  const [, half, last] = rested;
  const grownBytes =
    half === undefined || last === undefined ? growthOf(settled.slice(Math.floor(settled.length / 2))) : last - half;
  if (grownBytes > mostGrowth)
    failures.push(`memory grew by ${(grownBytes / 2 ** 20).toFixed(1)} MiB in the second half`);
  return { seed, ...count, settledBytes: settled, restedBytes: rested, grownBytes, failures };
}

async function endsWithin(work: Promise<unknown>, ms: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, ms, false);
  });
  try {
    return await Promise.race([work.then(() => true as const), late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The rise of the straight line through the samples (least squares), from the first to the last. */
export function growthOf(samples: readonly number[]): number {
  const { length } = samples;
  if (length < 2) return 0;
  const middle = (length - 1) / 2;
  const mean = samples.reduce((sum, value) => sum + value, 0) / length;
  let [above, below] = [0, 0];
  for (const [i, value] of samples.entries()) {
    above += (i - middle) * (value - mean);
    below += (i - middle) ** 2;
  }
  return (above / below) * (length - 1);
}
