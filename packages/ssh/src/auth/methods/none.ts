/** The method "none" (RFC 4252 §5.2): how a client asks what it may try, and a login without any proof where that is wanted. */
import { connectionService, userauthRequest } from '../messages.ts';
import type { AuthMethod } from './types.ts';

/** The request that asks what a user may try. */
export function noneRequest(user: string): Buffer {
  return userauthRequest.encode({ user, service: connectionService, method: 'none', rest: Buffer.alloc(0) });
}

export const noneMethod: AuthMethod = {
  name: 'none',
  aliases: [],

  async client(session) {
    if (!session.noneIsAsked) session.send(noneRequest(session.options.user));
    return session.verdict();
  },

  async server(request, session) {
    session.decode(request.rest, () => undefined);
    const { none } = session.options;
    const grant = none && (await session.ask(() => none({ user: request.user })));
    if (grant === undefined) return { kind: 'refused', reason: 'login without proof is not allowed' };
    return { kind: 'granted', grant };
  },

  hasHandler: (options) => options.none !== undefined,
};
