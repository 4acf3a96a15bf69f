/** What a server tells its owner: a hook that throws is a bug of the owner's, and no peer may turn it into the end of the process. */
import type { ServerOptions } from './options.ts';
import type { Peer } from './peer.ts';

/** The same options with hooks that never throw; what they threw goes to `onError`. */
export function guardHooks(options: ServerOptions): ServerOptions {
  const { onConnection, turnAway, onRefused, onHandshake, onAttempt, onLogin, onDisconnect, onError, log } = options;
  const { proxyProtocolFrom } = options;
  const report = (error: unknown, peer: Peer): void => {
    try {
      onError?.(error, peer);
    } catch {
      // The last one to be told has failed as well.
    }
  };
  const guard = (peer: Peer, call: () => void): void => {
    try {
      call();
    } catch (error) {
      report(error, peer);
    }
  };
  return {
    ...options,
    ...(onConnection && { onConnection: (peer) => guard(peer, () => onConnection(peer)) }),
    ...(turnAway && {
      turnAway: (peer) => {
        let reason: string | undefined;
        guard(peer, () => {
          reason = turnAway(peer);
        });
        return reason;
      },
    }),
    ...(proxyProtocolFrom && {
      proxyProtocolFrom: (address) => {
        // Where nobody knows, a header is asked for: without one the connection goes no further.
        let isBalancer = true;
        guard({ ...nobody, address }, () => {
          isBalancer = proxyProtocolFrom(address);
        });
        return isBalancer;
      },
    }),
    ...(onRefused && { onRefused: (peer, refusal) => guard(peer, () => onRefused(peer, refusal)) }),
    ...(onHandshake && { onHandshake: (peer) => guard(peer, () => onHandshake(peer)) }),
    ...(onLogin && { onLogin: (connection) => guard(connection.peer, () => onLogin(connection)) }),
    ...(onDisconnect && { onDisconnect: (error, peer) => guard(peer, () => onDisconnect(error, peer)) }),
    ...(onError && { onError: report }),
    ...(log && { log: (level, text, peer) => guard(peer, () => log(level, text, peer)) }),
    onAttempt: (attempt, peer) => {
      // A handler of `authenticate` that threw has refused; its owner should know why.
      if (attempt.error !== undefined && attempt.result !== 'malformed') report(attempt.error, peer);
      guard(peer, () => onAttempt?.(attempt, peer));
    },
  };
}

const nobody: Peer = {
  address: undefined,
  port: undefined,
  localAddress: undefined,
  localPort: undefined,
  identification: '',
};
