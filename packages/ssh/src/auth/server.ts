/** The server's side of login (RFC 4252): one request after the other until every step that is required has succeeded. */
import { disconnectReasons, protocolError, SshError } from '../errors.ts';
import type { PublicKey } from '../keys/types.ts';
import { authFailureDelayMs, maxAuthAttempts, maxUserNameBytes } from '../limits.ts';
import type { AuthLink } from '../transport/link.ts';
import { printable } from '../wire/index.ts';
import { toAuthError } from './auth-error.ts';
import {
  authNumbers,
  connectionService,
  type UserauthRequest,
  userauthBanner,
  userauthFailure,
  userauthRequest,
  userauthSuccess,
} from './messages.ts';
import { findAuthMethod } from './methods/table.ts';
import type { AuthMethod } from './methods/types.ts';
import { advance, allows, isComplete, methodsToList, type OpenLists, openLists } from './required-methods.ts';
import { LoginEnd, type LoginSummary, type ServerAuthOptions, type ServerAuthResult } from './server-options.ts';
import { ServerSession, type ServerVerdict, tooManyFailures } from './server-session.ts';

/**
 * Lets a client log in over a transport whose service is `ssh-userauth`.
 *
 * @returns the user and the grant of the gate, after USERAUTH_SUCCESS was sent.
 * @throws SshError `auth-failed` or `limit-exceeded` after too many failures or messages, `bad-message` and `protocol-error` for
 *   what a client must not send, `misuse` for options by which nobody could log in, else what ended the link.
 * @example
 * const { user, grant } = await authenticateServer(link, {
 *   clock,
 *   publicKey: async ({ user, key }) => (isAuthorized(user, key) ? { mayForward: false } : undefined),
 *   merge: (grants) => ({ mayForward: grants.every((grant) => grant.mayForward) }),
 *   gate: async (_login, grant) => grant,
 * });
 */
export async function authenticateServer<G>(
  link: AuthLink,
  options: ServerAuthOptions<G>,
): Promise<ServerAuthResult<G>> {
  try {
    return await converse(new ServerSession(link, options));
  } catch (error) {
    throw toAuthError(error, { code: 'misuse', disconnect: disconnectReasons.byApplication });
  }
}

async function converse<G>(session: ServerSession<G>): Promise<ServerAuthResult<G>> {
  const steps: Step<G>[] = [];
  // Where they are the same for everybody, a mistake in the options is told before anybody speaks.
  let lists: OpenLists = session.options.rulesFor === undefined ? openLists(session.options) : [];
  let first: UserauthRequest | undefined;
  let failures = 0;
  let payload = await session.next([authNumbers.request]);

  while (true) {
    const request = readRequest(session, payload, first);
    if (first === undefined) {
      await session.settleRules(request.user);
      lists = openLists(session.options);
      sendBanner(session, request.user);
    }
    const { maxAttempts = maxAuthAttempts } = session.options;
    // The first "none" is how clients ask for the list of methods: it costs them nothing.
    const justAsking = first === undefined && request.method === 'none';
    first ??= request;

    const verdict = await decide(session, request, lists, steps);
    report(session, request, verdict);
    switch (verdict.kind) {
      case 'accepted':
        showText(session, session.options.lastWords?.(verdict.login));
        session.send(userauthSuccess.encode({}));
        return { ...verdict.login, grant: verdict.grant };
      case 'partial':
        steps.push(verdict.step);
        if (verdict.key !== undefined) session.provedKeys.push(verdict.key);
        lists = verdict.lists;
        session.send(userauthFailure.encode({ methods: methodsToList(lists), partialSuccess: true }));
        break;
      case 'refused':
        if ('end' in verdict) throw endLogin(session, verdict.end);
        if (!justAsking) failures++;
        // Where "none" is off, its answer tells nothing about the user and need not wait.
        if (!justAsking || session.options.none !== undefined) await holdBack(session);
        if (failures >= maxAttempts) throw tooManyFailures('auth-failed');
        session.send(userauthFailure.encode({ methods: methodsToList(lists), partialSuccess: false }));
        break;
      case 'answered':
        break;
      case 'abandoned':
        // Counted, or a client could see in the second question whether its answer to the first was right, for nothing.
        if (++failures >= maxAttempts) throw tooManyFailures('auth-failed');
        payload = verdict.next;
        continue;
    }
    payload = await session.next([authNumbers.request]);
  }
}

/** One step of a login that succeeded. */
interface Step<G> {
  readonly method: string;
  readonly grant: G;
  readonly key: PublicKey | undefined;
}

/** Reads a request and holds it to what the first one said. Throws where the connection must end. */
function readRequest<G>(
  session: ServerSession<G>,
  payload: Buffer,
  first: UserauthRequest | undefined,
): UserauthRequest {
  let request: UserauthRequest;
  try {
    request = userauthRequest.decode(payload);
    if (Buffer.byteLength(request.user) > maxUserNameBytes) throw badRequest('the user name is too long');
    if (request.user.includes('\0')) throw badRequest('the user name holds a NUL');
  } catch (error) {
    session.options.onAttempt?.({ user: first?.user ?? '', method: '', result: 'malformed', error });
    throw error;
  }
  if (first === undefined) {
    if (request.service === connectionService) return request;
    throw new SshError(
      `the client asked to log in for the service "${request.service}", there is ${connectionService} only`,
      {
        code: 'protocol-error',
        stage: 'auth',
        side: 'peer',
        disconnect: disconnectReasons.serviceNotAvailable,
      },
    );
  }
  // RFC 4252 §5 has us forget all steps or disconnect; nobody changes the name in good faith, so disconnect as OpenSSH does.
  if (request.user !== first.user || request.service !== first.service) {
    const [from, to] = [first, request].map(({ user, service }) => `(${printable(user, 'one')},${service})`);
    throw protocolError('auth', `Change of username or service not allowed: ${from} -> ${to}`);
  }
  return request;
}

/** A method's verdict, weighed with all that the login needs. */
type Decision<G> =
  | Exclude<ServerVerdict<G>, { kind: 'granted' }>
  | { kind: 'refused'; reason: string; key: PublicKey | undefined; end: LoginEnd }
  | { kind: 'partial'; step: Step<G>; lists: OpenLists; key: PublicKey | undefined }
  | { kind: 'accepted'; login: LoginSummary; grant: G; key: PublicKey | undefined };

async function decide<G>(
  session: ServerSession<G>,
  request: UserauthRequest,
  lists: OpenLists,
  steps: readonly Step<G>[],
): Promise<Decision<G>> {
  session.handlerError = undefined;
  const method = findAuthMethod(request.method);
  if (method === undefined) return { kind: 'refused', reason: 'unknown method' };
  // A method that no list wants now is not even asked: its handler must not learn of credentials out of turn.
  if (!allows(lists, method.name)) return { kind: 'refused', reason: 'method not allowed now' };
  const verdict = await askMethod(session, method, request);
  if (verdict.kind !== 'granted') return verdict;

  const { grant, key } = verdict;
  const step = { method: method.name, grant, key };
  const left = advance(lists, method.name);
  if (!isComplete(left)) return { kind: 'partial', step, lists: left, key };
  const login = summary(request.user, [...steps, step]);
  // One gate for every method and every login (Go CVE-2026-46595, -56854). What it or the merging throws is a refusal.
  const { options } = session;
  const grants = [...steps.map((earlier) => earlier.grant), grant];
  const final = await session.ask(async () => options.gate(login, options.merge(grants)));
  if (final instanceof LoginEnd) return { kind: 'refused', reason: 'refused by the gate for good', key, end: final };
  if (final === undefined) return { kind: 'refused', reason: 'refused by the gate after every step succeeded', key };
  return { kind: 'accepted', login, grant: final, key };
}

async function askMethod<G>(
  session: ServerSession<G>,
  method: AuthMethod,
  request: UserauthRequest,
): Promise<ServerVerdict<G>> {
  try {
    return await method.server(request, session);
  } catch (error) {
    if (error instanceof SshError && error.code === 'bad-message') {
      session.options.onAttempt?.({ user: request.user, method: method.name, result: 'malformed', error });
    }
    throw error;
  }
}

function summary<G>(user: string, steps: readonly Step<G>[]): LoginSummary {
  return { user, methods: steps.map((step) => step.method), keys: steps.flatMap((step) => step.key ?? []) };
}

/**
 * Waits until a failure may be answered: a fixed time after the client's last message, doubled until it is in the future, so that
 * the time a handler took shows in coarse steps only (OpenSSH CVE-2018-15473, CVE-2016-6210).
 */
async function holdBack<G>({ options, receivedMs }: ServerSession<G>): Promise<void> {
  const { clock, failureDelayMs = authFailureDelayMs } = options;
  if (failureDelayMs <= 0) return;
  const elapsedMs = clock.now() - receivedMs;
  let dueMs = failureDelayMs;
  while (dueMs < elapsedMs) dueMs *= 2;
  await new Promise<void>((resolve) => clock.setTimer(dueMs - elapsedMs, resolve));
}

function endLogin<G>(session: ServerSession<G>, { banner }: LoginEnd): SshError {
  showText(session, banner);
  return new SshError('this account may not log in', {
    code: 'permission-denied',
    stage: 'auth',
    side: 'peer',
    disconnect: disconnectReasons.noMoreAuthMethodsAvailable,
  });
}

function sendBanner<G>(session: ServerSession<G>, user: string): void {
  const { banner } = session.options;
  const text = typeof banner === 'function' ? banner(user) : banner;
  showText(session, text);
}

function showText<G>(session: ServerSession<G>, text: string | undefined): void {
  if (text !== undefined && text !== '') session.send(userauthBanner.encode({ text: Buffer.from(text), language: '' }));
}

function report<G>(session: ServerSession<G>, request: UserauthRequest, decision: Decision<G>): void {
  const { handlerError, options } = session;
  options.onAttempt?.({
    user: request.user,
    method: findAuthMethod(request.method)?.name ?? request.method,
    result: decision.kind === 'refused' ? 'failed' : decision.kind,
    ...('reason' in decision ? { reason: decision.reason } : {}),
    ...('key' in decision && decision.key !== undefined ? { key: decision.key } : {}),
    ...(handlerError === undefined ? {} : { error: handlerError }),
  });
}

function badRequest(message: string): SshError {
  return protocolError('auth', message, { code: 'bad-message' });
}
