/** What ssh-keyscan prints of a result: comments, lines of known_hosts, certificates, SSHFP records, complaints. */
import { SshError } from '@nacre/ssh/errors';
import { formatSshfp, type PublicKey, type SshfpHash } from '@nacre/ssh/keys';
import { formatHostName, type ScanResult } from '@nacre/ssh/scan';
import { sanitize } from '../../terminal/sanitize.ts';
import type { KeyscanTarget } from './hosts.ts';

export interface OutputOptions {
  readonly certificates: boolean;
  readonly sshfp: boolean;
  readonly sshfpHashes: readonly SshfpHash[];
  /** Hides a name; undefined to show them. */
  readonly hashHost: ((name: string) => string) | undefined;
  readonly quiet: boolean;
}

type Result = ScanResult<KeyscanTarget>;

/** Whole lines for stdout, empty where there are none. */
export function formatResult(result: Result, options: OutputOptions): string {
  const lines = options.quiet ? [] : comments(result, options.sshfp ? ';' : '#');
  if (result.status === 'key') lines.push(...keyLines(result, options));
  return lines.map((line) => `${line}\n`).join('');
}

/** OpenSSH connects once for each type of key, and greets each time. */
function comments(result: Result, mark: string): string[] {
  const { host, port, identification } = result;
  if (identification === undefined) return [];
  const count = result.status === 'failed' ? result.kinds.length : 1;
  // A server may put what it likes there, also what a terminal obeys.
  const comment = `${mark} ${host}:${port} ${sanitize(Buffer.from(identification, 'latin1'))}`;
  return Array.from({ length: count }, () => comment);
}

function keyLines(result: Result & { status: 'key' }, options: OutputOptions): string[] {
  const { key, port, target } = result;
  const line = `${key.type} ${key.blob.toString('base64')}`;
  // A certificate says itself whose it is.
  if (options.certificates && !options.sshfp) return [line];
  if (options.sshfp) return target.names.flatMap((name) => sshfpLines(name, key, options.sshfpHashes));
  const names = target.names.map((name) => formatHostName(name, port));
  const { hashHost } = options;
  if (hashHost !== undefined) return names.map((name) => `${hashHost(name)} ${line}`);
  return (port === 22 ? [names.join(',')] : names).map((name) => `${name} ${line}`);
}

/** None for keys that have no number in DNS: security keys and certificates. */
function sshfpLines(name: string, key: PublicKey, hashes: readonly SshfpHash[]): string[] {
  try {
    return formatSshfp(name, key, { hashes }).trimEnd().split('\n');
  } catch (error) {
    if (error instanceof SshError && error.code === 'unsupported') return [];
    throw error;
  }
}

/** A line for stderr, undefined where OpenSSH says nothing either unless asked to: nobody there, or nobody who answers. */
export function formatFailure(result: Result): { text: string; isDebug: boolean } | undefined {
  if (result.status !== 'failed') return undefined;
  const { host, identification, error } = result;
  if (error.stage === 'dns') return { text: error.message, isDebug: false };
  if (error.code === 'connection-lost' && identification === undefined) {
    return { text: `${host}: Connection closed by remote host`, isDebug: false };
  }
  const isSilent = error.code === 'connect-failed' || error.code === 'timeout' || error.code === 'connection-lost';
  if (isSilent || error.code === 'disconnected') return { text: `${host}: ${error.message}`, isDebug: true };
  const what = identification === undefined ? 'bad greeting' : 'bad key exchange';
  return { text: `${host}: ${what}: ${error.message}`, isDebug: false };
}
