/** A person at a terminal: starts a program in a pseudo terminal, types, waits for what the screen shows, resizes. */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { endChild, trackChild } from './cleanup.ts';
import { requireProgram, root } from './paths.ts';

export interface TerminalOptions {
  columns?: number;
  rows?: number;
  env?: Record<string, string | undefined>;
  cwd?: string;
}

export interface Terminal {
  /** Types; a return key is `\r`. */
  send(keys: string): void;
  /** Waits for a text in what came since the last match, escape sequences taken out. */
  expect(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Changes the size of the window, which sends the program SIGWINCH. */
  resize(columns: number, rows: number): void;
  /** All that came so far, as it came. */
  output(): string;
  /** Waits for the program's end. */
  ended(timeoutMs?: number): Promise<{ status: number | null; signal: number | null }>;
  /** Hangs up, as closing the window does. */
  close(): Promise<void>;
}

/** Starts a program in a terminal of its own. */
export function startTerminal(argv: readonly string[], options: TerminalOptions = {}): Terminal {
  const { columns = 80, rows = 24 } = options;
  const env: NodeJS.ProcessEnv = { ...process.env, TERM: 'xterm-256color', ...options.env };
  for (const [name, value] of Object.entries(options.env ?? {})) if (value === undefined) delete env[name];
  const driver = join(root, 'test', 'harness', 'terminal.py');
  const child = spawn(requireProgram('python3'), [driver, String(columns), String(rows), ...argv], {
    env,
    cwd: options.cwd,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  trackChild(child);
  let raw = '';
  let report = '';
  let hasEnded = false;
  /** Where in the plain text the next search begins. */
  let searchFrom = 0;
  const listeners = new Set<() => void>();
  const notify = () => {
    for (const listener of [...listeners]) listener();
  };
  const decoder = new TextDecoder('utf-8');
  child.stdout.on('data', (chunk: Buffer) => {
    raw += decoder.decode(chunk, { stream: true });
    notify();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    report += chunk.toString('utf8');
  });
  child.stdin.on('error', () => {});
  child.on('close', () => {
    hasEnded = true;
    notify();
  });

  const command = (value: object) => {
    if (!hasEnded) child.stdin.write(`${JSON.stringify(value)}\n`);
  };
  /** Waits until `look` gives a value; `whyNot` names what was waited for. */
  const wait = <T>(look: () => T | undefined, whyNot: string, timeoutMs: number, atEndToo: boolean): Promise<T> =>
    new Promise((resolve, reject) => {
      const settle = () => {
        clearTimeout(timer);
        listeners.delete(check);
      };
      const fail = (when: string) => {
        settle();
        reject(new Error(`${whyNot} ${when}; the screen showed: ${JSON.stringify(withoutEscapes(raw).slice(-2000))}`));
      };
      const check = () => {
        const value = look();
        if (value !== undefined) {
          settle();
          resolve(value);
        } else if (hasEnded && !atEndToo) fail('before the program ended');
      };
      const timer = setTimeout(() => fail(`within ${timeoutMs} ms`), timeoutMs);
      listeners.add(check);
      check();
    });

  return {
    send: (keys) => command({ send: Buffer.from(keys).toString('base64') }),
    resize: (newColumns, newRows) => command({ resize: [newColumns, newRows] }),
    output: () => raw,
    expect(pattern, timeoutMs = 10_000) {
      const look = () => {
        const text = withoutEscapes(raw);
        const match = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, '')).exec(text.slice(searchFrom));
        if (match === null) return undefined;
        searchFrom += match.index + match[0].length;
        return match;
      };
      return wait(look, `${pattern} did not appear`, timeoutMs, false);
    },
    async ended(timeoutMs = 10_000) {
      await wait(() => (hasEnded ? true : undefined), 'the program did not end', timeoutMs, true);
      const last = report.trim().split('\n').at(-1) ?? '';
      const told = last.startsWith('{') ? (JSON.parse(last) as { status?: number; signal?: number }) : {};
      return { status: told.status ?? null, signal: told.signal ?? null };
    },
    async close() {
      command({ end: true });
      child.stdin.end();
      await endChild(child);
    },
  };
}

/** Control sequences, titles and charset switches taken out: what is left is what a person reads. */
function withoutEscapes(text: string): string {
  // A sequence that is still coming stays, and is taken out once it is whole.
  return text.replace(/\x1b(?:\[[0-9;:?<=>!]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[()*+].|[@-Z\\-_=>78])/g, '');
}
