/** The server, reached as `ssh` reaches it: the same files, flags and questions. */
import { type ClientConnection, type ConnectOptions, connect } from '@nacre/ssh/client';
import { connectOptions } from '../ssh/connect-options.ts';
import { describeConnectFailure, type FailureFacts } from '../ssh/failures.ts';
import { Log } from '../ssh/log.ts';
import { type Request, readRequest } from '../ssh/request.ts';
import { openWay } from '../ssh/way.ts';
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
    async connect(change = (unchanged) => unchanged) {
      const facts: { -readonly [K in keyof FailureFacts]: FailureFacts[K] } = { ...request, address: undefined };
      const ssh = connectOptions(request, (address) => {
        facts.address = address;
      });
      const way = await openWay(request);
      try {
        const over = way.stream === undefined ? {} : { stream: way.stream };
        const connection = await connect({ host: request.host, port: request.port }, { ...change(ssh), ...over });
        void connection.closed.then(() => way.close());
        return connection;
      } catch (error) {
        await way.close();
        throw new ConnectFailure(error, describeConnectFailure(error, facts));
      }
    },
  };
}
