/** The agent in the background. Node cannot fork: a second process listens and serves, and the first waits until it does. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { Ending } from '../ssh-keygen/ending.ts';
import type { SocketPath } from './socket-path.ts';

const orderVariable = 'NACRE_AGENT_ORDER';
const reportFd = 3;
const ready = 'ready';

/** What the second process is told. */
export interface AgentOrder extends SocketPath {
  /** The agent ends when the first process does. */
  readonly endsWithStarter: boolean;
}

/** In the second process: what it is to do. Undefined in any other. */
export function takeOrder(environment: NodeJS.ProcessEnv): AgentOrder | undefined {
  const text = environment[orderVariable];
  // What an agent starts in turn (an askpass program) is no agent.
  delete environment[orderVariable];
  return text === undefined ? undefined : (JSON.parse(text) as AgentOrder);
}

export interface RunningAgent {
  readonly pid: number;
  /** Ends the agent, and waits until it has taken its socket away. */
  end(): Promise<void>;
}

/** Starts the second process, and returns when it listens. @throws Ending with what it says where it cannot. */
export async function startAgent(args: readonly string[], order: AgentOrder): Promise<RunningAgent> {
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] as string, 'ssh-agent', ...args], {
    detached: true,
    env: { ...process.env, [orderVariable]: JSON.stringify(order) },
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  const report = child.stdio[reportFd] as Duplex;
  const said = await readReport(child, report);
  if (said !== ready || child.pid === undefined) throw new Ending(said || 'the agent could not be started', 1);
  return {
    pid: child.pid,
    async end() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** In the second process: lets the first one go on. */
export function reportReady(): void {
  writeSync(reportFd, ready);
}

/** In the second process: says why it cannot serve. */
export function reportFailure(message: string): void {
  writeSync(reportFd, message);
}

/** In the second process: nothing holds on to the first one any more. */
export function leaveStarter(): void {
  closeSync(reportFd);
}

/** In the second process: tells when the first one is gone, however it went. */
export function onStarterEnd(listener: () => void): void {
  const line = new Socket({ fd: reportFd });
  line.on('error', () => {});
  line.on('close', listener);
  line.resume();
}

function readReport(child: ChildProcess, report: Duplex): Promise<string> {
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    report.on('error', () => {});
    report.once('data', (chunk: Buffer) => resolve(chunk.toString('utf8')));
    report.once('close', () => resolve(''));
  });
}
