/**
 * Many connections of one process, as the JSON of its argument says: each runs `echo` (or nothing), or all are held until the standard
 * input ends; or one connection that runs it so often. It says when it is ready, and begins once a line comes in.
 */
import { once } from 'node:events';
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
  /** So many sessions, all at once, on one connection, which is made before. */
  readonly sessions?: number;
};

const key = await parsePrivateKey(readFileSync(job.identity));
const hostKeys = pinnedHostKeys(...job.fingerprints);
const held: ClientConnection[] = [];
const failures: string[] = [];
let succeeded = 0;

const waiting = [...job.users];
// Sessions: the first time much is compiled, at both ends.
const sessionsOf = job.sessions === undefined ? undefined : await logIn(waiting[0] as string);
if (sessionsOf !== undefined) await echo(sessionsOf, job.sessions as number);
tell({ isReady: true });
await once(process.stdin, 'data');
const start = performance.now();
if (sessionsOf === undefined) await Promise.all(Array.from({ length: job.inFlight }, work));
else await attempt(() => echo(sessionsOf, job.sessions as number));
const ended = once(process.stdin, 'end');
process.stdin.resume();
const seconds = (performance.now() - start) / 1000;
tell({ seconds, succeeded, failures: failures.length, reason: failures[0] });
await sessionsOf?.close();
if (job.hold) {
  const lost = held.map((connection) => connection.closed.then((error) => error?.message));
  await ended;
  await Promise.all(held.map((connection) => connection.close()));
  const losses = (await Promise.all(lost)).filter((reason) => reason !== undefined);
  tell({ lost: losses.length, reason: losses[0] });
}

function tell(line: object): void {
  process.stdout.write(`${JSON.stringify(line)}\n`);
}

/** So many sessions at once. */
async function echo(connection: ClientConnection, count: number): Promise<void> {
  const ends = await Promise.all(Array.from({ length: count }, () => connection.exec('echo in')));
  const wrong = ends.find(({ status, stdout }) => status !== 0 || stdout.toString() !== 'in\n');
  if (wrong !== undefined) throw new Error(`echo ended with ${wrong.status}`);
}

function logIn(user: string): Promise<ClientConnection> {
  return connect(
    { host: job.host, port: job.port, user },
    // The one post-quantum method of OpenSSH 9.2 would be most of what is measured.
    { hostKeys, identities: [key], algorithms: { kex: ['curve25519-sha256'] }, timeoutMs: 300_000 },
  );
}

async function attempt(action: () => Promise<void>): Promise<void> {
  try {
    await action();
    succeeded++;
  } catch (error) {
    failures.push((error as Error).message);
  }
}

async function work(): Promise<void> {
  for (let user = waiting.shift(); user !== undefined; user = waiting.shift()) {
    const name = user;
    await attempt(async () => {
      const connection = await logIn(name);
      if (job.hold) {
        held.push(connection);
        return;
      }
      if (job.bare !== true) await echo(connection, 1);
      await connection.close();
    });
  }
}
