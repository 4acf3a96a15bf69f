/** The environment a session starts with, as sshd and the PAM modules of Debian set it. */
import { readFileSync } from 'node:fs';
import type { Account } from './platform.ts';

/** What OpenSSH was built with on Debian for everybody but root. */
export const userPath = '/usr/local/bin:/usr/bin:/bin:/usr/games';
const rootPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
/** Files that pam_env reads for sshd on Debian; later ones win. */
const environmentFiles = ['/etc/environment', '/etc/default/locale'];

/** What every session of an account starts with; the caller adds TERM, SSH_CONNECTION, SSH_TTY and what policy lets in. */
export function baseEnvironment(account: Account): Record<string, string> {
  const environment: Record<string, string> = {
    USER: account.name,
    LOGNAME: account.name,
    HOME: account.home,
    PATH: account.uid === 0 ? rootPath : userPath,
    MAIL: `/var/mail/${account.name}`,
    SHELL: account.shell,
  };
  if (process.env.TZ !== undefined) environment.TZ = process.env.TZ;
  for (const path of environmentFiles) Object.assign(environment, readEnvironmentFile(path));
  return environment;
}

/** Reads lines `NAME=value` the way pam_env does: `export` and one pair of quotes are dropped, `#` starts a comment. */
export function parseEnvironmentFile(text: string): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const line of text.split('\n')) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=([^#]*)/.exec(line);
    if (match === null) continue;
    const value = (match[2] as string).trimEnd();
    const quote = value[0];
    const quoted = (quote === '"' || quote === "'") && value.length > 1 && value.endsWith(quote);
    environment[match[1] as string] = quoted ? value.slice(1, -1) : value;
  }
  return environment;
}

/**
 * What may be handed to a program. Names come from clients (AcceptEnv), so whatever is no plain name is dropped: a NUL would
 * fail the whole session, and the shell evaluates `x[$(command)]`.
 */
export function cleanEnvironment(environment: Readonly<Record<string, string>>): Record<string, string> {
  const pairs = Object.entries(environment);
  return Object.fromEntries(
    pairs.filter(([name, value]) => plainName.test(name) && !readOnlyInBash.has(name) && !value.includes('\0')),
  );
}

const plainName = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** bash keeps these for itself and refuses to have them set. */
const readOnlyInBash = new Set(['BASHOPTS', 'BASH_VERSINFO', 'EUID', 'PPID', 'SHELLOPTS', 'UID']);

function readEnvironmentFile(path: string): Record<string, string> {
  try {
    return parseEnvironmentFile(readFileSync(path, 'utf8'));
  } catch {
    return {};
  }
}
