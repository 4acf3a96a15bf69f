/** The command that starts the other end, and what of a path its shell gets to see. */
import { scpError } from './scp-error.ts';

export interface ScpCommandOptions {
  /** `source` has the other end send (`-f`), `sink` has it receive (`-t`). */
  readonly role: 'source' | 'sink';
  readonly recursive?: boolean | undefined;
  readonly preserve?: boolean | undefined;
  readonly targetIsFolder?: boolean | undefined;
  readonly verbose?: boolean | undefined;
}

/**
 * What the shell at the other end makes of a path: `literal` nothing at all; `wildcards` expands `*`, `?`, `[…]`, `{…}` and a
 * leading `~`; `shell` everything, as scp always had it, so that quotes, variables and commands in it work too.
 */
export type RemotePathReading = 'literal' | 'wildcards' | 'shell';

/** The command, flags in OpenSSH's order. @param path - read as `reading` says. @throws SshError `misuse` */
export function formatScpCommand(options: ScpCommandOptions, path: Uint8Array, reading: RemotePathReading): Buffer {
  if (path.includes(0)) throw scpError('misuse', 'a path cannot hold a NUL byte');
  const flags = [
    ...(options.verbose ? ['-v'] : []),
    ...(options.recursive ? ['-r'] : []),
    ...(options.preserve ? ['-p'] : []),
    ...(options.targetIsFolder ? ['-d'] : []),
    options.role === 'source' ? '-f' : '-t',
    // A path that begins with a dash is no flag.
    ...(path[0] === 0x2d ? ['--'] : []),
  ];
  const head = Buffer.from(`scp ${flags.join(' ')} `, 'latin1');
  return Buffer.concat([head, reading === 'shell' ? path : quoteForShell(path, reading)]);
}

/**
 * A word that a login shell of any kind (sh, csh, fish) takes for these bytes: a backslash before whatever could mean something,
 * because quotation marks differ between them.
 */
export function quoteForShell(path: Uint8Array, reading: 'literal' | 'wildcards'): Buffer {
  if (path.length === 0) return Buffer.from("''", 'latin1');
  const text = Buffer.from(path).toString('latin1');
  const home = reading === 'wildcards' ? (/^~[A-Za-z0-9._-]*(?=\/|$)/.exec(text)?.[0] ?? '') : '';
  const word = text.slice(home.length).replace(reading === 'literal' ? everything : besideWildcards, protect);
  return Buffer.from(home + word, 'latin1');
}

const everything = /\n|[^A-Za-z0-9_./,:@+\x80-\xff-]/g;
/** As above, and what makes patterns stays: an escaped character, brackets with all that is in them, wildcards, braces. */
const besideWildcards = /\\[^\n]|\[[!^]?\]?[A-Za-z0-9_./,:@+-]*\]|\n|[^A-Za-z0-9_./,:@+\x80-\xff*?[\]{}-]/g;

function protect(piece: string): string {
  // A line feed behind a backslash would vanish.
  if (piece === '\n') return "'\n'";
  return piece.length > 1 ? piece : `\\${piece}`;
}
