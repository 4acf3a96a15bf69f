/** Tests of a session whose client goes away while its program is being started. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { userInfo } from 'node:os';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import type { PtyRequest, ServerSession } from '@nacre/ssh/connection';
import type { ServerConnection } from '@nacre/ssh/server';
import { fullPermissions } from '@nacre/ssh/trust';
import { findAccount, openPty } from '../../os/index.ts';
import type { Candidate } from './admission.ts';
import { readConfig } from './config/config.ts';
import { buildSessionHandler } from './session.ts';

const terminal: PtyRequest = {
  term: 'xterm',
  columns: 80,
  rows: 24,
  widthPixels: 0,
  heightPixels: 0,
  modes: new Map(),
};

/** A session whose start waits in the middle until it is told to go on. */
function prepare() {
  const held = withResolvers<string>();
  const reached = withResolvers<string>();
  const ends: Promise<unknown>[] = [];
  const exits: string[] = [];
  const { settings } = readConfig([], undefined);
  const account = findAccount(userInfo().username);
  assert.ok(account);
  const connection = {
    peer: { address: '127.0.0.1', port: 50022, localAddress: '127.0.0.1', localPort: 22, identification: '' },
    user: account.name,
    permissions: fullPermissions,
    stream: {},
  } as unknown as ServerConnection;
  const desk = {
    records: {
      open: (path: string) => {
        reached.resolve(path);
        return held.promise;
      },
      close: async () => {},
    },
    giveTerminal: async () => {},
    makeRecorder: async () => undefined,
    await: (end: Promise<unknown>) => void ends.push(end),
  };
  const session = {
    ...{ channel: { id: 0, write: () => {} }, stream: new PassThrough(), display: undefined, pty: undefined },
    ...{ environment: new Map(), serverEnvironment: new Map(), terminalName: undefined },
    exit: async (code: number) => void exits.push(`code ${code}`),
    exitSignal: async (name: string) => void exits.push(`signal ${name}`),
  } as unknown as ServerSession;
  const candidate = { account, isValid: true, settings, desk } as unknown as Candidate;
  const lines: string[] = [];
  const handler = buildSessionHandler(connection, candidate, (_level, text) => void lines.push(text));
  return { handler, session, held, reached: reached.promise, ends, exits, lines };
}

test('a client that goes while its terminal session starts: the terminal stays until the program is hung up on', async () => {
  const { handler, session, held, reached, ends, exits } = prepare();
  assert.equal(await handler.onPty?.(terminal, session), true);
  const starting = handler.onStart(
    { kind: 'exec', command: 'sleep 60', commandBytes: Buffer.from('sleep 60') },
    session,
  );
  const path = await reached;
  handler.onClosed?.(session);
  // Closed now, its descriptor's number would be the next file's that is opened, which the program would get.
  assert.ok(existsSync(path), `${path} is gone`);
  held.resolve('');
  assert.equal(await starting, true);
  await Promise.all(ends);
  assert.deepEqual(exits, ['signal HUP']);
});

test('a terminal session that is asked for after its client has gone is not started', async () => {
  const { handler, session, ends, lines } = prepare();
  assert.equal(await handler.onPty?.(terminal, session), true);
  handler.onClosed?.(session);
  assert.equal(await handler.onStart({ kind: 'shell' }, session), false);
  assert.equal(await handler.onPty?.(terminal, session), false);
  assert.deepEqual([ends, lines], [[], []]);
});

test('a closed terminal gives out no descriptor', () => {
  const pty = openPty();
  pty.close();
  assert.throws(() => pty.slaveFd, /terminal \/dev\/pts\/\d+ is closed/);
  pty.resize({ columns: 1, rows: 1, widthPixels: 0, heightPixels: 0 });
});

function withResolvers<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => {};
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}
