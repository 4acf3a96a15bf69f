/** What the server does with what is asked at its control socket, and the log lines that tell who asked. */
import { findAccount } from '../../../os/index.ts';
import { type Log, loggedName } from '../log.ts';
import type { ConnectionSelector, StatusSource } from '../status/types.ts';
import type { ControlRequest } from './protocol.ts';
import type { Asker } from './socket.ts';

/** What a health check's connection is told. */
const healthReason = 'health check';

export function buildAnswers(source: StatusSource, log: Log) {
  return async (request: ControlRequest, { userId }: Asker): Promise<unknown> => {
    switch (request.ask) {
      case 'status':
        return source.snapshot();
      case 'health': {
        const { address, port } = request;
        // Ended by us, it is no client that went away without logging in, which would earn its address a penalty.
        const ended = await source.kick({ kind: 'socket', address, port }, healthReason);
        return { found: ended.length > 0 };
      }
      case 'kick': {
        const ended = [];
        const who = `${findAccount(userId)?.name ?? 'a user'} (uid ${userId})`;
        for (const selector of request.selectors) {
          const found = await source.kick(selector, request.reason);
          ended.push(...found);
          if (found.length === 0) log('INFO', `kick: ${who} named ${describe(selector)}, which nobody is`);
        }
        for (const { id, user, address = 'UNKNOWN', port = 65_535 } of ended) {
          const name = user === undefined ? '' : `user ${loggedName(user)} `;
          log(
            'INFO',
            `kick: connection ${id} of ${name}${address} port ${port} ended by ${who}: ${request.reason}`,
            undefined,
            { event: 'kick', connection: id, user, address, port, by: who, reason: request.reason },
          );
        }
        return { ended };
      }
    }
  };
}

function describe(selector: ConnectionSelector): string {
  switch (selector.kind) {
    case 'user':
      return `user ${loggedName(selector.user)}`;
    case 'connection':
      return `connection ${selector.id}`;
    default:
      return selector.address;
  }
}
