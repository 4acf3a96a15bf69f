/** IPQoS of bin/sshd beside Debian's: how the packets of a connection are marked, as its own session sees it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { missing, runSsh, type TestServer } from '../harness/index.ts';
import { withSsh } from './_sshd.ts';
import { onBoth } from './_sshd-both.ts';

/** The type of service of the server's end, which both of the kernel's families show as `tos:` or `tclass:`. */
async function marks(server: TestServer, flags: readonly string[]): Promise<string> {
  const command = `ss -tneH --tos state established "sport = :${server.port}"`;
  const { stdout, stderr } = await runSsh(server, [command], { flags });
  const [, value = ''] = /\btos:(0x[0-9a-f]+)/.exec(stdout.toString()) ?? [];
  assert.match(stdout.toString(), /:\d+/, stderr);
  return value;
}

test('interactive with a terminal, bulk without, per Match', { skip: withSsh.skip || missing('sshd') }, async (t) => {
  for (const [lines, interactive, bulk] of [
    [['IPQoS af21 cs1'], '0x48', '0x20'],
    [['IPQoS none'], '0', '0'],
    [['IPQoS 0x10', 'Match Address 127.0.0.0/8', 'IPQoS ef none'], '0xb8', '0'],
  ] as const) {
    await t.test(lines.join(), async () => {
      const seen = await onBoth({ config: lines }, async (server) => [
        await marks(server, ['-tt']),
        await marks(server, []),
      ]);
      assert.deepEqual(seen.map(Number), [interactive, bulk].map(Number));
    });
  }
});
