/** The server, reached as `ssh` reaches it: the same files, flags and questions. */
import type { ClientConnection, ConnectOptions } from '@nacre/ssh/client';
import { FatalError } from '../ssh/end.ts';
import { describeConnectFailure } from '../ssh/failures.ts';
import { Log } from '../ssh/log.ts';
import { noFacts } from '../ssh/log-in.ts';
import { openByWay } from '../ssh/own-connection.ts';
import { type Request, readRequest } from '../ssh/request.ts';
import type { CopyOptions } from './flags.ts';

/** What a connection failed with: the cause, and the lines that ssh would print. */
export class ConnectFailure extends Error {
  readonly lines: readonly string[];

  constructor(cause: unknown, lines: readonly string[]) {
    super(lines.join('\n'), { cause });
    this.name = 'ConnectFailure';
    this.lines = lines;
  }
}

export interface Remote {
  readonly request: Request;
  readonly log: Log;
  /** Connects as ssh does; `change` may replace some of ssh's options. */
  connect(change?: (options: ConnectOptions) => ConnectOptions): Promise<ClientConnection>;
}

/**
 * Reads ssh's settings for the destination.
 *
 * @throws FatalError for what ssh refuses too.
 */
export async function openRemote(options: CopyOptions): Promise<Remote> {
  const log = new Log('INFO');
  // -N and -T first: a RemoteCommand or a terminal that the settings ask for is for logins of a person.
  const flags = ['-N', '-T', ...(options.trace ? ['-v'] : [])];
  if (options.configFile !== undefined) flags.push('-F', options.configFile);
  for (const option of options.options) flags.push('-o', option);
  if (options.port !== undefined) flags.push('-p', options.port);
  const request = await readRequest([...flags, '--', options.destination], log);
  return {
    request,
    log,
    async connect(change) {
      const facts = noFacts(request);
      try {
        const { connection, close } = await openByWay(request, facts, { change });
        void connection.closed.then(close);
        return connection;
      } catch (error) {
        if (error instanceof FatalError) throw error;
        throw new ConnectFailure(error, describeConnectFailure(error, facts));
      }
    },
  };
}
