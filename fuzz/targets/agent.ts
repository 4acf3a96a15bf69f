/** The agent protocol: answers to our client, and requests to our agent. */
import { type AgentStream, createAgentClient, Keyring, serveAgent } from '@nacre/ssh/agent';
import { SshError } from '@nacre/ssh/errors';
import { writePrivateKey } from '@nacre/ssh/keys';
import { WireWriter } from '@nacre/ssh/wire';
import { knownKey } from '../known-key.ts';
import type { FuzzTarget } from '../target.ts';
import { nextTurn } from '../transport-subject.ts';

class Stream implements AgentStream {
  readonly written: Buffer[] = [];
  destroyed = false;
  readonly #listeners: Record<string, ((value: never) => void)[]> = {};

  write(bytes: Uint8Array): boolean {
    if (this.destroyed) throw new Error('it writes after its end');
    this.written.push(Buffer.from(bytes));
    return true;
  }

  on(event: string, listener: (value: never) => void): void {
    this.#listeners[event] ??= [];
    this.#listeners[event].push(listener);
  }

  emit(event: 'data' | 'end', value?: Buffer): void {
    for (const listener of this.#listeners[event] ?? []) listener(value as never);
  }

  destroy(): void {
    this.destroyed = true;
  }
}

const frame = (...payload: (number | Uint8Array)[]) =>
  new WireWriter()
    .string(Buffer.concat(payload.map((part) => (typeof part === 'number' ? Buffer.of(part) : part))))
    .finish();
const strings = (...parts: (string | Uint8Array)[]) =>
  parts.reduce((writer: WireWriter, part) => writer.string(part), new WireWriter()).finish();
const number = (value: number) => new WireWriter().uint32(value).finish();

const { blob } = knownKey.publicKey;
const data = Buffer.from('data');
const signature = await knownKey.sign(data, 'ssh-ed25519');
const added = new WireWriter();
writePrivateKey(added, knownKey);
const identity = Buffer.concat([added.finish(), strings('comment')]);
const bound = strings(blob, data, signature);

/** Byte 0: size of the reads. The calls are made at once, and every one must settle. */
export const agentClient: FuzzTarget = {
  name: 'agent-client',
  seeds: [
    Buffer.concat([
      ...[Buffer.of(0), frame(12, number(1), strings(blob, 'comment')), frame(14, strings(signature)), frame(6)],
      frame(29, strings('query', 'session-bind@openssh.com')),
    ]),
    Buffer.concat([Buffer.of(3), frame(5), frame(5), frame(28), frame(5)]),
  ],
  async run(input) {
    const stream = new Stream();
    const client = createAgentClient(stream);
    const calls = [
      client.list(),
      client.sign(knownKey.publicKey, data, 'ssh-ed25519'),
      client.bindSession({ hostKey: knownKey.publicKey, sessionId: data, signature, forwarding: false }),
      client.queryExtensions(),
    ];
    const settled = Promise.allSettled(calls);
    await deliver(stream, input);
    stream.emit('end');
    for (const result of await settled) {
      if (result.status === 'rejected' && !(result.reason instanceof SshError)) throw result.reason;
    }
  },
};

/** Byte 0: size of the reads. Every whole request has one answer, and the keys come through unharmed. */
export const agentServer: FuzzTarget = {
  name: 'agent-server',
  seeds: [
    Buffer.concat([Buffer.of(0), frame(11), frame(13, strings(blob, data), number(0)), frame(27, strings('query'))]),
    Buffer.concat([Buffer.of(5), frame(17, identity), frame(25, identity, Buffer.of(1, 0, 0, 0, 9)), frame(11)]),
    Buffer.concat([
      Buffer.of(0),
      frame(25, identity, Buffer.of(255), strings('restrict-destination-v00@openssh.com', 'x')),
    ]),
    Buffer.concat([Buffer.of(0), frame(22, strings('secret')), frame(11), frame(23, strings('secret')), frame(19)]),
    Buffer.concat([
      Buffer.of(0),
      frame(27, strings('session-bind@openssh.com'), bound, Buffer.of(1)),
      frame(18, strings(blob)),
    ]),
    Buffer.concat([Buffer.of(0), frame(20, strings('/lib/x.so', '1234')), frame(26, strings('/lib/x.so', '1234'))]),
  ],
  async run(input) {
    const keyring = new Keyring({ now: () => 0 });
    keyring.add(knownKey, 'comment');
    const stream = new Stream();
    const connection = serveAgent(stream, keyring);
    await deliver(stream, input);
    for (let turn = 0, before = -1; turn < 1000 && before !== stream.written.length; turn++) {
      before = stream.written.length;
      for (let wait = 0; wait < 4; wait++) await nextTurn();
    }
    if (!stream.destroyed && stream.written.length !== countFrames(input.subarray(1))) {
      throw new Error(`${stream.written.length} answers to ${countFrames(input.subarray(1))} requests`);
    }
    stream.emit('end');
    const end = await connection.closed;
    for (const { key } of keyring.list()) await key.sign(data, key.publicKey.plain.signatureAlgorithms[0] ?? '');
    if (end !== undefined) throw end;
  },
};

async function deliver(stream: Stream, input: Buffer): Promise<void> {
  const bytes = input.subarray(1);
  const size = input[0] || bytes.length || 1;
  for (let at = 0; at < bytes.length; at += size) stream.emit('data', Buffer.from(bytes.subarray(at, at + size)));
  await nextTurn();
}

function countFrames(bytes: Buffer): number {
  let count = 0;
  for (let at = 0; at + 4 <= bytes.length; count++) {
    at += 4 + bytes.readUInt32BE(at);
    if (at > bytes.length) break;
  }
  return count;
}
