/**
 * Many connections of one process, as the JSON of its argument says: each runs `echo` (or nothing), or all are held until the standard
 * input ends; or one connection that runs it so often.
 */
import { readFileSync } from 'node:fs';
import { type ClientConnection, connect, pinnedHostKeys } from '@nacre/ssh/client';
import { parsePrivateKey } from '@nacre/ssh/keys';

const job = JSON.parse(process.argv[2] ?? '') as {
  readonly host: string;
  readonly port: number;
  readonly identity: string;
  readonly fingerprints: readonly string[];
  /** A connection each. */
  readonly users: readonly string[];
  /** Logins under way at a time. */
  readonly inFlight: number;
  /** Keep the connections, and run nothing. */
  readonly hold: boolean;
  /** Log in and leave, and run nothing. */
  readonly bare?: boolean;
  /** So many sessions, all at once, on each connection. */
  readonly sessions?: number;
};

const key = await parsePrivateKey(readFileSync(job.identity));
const hostKeys = pinnedHostKeys(...job.fingerprints);
const held: ClientConnection[] = [];
const failures: string[] = [];
let succeeded = 0;

let start = performance.now();
const waiting = [...job.users];
await Promise.all(Array.from({ length: job.inFlight }, work));
const seconds = (performance.now() - start) / 1000;
process.stdout.write(`${JSON.stringify({ seconds, succeeded, failures: failures.length, reason: failures[0] })}\n`);
if (job.hold) {
  const lost = held.map((connection) => connection.closed.then((error) => error?.message));
  process.stdin.resume();
  await new Promise((resolve) => process.stdin.once('end', resolve));
  await Promise.all(held.map((connection) => connection.close()));
  const losses = (await Promise.all(lost)).filter((reason) => reason !== undefined);
  process.stdout.write(`${JSON.stringify({ lost: losses.length, reason: losses[0] })}\n`);
}

async function work(): Promise<void> {
  for (let user = waiting.shift(); user !== undefined; user = waiting.shift()) {
    try {
      const connection = await connect(
        { host: job.host, port: job.port, user },
        // The one post-quantum method of OpenSSH 9.2 would be most of what is measured.
        { hostKeys, identities: [key], algorithms: { kex: ['curve25519-sha256'] }, timeoutMs: 300_000 },
      );
      if (job.hold) held.push(connection);
      else {
        // What is measured of sessions is sessions.
        if (job.sessions !== undefined) start = performance.now();
        const count = job.bare === true ? 0 : (job.sessions ?? 1);
        const ends = await Promise.all(Array.from({ length: count }, () => connection.exec('echo in')));
        await connection.close();
        const wrong = ends.find(({ status, stdout }) => status !== 0 || stdout.toString() !== 'in\n');
        if (wrong !== undefined) throw new Error(`echo ended with ${wrong.status}`);
      }
      succeeded++;
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
}
