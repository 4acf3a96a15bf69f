/** The client's side of login (RFC 4252): asks what the server takes and tries what there is until one side is done. */
import { type AuthFailure, disconnectReasons, SshError } from '../errors.ts';
import type { AuthLink } from '../transport/link.ts';
import { toAuthError, withAuthFailure } from './auth-error.ts';
import type { ClientAuthOptions, ClientAuthResult } from './client-options.ts';
import { ClientSession } from './client-session.ts';
import { noneRequest } from './methods/none.ts';
import { mayOfferAhead, offerAhead, publickeyMethod } from './methods/publickey.ts';
import { authMethods, findAuthMethod } from './methods/table.ts';
import type { AuthMethod } from './methods/types.ts';

/**
 * Logs in over a transport whose service is `ssh-userauth`.
 *
 * @throws SshError `auth-failed` when nothing is left to try; its text names the methods the server would still take.
 *   `aborted` by the signal, `protocol-error` and `bad-message` for what a server must not send, else what ended the link.
 * @example
 * const { methods } = await authenticateClient(link, { user: 'ada', signers: [await loadPrivateKey(file)] });
 */
export async function authenticateClient(link: AuthLink, options: ClientAuthOptions): Promise<ClientAuthResult> {
  return new ClientLogin(link, options).finish();
}

/** The same in two steps, for whoever sends the first request with the one for the service and saves its round trip. */
export class ClientLogin {
  readonly #session: ClientSession;

  constructor(link: AuthLink, options: ClientAuthOptions) {
    this.#session = new ClientSession(link, options);
  }

  /**
   * The request "none", to be sent in this turn. Over a long path the offer of a key follows it, by the link, as soon as there is one:
   * a server answers one after the other (RFC 4252 §5.1).
   */
  firstRequest(): Buffer {
    const session = this.#session;
    session.noneIsAsked = true;
    if (mayOfferAhead(session)) {
      session.ahead = offerAhead(session);
      // Told to whoever comes to the method, and to nobody where the server does not want keys.
      session.ahead.catch(() => {});
    }
    return noneRequest(session.options.user);
  }

  /** As {@link authenticateClient}. */
  async finish(): Promise<ClientAuthResult> {
    const session = this.#session;
    try {
      return await converse(session);
    } catch (error) {
      if (error instanceof SshError && serversEndings.has(error.code)) {
        // Most often for too many keys: which they were is worth knowing.
        throw withAuthFailure(error, summarize(session, [], []));
      }
      // What is no SshError was thrown by a callback: a prompt that was closed, a signer list that could not be read.
      throw toAuthError(error, { code: 'auth-failed', disconnect: disconnectReasons.authCancelledByUser });
    } finally {
      await session.signers.close().catch(() => undefined);
    }
  }
}

const serversEndings: ReadonlySet<string> = new Set(['disconnected', 'connection-lost']);

async function converse(session: ClientSession): Promise<ClientAuthResult> {
  const preferred = preferredMethods(session.options.preferredMethods);
  const exhausted = new Set<AuthMethod>();
  const succeeded: string[] = [];
  let method = findAuthMethod('none') as AuthMethod;
  let allowed: readonly string[] = [];

  while (true) {
    const outcome = await method.client(session);
    if (outcome.kind === 'success') return finish(session, [...succeeded, method.name]);
    if (outcome.kind === 'exhausted') exhausted.add(method);
    else {
      allowed = outcome.methods;
      if (!outcome.partialSuccess) session.record.noteRefusal(method.name);
      if (outcome.partialSuccess) {
        session.log('verbose', `${method.name} succeeded, the server wants more`);
        succeeded.push(method.name);
        // The next step is a factor of its own: prompts may be asked again, keys go on after the last one offered.
        exhausted.clear();
        session.attempts.clear();
      }
    }
    // Whatever the server said to "none": what was sent behind it has an answer too.
    const isAhead = await session.ahead?.then(
      (sent) => sent !== undefined,
      () => false,
    );
    const next = isAhead
      ? publickeyMethod
      : preferred.find((candidate) => allowed.includes(candidate.name) && !exhausted.has(candidate));
    if (next === undefined) {
      session.log('debug', 'No more authentication methods to try.');
      throw permissionDenied(session, allowed, preferred);
    }
    if (next !== method) session.log('debug', `Next authentication method: ${next.name}`);
    method = next;
  }
}

function finish(session: ClientSession, methods: readonly string[]): ClientAuthResult {
  if (session.options.requireMethod && !session.proved) {
    throw new SshError('the server let us in without asking for any proof of who we are', {
      code: 'auth-failed',
      stage: 'auth',
      side: 'peer',
      disconnect: disconnectReasons.byApplication,
      remedy:
        'Do not type secrets into this connection; allow logins without proof only if this server is meant to be open.',
    });
  }
  return { methods, proved: session.proved, banner: session.banner === '' ? undefined : session.banner };
}

function permissionDenied(
  session: ClientSession,
  methods: readonly string[],
  preferred: readonly AuthMethod[],
): SshError {
  return new SshError(`Permission denied (${methods.join(',')}).`, {
    authFailure: summarize(session, methods, preferred),
    code: 'auth-failed',
    stage: 'auth',
    side: 'peer',
    disconnect: disconnectReasons.noMoreAuthMethodsAvailable,
    remedy: 'Check the user name, and that one of your keys or your password is known to the server.',
  });
}

function summarize(session: ClientSession, allowed: readonly string[], preferred: readonly AuthMethod[]): AuthFailure {
  const [mayUse, known] = [preferred, authMethods].map((methods) => methods.map(({ name }) => name));
  return session.record.summarize(session.options.user, { allowed, preferred: mayUse ?? [], known: known ?? [] });
}

function preferredMethods(names: readonly string[] | undefined): AuthMethod[] {
  if (names === undefined) return authMethods.filter((method) => method.name !== 'none');
  return names.flatMap((name) => (name === 'none' ? [] : (authMethods.find((method) => method.name === name) ?? [])));
}
