/** What the tests of bin/sshd with other people's file clients have in common: a server, trees of odd files, and what became of them. */
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  makeFolder,
  missing,
  type ProgramResult,
  runProgram,
  startNacreServer,
  type TestServer,
} from '../harness/index.ts';

export const skip = missing('nacre:sshd', 'nacre:sftp-server', 'sftp', 'scp');

/** Time for a client that moves 100 MB on a machine that has much else to do. */
export const longMs = 240_000;

export const bigBytes = 100 * 1024 * 1024;

export interface FileServer extends TestServer {
  /** A folder for the files, which no link is on the way to. */
  readonly at: string;
  /** Makes a new folder in it. */
  place(name: string): string;
}

/** Starts bin/sshd with its own sftp. */
export async function startFileServer(config: readonly string[] = []): Promise<FileServer> {
  const server = await startNacreServer({ config: [...config, 'Subsystem sftp internal-sftp', 'MaxStartups 100'] });
  const at = realpathSync(makeFolder('there'));
  const place = (name: string): string => {
    const folder = join(at, name);
    mkdirSync(folder);
    return folder;
  };
  return { ...server, at, place };
}

/** Runs a tool whose settings are all its own: nothing of the person's who runs the tests. */
export function runTool(argv: readonly string[], env: Record<string, string> = {}): Promise<ProgramResult> {
  const home = makeFolder('home');
  return must(runProgram(argv, { env: { HOME: home, XDG_CONFIG_HOME: home, ...env }, cwd: home, timeoutMs: longMs }));
}

/** A file with commands for a tool. */
export function writeScript(lines: readonly string[]): string {
  const file = join(makeFolder('script'), 'script');
  writeFileSync(file, `${lines.join('\n')}\n`);
  return file;
}

let big: string | undefined;

/** 100 MB that no compression makes smaller, made once. */
export function bigFile(): string {
  if (big === undefined) {
    big = join(makeFolder('big'), 'big file');
    writeFileSync(big, randomBytes(bigBytes));
  }
  return big;
}

export const hashOf = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');

/** Two files with the same bytes. */
export function assertSame(here: string, there: string): void {
  assert.equal(hashOf(there), hashOf(here), `${there} is not ${here}`);
}

const oddNames = [
  'with  blanks ',
  'grüße-日本',
  '-dash',
  "it's",
  'say "hi"',
  'st*r? [a]{b}',
  'back\\slash',
  '100%41',
  '$HOME`id`;#',
  '~root',
  '.hidden',
];

export interface TreeOptions {
  /** Names that are no UTF-8; not every client can say them. */
  readonly withBytes?: boolean;
  /** A backslash, which PuTTY's programs take for a slash of their own. */
  readonly withBackslash?: boolean;
  readonly files?: number;
}

/** A tree with some hundred files, of every name, size and mode, below a new folder. */
export function makeTree({ withBytes = false, withBackslash = true, files = 300 }: TreeOptions = {}): string {
  const tree = join(realpathSync(makeFolder('here')), 'tree');
  const deep = join(tree, ...Array.from({ length: 8 }, (_, depth) => `deep ${depth}`));
  mkdirSync(deep, { recursive: true });
  mkdirSync(join(tree, 'empty folder'));
  for (const [at, name] of oddNames.entries()) {
    if (name.includes('\\') && !withBackslash) continue;
    mkdirSync(join(tree, 'odd', name), { recursive: true });
    writeFileSync(join(tree, 'odd', name, name), name.repeat(at));
  }
  writeFileSync(join(deep, 'leaf'), 'leaf');
  for (let at = 0; at < files; at++) {
    const folder = join(tree, `folder ${at % 7}`);
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file ${at}`), randomBytes((at * at) % 20_011));
  }
  writeFileSync(join(tree, 'odd/empty'), '');
  writeFileSync(join(tree, 'odd/large'), randomBytes(3_000_001));
  if (withBytes)
    writeFileSync(Buffer.concat([Buffer.from(`${tree}/odd/`), Buffer.from('b\xff\xfe', 'latin1')]), 'bytes');
  let modified = 1_500_000_000;
  for (const { path, isFolder, isLink } of walk(Buffer.from(tree))) {
    if (isLink) continue;
    if (!isFolder) chmodSync(path, modified % 3 === 0 ? 0o640 : 0o755);
    utimesSync(path, modified, modified);
    modified += 3601;
  }
  return tree;
}

export interface DescribeOptions {
  readonly modes?: boolean;
  readonly times?: boolean;
}

/** What a tree holds, a line a file, to be compared with another's. */
export function describeTree(tree: string, { modes = false, times = false }: DescribeOptions = {}): string[] {
  const lines: string[] = [];
  for (const { path, name, isFolder, isLink } of walk(Buffer.from(tree))) {
    const { mode, mtimeMs } = lstatSync(path);
    const what = isLink
      ? `link ${readlinkSync(path)}`
      : isFolder
        ? 'folder'
        : createHash('sha256').update(readFileSync(path)).digest('hex');
    const more =
      isLink || isFolder
        ? ''
        : `${modes ? ` ${(mode & 0o777).toString(8)}` : ''}${times ? ` ${Math.floor(mtimeMs / 1000)}` : ''}`;
    lines.push(`${name.toString('latin1')}: ${what}${more}`);
  }
  return lines.sort();
}

interface Entry {
  readonly path: Buffer;
  /** Below the tree. */
  readonly name: Buffer;
  readonly isFolder: boolean;
  readonly isLink: boolean;
}

function walk(tree: Buffer, below: Buffer = Buffer.alloc(0)): Entry[] {
  const folder = below.length === 0 ? tree : Buffer.concat([tree, Buffer.from('/'), below]);
  return readdirSync(folder, { encoding: 'buffer' }).flatMap((last): Entry[] => {
    const name = below.length === 0 ? last : Buffer.concat([below, Buffer.from('/'), last]);
    const path = Buffer.concat([tree, Buffer.from('/'), name]);
    const stats = lstatSync(path);
    const entry = { path, name, isFolder: stats.isDirectory(), isLink: stats.isSymbolicLink() };
    return entry.isFolder ? [entry, ...walk(tree, name)] : [entry];
  });
}

/** The result of a program that must have gone well. */
export async function must(result: Promise<ProgramResult>): Promise<ProgramResult> {
  const { status, stdout, stderr, signal } = await result;
  assert.equal(status, 0, `${signal ?? ''} ${stderr}${stdout.toString().slice(-2000)}`);
  return { status, stdout, stderr, signal };
}
