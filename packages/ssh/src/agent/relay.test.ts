/** A forwarded agent: bound first, then asked, each frame within its limit. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { generateKey } from '../keys/index.ts';
import { maxAgentMessageBytes } from '../limits.ts';
import { agentSigners, createAgentClient } from './client.ts';
import { Keyring } from './keyring.ts';
import * as messages from './messages.ts';
import { openAgentRelay } from './relay.ts';
import { serveAgent } from './server.ts';
import { MemoryStream } from './testing.test.data.ts';

const host = await generateKey('ssh-ed25519');
const held = await generateKey('ssh-ed25519', { comment: 'held' });
const sessionId = Buffer.alloc(32, 7);
const binding = { hostKey: host.publicKey, sessionId, signature: await host.sign(sessionId, 'ssh-ed25519') };

function joined(): [MemoryStream, MemoryStream] {
  const [a, b] = [new MemoryStream(), new MemoryStream()];
  a.onWrite = (bytes) => b.emit('data', bytes);
  b.onWrite = (bytes) => a.emit('data', bytes);
  return [a, b];
}

async function setUp() {
  const keyring = new Keyring({ now: () => 0 });
  keyring.add(held, 'held');
  const [toAgent, agent] = joined();
  const connection = serveAgent(agent, keyring);
  const relay = await openAgentRelay(toAgent, binding);
  const [program, channel] = joined();
  const ended = relay.serve(channel);
  return { keyring, connection, relay, program, channel, toAgent, ended };
}

test('the agent knows where its requests come from before the first of them', async () => {
  const { connection, relay, program } = await setUp();
  assert.equal(relay.isBound, true);
  assert.equal(connection.bindings.remote, true);
  assert.deepEqual(connection.bindings.sessions[0]?.sessionId, sessionId);
  const [signer] = await agentSigners(createAgentClient(program));
  const signature = await signer?.sign(Buffer.from('data'), 'ssh-ed25519');
  assert.ok(held.publicKey.verify(Buffer.from('data'), signature ?? Buffer.alloc(0), 'ssh-ed25519'));
});

test('an agent that knows no bindings serves all the same, and says so', async () => {
  const [toAgent, agent] = joined();
  agent.on('data', () => agent.write(Buffer.from([0, 0, 0, 1, messages.failure.number])));
  const relay = await openAgentRelay(toAgent, binding);
  assert.equal(relay.isBound, false);
});

test('an agent that hangs up at the binding is an error, and its stream is closed', async () => {
  const [toAgent, agent] = joined();
  agent.on('data', () => toAgent.emit('close'));
  await assert.rejects(openAgentRelay(toAgent, binding), (error) => (error as SshError).code === 'agent-unavailable');
  assert.equal(toAgent.destroyed, true);
});

test('a frame beyond the limit ends both streams before it is kept', async () => {
  const { program, toAgent, ended } = await setUp();
  const head = Buffer.alloc(5);
  head.writeUInt32BE(maxAgentMessageBytes + 1);
  program.write(head);
  const error = await ended;
  assert.ok(error instanceof SshError && error.code === 'limit-exceeded', String(error));
  assert.equal(toAgent.destroyed, true);
});

test('whichever end goes, the other is closed', async () => {
  const gone = await setUp();
  gone.channel.emit('end');
  assert.equal(await gone.ended, undefined);
  assert.equal(gone.toAgent.destroyed, true);

  const lost = await setUp();
  lost.toAgent.emit('close');
  assert.equal(lost.channel.destroyed, true);
});
