/** The server’s side of keyboard-interactive. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { linkedPair, rejectsWith, scripted, serverOptions, type TestGrant } from '../fakes.test.ts';
import { answers, keyboardInteractive } from '../scripts.test.ts';
import { authenticateServer } from '../server.ts';
import type { Ask } from '../server-options.ts';

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
