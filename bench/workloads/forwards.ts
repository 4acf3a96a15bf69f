/** Tunnels: one large stream, and many short requests, through -L and -D. */
import { freePort, startProgram, waitForPort } from '../../test/harness/programs.ts';
import { plainEnvironment } from '../command.ts';
import { treeSeconds } from '../cpu.ts';
import { type Enter, enterPort, enterSocks, fetchThrough, startTarget, type Target } from '../forward-target.ts';
import { chooseRows, pairs, type RunningPair, ssh2Pairs, whyNot } from '../pairs.ts';
import { isSsh2, startAnyPair } from '../ssh2-peer.ts';
import { type Entrance, moveThrough, type StreamTarget, startStreamTarget } from '../stream-target.ts';
import { type Competitor, type Measure, measureInTurns, type Sample, type Table } from '../table.ts';
import type { BenchSettings, Workload } from './types.ts';

const requestCount = 200;
const requestsAtOnce = 200;
const requestBytes = 2000;

export const forwards: Workload = {
  name: 'forwards',
  about:
    'One `ssh -N -L … -L … -D …`. stream: one connection that pulls (get) or pushes (put) the size in the title. requests: ' +
    `${requestCount} answers of an HTTP server, of ${requestBytes} bytes, each on a connection of its own, ${requestsAtOnce} at a time. cpu is processor time of the client (c) ` +
    'and of the server with its children (s). The driver is both ends and takes processor time from all rows alike.',
  run,
};

const streamMeasures: readonly Measure[] = [
  { key: 'get', title: 'get MB/s', digits: 0, ratio: true },
  { key: 'put', title: 'put MB/s', digits: 0, ratio: true },
  { key: 'client', title: 'cpu c s/GiB', digits: 2 },
  { key: 'server', title: 'cpu s s/GiB', digits: 2 },
];
const requestMeasures: readonly Measure[] = [
  { key: 'rate', title: 'requests/s', digits: 0, ratio: true },
  { key: 'client', title: 'cpu c ms', digits: 2 },
  { key: 'server', title: 'cpu s ms', digits: 2 },
];

interface Tunnel {
  readonly pair: RunningPair;
  readonly clientPid: number;
  readonly enter: Readonly<Record<'-L' | '-D', Enter>>;
  readonly streams: Readonly<Record<'-L' | '-D', Entrance>>;
  stop(): Promise<void>;
}

async function run(settings: BenchSettings): Promise<Table[]> {
  const chosen = chooseRows([...pairs, ...ssh2Pairs], settings.rows);
  const targets = { requests: await startTarget(), streams: await startStreamTarget() };
  const tunnels = new Map<string, Tunnel>();
  try {
    for (const pair of chosen)
      if (whyNot(pair) === undefined) tunnels.set(pair.name, await openTunnel(await startAnyPair(pair), targets));
    const tables: Table[] = [];
    const mib = Math.round(settings.bulkBytes / 2 ** 20);
    for (const way of settings.isBrief ? (['-L'] as const) : (['-L', '-D'] as const)) {
      const table = (title: string, measures: readonly Measure[], sample: (tunnel: Tunnel) => Promise<Sample>) => {
        const competitors = chosen.map((pair): Competitor => {
          const tunnel = tunnels.get(pair.name);
          if (tunnel === undefined)
            return { name: pair.name, skipped: whyNot(pair), sample: () => Promise.resolve({}) };
          // ssh2 has no SOCKS of its own.
          if (way === '-D' && pair.client === 'ssh2')
            return { name: pair.name, skipped: 'no -D', sample: () => Promise.resolve({}) };
          return {
            name: pair.name,
            sample: () => sample(tunnel),
            ...(settings.isBrief && isSsh2(pair) && { most: 1 }),
          };
        });
        const full = `${way}, ${title}, n = ${settings.repetitions}`;
        return measureInTurns(full, measures, competitors, settings.repetitions, settings.progress);
      };
      tables.push(
        await table(`stream of ${mib} MiB`, streamMeasures, (tunnel) => stream(tunnel, way, settings.bulkBytes)),
        await table('requests', requestMeasures, (tunnel) => requests(tunnel, way)),
      );
    }
    return tables;
  } finally {
    for (const tunnel of tunnels.values()) await tunnel.stop();
    await targets.requests.close();
    await targets.streams.close();
  }
}

interface Targets {
  readonly requests: Target;
  readonly streams: StreamTarget;
}

async function openTunnel(pair: RunningPair, { requests, streams }: Targets): Promise<Tunnel> {
  const [local, stream, dynamic] = [await freePort(), await freePort(), await freePort()];
  const forwards = [`${local}:127.0.0.1:${requests.port}`, `${stream}:127.0.0.1:${streams.port}`];
  const flags = ['-N', ...forwards.flatMap((forward) => ['-L', forward]), '-D', String(dynamic)];
  const program = startProgram(pair.argv([], flags), { env: plainEnvironment });
  await waitForPort(local);
  await waitForPort(stream);
  if (pair.client !== 'ssh2') await waitForPort(dynamic);
  return {
    pair,
    clientPid: program.pid,
    enter: { '-L': enterPort(local), '-D': enterSocks(dynamic, requests.port) },
    streams: { '-L': { port: stream }, '-D': { port: dynamic, socksTarget: streams.port } },
    async stop() {
      await program.stop();
      await pair.testServer.stop();
    },
  };
}

/** What the client and the server use while something is done. */
async function withCpu(tunnel: Tunnel, work: () => Promise<void>): Promise<{ client: number; server: number }> {
  const server = tunnel.pair.testServer.pid ?? 0;
  const before = [treeSeconds(tunnel.clientPid), treeSeconds(server)] as const;
  await work();
  return { client: treeSeconds(tunnel.clientPid) - before[0], server: treeSeconds(server) - before[1] };
}

async function stream(tunnel: Tunnel, way: '-L' | '-D', bytes: number): Promise<Sample> {
  const speeds: Record<string, number> = {};
  const cpu = await withCpu(tunnel, async () => {
    for (const kind of ['get', 'put'] as const) {
      const start = performance.now();
      const moved = await moveThrough(tunnel.streams[way], kind, bytes);
      if (moved !== bytes) throw new Error(`${tunnel.pair.name}: ${moved} of ${bytes} bytes came through`);
      speeds[kind] = bytes / 1e6 / ((performance.now() - start) / 1000);
    }
  });
  const perGiB = 2 ** 30 / (2 * bytes);
  return { ...speeds, client: cpu.client * perGiB, server: cpu.server * perGiB };
}

async function requests(tunnel: Tunnel, way: '-L' | '-D'): Promise<Sample> {
  let begun = 0;
  let seconds = 0;
  const cpu = await withCpu(tunnel, async () => {
    const start = performance.now();
    const worker = async () => {
      while (begun++ < requestCount) {
        const bytes = await fetchThrough(tunnel.enter[way], requestBytes);
        if (bytes !== requestBytes) throw new Error(`${tunnel.pair.name}: an answer of ${bytes} bytes`);
      }
    };
    await Promise.all(Array.from({ length: requestsAtOnce }, worker));
    seconds = (performance.now() - start) / 1000;
  });
  return {
    rate: requestCount / seconds,
    client: (cpu.client * 1000) / requestCount,
    server: (cpu.server * 1000) / requestCount,
  };
}
