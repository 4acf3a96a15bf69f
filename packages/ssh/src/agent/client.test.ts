/** The agent client against an agent that answers what a test wants, at the worst of times. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError, type SshErrorCode } from '../errors.ts';
import { generateKey, parsePublicKey, writePrivateKey } from '../keys/index.ts';
import { maxAgentKeys } from '../limits.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { agentSigners, createAgentClient } from './client.ts';
import { decodeConstraints, encodeConstraints } from './constraints.ts';
import { encodeFrame } from './frames.ts';
import * as messages from './messages.ts';
import { identityKey, MemoryStream, rsaIdentityKey } from './testing.test.data.ts';

const key = parsePublicKey(identityKey).key;
const rsaKey = parsePublicKey(rsaIdentityKey).key;
const hasCode = (code: SshErrorCode) => (error: unknown) =>
  error instanceof SshError && error.code === code && error.stage === 'agent';
const failure = messages.failure.encode({});
const success = messages.success.encode({});

/** An agent that gives these answers in turn. */
function agentWith(...answers: Uint8Array[]) {
  const stream = new MemoryStream();
  const client = createAgentClient(stream);
  stream.onWrite = () => {
    const answer = answers.shift();
    if (answer !== undefined) stream.emit('data', encodeFrame(answer));
  };
  return { stream, client };
}

function identitiesAnswer(...entries: [blob: Uint8Array, comment: string | Uint8Array][]): Buffer {
  const writer = new WireWriter();
  for (const [blob, comment] of entries) writer.string(blob).string(comment);
  return messages.identitiesAnswer.encode({ count: entries.length, identities: writer.finish() });
}

function signature(algorithm: string, ...rest: number[]): Buffer {
  const bytes = new WireWriter().string(algorithm).string(Buffer.alloc(64, 7)).fixed(Buffer.from(rest)).finish();
  return messages.signResponse.encode({ signature: bytes });
}

test('keys are listed; those of unknown types are shown and left alone', async () => {
  const future = new WireWriter().string('ssh-future').string('x').finish();
  const answer = identitiesAnswer(
    [key.blob, 'alice'],
    [future, 'later'],
    [Buffer.from('junk'), ''],
    [rsaKey.blob, Buffer.of(0xff)],
  );
  const { client, stream } = agentWith(answer, answer);
  const list = await client.list();
  assert.deepEqual(
    list.map(({ type, comment, key: known }) => [type, comment, known?.type]),
    [
      ['ssh-ed25519', 'alice', 'ssh-ed25519'],
      ['ssh-future', 'later', undefined],
      ['unknown', '', undefined],
      ['ssh-rsa', '\ufffd', 'ssh-rsa'],
    ],
  );
  assert.deepEqual(stream.written, [Buffer.of(0, 0, 0, 1, 11)]);
  const signers = await agentSigners(client);
  assert.deepEqual(
    signers.map(({ label }) => label),
    ['agent: alice', 'agent: \ufffd'],
  );
});

test('an answer cut at every byte still arrives', async () => {
  const stream = new MemoryStream();
  const client = createAgentClient(stream);
  const listing = client.list();
  for (const byte of encodeFrame(identitiesAnswer([key.blob, 'alice']))) stream.emit('data', Buffer.of(byte));
  assert.equal((await listing)[0]?.comment, 'alice');
});

test('an answer shortened at any byte is an error of the agent', async () => {
  const whole = identitiesAnswer([key.blob, 'alice'], [key.blob, 'bob']);
  for (let end = 1; end < whole.length; end++) {
    await assert.rejects(agentWith(whole.subarray(0, end)).client.list(), hasCode('bad-message'), `cut at ${end}`);
  }
  await assert.rejects(agentWith(Buffer.concat([whole, Buffer.of(0)])).client.list(), hasCode('bad-message'));
  const many = messages.identitiesAnswer.encode({ count: maxAgentKeys + 1, identities: Buffer.alloc(0) });
  await assert.rejects(agentWith(many).client.list(), hasCode('bad-message'));
});

test('signing asks for SHA-2 by flags and checks what comes back', async () => {
  for (const [algorithm, flags] of [
    ['rsa-sha2-256', 2],
    ['rsa-sha2-512', 4],
  ] as const) {
    const { client, stream } = agentWith(signature(algorithm));
    await client.sign(rsaKey, Buffer.from('data'), algorithm);
    const request = messages.signRequest.decode((stream.written[0] as Buffer).subarray(4));
    assert.deepEqual(request, { key: rsaKey.blob, data: Buffer.from('data'), flags });
  }
  const { client, stream } = agentWith(signature('ssh-ed25519'));
  const signed = await client.sign(key, Buffer.from('data'), 'ssh-ed25519');
  assert.equal(new WireReader(signed).ascii(), 'ssh-ed25519');
  assert.equal(messages.signRequest.decode((stream.written[0] as Buffer).subarray(4)).flags, 0);
});

test('a signature that is another, cut, padded or missing is refused', async () => {
  const bad = [
    signature('ssh-rsa'),
    signature('rsa-sha2-256'),
    signature('rsa-sha2-512', 0),
    signature('rsa-sha2-512', 1, 0, 0, 0, 1),
    messages.signResponse.encode({ signature: Buffer.alloc(0) }),
    messages.signResponse.encode({ signature: Buffer.from([0, 0, 0, 200]) }),
    messages.signResponse.encode({ signature: new WireWriter().string('rsa-sha2-512').string('').finish() }),
  ];
  for (const answer of bad) {
    await assert.rejects(
      agentWith(answer).client.sign(rsaKey, Buffer.alloc(1), 'rsa-sha2-512'),
      hasCode('bad-signature'),
    );
  }
  await assert.rejects(agentWith(failure).client.sign(key, Buffer.alloc(1), 'ssh-ed25519'), hasCode('agent-refused'));
  await assert.rejects(agentWith(success).client.sign(key, Buffer.alloc(1), 'ssh-ed25519'), hasCode('bad-message'));
  await assert.rejects(agentWith().client.sign(key, Buffer.alloc(1), 'rsa-sha2-512'), hasCode('misuse'));
  await assert.rejects(agentWith().client.sign(key, Buffer.alloc(1), 'toString'), hasCode('misuse'));
});

test('requests go one at a time, answers belong to them in order', async () => {
  const stream = new MemoryStream();
  const client = createAgentClient(stream);
  const calls = [client.removeAll(), client.lock('x'), client.unlock('x')];
  assert.equal(stream.written.length, 1);
  for (const answer of [success, failure, success]) stream.emit('data', encodeFrame(answer));
  const results = await Promise.allSettled(calls);
  assert.deepEqual(
    results.map(({ status }) => status),
    ['fulfilled', 'rejected', 'fulfilled'],
  );
  assert.deepEqual(
    stream.written.map((frame) => frame[4]),
    [19, 22, 23],
  );
});

test('two answers to one request, or one to none, end the connection', async () => {
  const { client, stream } = agentWith();
  const first = client.removeAll();
  stream.emit('data', Buffer.concat([encodeFrame(success), encodeFrame(success)]));
  await first;
  assert.equal(stream.destroyed, true);
  await assert.rejects(client.list(), hasCode('protocol-error'));
});

test('a length beyond the limit ends the connection at once', async () => {
  const { client, stream } = agentWith();
  const calls = [client.list(), client.removeAll()];
  stream.emit('data', Buffer.from([0x00, 0x04, 0x00, 0x01]));
  for (const call of calls) await assert.rejects(call, hasCode('limit-exceeded'));
  assert.equal(stream.destroyed, true);
});

test('every call settles when the stream ends, fails, closes or is closed here', async () => {
  const endings: ((stream: MemoryStream, close: () => void) => void)[] = [
    (stream) => stream.emit('end'),
    (stream) => stream.emit('close'),
    (stream) => stream.emit('error', new Error('EPIPE')),
    (_, close) => close(),
  ];
  for (const end of endings) {
    const { client, stream } = agentWith();
    const calls = [client.list(), client.removeAll(), client.sign(key, Buffer.alloc(1), 'ssh-ed25519')];
    end(stream, () => client.close());
    for (const call of calls) await assert.rejects(call, hasCode('agent-unavailable'));
    await assert.rejects(client.list(), hasCode('agent-unavailable'));
    assert.equal(stream.destroyed, true);
    stream.emit('data', encodeFrame(success));
  }
});

test('a stream that throws on write fails the call', async () => {
  const { client, stream } = agentWith();
  stream.onWrite = () => {
    throw new Error('write after end');
  };
  await assert.rejects(client.list(), hasCode('agent-unavailable'));
});

test('an aborted call lets the others go on in order', async () => {
  const { client, stream } = agentWith();
  const sent = new AbortController();
  const waiting = new AbortController();
  const first = client.removeAll({ signal: sent.signal });
  const second = client.lock('never sent', { signal: waiting.signal });
  const third = client.unlock('x');
  sent.abort();
  waiting.abort();
  await assert.rejects(first, hasCode('aborted'));
  await assert.rejects(second, hasCode('aborted'));
  // The answer to the first must not be taken for the third's.
  stream.emit('data', encodeFrame(success));
  stream.emit('data', encodeFrame(failure));
  await assert.rejects(third, hasCode('agent-refused'));
  assert.deepEqual(
    stream.written.map((frame) => frame[4]),
    [19, 23],
  );
  await assert.rejects(client.list({ signal: AbortSignal.abort() }), hasCode('aborted'));
});

test('adding sends the fields, the comment and the constraints', async () => {
  const { client, stream } = agentWith(success, success, success);
  const secret = await generateKey('ssh-ed25519', { comment: 'mine' });
  await client.add(secret);
  await client.add(secret, { comment: 'c', constraints: { lifetimeSeconds: 60, confirm: true } });
  await client.remove(key);
  const writer = new WireWriter();
  writePrivateKey(writer, secret);
  const fields = Buffer.from(writer.finish());
  const comment = (text: string) => new WireWriter().string(text).finish();
  assert.deepEqual(stream.written[0]?.subarray(4), Buffer.concat([Buffer.of(17), fields, comment('mine')]));
  const constrained = Buffer.concat([Buffer.of(25), fields, comment('c'), Buffer.of(1, 0, 0, 0, 60, 2)]);
  assert.deepEqual(stream.written[1]?.subarray(4), constrained);
  assert.deepEqual(messages.removeIdentity.decode((stream.written[2] as Buffer).subarray(4)).key, key.blob);
  await assert.rejects(client.add(secret, { constraints: { lifetimeSeconds: 0 } }), hasCode('misuse'));
});

test('binding and extensions', async () => {
  const extensionFailure = messages.extensionFailure.encode({});
  const { client, stream } = agentWith(success, failure, extensionFailure);
  const binding = { hostKey: key, sessionId: Buffer.from('id'), signature: Buffer.from('sig'), forwarding: true };
  assert.equal(await client.bindSession(binding), true);
  const sent = messages.extension.decode((stream.written[0] as Buffer).subarray(4));
  assert.equal(sent.extension, 'session-bind@openssh.com');
  assert.deepEqual(messages.sessionBind.decode(sent.contents), {
    hostKey: key.blob,
    sessionId: Buffer.from('id'),
    signature: Buffer.from('sig'),
    forwarding: true,
  });
  assert.equal(await client.bindSession(binding), false);
  assert.deepEqual(await client.queryExtensions(), []);
  const names = new WireWriter().string('query').string('session-bind@openssh.com').finish();
  const answer = messages.extensionResponse.encode({ extension: 'query', contents: names });
  assert.deepEqual(await agentWith(answer).client.queryExtensions(), ['query', 'session-bind@openssh.com']);
});

test('constraints that are unknown, cut or doubled are refused', () => {
  assert.deepEqual(decodeConstraints(encodeConstraints({ lifetimeSeconds: 5, confirm: true })), {
    lifetimeSeconds: 5,
    confirm: true,
  });
  for (const bytes of [[1, 0, 0, 0], [2, 2], [3, 0, 0, 0, 1], [255], [255, 0, 0, 0, 1, 0x61], [1, 0, 0, 0, 0], [9]]) {
    assert.throws(() => decodeConstraints(Buffer.from(bytes)), SshError);
  }
});

test('whatever an agent answers, a call gives a value or an SshError', async () => {
  const byte = fc.integer({ min: 0, max: 255 });
  const numbers = fc.constantFrom(5, 6, 12, 14, 28, 29);
  const answers = fc.tuple(numbers, fc.array(fc.oneof(fc.constant(0), byte), { maxLength: 40 }));
  await fc.assert(
    fc.asyncProperty(answers, async ([number, rest]) => {
      const answer = Buffer.from([number, ...rest]);
      const calls = [
        agentWith(answer).client.list(),
        agentWith(answer).client.sign(key, Buffer.alloc(1), 'ssh-ed25519'),
        agentWith(answer).client.queryExtensions(),
        agentWith(answer).client.removeAll(),
      ];
      for (const result of await Promise.allSettled(calls)) {
        if (result.status === 'rejected')
          assert.ok(hasCode((result.reason as SshError).code)(result.reason), String(result.reason));
      }
    }),
  );
});
