/** The same scp command line for OpenSSH's scp and for ours, each in a tree of its own, and what each makes of it. */
import { createHash } from 'node:crypto';
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import {
  clientOptions,
  makeFolder,
  nacreProgram,
  type OpenSshVersion,
  openSshProgram,
  runProgram,
  type TestServer,
} from '../harness/index.ts';

export interface Made {
  readonly status: number | null;
  readonly stdout: string;
  /** Lines without what differs between two runs: folders, the program's path, line ends; sorted, since folders are listed in any order. */
  readonly stderr: readonly string[];
  /** Names with kind, mode, contents and (where `times`) the time of the last change. */
  readonly tree: Readonly<Record<string, string>>;
}

export interface ScpRow {
  /** `{r}` is the folder of the other side's files, `{l}` the one that scp is started in. */
  readonly args: readonly string[];
  readonly times?: boolean;
  /** Further preparation of the folder that holds `r` and `l`. */
  readonly prepare?: (folder: string) => void;
  readonly umask?: string;
  readonly env?: Record<string, string | undefined>;
}

/** Files for both sides: names that need care, folders, links, what is neither. */
export function makeTrees(folder: string): void {
  const files: Record<string, string> = {
    'r/one': 'one\n',
    'r/two': 'two, which is longer\n',
    'r/a b': 'blank\n',
    'r/*star': 'star\n',
    'r/x[1].txt': 'brackets\n',
    'r/d/x': 'x\n',
    'r/d/sub/y': 'y\n',
    'r/d/closed/z': 'z\n',
    'l/L': 'local\n',
    'l/M': 'more of it\n',
    'l/t/a': 'a\n',
    'l/t/u/b': 'b\n',
    'l/t/closed/c': 'c\n',
  };
  for (const folderName of ['r/d/sub', 'r/d/closed', 'r/ex', 'l/t/u', 'l/t/closed']) {
    mkdirSync(join(folder, folderName), { recursive: true });
  }
  for (const [name, text] of Object.entries(files)) {
    writeFileSync(join(folder, name), text);
    utimesSync(join(folder, name), 1_000_000_000, 1_100_000_000);
  }
  chmodSync(join(folder, 'r/one'), 0o640);
  chmodSync(join(folder, 'r/two'), 0o755);
  chmodSync(join(folder, 'l/M'), 0o600);
  for (const [link, to] of [
    ['r/d/lx', 'x'],
    ['l/t/la', 'a'],
  ] as const) {
    symlinkSync(to, join(folder, link));
  }
  for (const name of ['r/d/closed', 'l/t/closed']) chmodSync(join(folder, name), 0o555);
  for (const name of ['r/d/sub', 'r/d/closed', 'r/d', 'l/t/u', 'l/t/closed', 'l/t']) {
    utimesSync(join(folder, name), 1_000_000_000, 1_200_000_000);
  }
}

/** What a folder holds. */
export function treeOf(folder: string, times = false): Record<string, string> {
  const found: Record<string, string> = {};
  const visit = (path: string, name: string) => {
    for (const entry of readdirSync(path).sort()) {
      const [inside, key] = [join(path, entry), name === '' ? entry : `${name}/${entry}`];
      const stats = lstatSync(inside);
      const kind = stats.isDirectory() ? 'd' : stats.isSymbolicLink() ? 'l' : stats.isFile() ? 'f' : 'other';
      const held =
        kind === 'f'
          ? createHash('sha256').update(readFileSync(inside)).digest('hex').slice(0, 12)
          : kind === 'l'
            ? readlinkSync(inside)
            : '';
      const mode = kind === 'l' ? '' : (stats.mode & 0o7777).toString(8);
      found[key] = `${kind} ${mode} ${held}${times && kind !== 'l' ? ` ${Math.floor(stats.mtimeMs / 1000)}` : ''}`;
      if (kind === 'd') visit(inside, key);
    }
  };
  visit(folder, '');
  return found;
}

/** Runs one of them in a fresh tree. */
export async function runScp(program: string, row: ScpRow): Promise<Made> {
  const folder = makeFolder('scp');
  makeTrees(folder);
  row.prepare?.(folder);
  const place = (text: string) => text.replaceAll('{r}', join(folder, 'r')).replaceAll('{l}', join(folder, 'l'));
  const argv = [program, ...row.args.map(place)];
  const wrapped = row.umask === undefined ? argv : ['/bin/sh', '-c', `umask ${row.umask}; exec "$@"`, 'sh', ...argv];
  const result = await runProgram(wrapped, {
    cwd: join(folder, 'l'),
    env: { SSH_AUTH_SOCK: undefined, HOME: join(folder, 'l'), ...row.env },
    timeoutMs: 60_000,
  });
  const stderr = result.stderr
    .replaceAll('\r\n', '\n')
    .replaceAll(`${program}: `, 'scp: ')
    .replaceAll(folder, '{folder}')
    .split('\n');
  return {
    status: result.status,
    stdout: result.stdout.toString('utf8'),
    stderr: stderr.filter((line) => line !== '').sort(),
    tree: treeOf(folder, row.times),
  };
}

export const ourScp: string = nacreProgram('scp');

export async function runBoth(version: OpenSshVersion, row: ScpRow): Promise<{ theirs: Made; ours: Made }> {
  const theirs = await runScp(openSshProgram('scp', version), row);
  return { theirs, ours: await runScp(ourScp, row) };
}

/** Flags that have scp log in to a server of the harness, whatever the host is called. */
export function scpFlags(server: TestServer): string[] {
  const options = [`HostName=${server.host}`, `HostKeyAlias=${server.host}`];
  // The alias has no port, so the file gets a line without one.
  const known = join(makeFolder('scp-known'), 'known');
  const lines = readFileSync(server.knownHostsFile, 'utf8').trim().split('\n');
  writeFileSync(known, lines.map((line) => `${server.host} ${line.split(' ').slice(1).join(' ')}\n`).join(''));
  return clientOptions(server, [...options, `UserKnownHostsFile=${known}`]);
}
