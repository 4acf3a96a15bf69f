/** What connections cost that are logged in and held: so many, ten and a hundred times that, one after the other on one server. */
import { setTimeout as delay } from 'node:timers/promises';
import { startNacreServer } from '../test/harness/nacre.ts';
import { treeMemory } from '../test/harness/process-tree.ts';
import { currentUser, type TestServer } from '../test/harness/servers.ts';
import { plainEnvironment } from './command.ts';
import { treeSeconds } from './cpu.ts';
import { runLoad, settle, startLoad } from './workloads/_load.ts';

/** What one of them costs, for each of the numbers. */
export interface HeldCosts {
  readonly milliseconds: readonly number[];
  readonly kibibytes: readonly number[];
}

/**
 * The fewest that can be read: a server of five processes that has just collected its garbage is one or two hundred KiB larger or
 * smaller each time, and so many take eight hundred. A hundred times that are well within the files that a process may open.
 */
export const fewestHeld = 20;

/** Between one crowd and the next: what compiling still adds to the server is less than what chance does. */
const levelKibibytes = 512;
const mostCrowds = 12;
/** The server tidies up a second after the last of a crowd (sshd/tidy.ts), which takes a fifth of a second. */
const tidyMs = 1500;
/** What a login still has to do when it is answered; tidying up would come later. */
const restMs = 500;

/**
 * Every reading is taken behind a crowd of logins that have come and gone, the same each time, after which the server gives back
 * what logins leave behind: with the connections held, and without them. Before the first one it has seen as many crowds as it takes
 * until they leave it as large as they found it; a server that is new shrinks and grows by megabytes, which is more than a few
 * connections take.
 */
export async function holdConnections(counts: readonly number[]): Promise<HeldCosts> {
  const config = ['MaxStartups 5000'];
  const server = await startNacreServer({ config, env: plainEnvironment, user: currentUser() });
  try {
    const costs = { milliseconds: [] as number[], kibibytes: [] as number[] };
    let empty = await comeLevel(server);
    for (const [at, count] of counts.entries()) {
      // Few are held twice, since chance weighs most there.
      const rounds = at === 0 ? 2 : 1;
      let [milliseconds, kibibytes] = [0, 0];
      for (let round = 0; round < rounds; round++) {
        const held = await hold(server, count);
        milliseconds += held.milliseconds;
        // What the server itself grows by from crowd to crowd falls on both sides of it. The most leave holes in its heaps when they
        // go, which were theirs: nothing is read after them.
        const after = at === counts.length - 1 ? empty : await readKibibytes(server);
        kibibytes += held.kibibytes - (empty + after) / 2;
        empty = after;
      }
      costs.milliseconds.push(milliseconds / rounds / count);
      costs.kibibytes.push(kibibytes / rounds / count);
    }
    return costs;
  } finally {
    await server.stop();
  }
}

/** Processor time for all of the logins, and the whole server with all of them held. */
async function hold(server: TestServer, count: number): Promise<{ milliseconds: number; kibibytes: number }> {
  const load = await startLoad(server, { users: Array<string>(count).fill(server.user), inFlight: 10, hold: true });
  const before = treeSeconds(server.pid as number);
  const { failures } = await runLoad(load);
  if (failures !== 0) throw new Error(`${failures} of ${count} logins failed`);
  await delay(restMs);
  const milliseconds = (treeSeconds(server.pid as number) - before) * 1000;
  const kibibytes = await readKibibytes(server);
  load.end();
  const { lost } = await load.line();
  if (lost !== 0) throw new Error(`${lost} of ${count} connections were lost`);
  return { milliseconds, kibibytes };
}

/** A server on which sessions have run, and then crowds of mere logins, until two of them leave it alike. */
async function comeLevel(server: TestServer): Promise<number> {
  await settle(server, server.user);
  let last = await readKibibytes(server);
  for (let crowds = 1; crowds < mostCrowds; crowds++) {
    const now = await readKibibytes(server);
    if (Math.abs(now - last) <= levelKibibytes) return now;
    last = now;
  }
  throw new Error(`the server's memory was not level after ${mostCrowds} crowds of logins`);
}

/**
 * Nobody runs anything: a session host and its children would add to the chance. Its own pages alone count (heaps, stacks and
 * buffers): its share of the pages of Node's file depends on how many other programs, clients too, run the same.
 */
async function readKibibytes(server: TestServer): Promise<number> {
  await settle(server, server.user, { bare: true, restMs: tidyMs });
  return treeMemory(server.pid as number).anonymousBytes / 1024;
}
