/** What the flags of sftp-server say, checked in the order in which they stand, as OpenSSH's does. */
import { SshError } from '@nacre/ssh/errors';
import { type SftpLogLevel, sftpLogLevels } from '@nacre/ssh/sftp/server';
import { parseFlags } from '../../flags/flags.ts';
import { formatUsage } from '../../flags/usage.ts';
import { Ending } from '../ssh-keygen/ending.ts';
import { table } from './flags.ts';
import { facilities } from './log.ts';

/** Whom the session belongs to. */
export interface SessionUser {
  readonly name: string;
  readonly uid: number;
  readonly home: string;
  /** The home of somebody else, for `-d ~name`. */
  homeOf(name: string): string | undefined;
}

/** Under which name the program was called, which its usage and its lines in syslog bear. */
export type ProgramName = 'sftp-server' | 'internal-sftp';

export interface SftpServerSettings {
  readonly readOnly: boolean;
  readonly startDirectory: string | undefined;
  readonly facility: string;
  readonly level: SftpLogLevel;
  readonly stderr: boolean;
  readonly deny: readonly string[] | undefined;
  readonly allow: readonly string[] | undefined;
  readonly umask: number | undefined;
  /** `requests`: they are listed, and nothing is served. */
  readonly query: 'requests' | undefined;
}

/**
 * Reads the arguments.
 *
 * @throws Ending with OpenSSH's words and exit code.
 */
export function readSettings(
  args: readonly string[],
  user: SessionUser,
  program: ProgramName = 'sftp-server',
): SftpServerSettings {
  const usage = formatUsage(table).replaceAll('sftp-server', program);
  const ordered = parse(upToC(args), usage);
  const settings: { -readonly [K in keyof SftpServerSettings]: SftpServerSettings[K] } = {
    ...{ readOnly: false, startDirectory: undefined, facility: 'AUTH', level: 'error', stderr: false },
    ...{ deny: undefined, allow: undefined, umask: undefined, query: undefined },
  };
  let isBadLevel = false;
  let isBadFacility = false;
  for (const { name, value = '' } of ordered) {
    switch (name) {
      case 'query':
        if (value.toLowerCase() !== 'requests') throw new Ending('Invalid query type', 1);
        return { ...settings, query: 'requests' };
      case 'ignored':
        break;
      case 'help':
        throw new Ending(usage, 1);
      case 'readOnly':
        settings.readOnly = true;
        break;
      case 'stderr':
        settings.stderr = true;
        break;
      case 'level':
        isBadLevel = parseLevel(value) === undefined;
        settings.level = parseLevel(value) ?? 'error';
        break;
      case 'facility':
        isBadFacility = !facilities.has(value.toLowerCase());
        settings.facility = value;
        break;
      case 'start':
        settings.startDirectory = expandStart(value, user);
        break;
      case 'allow':
        if (settings.allow !== undefined) throw new Ending('Permitted requests already set');
        settings.allow = value.split(',');
        break;
      case 'deny':
        if (settings.deny !== undefined) throw new Ending('Refused requests already set');
        settings.deny = value.split(',');
        break;
      case 'umask':
        settings.umask = parseUmask(value);
        break;
    }
  }
  if (isBadLevel) throw new Ending('Unrecognized internal syslog level code -1', 1);
  if (isBadFacility) throw new Ending('Unrecognized internal syslog facility code -1', 1);
  return settings;
}

function parse(args: readonly string[], usage: string) {
  try {
    return parseFlags(table, args).ordered;
  } catch (error) {
    // A wrong flag shows the usage alone.
    if (error instanceof SshError && error.stage === 'usage') throw new Ending(usage, 1);
    throw error;
  }
}

/** A login shell's `-c command` reaches us where this is somebody's shell: nothing of it is for us. */
function upToC(args: readonly string[]): readonly string[] {
  const at = args.indexOf('-c');
  return at < 0 ? args : args.slice(0, at);
}

function parseLevel(text: string): SftpLogLevel | undefined {
  const level = text.toLowerCase();
  return level === 'debug' ? 'debug1' : sftpLogLevels.find((known) => known === level);
}

function parseUmask(text: string): number {
  const mask = /^\s*\+?(?:0?[0-7]{1,3}|0+[0-7]{1,3})$/.test(text) ? Number.parseInt(text, 8) : -1;
  if (mask < 0 || mask > 0o777) throw new Ending(`Invalid umask "${text}"`);
  return mask;
}

/** `~`, `~name`, `%d`, `%u`, `%U` and `%%`. */
function expandStart(text: string, user: SessionUser): string {
  const values: Readonly<Record<string, string>> = { '%': '%', d: user.home, u: user.name, U: String(user.uid) };
  return expandTilde(text, user).replace(/%(.?)/gsu, (_whole, letter: string) => {
    const value = Object.hasOwn(values, letter) ? values[letter] : undefined;
    if (value === undefined) throw new Ending(`percent_expand: unknown key %${letter}`);
    return value;
  });
}

function expandTilde(text: string, user: SessionUser): string {
  const found = /^~([^/]*)(.*)$/s.exec(text);
  if (found === null) return text;
  const [, name = '', rest = ''] = found;
  const home = name === '' ? user.home : user.homeOf(name);
  if (home === undefined) throw new Ending(`tilde_expand_filename: No such user ${name}`);
  return `${home}${rest}`;
}
