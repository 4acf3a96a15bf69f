/** The server against scripted clients: what it must refuse, and that all refusals look the same. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import type { Signer } from '../keys/types.ts';
import { WireWriter } from '../wire/index.ts';
import {
  alice,
  hostKey,
  knows,
  linkedPair,
  nameOf,
  otherHostKey,
  rejectsWith,
  request,
  rsa,
  scripted,
  second,
  serverOptions,
  stranger,
  type TestGrant,
  TestLink,
} from './fakes.test.ts';
import { messages } from './index.ts';
import { authenticateServer } from './server.ts';
import type { Ask, ServerAuthOptions } from './server-options.ts';

const hostBound = 'publickey-hostbound-v00@openssh.com';

interface KeyParts {
  user?: string;
  service?: string;
  method?: string;
  algorithm?: string;
  blob?: Buffer;
  host?: Buffer;
  sessionId?: Buffer;
}

/** A publickey request without a signature. */
function query(
  key: Signer,
  { algorithm = key.publicKey.type, blob = key.publicKey.blob, user = 'alice' }: KeyParts = {},
): Buffer {
  return request('publickey', new WireWriter().boolean(false).string(algorithm).string(blob).finish(), user);
}

/** A signed publickey request; `signed` are the parts that the signature covers where they differ from those in the request. */
async function signed(key: Signer, parts: KeyParts = {}, lie: KeyParts = {}): Promise<Buffer> {
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

const password = (text: string, user = 'alice'): Buffer =>
  request('password', new WireWriter().boolean(false).string(text).finish(), user);
const passwordChange = (text: string, fresh: string): Buffer =>
  request('password', new WireWriter().boolean(true).string(text).string(fresh).finish());
const keyboardInteractive = (user = 'alice'): Buffer =>
  request('keyboard-interactive', new WireWriter().string('').string('').finish(), user);
const answers = (...responses: string[]): Buffer => messages.userauthInfoResponse.encode({ responses });

/** Serves a script that must not log in, and gives what the server sent. */
async function refuse(options: ServerAuthOptions<TestGrant>, ...script: Buffer[]): Promise<Buffer[]> {
  const link = scripted(...script);
  await rejectsWith(authenticateServer(link, options), 'connection-lost');
  assert.ok(link.sent.every((payload) => payload[0] !== 52));
  return link.sent;
}

/** Serves a script that must not log in, however it ends: an answer to a question that was never asked ends it early. */
async function neverLogsIn(options: ServerAuthOptions<TestGrant>, ...script: Buffer[]): Promise<void> {
  const link = scripted(...script);
  const result = await authenticateServer(link, options).catch((error: unknown) => error);
  assert.ok(result instanceof SshError && ['connection-lost', 'protocol-error'].includes(result.code), String(result));
  assert.ok(link.sent.every((payload) => payload[0] !== 52));
}

async function accept(options: ServerAuthOptions<TestGrant>, ...script: Buffer[]): Promise<TestGrant> {
  const link = scripted(...script);
  const { grant } = await authenticateServer(link, options);
  assert.deepEqual(link.sent.at(-1), Buffer.from([52]));
  return grant;
}

test('a signature over exactly the fields of RFC 4252 §7 logs in', async () => {
  assert.deepEqual(await accept(serverOptions({ publicKey: knows(alice) }), await signed(alice)), { by: 'alice' });
  const bound = await signed(alice, { method: hostBound, host: hostKey.publicKey.blob });
  assert.deepEqual(await accept(serverOptions({ publicKey: knows(alice) }), bound), { by: 'alice' });
  for (const algorithm of ['rsa-sha2-256', 'rsa-sha2-512']) {
    await accept(serverOptions({ publicKey: knows(rsa) }), await signed(rsa, { algorithm }));
  }
});

test('a signature over anything else is refused', async () => {
  const host = hostKey.publicKey.blob;
  const other = otherHostKey.publicKey.blob;
  const scripts = [
    await signed(alice, {}, { user: 'root' }),
    await signed(alice, {}, { service: 'ssh-other' }),
    await signed(alice, {}, { method: hostBound }),
    await signed(alice, {}, { algorithm: 'ssh-rsa' }),
    await signed(alice, {}, { blob: second.publicKey.blob }),
    await signed(alice, {}, { sessionId: Buffer.alloc(32, 1) }),
    await signed(alice, { method: hostBound, host: other }),
    await signed(alice, { method: hostBound, host }, { host: other }),
    await signed(alice, { method: hostBound, host: other }, { host }),
    await signed(alice, { method: hostBound, host }, { method: 'publickey' }),
    // The key of one and the signature of another.
    await signed(second, { blob: alice.publicKey.blob }),
    // A signature for rsa-sha2-256 sent as rsa-sha2-512.
    await signed(rsa, { algorithm: 'rsa-sha2-512' }, { algorithm: 'rsa-sha2-256' }),
  ];
  for (const script of scripts) {
    const options = serverOptions({ publicKey: knows(alice, rsa) });
    assert.deepEqual(await refuse(options, script), [
      messages.userauthFailure.encode({ methods: ['publickey'], partialSuccess: false }),
    ]);
    assert.match(options.attempts[0]?.reason ?? '', /signature is wrong|another host key/);
  }
});

test('a flipped bit anywhere in a signed request never logs in', async () => {
  const whole = await signed(alice);
  for (let at = 0; at < whole.length; at++) {
    const flipped = Buffer.from(whole);
    flipped[at] = (flipped[at] as number) ^ 1;
    const link = scripted(flipped);
    await assert.rejects(authenticateServer(link, serverOptions({ publicKey: async () => ({ by: 'anyone' }) })));
    assert.ok(
      link.sent.every((payload) => payload[0] !== 52),
      `byte ${at}`,
    );
  }
});

test('a query leaves nothing behind: only the key that signs decides (Go CVE-2024-45337, russh 2026-05)', async () => {
  const options = serverOptions({ publicKey: knows(alice, second) });
  assert.deepEqual(await accept(options, query(alice), query(second), query(alice), await signed(second)), {
    by: 'second',
  });
  const asked: string[] = [];
  const watching = serverOptions({
    publicKey: async ({ key }) => {
      asked.push(nameOf(key.blob));
      return nameOf(key.blob) === 'alice' ? { by: 'alice' } : undefined;
    },
  });
  await refuse(watching, query(alice), await signed(stranger));
  assert.deepEqual(asked, ['alice', 'stranger']);
});

test('a query is answered with PK_OK of the same algorithm and key', async () => {
  const [reply] = await refuse(serverOptions({ publicKey: knows(rsa) }), query(rsa, { algorithm: 'rsa-sha2-256' }));
  assert.deepEqual(reply, messages.userauthPkOk.encode({ algorithm: 'rsa-sha2-256', blob: rsa.publicKey.blob }));
});

test('algorithms: the allow-list first, then a key that fits the name', async () => {
  const cases: [Buffer, RegExp, Partial<ServerAuthOptions<TestGrant>>?][] = [
    [query(rsa, { algorithm: 'ssh-rsa' }), /ssh-rsa is not allowed/],
    [await signed(rsa, { algorithm: 'ssh-rsa' }), /ssh-rsa is not allowed/],
    // The blob is garbage, and nobody looked at it.
    [query(alice, { algorithm: 'ssh-dss', blob: Buffer.from('garbage') }), /ssh-dss is not allowed/],
    [query(alice, { algorithm: 'ssh-xyz' }), /ssh-xyz is unknown/, { signatureAlgorithms: ['ssh-xyz'] }],
    [query(alice, { algorithm: 'rsa-sha2-512' }), /no valid key for rsa-sha2-512/],
    [query(stranger, { algorithm: 'ecdsa-sha2-nistp384' }), /no valid key/],
    [query(alice, { algorithm: 'ssh-ed25519-cert-v01@openssh.com' }), /no valid key/],
    [query(alice, { blob: Buffer.from('garbage') }), /no valid key/],
    [query(alice, { blob: Buffer.concat([alice.publicKey.blob, Buffer.from([0])]) }), /no valid key/],
    [query(alice), /ssh-ed25519 is not allowed/, { signatureAlgorithms: ['rsa-sha2-512'] }],
    [query(rsa, { algorithm: 'rsa-sha2-512' }), /at least 8192/, { requiredRsaBits: 8192 }],
  ];
  for (const [script, reason, extra] of cases) {
    const asked = serverOptions({
      publicKey: () => assert.fail('the handler was asked'),
      ...extra,
    });
    const [reply] = await refuse(asked, script);
    assert.equal(reply?.[0], 51);
    assert.match(asked.attempts[0]?.reason ?? '', reason);
    assert.equal(asked.attempts[0]?.error, undefined);
  }
});

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

test('every combination of required methods, with empty credentials and with each subset of good ones', async () => {
  const names = ['publickey', 'password', 'keyboard-interactive'];
  const lists = names.flatMap((a) => [[a], ...names.flatMap((b) => [[a, b], ...names.map((c) => [a, b, c])])]);
  const good: Record<string, Buffer[]> = {
    publickey: [await signed(alice)],
    password: [password('right')],
    'keyboard-interactive': [keyboardInteractive(), answers('42')],
  };
  const empty: Record<string, Buffer[]> = {
    publickey: [
      request('publickey', new WireWriter().boolean(true).string('ssh-ed25519').string('').string('').finish()),
    ],
    password: [password('')],
    'keyboard-interactive': [keyboardInteractive(), answers('')],
  };
  const options = (list: string[]) =>
    serverOptions({
      publicKey: knows(alice),
      password: async (given) => (given.password === 'right' ? { by: 'password' } : undefined),
      keyboardInteractive: async (_request, ask) =>
        (await ask([{ text: '?', echo: true }]))[0] === '42' ? { by: 'code' } : undefined,
      requiredMethods: [list],
      maxAttempts: 100,
    });
  for (const list of lists) {
    // Each step with an empty credential, alone and followed by everything else: never a login.
    for (let weak = 0; weak < list.length; weak++) {
      const script = list.flatMap((name, i) => (i === weak ? empty : good)[name] as Buffer[]);
      await neverLogsIn(options(list), ...script);
    }
    await neverLogsIn(options(list), ...list.flatMap((name) => empty[name] as Buffer[]));
    // All but one step, and the steps backwards.
    for (let left = 0; left < list.length; left++) {
      await neverLogsIn(options(list), ...list.flatMap((name, i) => (i === left ? [] : (good[name] as Buffer[]))));
    }
    const keyTwice = list.indexOf('publickey') !== list.lastIndexOf('publickey');
    const script = list.flatMap((name) => good[name] as Buffer[]);
    // The same key is one key however often it signs.
    if (keyTwice) await neverLogsIn(options(list), ...script);
    else await accept(options(list), ...script);
  }
});

test('an empty password that is permitted is one step and no more (Dropbear 2026.92)', async () => {
  const blank = (list: string[]) =>
    serverOptions({
      publicKey: knows(alice),
      password: async () => ({ by: 'blank' }),
      keyboardInteractive: async (_request, ask) =>
        (await ask([{ text: '?', echo: true }]))[0] === '42' ? { by: 'code' } : undefined,
      permitEmptyPasswords: true,
      requiredMethods: [list],
    });
  for (const list of [
    ['password', 'publickey'],
    ['publickey', 'password'],
    ['password', 'keyboard-interactive'],
    ['keyboard-interactive', 'password'],
  ]) {
    await neverLogsIn(blank(list), password(''), password(''), request('none'), password(''));
    await neverLogsIn(blank(list), password(''), keyboardInteractive(), answers(''), password(''));
  }
  assert.deepEqual(await accept(blank(['password', 'publickey']), password(''), await signed(alice)), {
    by: 'blank+alice',
  });
});

test('alternatives of required methods: order counts, the shortest that is complete wins', async () => {
  const options = () =>
    serverOptions({
      publicKey: knows(alice),
      password: async () => ({ by: 'password' }),
      keyboardInteractive: async () => ({ by: 'dialogue' }),
      requiredMethods: [
        ['publickey', 'password'],
        ['keyboard-interactive', 'publickey'],
      ],
    });
  const listed = (sent: Buffer[]) =>
    sent.map((payload) => messages.userauthFailure.decode(payload)).map((m) => `${m.methods} ${m.partialSuccess}`);
  const sent = await refuse(
    options(),
    request('none'),
    password('x'),
    await signed(alice),
    keyboardInteractive(),
    request('none'),
  );
  assert.deepEqual(listed(sent), [
    'publickey,keyboard-interactive false',
    'publickey,keyboard-interactive false',
    'keyboard-interactive,password true',
    'publickey,password true',
    'publickey,password false',
  ]);
  assert.deepEqual(await accept(options(), await signed(alice), password('x')), { by: 'alice+password' });
  assert.deepEqual(await accept(options(), keyboardInteractive(), await signed(alice)), { by: 'dialogue+alice' });
});

test('options by which nobody could log in, or anybody, are refused', async () => {
  const handlers = { publicKey: knows(alice) };
  for (const requiredMethods of [[], [[]], [['publickey'], []], [['password']], [['publickey', 'telepathy']]]) {
    const serving = authenticateServer(scripted(request('none')), serverOptions({ ...handlers, requiredMethods }));
    if (requiredMethods.length === 1 && requiredMethods[0]?.[0] === 'password')
      await rejectsWith(serving, 'misuse', /can be satisfied/);
    else await rejectsWith(serving, 'misuse');
  }
  // A missing policy refuses (Go CVE-2026-39835).
  const sent = await refuse(
    serverOptions({}),
    request('none'),
    password('x'),
    await signed(alice),
    keyboardInteractive(),
  );
  for (const payload of sent)
    assert.deepEqual(payload, messages.userauthFailure.encode({ methods: [], partialSuccess: false }));
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

test('signatures are verified for unknown users and keys as well', async () => {
  const options = serverOptions({ publicKey: async () => undefined });
  await refuse(options, await signed(alice), await signed(alice, {}, { user: 'root' }));
  assert.deepEqual(
    options.attempts.map(({ reason }) => reason),
    ['the key is not known for this user', 'the signature is wrong'],
  );
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

test('empty and giant passwords do not reach the handler, unless empty ones are permitted', async () => {
  const seen: unknown[] = [];
  const handler = { password: async (given: object) => void seen.push(given) };
  await refuse(
    serverOptions(handler),
    password(''),
    passwordChange('old', ''),
    passwordChange('', 'new'),
    password('x'.repeat(5000)),
  );
  assert.deepEqual(seen, []);
  await accept(serverOptions({ password: async () => ({ by: 'nothing' }), permitEmptyPasswords: true }), password(''));
});

test('a password that is not UTF-8 is a wrong one', async () => {
  const rest = new WireWriter()
    .boolean(false)
    .string(Buffer.from([0x70, 0xe9]))
    .finish();
  await refuse(
    serverOptions({ password: async (given) => (given.password === 'p\u00e9' ? { by: 'latin1' } : undefined) }),
    request('password', rest),
  );
});

test('a number of responses that differs from the prompts ends the connection', async () => {
  for (const responses of [[], ['a', 'b']]) {
    const options = serverOptions({
      keyboardInteractive: async (_request, ask) => {
        await ask([{ text: '?', echo: true }]).catch(() => undefined);
        return { by: 'a handler that ignores rejections' };
      },
    });
    await rejectsWith(
      authenticateServer(scripted(keyboardInteractive(), answers(...responses)), options),
      'bad-message',
    );
  }
});

test('a keyboard-interactive handler that misuses ask() does not let anybody in', async () => {
  const handlers: ((ask: Ask) => Promise<TestGrant>)[] = [
    async (ask) => {
      ask([{ text: '?', echo: true }]).catch(() => undefined);
      return { by: 'did not wait' };
    },
    async (ask) => {
      await Promise.all([ask([]), ask([])]);
      return { by: 'asked twice at once' };
    },
    async (ask) => {
      await ask(Array.from({ length: 65 }, () => ({ text: '?', echo: true })));
      return { by: 'asked too much' };
    },
  ];
  for (const handler of handlers) {
    const pair = linkedPair();
    const serving = authenticateServer(
      pair.server,
      serverOptions({ keyboardInteractive: async (_request, ask) => handler(ask) }),
    );
    pair.client.send(keyboardInteractive());
    setImmediate(() => pair.server.end());
    await assert.rejects(serving);
    assert.ok(pair.server.sent.every((payload) => payload[0] !== 52));
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

/** A keyboard-interactive handler that asks once and refuses whatever the answer is. */
function refuseAfter(
  prompts: readonly messages.Prompt[],
): NonNullable<ServerAuthOptions<TestGrant>['keyboardInteractive']> {
  return async (_request, ask) => {
    await ask(prompts);
    return undefined;
  };
}

async function askForEver(ask: Ask): Promise<undefined> {
  while (true) await ask([]);
}
