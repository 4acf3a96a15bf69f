/** Runs other programs: to their end with everything collected, or as servers that say when they are ready. */
import { type ChildProcess, spawn } from 'node:child_process';
import { connect, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { endChild, trackChild } from './cleanup.ts';

export interface RunOptions {
  /** What the program reads; without it its standard input is at its end at once. */
  input?: string | Uint8Array;
  /** Variables beside those of this process; undefined takes one away. */
  env?: Record<string, string | undefined>;
  cwd?: string;
  /** The program is killed after it, and the call rejects. Default 30 s. */
  timeoutMs?: number;
}

export interface ProgramResult {
  /** The exit status, or null where a signal ended it. */
  status: number | null;
  signal: NodeJS.Signals | null;
  stdout: Buffer;
  stderr: string;
}

/** Runs a program to its end. Rejects where it cannot start or takes too long; a bad exit status is a result. */
export function runProgram(argv: readonly string[], options: RunOptions = {}): Promise<ProgramResult> {
  const { input, timeoutMs = 30_000 } = options;
  const child = launch(argv, options, input === undefined ? 'ignore' : 'pipe');
  const stdout: Buffer[] = [];
  const stderr: Buffer[] = [];
  child.stdout?.on('data', (chunk: Buffer) => stdout.push(chunk));
  child.stderr?.on('data', (chunk: Buffer) => stderr.push(chunk));
  // A program may end without reading what it was given; the broken pipe is its choice.
  child.stdin?.on('error', () => {});
  child.stdin?.end(input);
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      child.kill('SIGKILL');
      const said = Buffer.concat([...stderr, ...stdout])
        .toString('utf8')
        .slice(-4000);
      reject(new Error(`${argv.join(' ')} is still running after ${timeoutMs} ms; it said: ${said}`));
    }, timeoutMs);
    child.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.on('close', (status, signal) => {
      clearTimeout(timer);
      resolve({ status, signal, stdout: Buffer.concat(stdout), stderr: Buffer.concat(stderr).toString('utf8') });
    });
  });
}

/** Runs a program that has to succeed; gives what it wrote to its standard output. */
export async function requireSuccess(argv: readonly string[], options: RunOptions = {}): Promise<string> {
  const { status, signal, stdout, stderr } = await runProgram(argv, options);
  if (status !== 0) throw new Error(`${argv.join(' ')}: ${signal ?? `status ${status}`}: ${stderr}${stdout}`);
  return stdout.toString('utf8');
}

/** A program that goes on running, most often a server. */
export interface RunningProgram {
  readonly child: ChildProcess;
  readonly pid: number;
  /** All that it wrote to stdout and stderr so far. */
  readonly log: () => string;
  /** Waits for a text in the log; rejects after the time, or when the program ends without having written it. */
  readonly waitForLog: (pattern: RegExp, timeoutMs?: number) => Promise<RegExpExecArray>;
  /** Ends it, and waits until it has ended. */
  readonly stop: () => Promise<void>;
}

/** Starts a program that goes on running; it is ended with the tests at the latest. */
export function startProgram(argv: readonly string[], options: Omit<RunOptions, 'input'> = {}): RunningProgram {
  const child = launch(argv, options, 'ignore');
  let text = '';
  let ended: string | undefined;
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of [...listeners]) listener();
  };
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk: Buffer) => {
      text += chunk.toString('utf8');
      notify();
    });
  }
  child.on('error', (error) => {
    ended = error.message;
    notify();
  });
  child.on('close', (status, signal) => {
    ended ??= signal ?? `status ${status}`;
    notify();
  });
  return {
    child,
    pid: child.pid ?? -1,
    log: () => text,
    waitForLog(pattern, timeoutMs = options.timeoutMs ?? 15_000) {
      return new Promise((resolve, reject) => {
        const settle = (error?: string) => {
          clearTimeout(timer);
          listeners.delete(look);
          if (error !== undefined) reject(new Error(`${argv.join(' ')} ${error}; it said: ${text.slice(-4000)}`));
        };
        const look = () => {
          const match = pattern.exec(text);
          if (match !== null) {
            settle();
            resolve(match);
          } else if (ended !== undefined) settle(`ended (${ended}) without having written ${pattern}`);
        };
        const timer = setTimeout(() => settle(`has not written ${pattern} in ${timeoutMs} ms`), timeoutMs);
        listeners.add(look);
        look();
      });
    },
    stop: () => endChild(child),
  };
}

/** A TCP port of 127.0.0.1 that was free a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on('error', reject);
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      const port = typeof address === 'object' && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

/** Waits until something listens on a port of 127.0.0.1. */
export async function waitForPort(port: number, timeoutMs = 15_000): Promise<void> {
  const end = Date.now() + timeoutMs;
  while (!(await listens(port))) {
    if (Date.now() > end) throw new Error(`nothing listens on port ${port} after ${timeoutMs} ms`);
    await delay(20);
  }
}

function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.on('error', () => resolve(false));
  });
}

function launch(argv: readonly string[], options: RunOptions, stdin: 'ignore' | 'pipe'): ChildProcess {
  const [program, ...args] = argv;
  if (program === undefined) throw new Error('no program given');
  const env: NodeJS.ProcessEnv = { ...process.env, ...options.env };
  for (const [name, value] of Object.entries(options.env ?? {})) if (value === undefined) delete env[name];
  // What the test runner tells its own process is nothing for others.
  delete env.NODE_OPTIONS;
  delete env.NODE_TEST_CONTEXT;
  delete env.NACRE_TEST_COUNTS;
  const child = spawn(program, args, { env, cwd: options.cwd, stdio: [stdin, 'pipe', 'pipe'] });
  trackChild(child);
  return child;
}
