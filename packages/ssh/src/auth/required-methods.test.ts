/** Logins of several steps. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireWriter } from '../wire/index.ts';
import { alice, knows, rejectsWith, request, scripted, serverOptions } from './fakes.test.ts';
import { messages } from './index.ts';
import { accept, answers, keyboardInteractive, neverLogsIn, password, refuse, signed } from './scripts.test.ts';
import { authenticateServer } from './server.ts';

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
