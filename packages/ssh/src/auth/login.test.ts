/** A client and a server in memory, logging in. */
import assert from 'node:assert/strict';
import { authenticateClient } from './client.ts';
import type { ClientAuthOptions, ClientAuthResult } from './client-options.ts';
import { linkedPair, rejectsWith, type TestGrant } from './fakes.test.ts';
import { authenticateServer } from './server.ts';
import type { ServerAuthOptions, ServerAuthResult } from './server-options.ts';

export const hostBoundExtension = { 'publickey-hostbound@openssh.com': '0' };

export async function login(
  client: Partial<ClientAuthOptions>,
  server: ServerAuthOptions<TestGrant>,
  extensions: Record<string, string> = {},
): Promise<{ client: ClientAuthResult; server: ServerAuthResult<TestGrant>; requests: Buffer[]; replies: Buffer[] }> {
  const pair = linkedPair();
  pair.client.peerExtensions = new Map(Object.entries(extensions).map(([name, value]) => [name, Buffer.from(value)]));
  const serving = authenticateServer(pair.server, server);
  serving.catch(() => pair.client.end());
  const [clientResult, serverResult] = await Promise.all([
    authenticateClient(pair.client, { user: 'alice', ...client }).catch((error: unknown) => {
      pair.server.end();
      throw error;
    }),
    serving.catch((error: unknown) => {
      throw error;
    }),
  ]);
  return { client: clientResult, server: serverResult, requests: pair.client.sent, replies: pair.server.sent };
}

/** The client's error of a login that fails. */
export async function refusedLogin(
  client: Partial<ClientAuthOptions>,
  server: ServerAuthOptions<TestGrant>,
  extensions = {},
): Promise<Error> {
  const pair = linkedPair();
  pair.client.peerExtensions = new Map(
    Object.entries(extensions).map(([name, value]) => [name, Buffer.from(String(value))]),
  );
  const serving = authenticateServer(pair.server, server).then(
    () => assert.fail('the server let the client in'),
    () => pair.client.end(),
  );
  const error = await rejectsWith(authenticateClient(pair.client, { user: 'alice', ...client }), 'auth-failed');
  pair.server.end();
  await serving;
  return error;
}
