/** ssh-keygen -F, -R and -H: finds, removes and hides hosts in known_hosts. */
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { findHostLines, hashHosts, hashLine, removeHost } from '@nacre/ssh/known-hosts';
import { print } from '../../terminal/print.ts';
import { sanitize } from '../../terminal/sanitize.ts';
import { Ending } from './ending.ts';
import type { KeygenFlags } from './flags.ts';
import { type KnownHostsText, readKnownHosts, replaceKnownHosts } from './known-hosts/file.ts';

export async function run(flags: KeygenFlags): Promise<number> {
  const path = flags.file ?? join(userInfo().homedir, '.ssh', 'known_hosts');
  const file = readKnownHosts(path);
  const { findHost, removeHost: host } = flags;
  if (findHost !== undefined) return find(file, asInFile(findHost, file), flags);
  if (flags.hashHosts) return hide(file, host);
  return remove(file, asInFile(host ?? '', file), flags);
}

/** Where the file is read one character a byte, so is the name. */
function asInFile(host: string, { encoding }: KnownHostsText): string {
  return Buffer.from(host, 'utf8').toString(encoding);
}

async function find(file: KnownHostsText, host: string, flags: KeygenFlags): Promise<number> {
  const lines = findHostLines(file.text, host, { hashedAsTyped: true });
  const showKey = flags.fingerprint ? (await import('./known-hosts/show-key.ts')).showKey : undefined;
  const out: string[] = [];
  let count = 0;
  for (const line of lines) {
    const shown = showKey?.(host, line, file.encoding, flags);
    // OpenSSH reads the key only where its fingerprint is asked for; without a readable one there is no such line.
    if (showKey !== undefined && shown === undefined) continue;
    count++;
    if (!flags.quiet) out.push(`# Host ${host} found: line ${line.line} ${markerWords[line.marker ?? 'none']}`);
    if (flags.hashHosts) out.push(...(hashLine(line) ?? [line.text]));
    else out.push(shown ?? line.text);
  }
  print(Buffer.from(out.map((line) => `${line}\n`).join(''), file.encoding));
  return count > 0 ? 0 : 1;
}

const markerWords = { none: '', 'cert-authority': 'CA', revoked: 'REVOKED' } as const;

function remove(file: KnownHostsText, host: string, flags: KeygenFlags): number {
  const { text, removed, invalid } = removeHost(file.text, host, { hashedAsTyped: true });
  if (!flags.quiet) for (const { line } of removed) print(`# Host ${host} found: line ${line}\n`);
  requireValid(file, invalid);
  if (removed.length > 0) replace(file, text);
  else process.stderr.write(`Host ${host} not found in ${file.path}\n`);
  return 0;
}

/** With -R as well, OpenSSH hashes nothing and removes nothing. */
function hide(file: KnownHostsText, host: string | undefined): number {
  const { text, hashedCount, wildcards, invalid } = hashHosts(file.text);
  const warnings = [
    ...wildcards.map(({ line, hosts }) => ({ line, text: `ignoring host name with wildcard: ${hosts.slice(0, 64)}` })),
    ...invalid.map(({ line }) => ({ line, text: 'invalid line' })),
  ];
  for (const { line, text: warning } of warnings.sort((a, b) => a.line - b.line)) {
    process.stderr.write(`${file.path}:${line}: ${sanitize(Buffer.from(warning, file.encoding))}\n`);
  }
  requireValid(file, invalid, true);
  if (host !== undefined) {
    process.stderr.write(`Host ${host} not found in ${file.path}\n`);
    return 0;
  }
  replace(file, text);
  if (hashedCount > 0) {
    process.stderr.write(`WARNING: ${file.path}.old contains unhashed entries\n`);
    process.stderr.write('Delete this file to ensure privacy of hostnames\n');
  }
  return 0;
}

/** A file that somebody else may have written something into that we cannot read is left alone. */
function requireValid(file: KnownHostsText, invalid: readonly { readonly line: number }[], areTold = false): void {
  if (invalid.length === 0) return;
  if (!areTold) for (const { line } of invalid) process.stderr.write(`${file.path}:${line}: invalid line\n`);
  throw new Ending(
    `${file.path} is not a valid known_hosts file.\nNot replacing existing known_hosts file because of errors`,
    1,
  );
}

function replace(file: KnownHostsText, text: string): void {
  replaceKnownHosts(file, text === '' || text.endsWith('\n') ? text : `${text}\n`);
  print(`${file.path} updated.\nOriginal contents retained as ${file.path}.old\n`);
}
