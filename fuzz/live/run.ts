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
  /** By how much memory grew over the second half of the run, along its trend. */
  readonly grownBytes: number;
  /** What must not be; empty where all is well. */
  readonly failures: readonly string[];
}

/** More growth than this over the second half is a leak: less is what a heap does by itself. */
const mostGrowth = 32 * 1024 * 1024;

export async function fuzzLiveServer(options: LiveRun): Promise<LiveReport> {
  const { seed, seconds, width = Math.max(8, cpus().length * 6), roundSeconds = 5, print = () => {} } = options;
  const failures: string[] = [];
  const server = await startLiveServer();
  const corpus = new Corpus();
  const count = { connections: 0, logins: 0, harmed: 0, goodLogins: 0, slowestGoodLoginMs: 0 };
  const settled: number[] = [];
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
  const end = performance.now() + seconds * 1000;
  try {
    while (performance.now() < end && failures.length < 20) {
      const roundEnd = Math.min(end, performance.now() + roundSeconds * 1000);
      const worker = async () => {
        while (performance.now() < roundEnd) {
          const index = count.connections++;
          note(await converse(server, seed, index, corpus), index);
        }
      };
      const workers = Array.from({ length: width }, worker);
      // In the middle of it: somebody else wants in.
      await goodLogin();
      await Promise.all(workers);
      await goodLogin();
      settled.push(await server.settledBytes());
      failures.push(...server.complaints().map((line) => `the log: ${line}`));
      const missing = server.missing();
      if (missing.length > 0) failures.push(`processes of the server have gone: ${missing.join(' ')}`);
      const mib = ((settled.at(-1) ?? 0) / 2 ** 20).toFixed(1);
      print(`${count.connections} connections, ${count.logins} logged in, ${count.harmed} messages harmed, ${mib} MiB`);
    }
  } finally {
    await server.stop();
  }
  const grownBytes = growthOf(settled.slice(Math.floor(settled.length / 2)));
  if (grownBytes > mostGrowth)
    failures.push(`memory grew by ${(grownBytes / 2 ** 20).toFixed(1)} MiB in the second half`);
  return { seed, ...count, settledBytes: settled, grownBytes, failures };
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
