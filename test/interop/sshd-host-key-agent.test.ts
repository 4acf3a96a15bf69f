/** bin/sshd beside OpenSSH's: host keys that an agent holds (HostKeyAgent). */
import assert from 'node:assert/strict';
import { copyFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  makeFolder,
  makeKey,
  missing,
  requireSuccess,
  runSsh,
  startAgent,
  startNacreServer,
  startOpenSshServer,
  writeKnownHosts,
} from '../harness/index.ts';

const skip = missing('ssh', 'sshd', 'ssh-add', 'nacre:sshd');
const starts = { OpenSSH: startOpenSshServer, nacre: startNacreServer };

test('the agent signs for a key whose public half alone is there', { skip }, async () => {
  const agent = await startAgent();
  for (const type of ['ed25519', 'rsa', 'ecdsa-256'] as const) {
    const key = await makeKey({ type });
    await requireSuccess(['ssh-add', '-q', key.file], { env: { SSH_AUTH_SOCK: agent } });
    const folder = makeFolder();
    copyFileSync(`${key.file}.pub`, join(folder, 'beside.pub'));
    for (const [kind, start] of Object.entries(starts)) {
      for (const [file, value, env] of [
        ['beside', agent, undefined],
        ['beside.pub', 'SSH_AUTH_SOCK', { SSH_AUTH_SOCK: agent }],
      ] as const) {
        const server = await start({
          hostKeyTypes: [],
          config: [`HostKey ${join(folder, file)}`, `HostKeyAgent ${value}`],
          ...(env && { env }),
        });
        const knownHostsFile = writeKnownHosts(makeFolder(), server.port, [key]);
        const result = await runSsh({ ...server, knownHostsFile }, ['echo hi']);
        assert.equal(result.stdout.toString(), 'hi\n', `${kind} ${type} ${file}: ${result.stderr} ${server.log()}`);
        await server.stop();
      }
    }
  }
});

test('a key that the agent has not, and an agent that is gone, end one connection and not the server', {
  skip,
}, async () => {
  const stranger = await makeKey();
  const folder = makeFolder();
  copyFileSync(`${stranger.file}.pub`, join(folder, 'key.pub'));
  for (const agent of [await startAgent(), join(folder, 'gone')]) {
    const server = await startNacreServer({
      hostKeyTypes: [],
      config: [`HostKey ${join(folder, 'key')}`, `HostKeyAgent ${agent}`],
    });
    for (const _time of [1, 2]) assert.equal((await runSsh(server, ['true'])).status, 255);
    await server.stop();
  }
});

test('without an agent a public half is no host key', { skip }, async () => {
  const key = await makeKey();
  for (const start of Object.values(starts)) {
    await assert.rejects(start({ hostKeyTypes: [], config: [`HostKey ${key.file}.pub`] }), /no hostkeys available/);
  }
});
