/** The server against scripted clients: what it must refuse, and that all refusals look the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  alice,
  hostKey,
  knows,
  rejectsWith,
  request,
  scripted,
  second,
  serverOptions,
  stranger,
  type TestGrant,
  TestLink,
} from './fakes.test.ts';
import {
  answers,
  askForEver,
  hostBound,
  keyboardInteractive,
  password,
  passwordChange,
  query,
  refuse,
  refuseAfter,
  signed,
} from './scripts.test.ts';
import { authenticateServer } from './server.ts';
import type { ServerAuthOptions } from './server-options.ts';

test('only USERAUTH_REQUEST is taken, whatever the number (libssh CVE-2018-10933)', async () => {
  for (let number = 0; number < 256; number++) {
    if (number === 50) continue;
    for (const before of [[], [request('none')], [query(alice)]]) {
      const link = scripted(...before, Buffer.from([number]));
      await rejectsWith(authenticateServer(link, serverOptions({ publicKey: knows(alice) })), 'protocol-error');
      assert.ok(link.sent.every((payload) => payload[0] !== 52));
    }
    if (number === 61) continue;
    const asking = serverOptions({ keyboardInteractive: refuseAfter([]) });
    await rejectsWith(
      authenticateServer(scripted(keyboardInteractive(), Buffer.from([number])), asking),
      'protocol-error',
    );
  }
});

test('another user or service than before ends the connection', async () => {
  const options = serverOptions({ publicKey: knows(alice), password: async () => ({ by: 'password' }) });
  const user = authenticateServer(scripted(request('none'), password('x', 'ro\x1bot')), options);
  const error = await rejectsWith(
    user,
    'protocol-error',
    /^Change of username or service not allowed: \(alice,ssh-connection\) -> \(ro\\033ot,/,
  );
  assert.equal(error.disconnect, 2);
  // Also in the middle of a dialogue, and after a step that succeeded.
  const asking = serverOptions({ keyboardInteractive: refuseAfter([]) });
  await rejectsWith(
    authenticateServer(scripted(keyboardInteractive(), password('x', 'root')), asking),
    'protocol-error',
  );
  const two = serverOptions({
    publicKey: knows(alice),
    password: async () => ({ by: 'password' }),
    requiredMethods: [['publickey', 'password']],
  });
  await rejectsWith(authenticateServer(scripted(await signed(alice), password('x', 'root')), two), 'protocol-error');
  const service = authenticateServer(scripted(request('none', Buffer.alloc(0), 'alice', 'ssh-other')), options);
  assert.equal((await rejectsWith(service, 'protocol-error', /ssh-connection only/)).disconnect, 7);
  const changed = authenticateServer(
    scripted(request('none'), request('none', Buffer.alloc(0), 'alice', 'ssh-other')),
    options,
  );
  await rejectsWith(changed, 'protocol-error', /not allowed/);
});

test('known and unknown users get the same bytes after the same time, whatever they try', async () => {
  const tryAll = async (user: string): Promise<{ sent: Buffer[]; waits: number[]; verified: number }> => {
    const options = serverOptions({
      publicKey: knows(alice),
      password: async (given) =>
        given.user === 'alice' && given.password === 'right' ? { by: 'password' } : undefined,
      keyboardInteractive: async ({ user }, ask) => {
        const [secret] = await ask([{ text: 'Password: ', echo: false }]);
        return user === 'alice' && secret === 'right' ? { by: 'dialogue' } : undefined;
      },
      banner: 'Welcome',
      maxAttempts: 100,
    });
    const script = [
      request('none', Buffer.alloc(0), user),
      query(stranger, { user }),
      await signed(stranger, { user }),
      await signed(second, { user }),
      await signed(alice, { user }, { sessionId: Buffer.alloc(1) }),
      password('wrong', user),
      password('', user),
      keyboardInteractive(user),
      answers('wrong'),
      request('gssapi-with-mic', Buffer.alloc(0), user),
      request('none', Buffer.alloc(0), user),
    ];
    return { sent: await refuse(options, ...script), waits: options.clock.waits, verified: 0 };
  };
  const known = await tryAll('alice');
  assert.deepEqual(await tryAll('nobody'), known);
  assert.deepEqual(await tryAll(''), known);
  assert.equal(known.waits.length, 9);
  assert.ok(known.waits.every((ms) => ms === known.waits[0]));
});

test('a failure waits for the delay, doubled until it covers what the handler took', async () => {
  for (const [handlerMs, totalMs] of [
    [0, 10],
    [9, 10],
    [11, 20],
    [35, 40],
    [40, 40],
  ] as const) {
    const options = serverOptions({
      password: async () => {
        options.clock.ms += handlerMs;
        return undefined;
      },
      failureDelayMs: 10,
    });
    await refuse(options, password('x'));
    assert.equal(options.clock.ms - 1000, totalMs);
  }
});

test('the time a person takes to answer does not lengthen the delay', async () => {
  const link = new TestLink();
  const options = serverOptions({ keyboardInteractive: refuseAfter([{ text: '?', echo: true }]), failureDelayMs: 10 });
  link.onSend = (payload) => {
    if (payload[0] === 51) link.end();
    else {
      options.clock.ms += 30_000;
      link.arrive(answers('late'));
    }
  };
  link.arrive(keyboardInteractive());
  await rejectsWith(authenticateServer(link, options), 'connection-lost');
  assert.deepEqual(options.clock.waits, [10]);
});

test('requests of every kind are capped, also those that prove nothing', async () => {
  const flood = (payload: Buffer) => Array.from({ length: 200 }, () => payload);
  const cases: [Buffer[], Partial<ServerAuthOptions<TestGrant>>, number][] = [
    [flood(request('none')), {}, 7],
    [flood(request('nonsense')), {}, 6],
    [flood(query(stranger)), {}, 6],
    [flood(query(alice)), {}, 129],
    [flood(keyboardInteractive()), { keyboardInteractive: refuseAfter([]) }, 7],
    [
      [keyboardInteractive(), ...flood(answers())],
      { keyboardInteractive: async (_request, ask) => askForEver(ask) },
      129,
    ],
    [flood(password('old')), { password: async () => ({ changePrompt: 'new' }) }, 129],
  ];
  for (const [script, extra, taken] of cases) {
    const link = scripted(...script);
    const options = serverOptions({ publicKey: knows(alice), ...extra });
    const error = await authenticateServer(link, options).then(
      () => assert.fail(),
      (thrown: unknown) => thrown as { message: string; code: string },
    );
    assert.equal(error.message, 'Too many authentication failures');
    assert.equal(error.code, taken > 100 ? 'limit-exceeded' : 'auth-failed');
    let left = 0;
    while (
      await link.next().then(
        () => true,
        () => false,
      )
    )
      left++;
    assert.equal(script.length - left, taken);
  }
});

test('a request cut at any byte, or with a byte too many, is malformed or refused', async () => {
  const options = () =>
    serverOptions({
      // Whatever can be read is accepted by the handlers, so that only reading stands in the way.
      publicKey: async () => ({ by: 'key' }),
      password: async () => undefined,
      none: async () => undefined,
      keyboardInteractive: refuseAfter([{ text: '?', echo: true }]),
    });
  const scripts = [
    [await signed(alice)],
    [await signed(alice, { method: hostBound, host: hostKey.publicKey.blob })],
    [query(alice)],
    [password('secret')],
    [passwordChange('secret', 'new')],
    [keyboardInteractive()],
    [keyboardInteractive(), answers('a')],
    [request('none')],
  ];
  for (const script of scripts) {
    const last = script.at(-1) as Buffer;
    for (let length = 0; length <= last.length; length++) {
      const cut = length === last.length ? Buffer.concat([last, Buffer.from([0])]) : last.subarray(0, length);
      const link = scripted(...script.slice(0, -1), cut);
      const attempts = options();
      const error = await rejectsWith(
        authenticateServer(link, attempts),
        length === 0 ? 'protocol-error' : 'bad-message',
      );
      assert.equal(error.disconnect, 2);
      assert.equal(error.stage, 'auth');
      if (length > 0) assert.equal(attempts.attempts.at(-1)?.result, 'malformed');
    }
  }
});

test('user names that are too long or hold a NUL are malformed', async () => {
  for (const user of ['a\0b', 'x'.repeat(1025), 'é'.repeat(600)]) {
    await rejectsWith(
      authenticateServer(scripted(request('none', Buffer.alloc(0), user)), serverOptions()),
      'bad-message',
    );
  }
});

test('a signal ends the server while it waits for the client and for a handler', async () => {
  for (const script of [[], [password('x')]]) {
    const link = new TestLink();
    for (const payload of script) link.arrive(payload);
    const controller = new AbortController();
    const options = serverOptions({ password: () => new Promise<never>(() => undefined) });
    const serving = authenticateServer(link, { ...options, signal: controller.signal });
    setImmediate(() => controller.abort());
    await rejectsWith(serving, 'aborted');
  }
});
