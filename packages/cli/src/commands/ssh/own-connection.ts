/** A connection of our own: the way to the host, and the login. */
import { type ClientConnection, connect } from '@nacre/ssh/client';
import { SshError } from '@nacre/ssh/errors';
import { connectOptions } from './connect-options.ts';
import { FatalError } from './end.ts';
import { describeConnectFailure, type FailureFacts } from './failures.ts';
import type { Request } from './request.ts';

/** A connection that stands, whoever made it. */
export interface Opened {
  readonly connection: ClientConnection;
  readonly facts: FailureFacts;
  /** On the clock of performance.now(). */
  readonly startedMs: number;
  /** Ends it, and what it leads over. */
  close(): Promise<void>;
}

/** Connects and logs in; undefined where that failed, which the log tells. */
export async function openOwnConnection(request: Request): Promise<Opened | undefined> {
  const { log } = request;
  const startedMs = performance.now();
  const facts: { -readonly [K in keyof FailureFacts]: FailureFacts[K] } = { ...request, address: undefined };
  const way = isStraight(request) ? undefined : await (await import('./way.ts')).openWay(request);
  let connection: ClientConnection;
  try {
    const options = connectOptions(request, (address) => {
      facts.address = address;
    });
    const stream = way?.stream;
    connection = await connect(
      { host: request.host, port: request.port },
      { ...options, ...(stream !== undefined && { stream }) },
    );
  } catch (error) {
    await way?.close();
    if (error instanceof FatalError) throw error;
    await explainRefusal(error, request);
    for (const line of describeConnectFailure(error, facts)) log.error(line);
    return undefined;
  }
  const via = connection.login.methods.at(-1);
  const where = facts.address === undefined ? 'via proxy' : `[${facts.address}]:${request.port}`;
  log.verbose(`Authenticated to ${request.host} (${where}) using "${via}".`);
  return {
    connection,
    facts,
    startedMs,
    async close() {
      await connection.close();
      await way?.close();
    },
  };
}

/** Why nobody was let in, in front of the one line that programs read. */
async function explainRefusal(error: unknown, request: Request): Promise<void> {
  if (!(error instanceof SshError) || error.authFailure === undefined) return;
  (await import('./login-report.ts')).tellRefusal(error.authFailure, request);
}

/** No jump hosts and no program on the way: the common case, which need not load what they take. */
function isStraight({ settings }: Request): boolean {
  return settings.proxyJump === undefined && settings.proxyCommand === undefined;
}
