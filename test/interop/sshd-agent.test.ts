/** Agents lent to bin/sshd, beside Debian's: the socket, whose it is, when it goes, and what forbids it. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { before, test } from 'node:test';
import { makeKey, requireSuccess, startAgent } from '../harness/index.ts';
import { until, withSsh } from './_sshd.ts';
import { accounts, onBoth, output } from './_sshd-both.ts';

let agent = '';
let fingerprint = '';

before(async () => {
  const key = await makeKey();
  agent = await startAgent();
  await requireSuccess(['ssh-add', '-q', key.file], { env: { SSH_AUTH_SOCK: agent } });
  fingerprint = (await requireSuccess(['ssh-keygen', '-lf', key.file])).split(' ')[1] ?? '';
});

const lending = () => ({ flags: ['-A'], env: { SSH_AUTH_SOCK: agent } });
const shown =
  'd=$(dirname "$SSH_AUTH_SOCK"); stat -c "%F %a %U" "$SSH_AUTH_SOCK" "$d"; ssh-add -l | cut -d" " -f2; dirname "$d"; echo "$SSH_AUTH_SOCK"';

const told = 'test -n "$SSH_AUTH_SOCK" && echo there || echo no';

test('a program in the session uses the agent by a socket that is the user’s alone', withSsh, async (t) => {
  for (const user of await accounts()) {
    await t.test(user, async () => {
      const lines = await onBoth({ user }, async (server, name) => {
        // Debian's leaves the mode to the umask: there the folder alone keeps others out.
        const hasOwnMode = name === 'nacre';
        const all = (await output(server, shown, lending())).trim().split('\n');
        const socket = all.pop() ?? '';
        await until(() => !existsSync(socket) && !existsSync(dirname(socket)), 'the socket and its folder are gone');
        const [first = ''] = all;
        if (hasOwnMode) assert.equal(first, `socket 600 ${user}`);
        return all.slice(1);
      });
      assert.deepEqual(lines, [`directory 700 ${user}`, fingerprint, '/tmp']);
    });
  }
});

test('what forbids it, and whatever does not', withSsh, async (t) => {
  for (const user of await accounts()) {
    for (const [config, isThere] of [
      ['AllowAgentForwarding yes', true],
      ['AllowAgentForwarding no', false],
      ['DisableForwarding yes', false],
      ['AllowTcpForwarding no', true],
      ['AllowStreamLocalForwarding no', true],
    ] as const) {
      await t.test(`${user}: ${config}`, async () => {
        const seen = await onBoth({ user, config: [config] }, (server) => output(server, told, lending()));
        assert.equal(seen, isThere ? 'there\n' : 'no\n');
      });
    }
  }
});

test('options of the key', withSsh, async (t) => {
  const identity = await makeKey();
  for (const [options, isThere] of [
    ['no-agent-forwarding', false],
    ['restrict', false],
    ['restrict,agent-forwarding', true],
    ['no-port-forwarding,no-X11-forwarding', true],
  ] as const) {
    await t.test(options, async () => {
      const authorizedKeys = [`${options} ${identity.publicLine}`];
      const seen = await onBoth({ identity: false, authorizedKeys }, (server) =>
        output({ ...server, identity }, told, lending()),
      );
      assert.equal(seen, isThere ? 'there\n' : 'no\n');
    });
  }
});
