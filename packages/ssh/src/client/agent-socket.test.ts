/** Where an agent is looked for, on systems that this one is not; and connecting to one. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { Keyring, serveAgent } from '../agent/index.ts';
import { generateKey } from '../keys/index.ts';
import { type AgentSurroundings, connectAgent, findAgentPaths } from './agent-socket.ts';

const hash = 'c7'.repeat(32);

function system(changes: Partial<AgentSurroundings>): AgentSurroundings {
  return { platform: 'linux', environment: {}, userName: () => 'Ada', listPipes: () => [], ...changes };
}

test('SSH_AUTH_SOCK names the agent wherever it is set', () => {
  for (const platform of ['linux', 'darwin', 'win32'] as const) {
    const environment = { SSH_AUTH_SOCK: '/run/agent' };
    const listPipes = () => ['openssh-ssh-agent'];
    assert.deepEqual(findAgentPaths(system({ platform, environment, listPipes })), ['/run/agent']);
  }
  assert.deepEqual(findAgentPaths(system({ environment: { SSH_AUTH_SOCK: '' } })), []);
  assert.deepEqual(findAgentPaths(system({ listPipes: () => ['openssh-ssh-agent'] })), []);
});

test('on Windows the pipes of OpenSSH and of this user’s Pageant are found', () => {
  const pipes = [
    'lsass',
    `pageant.Bob.${hash}`,
    `pageant.Ada.${hash}`,
    `pageant.Ada.Lovelace.${hash}`,
    'pageant.Ada.short',
    `pageant.Ada.${hash}x`,
    'openssh-ssh-agent',
  ];
  const windows = (listed: string[]) => system({ platform: 'win32', listPipes: () => listed });
  assert.deepEqual(findAgentPaths(windows(pipes)), [
    '\\\\.\\pipe\\openssh-ssh-agent',
    `\\\\.\\pipe\\pageant.Ada.${hash}`,
  ]);
  assert.deepEqual(findAgentPaths(windows([`pageant.ada.${hash}`])), [`\\\\.\\pipe\\pageant.ada.${hash}`]);
  assert.deepEqual(findAgentPaths(windows(['lsass'])), []);
});

test('connects to a socket, and says what is wrong where it cannot', {
  skip: process.platform === 'win32',
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'nacre-agent-'));
  const keyring = new Keyring({ now: () => 0 });
  const server = createServer((socket) => void serveAgent(socket, keyring));
  const path = join(folder, 'socket');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  try {
    keyring.add(await generateKey('ssh-ed25519'), 'held');
    const client = await connectAgent(path);
    assert.deepEqual(
      (await client.list()).map(({ comment }) => comment),
      ['held'],
    );
    client.close();
    await assert.rejects(connectAgent(join(folder, 'none')), { code: 'agent-unavailable' });
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});
