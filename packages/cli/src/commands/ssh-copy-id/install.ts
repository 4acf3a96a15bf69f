/** Installs keys over a connection: by a command, by sftp, or in the words of a NetScreen. */
import type { ClientConnection } from '@nacre/ssh/client';
import { openSession } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import { sanitizeText } from '../../terminal/sanitize.ts';
import type { CopyOptions } from './flags.ts';
import type { NewKey } from './keys.ts';
import { type Addition, readReport, remoteCommand, remoteInput } from './remote-script.ts';

/** What happened to each key, in their order. */
export type Outcome = 'added' | 'present' | 'skipped';

const maxOutputBytes = 1024 * 1024;

/** What is to be added, and what on the server makes it needless. With -f only the very same line does. */
export function additionsOf(keys: readonly NewKey[], { force }: CopyOptions): Addition[] {
  return keys.map(({ line, blob }) => ({ unless: force ? 'line' : 'key', keyText: blob.toString('base64'), line }));
}

/**
 * Runs the script of remote-script.ts.
 *
 * @throws SshError where the server did not do what was asked.
 */
export async function installByCommand(
  connection: ClientConnection,
  keys: readonly NewKey[],
  options: CopyOptions,
): Promise<Outcome[]> {
  const result = await connection.exec(remoteCommand({ trace: options.trace }), {
    input: remoteInput(options.target, additionsOf(keys, options)),
    encoding: 'buffer',
    maxOutputBytes,
  });
  const report = readReport(result.stdout);
  if (report.other !== '') process.stdout.write(Buffer.from(report.other, 'latin1'));
  if (result.stderr.length > 0) process.stderr.write(sanitizeText(result.stderr));
  if (result.status === 0 && report.isDone && report.outcomes.length === keys.length) return [...report.outcomes];
  const added = report.outcomes.filter((outcome) => outcome === 'added').length;
  const done = added === 0 ? 'no key was added' : `${added} of ${keys.length} key(s) were added`;
  throw new SshError(`the server did not run the command that adds keys to its end (${describeEnd(result)}); ${done}`, {
    code: 'request-refused',
    stage: 'channel',
    side: 'peer',
    remedy: 'Where the server allows sftp only, or has no POSIX shell, try -s.',
  });
}

function describeEnd({ status, signal }: { status: number | undefined; signal: string | undefined }): string {
  if (signal !== undefined) return `signal ${signal}`;
  return status === undefined ? 'no exit status' : `exit status ${status}`;
}

/** A NetScreen firewall takes a key as a command of its own shell, and DSA keys only. */
export async function installOnNetScreen(
  connection: ClientConnection,
  keys: readonly NewKey[],
  warn: (text: string) => void,
): Promise<Outcome[]> {
  const outcomes: Outcome[] = [];
  for (const [index, { keyType, blob }] of keys.entries()) {
    if (keyType !== 'ssh-dss') {
      warn(`Non-dsa key (#${index + 1}) skipped (NetScreen only supports DSA keys)`);
      outcomes.push('skipped');
      continue;
    }
    await typeCommands(connection, `set ssh pka-dsa key ${blob.toString('base64')}\nsave\nexit\n`);
    outcomes.push('added');
  }
  return outcomes;
}

/** Hands a shell without a terminal what a person would type, and waits for its end. */
async function typeCommands(connection: ClientConnection, text: string): Promise<void> {
  const session = await openSession(connection.connection);
  try {
    await session.shell();
    session.stdout.resume();
    session.stderr.resume();
    session.stdin.end(text);
    await session.exit;
  } finally {
    session.close();
  }
}
