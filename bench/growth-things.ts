/** What grows: for each thing, what a unit of it costs with a number of them. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { generateKey, type PublicKey } from '@nacre/ssh/keys';
import { findAuthorizedKey, findHostEntries, parseKnownHosts } from '@nacre/ssh/trust';
import { makeFolder } from '../test/harness/cleanup.ts';
import { startNacreServer } from '../test/harness/nacre.ts';
import { currentUser, type TestServer } from '../test/harness/servers.ts';
import { plainEnvironment } from './command.ts';
import { treeSeconds } from './cpu.ts';
import { makeMemoryFolder } from './file-payload.ts';
import { fewestHeld, type HeldCosts, holdConnections } from './held-connections.ts';
import { startJob } from './job.ts';

export interface Thing {
  /** As the targets name it. */
  readonly name: string;
  readonly unit: string;
  /** The smallest number of them; the others are ten and a hundred times that. */
  readonly smallest: number;
  /** What one costs, in the unit, where there are so many, for each of the numbers. */
  readonly costs: (counts: readonly number[]) => Promise<readonly number[]>;
}

export const things: readonly Thing[] = [
  {
    name: 'connections held, processor time',
    unit: 'ms',
    smallest: fewestHeld,
    costs: (all) => heldCosts('milliseconds', all),
  },
  { name: 'connections held, memory', unit: 'KiB', smallest: fewestHeld, costs: (all) => heldCosts('kibibytes', all) },
  { name: 'channels of one connection', unit: 'us', smallest: 10, costs: each(channels) },
  { name: 'lines of known_hosts', unit: 'us', smallest: 1000, costs: each(knownHosts) },
  { name: 'lines of authorized_keys', unit: 'us', smallest: 1000, costs: each(authorizedKeys) },
  { name: 'entries of a directory', unit: 'us', smallest: 1000, costs: each((n, rounds) => files('list', n, rounds)) },
  { name: 'files of a tree', unit: 'us', smallest: 50, costs: each((n, rounds) => files('tree', n, rounds)) },
];

/** Few are done more often: all three take a time that can be measured. */
const roundsOf = [20, 4, 1];

/** A thing whose numbers have nothing to do with each other; `rounds` times over. */
function each(cost: (count: number, rounds: number) => Promise<number>): Thing['costs'] {
  return async (counts) => {
    const costs: number[] = [];
    for (const [at, count] of counts.entries()) costs.push(await cost(count, roundsOf[at] ?? 1));
    return costs;
  };
}

let heldLast: { readonly costs: HeldCosts; readonly askedBy: Set<keyof HeldCosts> } | undefined;

/** One run serves both rows about connections: whoever asks second gets the other figure of it, and nobody the same one twice. */
async function heldCosts(kind: keyof HeldCosts, counts: readonly number[]): Promise<readonly number[]> {
  if (heldLast === undefined || heldLast.askedBy.has(kind))
    heldLast = { costs: await holdConnections(counts), askedBy: new Set() };
  heldLast.askedBy.add(kind);
  return heldLast.costs[kind];
}

async function channels(count: number, rounds: number): Promise<number> {
  const echo = createServer((socket) => socket.on('error', () => {}).pipe(socket));
  await new Promise<void>((resolve) => echo.listen(0, '127.0.0.1', 1024, resolve));
  try {
    const echoPort = (echo.address() as AddressInfo).port;
    return await withServer((server) =>
      overConnection(server, { kind: 'channels', count, rounds, echoPort, path: '' }),
    );
  } finally {
    echo.close();
  }
}

const folders = new Map<string, string>();

async function files(kind: 'list' | 'tree', count: number, rounds: number): Promise<number> {
  const path = folders.get(`${kind} ${count}`) ?? makeTree(kind === 'list' ? count : 50, count);
  folders.set(`${kind} ${count}`, path);
  return withServer((server) => overConnection(server, { kind, count, rounds, path, echoPort: 0 }));
}

/** Files of a KiB, so many to a folder; a single folder stands without one above it. */
function makeTree(eachFolder: number, count: number): string {
  const top = join(makeMemoryFolder('tree'), 'top');
  mkdirSync(top);
  const content = Buffer.alloc(eachFolder === count ? 0 : 1024, 'x');
  for (let at = 0; at < count; at++) {
    const folder = eachFolder === count ? top : join(top, `folder-${Math.floor(at / eachFolder)}`);
    if (at % eachFolder === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file-${at}`), content);
  }
  return top;
}

interface ConnectionJob {
  readonly kind: 'channels' | 'list' | 'tree';
  readonly count: number;
  readonly rounds: number;
  readonly path: string;
  readonly echoPort: number;
}

/** Processor time of both sides for each unit, in microseconds. */
async function overConnection(server: TestServer, job: ConnectionJob): Promise<number> {
  const { host, port, user, identity, knownHostsFile } = server;
  const program = startJob('growth', { host, port, user, identity: identity.file, knownHosts: knownHostsFile, ...job });
  if ((await program.text()) !== 'ready') throw new Error('the program did not get ready');
  const before = treeSeconds(server.pid as number);
  program.say('go\n');
  const { cpuSeconds = 0 } = await program.line();
  const spent = treeSeconds(server.pid as number) - before + cpuSeconds;
  program.end();
  return (spent * 1e6) / job.count / job.rounds;
}

async function withServer<T>(work: (server: TestServer) => Promise<T>): Promise<T> {
  const config = ['Subsystem sftp internal-sftp'];
  const server = await startNacreServer({ config, env: plainEnvironment, user: currentUser() });
  try {
    return await work(server);
  } finally {
    await server.stop();
  }
}

interface LineFiles {
  readonly knownHosts: string;
  readonly authorizedKeys: string;
  readonly last: PublicKey;
}

/** Files, not texts: what this process itself held would be walked through by every collection of garbage. */
const lineFiles = new Map<number, LineFiles>();

/** Lines with a key each, all of them different, written to files; the last has a key that is known. */
async function linesOf(count: number): Promise<LineFiles> {
  const known = lineFiles.get(count);
  if (known !== undefined) return known;
  const last = (await generateKey('ssh-ed25519')).publicKey;
  const blob = Buffer.from(last.blob);
  const lines: string[] = [];
  for (let at = 1; at < count; at++) {
    blob.writeUInt32BE(at, blob.length - 4);
    lines.push(`ssh-ed25519 ${blob.toString('base64')} key-${at}\n`);
  }
  lines.push(`ssh-ed25519 ${last.blob.toString('base64')} last\n`);
  const folder = makeFolder('growth');
  const made = { knownHosts: join(folder, 'known_hosts'), authorizedKeys: join(folder, 'authorized_keys'), last };
  writeFileSync(made.authorizedKeys, lines.join(''));
  writeFileSync(made.knownHosts, lines.map((line, at) => `host${at}.example.com ${line}`).join(''));
  lineFiles.set(count, made);
  return made;
}

async function knownHosts(count: number): Promise<number> {
  const { knownHosts: file } = await linesOf(count);
  return costOf(count, () => {
    const parsed = parseKnownHosts(readFileSync(file), { name: file });
    return findHostEntries([parsed], `host${count - 1}.example.com`).length === 1;
  });
}

async function authorizedKeys(count: number): Promise<number> {
  const { authorizedKeys: file, last } = await linesOf(count);
  const context = { user: 'ada', file, address: '127.0.0.1', now: Date.now() };
  return costOf(count, () => findAuthorizedKey(readFileSync(file), last, context).status === 'authorized');
}

/** Shorter than this, it is one collection of garbage more or less that counts. */
const leastCostUs = 300_000;

/** Processor time of this process for each unit, in microseconds. */
function costOf(count: number, work: () => boolean): number {
  for (let warming = 0; warming < 3; warming++) work();
  const before = process.cpuUsage();
  for (let rounds = 1; ; rounds++) {
    if (!work()) throw new Error(`the last of ${count} lines was not found`);
    const { user, system } = process.cpuUsage(before);
    if (user + system >= leastCostUs) return (user + system) / count / rounds;
  }
}
