/** Runs a client and measures it: wall time, its processor time, and what the rest of the machine did meanwhile. */
import { spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { makeFolder, trackChild } from '../test/harness/cleanup.ts';
import type { TestServer } from '../test/harness/servers.ts';
import { countTree, machineSeconds, treeSeconds, waitForQuiet } from './cpu.ts';

export interface Measured {
  readonly seconds: number;
  /** Processor seconds of the client with its children. */
  readonly clientCpu: number;
  /** Processor seconds of the server with its descendants. */
  readonly serverCpu: number;
  /** Share of the machine that neither of the two used, from 0 to 1. */
  readonly others: number;
  /** What came out at the end. */
  readonly output: string;
}

/** Prints the processor time of "$@" into the file $1; the last command of a pipe, if any, reads its output. */
const timing = `times=$1 sink=$2; shift 2
TIMEFORMAT='%3U %3S'
measure() { { time "$@" 2>&4; } 4>&2 2>"$times"; }
set -o pipefail
if [ -n "$sink" ]; then measure "$@" | $sink; else measure "$@"; fi`;

let commands = 0;
let scratch: string | undefined;

/** The environment of everything that is measured: this variable alone costs Node 20 some 80 ms at its start. */
export const plainEnvironment: Readonly<Record<string, undefined>> = {
  NODE_EXTRA_CA_CERTS: undefined,
  NODE_OPTIONS: undefined,
  SSH_AUTH_SOCK: undefined,
};

export interface MeasureOptions {
  /** A file the client reads. */
  readonly inputFile?: string;
  /** A program that reads what the client writes, such as `wc -c`; its output is the result. */
  readonly sink?: string;
  readonly server?: TestServer;
  readonly timeoutMs?: number;
}

/** Runs one command to its end; it has to succeed. */
export async function measure(argv: readonly string[], options: MeasureOptions = {}): Promise<Measured> {
  scratch ??= makeFolder('bench');
  const timesFile = join(scratch, `times-${++commands}`);
  const serverPid = options.server?.pid;
  const processesBefore = serverPid === undefined ? 0 : countTree(serverPid);
  const serverBefore = serverPid === undefined ? 0 : treeSeconds(serverPid);
  const selfBefore = selfSeconds();
  const machineBefore = machineSeconds();
  const start = performance.now();
  const output = await run(
    ['bash', '--norc', '--noprofile', '-c', timing, 'bench', timesFile, options.sink ?? '', ...argv],
    options,
  );
  const seconds = (performance.now() - start) / 1000;
  const machineAfter = machineSeconds();
  if (serverPid !== undefined) await waitForQuiet(serverPid, processesBefore);
  const serverCpu = serverPid === undefined ? 0 : treeSeconds(serverPid) - serverBefore;
  const [user = 0, system = 0] =
    readFileSync(timesFile, 'utf8').trim().split('\n').at(-1)?.split(' ').map(Number) ?? [];
  rmSync(timesFile);
  const clientCpu = user + system;
  const ours = clientCpu + serverCpu + selfSeconds() - selfBefore;
  const total = machineAfter.total - machineBefore.total;
  const others = total === 0 ? 0 : Math.max(0, machineAfter.busy - machineBefore.busy - ours) / total;
  return { seconds, clientCpu, serverCpu, others, output };
}

function run(argv: readonly string[], options: MeasureOptions): Promise<string> {
  const [program = '', ...args] = argv;
  const env: NodeJS.ProcessEnv = { ...process.env };
  for (const name of Object.keys(plainEnvironment)) delete env[name];
  const input = options.inputFile === undefined ? undefined : openSync(options.inputFile, 'r');
  const child = spawn(program, args, { env, stdio: [input ?? 'ignore', 'pipe', 'pipe'] });
  if (input !== undefined) closeSync(input);
  trackChild(child);
  const [stdout, stderr]: [Buffer[], Buffer[]] = [[], []];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), options.timeoutMs ?? 300_000);
    child.on('error', reject);
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      if (status === 0) resolve(Buffer.concat(stdout).toString('utf8').trim());
      else
        reject(
          new Error(
            `${argv.slice(7).join(' ').slice(0, 200)}: ${signal ?? `status ${status}`}: ${Buffer.concat(stderr).toString('utf8')}`,
          ),
        );
    });
  });
}

function selfSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
