/** Servers by what they say of themselves. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireWriter } from '../wire/index.ts';
import * as messages from './messages.ts';
import { startClient } from './scripted-server.test.kit.ts';

test('a link goes out with its target first, and behind it for the one server that takes the draft at its word', async () => {
  const id = (product: string) =>
    Buffer.from(new WireWriter().string('Ron Frederick').string(product).string('2.10.1').uint64(0n).finish());
  for (const [data, expected] of [
    [undefined, ['to', 'link']],
    [id('AsyncSSH'), ['link', 'to']],
    [id('Another'), ['to', 'link']],
    [Buffer.from('ffffffff', 'hex'), ['to', 'link']],
  ] as const) {
    const { client, server } = await startClient(undefined, {
      extensions: data === undefined ? [] : [['vendor-id', data]],
    });
    await client.symlink('to', 'link');
    const [sent] = server.requests(messages.symlink);
    assert.deepEqual([String(sent?.target), String(sent?.linkPath)], expected);
  }
});
