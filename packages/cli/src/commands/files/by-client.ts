/** A host reached by our own client, in this process: one connection, a channel for each program. */
import { programStream } from '@nacre/ssh/client';
import { type ClientSession, openSession, type SessionExit } from '@nacre/ssh/connection';
import { SshError } from '@nacre/ssh/errors';
import { FatalError, failureStatus } from '../ssh/end.ts';
import { sendEnvironment } from '../ssh/environment.ts';
import { openForTool, type ToolConnection } from '../ssh/open-for-tool.ts';
import type { HostWish, ProgramWish, RemoteHost, RemoteProgram } from './host.ts';

/** Undefined where nobody let us in, of which stderr tells. */
export async function hostByClient({ destination, sshFlags }: HostWish): Promise<RemoteHost | undefined> {
  const opened = await openForTool([...sshFlags, '--', destination]);
  if (opened === undefined) return undefined;
  let isClosing = false;
  void opened.connection.closed.then((error) => {
    if (error !== undefined && !isClosing) opened.tellLoss(error);
  });
  const { request, connection } = opened;
  const lend =
    request.settings.forwardAgent === false
      ? undefined
      : await (await import('../ssh/lent.ts')).prepareLent(connection, request);
  return {
    open: (wish, firstInput) => start(opened, wish, lend, firstInput),
    close() {
      isClosing = true;
      return opened.close();
    },
  };
}

async function start(
  { connection, request }: ToolConnection,
  wish: ProgramWish,
  lend: ((session: ClientSession) => void) | undefined,
  firstInput: Uint8Array | undefined,
): Promise<RemoteProgram> {
  const session = await openSession(connection.connection);
  lend?.(session);
  sendEnvironment(session, request);
  session.stderr.on('data', (chunk: Buffer) => void process.stderr.write(chunk));
  session.stderr.on('error', () => {});
  const kind = 'subsystem' in wish ? 'subsystem' : 'exec';
  try {
    const started = 'subsystem' in wish ? session.subsystem(wish.subsystem) : session.exec(wish.command);
    if (firstInput !== undefined) session.stdin.write(firstInput);
    await started;
  } catch (error) {
    session.close();
    if (!(error instanceof SshError) || error.code !== 'request-refused') throw error;
    throw new FatalError(`${kind} request failed on channel ${session.channel.id}`);
  }
  return { stream: programStream(session), exit: exitOf(session) };
}

async function exitOf(session: ClientSession): Promise<number> {
  try {
    return statusOf(await session.exit);
  } catch {
    return failureStatus;
  }
}

function statusOf(exit: SessionExit): number {
  return 'status' in exit ? exit.status : failureStatus;
}
