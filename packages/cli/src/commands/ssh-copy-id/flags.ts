/** ssh-copy-id's arguments: the script's options, `-i` with its optional file, and `--expires`. */
import type { SshError } from '@nacre/ssh/errors';
import { type FlagTable, parseFlags, usageError } from '../../flags/index.ts';

const usage = [
  'Usage: ssh-copy-id [-h|-?|-f|-n|-s|-x] [-i [identity_file]] [-t target_path] [-F ssh_config] [[-o ssh_option] ...] ' +
    '[-p port] [--expires time] [user@]hostname',
  '\t-f: force mode -- copy keys without trying to check if they are already installed',
  '\t-n: dry run    -- no keys are actually copied',
  '\t-s: use sftp   -- use sftp instead of executing remote-commands. Can be useful if the remote only allows sftp',
  '\t-x: debug      -- tell what happens here and trace the remote shell',
  '\t--expires time: the keys log in until then: +90d, +12h, 20301231 or 20301231235959Z',
  '\t-h|-?: print this help',
].join('\n');

const table = {
  tool: 'ssh-copy-id',
  usage,
  rows: [
    { letter: 'f', name: 'force', help: 'Install without checking first.' },
    { letter: 'n', name: 'dryRun', help: 'Install nothing, print what would be.' },
    { letter: 's', name: 'sftp', help: 'Install by sftp.' },
    { letter: 'x', name: 'trace', help: 'Tell what happens.' },
    { letter: 'i', name: 'identity', value: 'identity_file', repeatable: true, help: 'The key to install.' },
    { letter: 't', name: 'target', value: 'target_path', help: 'The file to add to on the server.' },
    { letter: 'F', name: 'configFile', value: 'ssh_config', help: 'Settings of ssh to read.' },
    { letter: 'o', name: 'option', value: 'ssh_option', repeatable: true, help: 'A setting of ssh.' },
    { letter: 'p', name: 'port', value: 'port', help: 'The port to connect to.' },
    { letter: 'h', name: 'help', help: 'Show the usage.' },
    { letter: '?', name: 'helpToo', help: 'Show the usage.' },
  ],
} as const satisfies FlagTable;

export interface CopyOptions {
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly sftp: boolean;
  readonly trace: boolean;
  /** What `-i` named; empty for `-i` alone, undefined without it. */
  readonly identity: string | undefined;
  /** Where the keys go, as typed; undefined for the server's usual file. */
  readonly target: string | undefined;
  readonly configFile: string | undefined;
  readonly options: readonly string[];
  readonly port: string | undefined;
  readonly expires: string | undefined;
  readonly destination: string;
}

/**
 * Reads the arguments.
 *
 * @param looksLikeKey - whether a file is there that holds a key: `-i FILE` without a host after it is a mistake, and not a
 *   host with that name.
 * @throws SshError `misuse` whose text is what belongs on stderr.
 */
export function readOptions(args: readonly string[], looksLikeKey: (path: string) => boolean): CopyOptions {
  const { rest, expires } = takeExpires(args);
  const { flags, operands, ordered } = parseFlags(table, giveValueToIdentity(rest, looksLikeKey));
  if (flags.help || flags.helpToo) throw usageError(table);
  if (flags.identity.length > 1) throw mistake('-i option must not be specified more than once');
  const [destination, ...more] = operands;
  if (destination === undefined) throw usageError(table);
  if (more.length > 0) {
    throw mistake(`Too many arguments.  Expecting a target hostname, got: ${operands.join(' ')}`);
  }
  const { target } = flags;
  if (target !== undefined && (target === '' || /[\r\n\0]/.test(target) || target.endsWith('/'))) {
    throw mistake(`-t takes the path of a file, "${target}" is none`);
  }
  const isGiven = ordered.some(({ name }) => name === 'identity');
  return {
    ...flags,
    identity: isGiven ? flags.identity[0] : undefined,
    options: flags.option,
    expires,
    destination,
  };
}

/** `--expires TIME` and `--expires=TIME`: the only long option, so it is taken out before getopt looks. */
function takeExpires(args: readonly string[]): { rest: string[]; expires: string | undefined } {
  const rest: string[] = [];
  let expires: string | undefined;
  for (let at = 0; at < args.length; at++) {
    const word = args[at] as string;
    if (word === '--') {
      rest.push(...args.slice(at));
      break;
    }
    if (word === '--expires') {
      expires = args[++at];
      if (expires === undefined) throw usageError(table, 'option requires an argument -- expires');
    } else if (word.startsWith('--expires=')) expires = word.slice('--expires='.length);
    else rest.push(word);
  }
  return { rest, expires };
}

const letters = table.rows.map((row) => row.letter).join('');
const withValue = table.rows.flatMap((row) => ('value' in row ? [row.letter] : [])).join('');

/**
 * `-i` takes a file only where one can be meant: not before another option, and not in place of the host at the end. The
 * words for getopt have a value after every `-i`, an empty one where none was given.
 */
function giveValueToIdentity(args: readonly string[], looksLikeKey: (path: string) => boolean): string[] {
  const words: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] as string;
    const isBundle = /^-[^-]/.test(word);
    if (!isBundle) return [...words, ...args.slice(at)];
    const flag = [...word.slice(1)].findIndex((letter) => withValue.includes(letter));
    const letter = word[flag + 1];
    const isAttached = word.length > flag + 2;
    words.push(word);
    if (flag < 0 || isAttached) continue;
    const next = args[at + 1];
    if (letter !== 'i') {
      if (next !== undefined) words.push(next);
      at++;
    } else if (next === undefined || new RegExp(`^-[${letters}-]`).test(next)) words.push('');
    else if (at + 2 < args.length) {
      words.push(next);
      at++;
    } else if (looksLikeKey(next)) {
      throw mistake(`Missing hostname. Use "-i -- ${next}" if you really mean to use this as the hostname`);
    } else words.push('');
  }
  return words;
}

function mistake(text: string): SshError {
  return usageError(table, `\nssh-copy-id: ERROR: ${text}\n`);
}
