/** The process that makes a user's sockets is the user's: whatever it says or passes, the server goes on. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import { tryPlatform } from '../../os/native.ts';
import { Helper } from './user-helper.ts';

const system = tryPlatform();
const skip = system === undefined && 'no native calls here';

/** A process that says this much, and a helper that believes to have started it. */
function speaking(text: string, passes = false): Helper {
  assert.ok(system);
  const [ours, theirs] = system.openSocketPair();
  if (passes) {
    const file = openSync('/dev/null', 'r');
    system.sendDescriptor(theirs, file);
    closeSync(file);
  }
  const child = spawn('/bin/sh', ['-c', 'read order; printf "$0"; cat > /dev/null', text], {
    stdio: ['pipe', 'pipe', 'ignore', theirs],
  });
  closeSync(theirs);
  return new Helper(child, ours, system);
}

test("whatever the user's process says, the server goes on", { skip }, async (t) => {
  for (const [name, text, passes] of [
    ['nonsense', 'nonsense\\n', false],
    ['no object', 'null\\n', false],
    ['a path that is none', '{"id":1,"path":7}\\n', false],
    ['a line without an end', 'x'.repeat(20_000), false],
    ['a socket that did not come', '{"id":1,"hasSocket":true}\\n', false],
    ['a descriptor that is no socket', '{"id":1,"hasSocket":true}\\n', true],
    ['answers to nobody, and then nonsense', '{"id":99}\\n{"id":-1}\\n[]\\n', false],
  ] as const) {
    await t.test(name, async () => {
      const helper = speaking(text, passes);
      await assert.rejects(helper.connect('/x'), { name: 'SshError' });
      await helper.ended;
      await assert.rejects(helper.connect('/x'), { name: 'SshError' });
    });
  }
  await t.test('an error is the one that asked', async () => {
    const helper = speaking('{"id":1,"error":"EACCES"}\\n');
    await assert.rejects(helper.connect('/x'), /EACCES/);
    helper.end();
    await helper.ended;
  });
});
