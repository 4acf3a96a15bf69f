/** The server's side of login (RFC 4252): one request after the other until every step that is required has succeeded. */
import { disconnectReasons, protocolError, SshError, toSshError } from '../errors.ts';
import { authFailureDelayMs, maxAuthAttempts, maxUserNameBytes } from '../limits.ts';
import type { AuthLink, Clock } from '../transport/link.ts';
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
import { printable } from './printable.ts';
import { advance, allows, isComplete, methodsToList, type OpenLists, openLists } from './required-methods.ts';
import type { AuthAttempt, LoginSummary, ServerAuthOptions, ServerAuthResult } from './server-options.ts';
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
    throw toSshError(error, { code: 'misuse', stage: 'auth', disconnect: disconnectReasons.byApplication });
  }
}

async function converse<G>(session: ServerSession<G>): Promise<ServerAuthResult<G>> {
  const { options } = session;
  const { clock, maxAttempts = maxAuthAttempts, failureDelayMs = authFailureDelayMs } = options;
  const steps: Step<G>[] = [];
  let lists = openLists(options);
  let first: UserauthRequest | undefined;
  let failures = 0;
  let payload = await session.next([authNumbers.request]);

  while (true) {
    const startedMs = clock.now();
    const request = readRequest(session, payload, first);
    const isFirst = first === undefined;
    if (first === undefined) {
      first = request;
      sendBanner(session, request.user);
    }

    const verdict = await decide(session, request, lists);
    if (verdict.kind === 'abandoned') {
      report(session, request, { result: 'abandoned' });
      // Counted, or a client could look at the second question to learn about its answer to the first, for nothing.
      if (++failures >= maxAttempts) throw tooManyFailures('auth-failed');
      payload = verdict.next;
      continue;
    }
    if (verdict.kind === 'answered') {
      report(session, request, { result: 'answered', ...about(verdict) });
      payload = await session.next([authNumbers.request]);
      continue;
    }

    let refusal = verdict.kind === 'refused' ? verdict.reason : undefined;
    let partialSuccess = false;
    if (verdict.kind === 'granted') {
      const method = methodName(request);
      const next = advance(lists, method);
      const tried = [...steps, { method, ...verdict }];
      if (isComplete(next)) {
        const login = summary(request.user, tried);
        const grant = await passGate(session, login, tried);
        if (grant !== undefined) {
          report(session, request, { result: 'accepted', ...about(verdict) });
          session.send(userauthSuccess.encode({}));
          return { ...login, grant };
        }
        refusal = 'the login was refused after every step succeeded';
      } else {
        partialSuccess = true;
        lists = next;
        steps.push({ method, ...verdict });
        if (verdict.key !== undefined) session.provedKeys.push(verdict.key);
      }
    }

    if (partialSuccess) report(session, request, { result: 'partial', ...about(verdict) });
    else {
      report(session, request, {
        result: 'failed',
        ...about(verdict),
        ...(refusal === undefined ? {} : { reason: refusal }),
      });
      const justAsking = isFirst && request.method === 'none';
      // The first "none" is how clients ask for the list of methods: it costs nothing, and where "none" is off its answer
      // tells nothing about the user.
      if (!justAsking) failures++;
      if (!justAsking || options.none !== undefined) await holdBack(clock, startedMs, failureDelayMs);
      if (failures >= maxAttempts) throw tooManyFailures('auth-failed');
    }
    session.send(userauthFailure.encode({ methods: methodsToList(lists), partialSuccess }));
    payload = await session.next([authNumbers.request]);
  }
}

/** One step of a login that succeeded. */
interface Step<G> {
  readonly method: string;
  readonly grant: G;
  readonly key?: LoginSummary['keys'][number];
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

async function decide<G>(
  session: ServerSession<G>,
  request: UserauthRequest,
  lists: OpenLists,
): Promise<ServerVerdict<G>> {
  session.handlerError = undefined;
  const method = findAuthMethod(request.method);
  if (method === undefined) return { kind: 'refused', reason: 'unknown method' };
  // "none" may always be asked, it is how a client learns of the methods.
  if (!allows(lists, method.name) && method.name !== 'none')
    return { kind: 'refused', reason: 'method not allowed now' };
  try {
    const verdict = await method.server(request, session);
    if (verdict.kind === 'granted' && !allows(lists, method.name)) {
      return { kind: 'refused', reason: 'method not allowed now' };
    }
    return verdict;
  } catch (error) {
    if (error instanceof SshError && error.code === 'bad-message')
      report(session, request, { result: 'malformed', error });
    throw error;
  }
}

/** Merges the grants of all steps and asks the gate; what either throws is a refusal. */
async function passGate<G>(
  session: ServerSession<G>,
  login: LoginSummary,
  steps: readonly Step<G>[],
): Promise<G | undefined> {
  const { options } = session;
  return session.ask(async () => options.gate(login, options.merge(steps.map((step) => step.grant))));
}

function summary<G>(user: string, steps: readonly Step<G>[]): LoginSummary {
  return { user, methods: steps.map((step) => step.method), keys: steps.flatMap((step) => step.key ?? []) };
}

/**
 * Waits until a failure may be answered: a fixed time after the request, doubled until it is in the future, so that the time a
 * handler took shows in coarse steps only (OpenSSH CVE-2018-15473, CVE-2016-6210).
 */
async function holdBack(clock: Clock, startedMs: number, delayMs: number): Promise<void> {
  if (delayMs <= 0) return;
  const elapsedMs = clock.now() - startedMs;
  let dueMs = delayMs;
  while (dueMs < elapsedMs) dueMs *= 2;
  await new Promise<void>((resolve) => clock.setTimer(dueMs - elapsedMs, resolve));
}

function sendBanner<G>(session: ServerSession<G>, user: string): void {
  const { banner } = session.options;
  const text = typeof banner === 'function' ? banner(user) : banner;
  if (text !== undefined && text !== '') session.send(userauthBanner.encode({ text: Buffer.from(text), language: '' }));
}

function report<G>(
  session: ServerSession<G>,
  request: UserauthRequest,
  outcome: Omit<AuthAttempt, 'user' | 'method'>,
): void {
  const error = outcome.error ?? session.handlerError;
  session.options.onAttempt?.({
    user: request.user,
    method: methodName(request),
    ...outcome,
    ...(error === undefined ? {} : { error }),
  });
}

function about<G>(verdict: ServerVerdict<G>): { reason?: string; key?: LoginSummary['keys'][number] } {
  return {
    ...('reason' in verdict ? { reason: verdict.reason } : {}),
    ...('key' in verdict && verdict.key !== undefined ? { key: verdict.key } : {}),
  };
}

/** The method's own name, also where the request used another name for it. */
function methodName(request: UserauthRequest): string {
  return findAuthMethod(request.method)?.name ?? request.method;
}

function badRequest(message: string): SshError {
  return protocolError('auth', message, { code: 'bad-message' });
}
