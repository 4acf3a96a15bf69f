/** Requests of clients as the tests of the server script them, and servers run on such scripts. */
import assert from 'node:assert/strict';
import { SshError } from '../errors.ts';
import type { Signer } from '../keys/types.ts';
import { WireWriter } from '../wire/index.ts';
import { rejectsWith, request, scripted, type TestGrant, TestLink } from './fakes.test.ts';
import { messages } from './index.ts';
import { authenticateServer } from './server.ts';
import type { Ask, ServerAuthOptions } from './server-options.ts';

export const hostBound = 'publickey-hostbound-v00@openssh.com';

export interface KeyParts {
  user?: string;
  service?: string;
  method?: string;
  algorithm?: string;
  blob?: Buffer;
  host?: Buffer;
  sessionId?: Buffer;
}

/** A publickey request without a signature. */
export function query(
  key: Signer,
  { algorithm = key.publicKey.type, blob = key.publicKey.blob, user = 'alice' }: KeyParts = {},
): Buffer {
  return request('publickey', new WireWriter().boolean(false).string(algorithm).string(blob).finish(), user);
}

/** A signed publickey request; `signed` are the parts that the signature covers where they differ from those in the request. */
export async function signed(key: Signer, parts: KeyParts = {}, lie: KeyParts = {}): Promise<Buffer> {
  const said = {
    user: 'alice',
    service: 'ssh-connection',
    method: 'publickey',
    algorithm: key.publicKey.type,
    blob: key.publicKey.blob,
    sessionId: new TestLink().sessionId,
    ...parts,
  };
  const covered = { ...said, ...lie };
  // RFC 4252 §7 field by field, and PROTOCOL's host key at the end.
  const data = new WireWriter()
    .string(covered.sessionId)
    .uint8(50)
    .string(covered.user)
    .string(covered.service)
    .string(covered.method)
    .uint8(1)
    .string(covered.algorithm)
    .string(covered.blob);
  if (covered.host !== undefined) data.string(covered.host);
  const signature = await key.sign(
    data.finish(),
    key.publicKey.type === 'ssh-rsa' ? covered.algorithm : key.publicKey.type,
  );
  const rest = new WireWriter().uint8(1).string(said.algorithm).string(said.blob);
  if (said.host !== undefined) rest.string(said.host);
  return request(said.method, rest.string(signature).finish(), said.user, said.service);
}

export const password = (text: string, user = 'alice'): Buffer =>
  request('password', new WireWriter().boolean(false).string(text).finish(), user);
export const passwordChange = (text: string, fresh: string): Buffer =>
  request('password', new WireWriter().boolean(true).string(text).string(fresh).finish());
export const keyboardInteractive = (user = 'alice'): Buffer =>
  request('keyboard-interactive', new WireWriter().string('').string('').finish(), user);
export const answers = (...responses: string[]): Buffer => messages.userauthInfoResponse.encode({ responses });

/** Serves a script that must not log in, and gives what the server sent. */
export async function refuse(options: ServerAuthOptions<TestGrant>, ...script: Buffer[]): Promise<Buffer[]> {
  const link = scripted(...script);
  await rejectsWith(authenticateServer(link, options), 'connection-lost');
  assert.ok(link.sent.every((payload) => payload[0] !== 52));
  return link.sent;
}

/** Serves a script that must not log in, however it ends: an answer to a question that was never asked ends it early. */
export async function neverLogsIn(options: ServerAuthOptions<TestGrant>, ...script: Buffer[]): Promise<void> {
  const link = scripted(...script);
  const result = await authenticateServer(link, options).catch((error: unknown) => error);
  assert.ok(result instanceof SshError && ['connection-lost', 'protocol-error'].includes(result.code), String(result));
  assert.ok(link.sent.every((payload) => payload[0] !== 52));
}

export async function accept(options: ServerAuthOptions<TestGrant>, ...script: Buffer[]): Promise<TestGrant> {
  const link = scripted(...script);
  const { grant } = await authenticateServer(link, options);
  assert.deepEqual(link.sent.at(-1), Buffer.from([52]));
  return grant;
}

/** A keyboard-interactive handler that asks once and refuses whatever the answer is. */
export function refuseAfter(
  prompts: readonly messages.Prompt[],
): NonNullable<ServerAuthOptions<TestGrant>['keyboardInteractive']> {
  return async (_request, ask) => {
    await ask(prompts);
    return undefined;
  };
}

export async function askForEver(ask: Ask): Promise<undefined> {
  while (true) await ask([]);
}
