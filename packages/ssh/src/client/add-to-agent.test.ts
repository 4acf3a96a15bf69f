/** AddKeysToAgent: what the agent is given, and that nothing of it ends a login. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { AddKeyOptions, AgentClient } from '../agent/index.ts';
import { SshError } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import type { PrivateKey } from '../keys/types.ts';
import { addKeyToAgent } from './add-to-agent.ts';

const key = await generateKey('ssh-ed25519', { comment: 'ada' });
const nameless = await generateKey('ssh-ed25519');

function agent(fails = false) {
  const added: { key: PrivateKey; options: AddKeyOptions | undefined }[] = [];
  const client = {
    add: async (given: PrivateKey, options?: AddKeyOptions) => {
      if (fails) throw new SshError('the agent refused to take the key', { code: 'agent-refused', stage: 'agent' });
      added.push({ key: given, options });
    },
  };
  return { client: client as unknown as AgentClient, added };
}

test('a key goes in under its comment, or else under its file, with the limits that were asked for', async () => {
  const { client, added } = agent();
  await addKeyToAgent(key, '/home/ada/id', { agent: client });
  await addKeyToAgent(nameless, '/home/ada/id', { agent: client, confirm: true, lifetimeSeconds: 60 });
  assert.deepEqual(
    added.map(({ options }) => options),
    [
      { comment: 'ada', constraints: {} },
      { comment: '/home/ada/id', constraints: { confirm: true, lifetimeSeconds: 60 } },
    ],
  );
  assert.equal(added[0]?.key, key);
});

test('only a yes is a yes', async () => {
  const { client, added } = agent();
  for (const answer of [false, undefined, 'yes', true]) {
    await addKeyToAgent(key, 'id', { agent: client, ask: async () => answer as boolean });
  }
  assert.equal(added.length, 1);
});

test('an agent that refuses, one that is not there and none at all are told, and no more', async () => {
  const log: string[] = [];
  const tell = (level: number, text: string) => void log.push(`${level} ${text}`);
  await addKeyToAgent(key, 'id', { agent: agent(true).client, log: tell });
  await addKeyToAgent(key, 'id', { agent: '/nowhere/agent', log: tell });
  await addKeyToAgent(key, 'id', { agent: false, log: tell });
  assert.match(
    log.join('\n'),
    /^1 could not add identity to agent: id: the agent refused.*\n1 could not .*\/nowhere.*\n3 no auth/,
  );
});
