/** The server’s side of password. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireWriter } from '../../wire/index.ts';
import { request, serverOptions } from '../fakes.test.ts';
import { accept, password, passwordChange, refuse } from '../scripts.test.ts';

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
