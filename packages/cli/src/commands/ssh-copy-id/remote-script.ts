/** What runs on the server: a shell script that adds the lines it reads, and tells what it did with each. */

/** A line to add. `key` lines are left out where the file has the key, under whatever options; `line` ones where it has the line. */
export interface Addition {
  readonly unless: 'key' | 'line';
  /** The key in base64. */
  readonly keyText: string;
  /** One character a byte. */
  readonly line: string;
}

/** Every report of the script's begins with it, so that what a login shell prints besides is no report. */
const mark = 'ssh-copy-id=';

/**
 * The command line. It holds nothing of the person's: the path and the keys are read from stdin, so that no shell takes a
 * comment for a command.
 *
 * Any login shell has to hand it on unharmed: one line, in single quotes, without `'` and `!` (csh). What it does to files: it
 * makes the folder and the file where they are missing, for the user alone, and appends.
 */
export function remoteCommand(options: { trace?: boolean } = {}): string {
  const steps = [
    ...(options.trace ? ['set -x'] : []),
    'cd || exit 1',
    'umask 077',
    'IFS= read -r f || exit 1',
    // OpenWrt's dropbear reads root's keys from a file of its own.
    'if [ -z "$f" ]; then f=.ssh/authorized_keys',
    'if [ -f /etc/openwrt_release ] && [ "`id -u`" = 0 ]; then f=/etc/dropbear/authorized_keys; fi; fi',
    'd=`dirname "$f"`',
    '[ -d "$d" ] || mkdir -p "$d" || exit 1',
    'if [ -e "$f" ]; then [ -r "$f" ] || { echo "$f: cannot be read" >&2; exit 1; }; fi',
    'a=',
    'while read -r u k l; do h=',
    'if [ -f "$f" ]; then while read -r o || [ -n "$o" ]; do case "$o" in "#"*) continue ;; esac',
    'if [ "$u" = key ]; then case " $o" in *[" \t"]"$k"*) h=1 ;; esac; elif [ "$o" = "$l" ]; then h=1; fi',
    '[ -z "$h" ] || break; done < "$f"; fi',
    `if [ -n "$h" ]; then echo ${mark}present; continue; fi`,
    // Somebody's editor may have left the last line open: ours would become a part of it.
    'if [ -s "$f" ]; then t=`tail -c 1 "$f"`; if [ -n "$t" ]; then echo >> "$f" || exit 1; fi; fi',
    'printf "%s\\n" "$l" >> "$f" || exit 1',
    `a=1; echo ${mark}added; done`,
    'if [ -n "$a" ] && type restorecon > /dev/null 2>&1; then restorecon -F "$d" "$f"; fi',
    `echo ${mark}done`,
  ];
  return `exec sh -c '${steps.join('; ')}'`;
}

/** What the script reads: the path (an empty line for the usual one), then a line a key. */
export function remoteInput(target: string | undefined, additions: readonly Addition[]): Buffer {
  const path = Buffer.from(`${target === undefined ? '' : besideHome(target)}\n`, 'utf8');
  const lines = additions.map(({ unless, keyText, line }) => `${unless} ${keyText} ${line}\n`);
  return Buffer.concat([path, Buffer.from(lines.join(''), 'latin1')]);
}

/** A path as the server is to take it: from the home folder on, where it is not absolute. */
export function besideHome(target: string): string {
  const path = target.replace(/^~\/+/, '');
  return path.startsWith('-') ? `./${path}` : path;
}

export interface RemoteReport {
  /** What became of each line, in order; shorter than the additions where the script broke off. */
  readonly outcomes: readonly ('added' | 'present')[];
  readonly isDone: boolean;
  /** What the script did not write: a login shell's greetings. */
  readonly other: string;
}

/** Reads what the command wrote. */
export function readReport(output: Buffer): RemoteReport {
  const outcomes: ('added' | 'present')[] = [];
  let isDone = false;
  const other: string[] = [];
  for (const line of output.toString('latin1').split('\n')) {
    const word = line.startsWith(mark) ? line.slice(mark.length) : undefined;
    if (word === 'added' || word === 'present') outcomes.push(word);
    else if (word === 'done') isDone = true;
    else other.push(line);
  }
  return { outcomes, isDone, other: other.join('\n') };
}
