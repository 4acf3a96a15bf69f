/** Both sftp programs on the same files: a tree that is made anew for each, a batch of commands, and all that comes of it. */
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { makeFolder, nacreProgram, openSshProgram, runProgram } from '../harness/index.ts';

/** A name that is no UTF-8. */
export const oddName: Buffer = Buffer.from('odd\xff', 'latin1');

/** A folder with a server's files in `r`, and ours in `l`. */
export const box: string = join(makeFolder('sftp-tool'), 'box');
/** The server that all clients are given. */
export const serverCommand = `${openSshProgram('sftp-server', '10.0')} -d ${box}/r`;

export const programs = {
  ours: nacreProgram('sftp'),
  'OpenSSH 9.2': openSshProgram('sftp', '9.2'),
  'OpenSSH 10.0': openSshProgram('sftp', '10.0'),
} as const;

export type ProgramName = keyof typeof programs;

const day = 24 * 60 * 60;
const longAgo = Date.UTC(2020, 2, 4, 5, 6, 7) / 1000;

/** Times differ, so that an order by time is one; all are old, so that none is shown by the hour. */
export function makeBox(): void {
  rmSync(box, { recursive: true, force: true });
  let age = 0;
  const put = (path: string | Buffer, text: string, mode = 0o644) => {
    const whole = Buffer.concat([Buffer.from(`${box}/`), Buffer.from(path)]);
    writeFileSync(whole, text);
    chmodSync(whole, mode);
    utimesSync(whole, longAgo, longAgo - age++ * 40 * day);
  };
  for (const folder of ['r/d/sub/deep', 'r/empty', 'r/many', 'r/shut', 'l/up/in', 'l/void', 'l/shut'])
    mkdirSync(join(box, folder), { recursive: true });
  put('r/a', 'a\n');
  put('r/b.txt', 'bb\n', 0o600);
  put('r/c.txt', 'c'.repeat(5000), 0o755);
  put('r/two words', 'spaces\n');
  put('r/qu"ote\'s', 'marks\n');
  put('r/star*', 'star\n');
  put('r/[x]', 'bracket\n');
  put('r/back\\slash', 'backslash\n');
  put('r/#hash', 'hash\n');
  put('r/.hidden', 'dot\n');
  put('r/big', Buffer.alloc(300_000, 'nacre').toString());
  put('r/d/x', 'x');
  put('r/d/sub/y', 'yy', 0o640);
  put('r/d/sub/deep/z', 'zzz');
  for (let at = 0; at < 25; at++) put(`r/many/name-${at}`, 'n'.repeat(at));
  put('r/shut/s', 's');
  put('l/one', '1\n');
  put('l/two', '22\n', 0o600);
  put('l/a', 'old content that is longer\n');
  put('l/big', Buffer.alloc(100_000, 'nacre').toString());
  put('l/up/u', 'u');
  put('l/up/in/v', 'vv', 0o755);
  put('l/shut/t', 't');
  put('l/three words', '333\n');
  symlinkSync('a', `${box}/r/link`);
  symlinkSync('d', `${box}/r/linked`);
  symlinkSync('nowhere', `${box}/r/broken`);
  symlinkSync('x', `${box}/r/d/lx`);
  symlinkSync('one', `${box}/l/local-link`);
  symlinkSync('u', `${box}/l/up/lu`);
  for (const folder of ['r/shut', 'l/shut']) chmodSync(join(box, folder), 0o555);
  for (const folder of ['r', 'r/d', 'r/d/sub', 'r/d/sub/deep', 'r/empty', 'r/many', 'r/shut', 'l/up', 'l/up/in'])
    utimesSync(join(box, folder), longAgo, longAgo - age++ * 40 * day);
}

export interface BatchResult {
  /** What was said after each line was shown, on stdout and stderr as it came; first what was said before any. */
  readonly segments: readonly { readonly line: string; readonly said: string }[];
  readonly status: number | null;
  /** Every file afterwards: kind, mode and what it holds. */
  readonly tree: readonly string[];
}

export interface BatchOptions {
  readonly flags?: readonly string[];
  /** Commands from a pipe in place of -b. */
  readonly piped?: boolean;
  /** Compares times of change. */
  readonly times?: boolean;
}

export async function runBatch(
  program: ProgramName,
  lines: readonly (string | Buffer)[],
  { flags = [], piped = false, times = false }: BatchOptions = {},
): Promise<BatchResult> {
  makeBox();
  const input = Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')]));
  const mode = piped ? [] : ['-b', '-'];
  // One pipe for both, so that their order shows; OpenSSH writes its stdout line by line.
  const merged = ['/bin/sh', '-c', 'exec "$@" 2>&1', 'sh', programs[program]];
  const { stdout, status } = await runProgram([...merged, ...mode, ...flags, '-D', serverCommand], {
    input,
    cwd: join(box, 'l'),
    env: { LC_ALL: 'C.UTF-8', SHELL: '/bin/sh', TZ: 'UTC', HOME: box },
  });
  const text = stdout.toString('latin1').replaceAll('\r\n', '\n');
  const parts = text.split(/^sftp> (.*)$\n?/m);
  const segments = [{ line: '', said: parts[0] ?? '' }];
  for (let at = 1; at < parts.length; at += 2) segments.push({ line: parts[at] ?? '', said: parts[at + 1] ?? '' });
  return { segments, status, tree: describeTree(box, times) };
}

function describeTree(folder: string, times: boolean): string[] {
  const found: string[] = [];
  const walk = (path: Buffer) => {
    for (const name of readdirSync(path, { encoding: 'buffer' })) {
      const whole = Buffer.concat([path, Buffer.from('/'), name]);
      const { mode, mtimeMs } = lstatSync(whole);
      const shown = whole.subarray(folder.length + 1).toString('latin1');
      const kind = mode & 0o170000;
      const holds =
        kind === 0o120000 ? readlinkSync(whole) : kind === 0o100000 ? summarize(readFileSync(whole)) : 'folder';
      const time = times && kind !== 0o120000 ? ` ${Math.floor(mtimeMs / 1000)}` : '';
      found.push(`${shown} ${(mode & 0o7777).toString(8)}${time} ${holds}`);
      if (kind === 0o040000) walk(whole);
    }
  };
  walk(Buffer.from(folder));
  return found.sort();
}

function summarize(bytes: Buffer): string {
  return bytes.length < 40 ? JSON.stringify(bytes.toString('latin1')) : `${bytes.length} bytes`;
}
