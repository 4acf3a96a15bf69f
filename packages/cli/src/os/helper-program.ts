/** Runs an administrator's program as an account, without a shell, and gives what it prints: bounded in time and length. */
import { type ChildProcess, spawn } from 'node:child_process';
import { cleanEnvironment, userPath } from './environment.ts';
import type { Account } from './platform.ts';
import { asAccount } from './session-command.ts';

export interface HelperRequest {
  readonly account: Account;
  /** The program and its arguments. */
  readonly argv: readonly string[];
  readonly timeoutMs: number;
  /** A program that prints more is ended, and what it printed is dropped. */
  readonly maxBytes: number;
}

export type HelperResult =
  | { readonly output: Buffer; readonly flaw?: undefined }
  /** Why nothing that it printed counts: `failed, status 1`. `isExpected`: it said so itself. */
  | { readonly output?: undefined; readonly flaw: string; readonly isExpected: boolean };

/** Never rejects: whatever goes wrong is a flaw. The program reads nothing and its errors go nowhere. */
export async function runHelper(request: HelperRequest): Promise<HelperResult> {
  let child: ChildProcess;
  try {
    child = launch(request);
  } catch (error) {
    return unexpected(`could not be run: ${(error as Error).message}`);
  }
  return await collect(child, request);
}

function launch({ account, argv }: HelperRequest): ChildProcess {
  const [file = '', ...args] = asHelperOf(account, argv);
  return spawn(file, args, {
    cwd: '/',
    // A group of its own, so that what it starts can be ended with it.
    detached: true,
    env: cleanEnvironment({
      PATH: userPath,
      USER: account.name,
      LOGNAME: account.name,
      HOME: account.home,
      ...(process.env.LANG !== undefined && { LANG: process.env.LANG }),
    }),
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

/** With the account's ids and its own groups, none of the server's (OpenSSH CVE-2021-41617). */
function asHelperOf(account: Account, argv: readonly string[]): readonly string[] {
  const own = process.getuid?.();
  if (own !== 0 && own !== account.uid) throw new Error(`only root runs programs as ${account.name}`);
  if (own !== 0) return argv;
  const { file, args } = asAccount(account, argv);
  return [file, ...args];
}

function collect(child: ChildProcess, { timeoutMs, maxBytes }: HelperRequest): Promise<HelperResult> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let flaw: HelperResult | undefined;
    const end = (result: HelperResult): void => {
      flaw ??= result;
      killGroup(child);
      child.stdout?.destroy();
    };
    const timer = setTimeout(() => end(unexpected(`did not end within ${timeoutMs / 1000} seconds`)), timeoutMs);
    child.stdout?.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) end(unexpected(`printed more than ${maxBytes} bytes`));
      else chunks.push(chunk);
    });
    child.stdout?.on('error', () => {});
    child.on('error', (error) => {
      clearTimeout(timer);
      resolve(flaw ?? unexpected(`could not be run: ${error.message}`));
    });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      resolve(flaw ?? resultOf(code, signal, chunks));
    });
  });
}

function resultOf(code: number | null, signal: string | null, chunks: readonly Buffer[]): HelperResult {
  if (signal !== null) return unexpected(`exited on signal ${signal}`);
  return code === 0
    ? { output: Buffer.concat(chunks) }
    : { flaw: `failed, status ${code ?? 'unknown'}`, isExpected: true };
}

function unexpected(flaw: string): HelperResult {
  return { flaw, isExpected: false };
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}
