import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fingerprint } from '../keys/index.ts';
import { type KnownHostsCommandOptions, knownHostsCommand } from './known-hosts-command.ts';
import { hostKey, isError } from './live.test.kit.ts';

const key = hostKey.publicKey;
const quiet: KnownHostsCommandOptions = { stderr: 'ignore' };

test('arguments are expanded one by one, and no shell reads them', async () => {
  const ask = knownHostsCommand(`/usr/bin/printf '%%s\\n' %I %H "%t two" %f %h '\${NOTE}' ';id' $(id) \`id\``, {
    tokens: { h: () => 'a;id $(id) %H' },
    environment: { NOTE: `%K of \${NOTE}` },
  });
  const words = (await ask({ invocation: 'HOSTNAME', name: '[box]:2222', key })).split('\n');
  assert.deepEqual(words, [
    'HOSTNAME',
    '[box]:2222',
    'ssh-ed25519 two',
    fingerprint(key),
    'a;id $(id) %H',
    `%K of \${NOTE}`,
    ';id',
    '$(id)',
    '`id`',
    '',
  ]);
  const order = knownHostsCommand('/bin/echo %I %t %K %f');
  assert.equal(await order({ invocation: 'ORDER', name: 'box', key: undefined }), 'ORDER NONE NONE NONE\n');
});

test('whatever goes wrong refuses', async () => {
  const question = { invocation: 'ORDER', name: 'box', key: undefined } as const;
  const refused = isError('host-key-refused', 'host-key');
  for (const [command, options] of [
    ['/nonexistent/program', {}],
    ['/bin/false', {}],
    [`/bin/sh -c 'echo line; exit 3'`, {}],
    [`/bin/sh -c 'kill -9 $$'`, {}],
    ['/bin/sleep 30', { timeoutMs: 50 }],
    [`/bin/sh -c 'sleep 2 & wait'`, { timeoutMs: 50 }],
    ['/usr/bin/yes', {}],
  ] as const) {
    await assert.rejects(knownHostsCommand(command, { ...quiet, ...options })(question), refused, command);
  }
  for (const command of ['', '  ', 'relative/program', 'cat', '"/bin/cat', '# nothing']) {
    assert.throws(() => knownHostsCommand(command), refused, command);
  }
  await assert.rejects(knownHostsCommand('/bin/echo %y')(question), isError('bad-file'));
  await assert.rejects(knownHostsCommand(`/bin/echo \${NOT_SET_HERE}`)(question), isError('bad-file'));
});
