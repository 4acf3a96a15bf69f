/** The paved path of trust: known_hosts files, read for every connection, and added to when somebody says yes. */
import { constants, type Stats } from 'node:fs';
import { mkdir, open, readFile, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { SshError } from '../errors.ts';
import { fingerprint, type PublicKeyAlgorithm, shortTypeName } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { maxTrustFileBytes } from '../limits.ts';
import { findHostKeyAlgorithm, hostKeyAlgorithms } from '../transport/index.ts';
import {
  addHost,
  checkHostKey,
  formatHostName,
  type HostKeyVerdict,
  hasHostAuthority,
  type KnownHosts,
  type KnownHostsEntry,
  knownKeyTypes,
  parseKnownHosts,
} from '../trust/index.ts';
import { type HostKeyPolicy, type HostKeyQuestion, refusal, requireHostCertificate } from './host-key-policy.ts';

export interface KnownHostsOptions {
  /** Files of the user; the first one is written to. Default `~/.ssh/known_hosts` and `known_hosts2`. */
  readonly userFiles?: readonly string[];
  /** Files of the machine. Default `/etc/ssh/ssh_known_hosts` and `ssh_known_hosts2`. */
  readonly globalFiles?: readonly string[];
  /**
   * What to do with a host that no file knows: refuse it (the default), remember its key from now on, or ask: a function
   * that shows the question to a person and resolves to true only for a yes. A key that has *changed* is always refused.
   */
  readonly onUnknown?: 'refuse' | 'accept-new' | ((question: UnknownHostQuestion) => Promise<boolean>);
  /** The name to look up and remember in place of host and port (HostKeyAlias). */
  readonly alias?: string;
  /** What the files say of a host's key, before anything is done about it: for logs, and for warnings that name the lines. */
  readonly onVerdict?: (verdict: HostKeyVerdict, question: HostKeyQuestion) => void;
  /**
   * Goes on with a key that has changed or is revoked where it returns true. Anybody on the way can then read and change
   * everything, so whoever says yes must give no password away afterwards (`StrictHostKeyChecking=no`).
   */
  readonly acceptMismatchWithoutVerification?: (verdict: RefusedHostKey, question: HostKeyQuestion) => boolean;
  /** Host key algorithms to offer, known ones moved to the front. Default: all that are not legacy. */
  readonly algorithms?: readonly string[];
  /** Write names hashed, so that the file does not tell where its owner goes. */
  readonly hashNames?: boolean;
  /** Told of what is worth a line to the person: a host that was added, a line that cannot be read. */
  readonly onNotice?: (text: string) => void;
}

/** An unknown host, for the person who decides. */
export interface UnknownHostQuestion extends HostKeyQuestion {
  readonly fingerprint: string;
  /** Types of other keys known for this name. */
  readonly otherTypes: readonly string[];
  /** Other names with this very key: a machine that is known by another name, or one key on many machines. */
  readonly otherNames: readonly OtherName[];
}

/** The verdicts that refuse a key whatever anybody says. */
export type RefusedHostKey = Extract<HostKeyVerdict, { status: 'changed' | 'revoked' }>;

/** Another name that the files know the same key by. */
export interface OtherName {
  readonly file: string;
  readonly line: number;
  /** Undefined where the name is hashed. */
  readonly hosts: string | undefined;
}

/** Checks host keys against known_hosts files, and remembers new ones where `onUnknown` allows it. */
export function knownHosts(options: KnownHostsOptions = {}): HostKeyPolicy {
  const folder = join(homedir(), '.ssh');
  const userFiles = options.userFiles ?? [join(folder, 'known_hosts'), join(folder, 'known_hosts2')];
  const globalFiles = options.globalFiles ?? ['/etc/ssh/ssh_known_hosts', '/etc/ssh/ssh_known_hosts2'];
  const load = () => loadAll([...userFiles, ...globalFiles]);

  return {
    async verify(question) {
      const files = await load();
      const { host, port, key } = question;
      const { alias, onVerdict, acceptMismatchWithoutVerification: mayGoOn } = options;
      const verdict = checkHostKey(files, { host, port, key, alias });
      onVerdict?.(verdict, question);
      if ((verdict.status === 'changed' || verdict.status === 'revoked') && mayGoOn?.(verdict, question) === true)
        return;
      switch (verdict.status) {
        case 'trusted':
          return;
        case 'trusted-ca':
          requireHostCertificate(key, alias ?? host);
          return;
        case 'revoked':
          throw refusal(
            'host-key-revoked',
            `the host key of ${question.host} is marked as revoked in ${place(verdict.line)}`,
          );
        case 'changed':
          throw changedKey(question, verdict);
        case 'unknown':
          await admit(question, verdict.otherTypes, files);
          return;
      }
    },
    async preferredAlgorithms(host, port) {
      const files = await load();
      const { alias, algorithms } = options;
      const types = knownKeyTypes(files, host, port, alias);
      return orderByKnown(types, hasHostAuthority(files, host, port, alias), algorithms);
    },
  };

  async function admit(
    question: HostKeyQuestion,
    otherTypes: readonly string[],
    files: readonly KnownHosts[],
  ): Promise<void> {
    const { onUnknown = 'refuse', onNotice, alias } = options;
    const key = question.key.plain;
    const asked = { ...question, key, fingerprint: fingerprint(key), otherTypes, otherNames: otherNames(files, key) };
    const accepted =
      onUnknown === 'accept-new' || (typeof onUnknown === 'function' && (await onUnknown(asked)) === true);
    if (!accepted) {
      throw refusal(
        'host-key-unknown',
        `the authenticity of host ${question.host} (${asked.fingerprint}) is not known`,
        'Compare the fingerprint with one you trust, then add the key to known_hosts.',
      );
    }
    const file = userFiles[0];
    if (file === undefined) return;
    const place = alias === undefined ? question : { host: alias, port: 22 };
    const host = formatHostName(place.host, place.port);
    try {
      await appendHost(file, (text) =>
        addHost(text, { host: place.host, port: place.port, key, hashed: options.hashNames ?? false }),
      );
    } catch (error) {
      // The key was accepted; that it cannot be remembered costs a question the next time, and no safety now.
      const reason = error instanceof Error ? error.message : String(error);
      onNotice?.(`Failed to add the host to the list of known hosts (${file}): ${reason}`);
      return;
    }
    onNotice?.(`Warning: Permanently added '${host}' (${shortTypeName(key)}) to the list of known hosts.`);
  }
}

/**
 * A known host is offered its known key types first, so that it shows a key that can be checked; an unknown one gets the
 * default order, which tells nobody what we know (CVE-2020-14145).
 */
function orderByKnown(
  types: readonly string[],
  hasAuthority: boolean,
  names: readonly string[] | undefined,
): readonly string[] | undefined {
  if (types.length === 0 && !hasAuthority) return names;
  const usable =
    names === undefined
      ? hostKeyAlgorithms.filter((row) => !row.legacy)
      : names.flatMap((name) => findHostKeyAlgorithm(name) ?? []);
  const isKnown = (row: PublicKeyAlgorithm) => (row.certificate ? hasAuthority : types.includes(row.keyType));
  return [...usable.filter(isKnown), ...usable.filter((row) => !isKnown(row))].map((row) => row.name);
}

function changedKey(question: HostKeyQuestion, verdict: Extract<HostKeyVerdict, { status: 'changed' }>): SshError {
  const lines = verdict.known.map(place).join(', ');
  return refusal(
    'host-key-changed',
    `the host key of ${question.host} has changed to ${fingerprint(question.key.plain)} (${question.key.plain.type}); known is another in ${lines}`,
    'Somebody may be standing between you and the server. If the key was changed on purpose, remove the old line.',
  );
}

function place(line: { file: string; line: number }): string {
  return `${line.file}:${line.line}`;
}

function otherNames(files: readonly KnownHosts[], key: PublicKey): OtherName[] {
  const isSame = (entry: KnownHostsEntry) =>
    entry.marker === undefined && entry.keyType === key.type && entry.blob.equals(key.blob);
  return files
    .flatMap((file) => file.entries.filter(isSame))
    .map(({ file, line, hosts, hashed }) => ({ file, line, hosts: hashed ? undefined : hosts }));
}

async function loadAll(paths: readonly string[]): Promise<KnownHosts[]> {
  const files: KnownHosts[] = [];
  for (const path of paths) {
    const text = await readIfThere(path);
    if (text !== undefined) files.push(parseKnownHosts(text, { name: path }));
  }
  return files;
}

/** The file's text; undefined where there is none. Anything else that stands in the way is an error, not an empty file. */
async function readIfThere(path: string): Promise<string | undefined> {
  let found: Stats;
  try {
    found = await stat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT' || (error as NodeJS.ErrnoException).code === 'ENOTDIR')
      return undefined;
    throw unreadable(path, error);
  }
  // A pipe or a device named as known_hosts would be read for ever (libssh CVE-2026-0965); /dev/null is the usual "none".
  if (found.isCharacterDevice()) return undefined;
  if (!found.isFile()) throw unreadable(path, new Error('it is not a regular file'));
  if (found.size > maxTrustFileBytes) throw unreadable(path, new Error(`it is larger than ${maxTrustFileBytes} bytes`));
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    throw unreadable(path, error);
  }
}

/** Appends one line; other lines stay byte for byte, and two clients that add at once lose nothing. */
async function appendHost(path: string, add: (text: string) => string): Promise<void> {
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const before = (await readIfThere(path)) ?? '';
    const file = await open(path, constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT, 0o600);
    try {
      await file.write(add(before).slice(before.length));
    } finally {
      await file.close();
    }
  } catch (error) {
    throw unreadable(path, error, 'write');
  }
}

function unreadable(path: string, cause: unknown, verb = 'read'): SshError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new SshError(`cannot ${verb} ${path}: ${reason}`, { code: 'bad-file', stage: 'trust', cause });
}
