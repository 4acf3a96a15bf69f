/** A connection as ssh makes it, for a tool that speaks something else over it: files, settings, questions, words and all. */
import type { ClientConnection } from '@nacre/ssh/client';
import type { SshError } from '@nacre/ssh/errors';
import { FatalError } from './end.ts';
import { describeLostSession, type FailureFacts } from './failures.ts';
import { finishLearning, settleHostKeyQuestion } from './host-trust.ts';
import { Log } from './log.ts';
import { type Request, readRequest, requireNotRefused } from './request.ts';

export interface ToolConnection {
  readonly request: Request;
  readonly connection: ClientConnection;
  /** Says as ssh does why the connection ended under what ran over it. */
  tellLoss(error: SshError): void;
  close(): Promise<void>;
}

/**
 * Connects and logs in by what ssh's arguments and files say: through a master where ControlPath leads to one.
 *
 * @param args - as ssh(1) has them, the destination among them.
 * @returns undefined where that failed: stderr says why, as ssh would.
 */
export async function openForTool(args: readonly string[]): Promise<ToolConnection | undefined> {
  const log = new Log('INFO');
  try {
    return await open(await readRequest(args, log), args);
  } catch (error) {
    if (!(error instanceof FatalError)) throw error;
    if (error.always) process.stderr.write(`${error.message}\n`);
    else if (error.message !== '') log.fatal(error.message);
    return undefined;
  }
}

async function open(request: Request, args: readonly string[]): Promise<ToolConnection | undefined> {
  requireNotRefused(request);
  const shared = await reachShared(request, args);
  if (shared === 'failed') return undefined;
  const tellLoss = (facts: FailureFacts) => (error: SshError) => {
    for (const line of describeLostSession(error, facts)) request.log.info(line);
  };
  if (shared !== undefined) {
    const facts = { ...request, address: undefined };
    return { request, connection: shared, tellLoss: tellLoss(facts), close: () => shared.close() };
  }
  const { openOwnConnection } = await import('./own-connection.ts');
  const opened = await openOwnConnection(request, { wanted: false, isLocal: false });
  if (opened === undefined) return undefined;
  const { connection } = opened;
  await settleHostKeyQuestion(connection, request);
  return {
    request,
    connection,
    tellLoss: tellLoss(opened.facts),
    async close() {
      await finishLearning(connection);
      await opened.close();
    },
  };
}

async function reachShared(
  request: Request,
  args: readonly string[],
): Promise<ClientConnection | 'failed' | undefined> {
  if (request.settings.controlPath === undefined) return undefined;
  const path = (await import('./shared/control-path.ts')).controlPath(request);
  if (path === undefined) return undefined;
  const reached = await (await import('./shared/reach.ts')).reachMaster(request, path, ['ssh', ...args]);
  return typeof reached === 'number' ? 'failed' : reached;
}
