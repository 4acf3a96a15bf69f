import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { inMemory, isError, otherKey, userKey } from '../client/live.test.kit.ts';
import type { ConnectOptions } from '../client/options.ts';
import { type CertificateRequest, defaultUserExtensions, signCertificate, withCertificate } from '../keys/index.ts';
import { allFeatures, fullPermissions, type Permissions } from '../trust/index.ts';
import type { Authenticate, ServerOptions } from './options.ts';
import { listenOnLoopback } from './tcp.ts';

/** A server that does everything for whoever logs in with these permissions. */
function granting(permissions: Partial<Permissions>, more: Partial<ServerOptions> = {}): Partial<ServerOptions> {
  return {
    authenticate: { publicKey: async () => ({ ...fullPermissions, ...permissions }) },
    exec: async (command, { stdout }) => void stdout.write(`exec ${command}`),
    shell: async (_none, { stdout, pty }) => void stdout.write(`shell ${pty?.term ?? 'without terminal'}`),
    subsystems: { sftp: async (_none, { stdout }) => void stdout.write('sftp') },
    forwardTcp: async () => undefined,
    forwardUnix: async () => undefined,
    listen: listenOnLoopback,
    ...more,
  };
}

async function outputOf(session: { stdout: AsyncIterable<unknown>; stderr: { resume(): void } }): Promise<string> {
  session.stderr.resume();
  let text = '';
  for await (const chunk of session.stdout) text += String(chunk);
  return text;
}

test('a forced command runs in place of whatever is asked for', async (t) => {
  const { client } = await inMemory(t, granting({ forceCommand: 'only this' }));
  assert.equal((await client.exec('rm -rf /')).stdout, 'exec only this');
  assert.equal(await outputOf(await client.shell()), 'exec only this');
  assert.equal(await outputOf(await client.subsystem('sftp')), 'exec only this');
  assert.equal(await outputOf(await client.subsystem('unknown')), 'exec only this');
});

test('where commands are not served, a forced command is not replaced by a shell', async (t) => {
  const { client } = await inMemory(t, granting({ forceCommand: 'only this' }, { exec: undefined as never }));
  for (const call of [client.exec('x'), client.shell({}), client.subsystem('sftp')]) {
    await assert.rejects(call, isError('request-refused'));
  }
});

test('an empty forced command is one, too', async (t) => {
  const { client } = await inMemory(t, granting({ forceCommand: '' }));
  assert.equal((await client.exec('rm -rf /')).stdout, 'exec ');
  assert.equal(await outputOf(await client.shell()), 'exec ');
});

test('no terminal without the right to one', async (t) => {
  const allow = { ...allFeatures(true), pty: false };
  const { client } = await inMemory(t, granting({ allow }));
  await assert.rejects(client.shell(), isError('request-refused', 'channel'));
  const { client: allowed } = await inMemory(t, granting({}));
  const pty = { term: 'vt220', columns: 80, rows: 24 };
  assert.equal(await outputOf(await allowed.shell({ pty })), 'shell vt220');
});

/** Which of these destinations a client gets through to the handler. */
async function reached(t: TestContext, permissions: Partial<Permissions>): Promise<string[]> {
  const seen: string[] = [];
  const { client } = await inMemory(
    t,
    granting(permissions, {
      forwardTcp: async ({ host, port }) => {
        seen.push(`${host}:${port}`);
        return undefined;
      },
      forwardUnix: async (path) => {
        seen.push(path);
        return undefined;
      },
    }),
  );
  for (const [host, port] of [
    ['db', 5432],
    ['DB', 5432],
    ['db', 22],
    ['web', 443],
    ['db ', 5432],
    ['', 5432],
    ['*', 443],
  ] as const) {
    await assert.rejects(client.forwardTcp(host, port), isError('channel-open-refused'));
  }
  await assert.rejects(client.forwardUnix('/run/socket'), isError('channel-open-refused'));
  return seen;
}

test('forwarding goes where it is permitted, and nowhere without the right', async (t) => {
  assert.equal((await reached(t, {})).length, 8);
  assert.deepEqual(await reached(t, { allow: { ...allFeatures(true), 'port-forwarding': false } }), []);
  assert.deepEqual(await reached(t, { allow: allFeatures(false) }), []);
  const rule = { host: 'db', port: 5432 };
  const one = await reached(t, { permitOpen: [[rule]] });
  assert.ok(one.length >= 1 && one.every((place) => /^db:5432$/i.test(place)), one.join());
  // Two credentials with lists of their own: both must agree.
  assert.deepEqual(await reached(t, { permitOpen: [[rule], [{ host: 'web', port: 443 }]] }), []);
  assert.deepEqual(await reached(t, { permitOpen: [[]] }), []);
});

test('listening follows the same rules', async (t) => {
  const tries = async (permissions: Partial<Permissions>) => {
    const { client } = await inMemory(t, granting(permissions));
    return client
      .listen('localhost', 0, () => {})
      .then(
        (listener) => listener.close().then(() => true),
        (error: unknown) => !isError('request-refused')(error),
      );
  };
  assert.equal(await tries({}), true);
  assert.equal(await tries({ allow: { ...allFeatures(true), 'port-forwarding': false } }), false);
  assert.equal(await tries({ permitListen: [[{ host: 'localhost', port: 1 }]] }), false);
  assert.equal(await tries({ permitListen: [[]] }), false);
});

/** Each method of login, with a client that can use it. */
function everyMethod(
  decision: Permissions,
): Record<string, { authenticate: Authenticate; client: Partial<ConnectOptions> }> {
  return {
    publickey: { authenticate: { publicKey: async () => decision }, client: {} },
    password: { authenticate: { password: async () => decision }, client: { identities: [], password: 'x' } },
    'keyboard-interactive': {
      authenticate: {
        keyboardInteractive: async (_request, ask) => (await ask([{ text: '?', echo: true }])) && decision,
      },
      client: { identities: [], auth: { keyboardInteractive: async () => ['x'] } },
    },
    none: { authenticate: { none: async () => decision }, client: { identities: [] } },
  };
}

test('addresses and expiry are enforced at one gate, for every method', async (t) => {
  // The kit's client comes from 192.0.2.7.
  const nowSeconds = Math.floor(Date.now() / 1000);
  const cases: [Partial<Permissions>, boolean][] = [
    [{}, true],
    [{ sourceAddresses: ['192.0.2.0/24'] }, true],
    [{ sourceAddresses: ['10.0.0.0/8'] }, false],
    [{ sourceAddresses: ['192.0.2.0/24', '10.0.0.0/8'] }, false],
    [{ sourceAddresses: [''] }, false],
    [{ sourceAddresses: ['nonsense'] }, false],
    [{ from: ['192.0.2.*'] }, true],
    [{ from: ['!192.0.2.7,*'] }, false],
    [{ from: ['*.example.com'] }, false],
    [{ expiresAt: nowSeconds + 60 }, true],
    [{ expiresAt: nowSeconds - 60 }, false],
    [{ expiresAt: Number.NaN }, false],
  ];
  for (const [limits, isLetIn] of cases) {
    for (const [method, { authenticate, client }] of Object.entries(everyMethod({ ...fullPermissions, ...limits }))) {
      const connecting = inMemory(t, { authenticate }, client);
      const what = `${method} with ${JSON.stringify(limits)}`;
      if (isLetIn) assert.deepEqual((await connecting).served.methods, [method], what);
      else await assert.rejects(connecting, isError('auth-failed', 'auth'), what);
    }
  }
});

test('the caller’s own gate has the last word, and can only take away', async (t) => {
  const decision = { ...fullPermissions, forceCommand: 'forced' };
  for (const [method, { authenticate, client }] of Object.entries(everyMethod(decision))) {
    await assert.rejects(
      inMemory(t, { authenticate: { ...authenticate, gate: async () => false } }, client),
      isError('auth-failed'),
      method,
    );
    await assert.rejects(
      inMemory(t, { authenticate: { ...authenticate, gate: async () => undefined } }, client),
      isError('auth-failed'),
      method,
    );
    const failing = async () => Promise.reject(new Error('the database is away'));
    await assert.rejects(
      inMemory(t, { authenticate: { ...authenticate, gate: failing } }, client),
      isError('auth-failed'),
      method,
    );
    const { served } = await inMemory(t, { authenticate: { ...authenticate, gate: async () => true } }, client);
    assert.equal(served.permissions.forceCommand, 'forced', method);
  }
});

test('the limits of every step count, the first one’s too', async (t) => {
  const authenticate: Authenticate = {
    requiredMethods: [['publickey', 'password']],
    publicKey: async () => ({
      ...fullPermissions,
      forceCommand: 'of the key',
      allow: { ...allFeatures(true), pty: false },
    }),
    password: async () => true,
  };
  const { served, client } = await inMemory(t, { authenticate }, { password: 'x' });
  assert.deepEqual(served.methods, ['publickey', 'password']);
  assert.equal((await client.exec('x')).stdout, 'ran of the key');
  assert.equal(served.permissions.allow.pty, false);
  // Two commands: nobody can say which was meant.
  const password = async () => ({ ...fullPermissions, forceCommand: 'of the password' });
  await assert.rejects(
    inMemory(t, { authenticate: { ...authenticate, password } }, { password: 'x' }),
    isError('auth-failed'),
  );
});

const nowSeconds = BigInt(Math.floor(Date.now() / 1000));

async function certified(more: Partial<CertificateRequest> = {}, ca = otherKey) {
  const request: CertificateRequest = {
    subject: userKey.publicKey,
    kind: 'user',
    keyId: 'test',
    principals: ['ada'],
    validAfter: nowSeconds - 60n,
    validBefore: nowSeconds + 7200n,
    extensions: defaultUserExtensions,
    ...more,
  };
  return withCertificate(userKey, await signCertificate(request, ca));
}

test('a handler that only looks at the authority still lets in no certificate that is not good', async (t) => {
  const authenticate: Authenticate = {
    publicKey: async ({ key }) => key.certificate?.signatureKey.equals(otherKey.publicKey) === true,
  };
  const logIn = async (signer: Awaited<ReturnType<typeof certified>>) =>
    inMemory(t, { ...granting({}), authenticate }, { identities: [signer] });
  const { client } = await logIn(await certified());
  assert.equal((await client.exec('x')).stdout, 'exec x');
  for (const [why, signer] of [
    ['expired', await certified({ validBefore: nowSeconds - 1n })],
    ['not yet valid', await certified({ validAfter: nowSeconds + 3600n })],
    ['another user', await certified({ principals: ['root'] })],
    ['for a host', await certified({ kind: 'host', extensions: {} })],
    ['unknown critical option', await certified({ criticalOptions: { unheard: 'x' } })],
    ['another address', await certified({ criticalOptions: { 'source-address': '10.0.0.0/8' } })],
    ['another authority', await certified({}, userKey)],
  ] as const) {
    await assert.rejects(logIn(signer), isError('auth-failed', 'auth'), why);
  }
  const forced = await logIn(await certified({ criticalOptions: { 'force-command': 'forced' } }));
  assert.equal((await forced.client.exec('x')).stdout, 'exec forced');
  const bare = await logIn(await certified({ extensions: {} }));
  await assert.rejects(bare.client.shell(), isError('request-refused'));
  await assert.rejects(
    bare.client.listen('localhost', 0, () => {}),
    isError('request-refused'),
  );
});

test('a handler that gives permissions has judged the names, and nothing else of a certificate', async (t) => {
  const authenticate: Authenticate = { publicKey: async () => fullPermissions };
  const logIn = async (more: Partial<CertificateRequest>) =>
    inMemory(t, { ...granting({}), authenticate }, { identities: [await certified(more)] });
  await logIn({ principals: ['a role of ada'] });
  await assert.rejects(logIn({ validBefore: nowSeconds - 1n }), isError('auth-failed'));
  const { client } = await logIn({ criticalOptions: { 'force-command': 'forced' } });
  assert.equal((await client.exec('x')).stdout, 'exec forced');
});
