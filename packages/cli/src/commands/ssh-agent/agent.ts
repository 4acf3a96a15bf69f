/** The agent itself: a keyring behind a socket, for its own user alone. */
import type { Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type ConfirmRequest, Keyring, serveAgent } from '@nacre/ssh/agent';
import type { SshError } from '@nacre/ssh/errors';
import type { Listener } from './listen.ts';
import type { AgentLog } from './log.ts';
import { createPeerCheck, hideMemory } from './protection.ts';
import type { AgentSettings } from './settings.ts';

/**
 * Serves until the process ends.
 *
 * @param socketMode - whose socket it is: one that we made with mode 0600, or one that a supervisor made.
 */
export function serve(listener: Listener, settings: AgentSettings, socketMode: 'own' | 'given', log: AgentLog): void {
  const keyring = createKeyring(settings);
  process.on('SIGUSR1', () => {
    keyring.forget();
    log('debug', 'all keys are forgotten (SIGUSR1)');
  });
  hideMemory(log);
  const refusePeer = createPeerCheck(socketMode);
  listener.server.on('connection', (socket: Socket) => {
    // Listened to before anything else: a socket without a listener for its errors ends the process.
    socket.on('error', () => {});
    const reason = refusePeer(socket);
    if (reason !== undefined) {
      log('error', reason);
      socket.destroy();
      return;
    }
    serveAgent(socket, keyring, { onRefused: (error, request) => log('info', describeRefusal(error, request)) });
  });
  listener.server.on('error', (error) => log('error', `accept from AUTH_SOCKET: ${error.message}`));
}

function createKeyring({ fingerprintHash, lifetimeSeconds }: AgentSettings): Keyring {
  let asking: Promise<unknown> = Promise.resolve();
  return new Keyring({
    now: () => performance.now(),
    unixTime: () => BigInt(Math.floor(Date.now() / 1000)),
    wait: (milliseconds) => delay(milliseconds),
    defaultLifetimeSeconds: lifetimeSeconds,
    confirm(request) {
      // One question at a time: a person who sees two does not know which one is answered.
      const answer = asking.then(() => ask(request, fingerprintHash));
      asking = answer.catch(() => {});
      return answer;
    },
  });
}

/** OpenSSH's question, asked by the askpass program alone: an agent has no terminal. */
async function ask({ key, comment, user }: ConfirmRequest, hash: 'md5' | 'sha256'): Promise<boolean> {
  const [{ fingerprint }, { printable }, { askPermission }] = await Promise.all([
    import('@nacre/ssh/keys'),
    import('@nacre/ssh/wire'),
    import('../../terminal/prompts.ts'),
  ]);
  // Whoever added the key chose its comment, and whoever logs in the user's name: neither may write lines of the question.
  const lines = [`Allow use of key ${printable(comment)}?`, `Key fingerprint ${fingerprint(key.publicKey, hash)}.`];
  if (user !== undefined) {
    lines.push(`public key authentication request for user "${printable(user)}" to listed host`);
  }
  return askPermission(lines.join('\n'));
}

function describeRefusal(error: SshError, request: number): string {
  return `request ${request}: ${error.message}`;
}
