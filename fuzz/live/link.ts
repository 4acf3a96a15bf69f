/** Our own client's transport over a socket, with what it says mutated: before encryption, so that it reaches the parsers behind. */
import { connect, type Socket } from 'node:net';
import { systemClock } from '@nacre/ssh/client';
import { type ByteSink, Transport } from '@nacre/ssh/transport';
import { makeInput } from '../mutate.ts';
import type { Random } from '../random.ts';
import type { Mutator } from './mutator.ts';

/** Where a connection is harmed. */
export type Layer = 'identification' | 'plain' | 'messages' | 'sealed';

export interface LinkOptions {
  readonly port: number;
  readonly random: Random;
  readonly mutator: Mutator;
  readonly layer: Layer;
}

/** Every message above key exchange goes through the mutator. */
export class MutatingTransport extends Transport {
  #mutator: Mutator | undefined;

  set mutator(mutator: Mutator) {
    this.#mutator = mutator;
  }

  override send(head: Uint8Array, body?: Uint8Array): void {
    const message = Buffer.concat(body === undefined ? [head] : [head, body]);
    for (const one of this.#mutator?.outgoing(message) ?? [message]) super.send(one);
  }
}

export interface Link {
  readonly transport: MutatingTransport;
  readonly socket: Socket;
}

export function openLink({ port, random, mutator, layer }: LinkOptions): Link {
  const socket = connect(port, '127.0.0.1');
  const harm = layer === 'messages' ? undefined : new ByteHarm(random, layer);
  const sink: ByteSink = {
    write: (chunks) => {
      const bytes = Buffer.concat(chunks);
      if (!socket.destroyed && !socket.writableEnded) socket.write(harm === undefined ? bytes : harm.apply(bytes));
    },
    queuedBytes: () => socket.writableLength,
    setReading: (reading) => void (reading ? socket.resume() : socket.pause()),
    end: () => void socket.end(),
    defer: (callback) => void setImmediate(callback),
  };
  const transport = new MutatingTransport({
    role: 'client',
    version: 'fuzz',
    sink,
    clock: systemClock,
    algorithms: { kex: ['curve25519-sha256'], cipher: ['aes128-gcm@openssh.com'] },
    verifyHostKey: async () => {},
  });
  transport.mutator = mutator;
  socket.on('error', (error) => transport.receiveEnd(error));
  socket.on('data', (chunk: Buffer) => transport.receive(chunk));
  socket.on('drain', () => transport.onDrain());
  socket.on('close', () => transport.receiveEnd());
  return { transport, socket };
}

/** Harm below the messages: the first line, the packets before there are keys, sealed bytes. */
class ByteHarm {
  readonly #random: Random;
  readonly #layer: Layer;
  #buffered = Buffer.alloc(0);
  #isIdentified = false;
  #isSealed = false;
  /** How many packets pass first. */
  #patience: number;

  constructor(random: Random, layer: Layer) {
    this.#random = random;
    this.#layer = layer;
    this.#patience = random.below(3);
  }

  apply(bytes: Buffer): Buffer {
    this.#buffered = Buffer.concat([this.#buffered, bytes]);
    const out: Buffer[] = [];
    while (this.#buffered.length > 0) out.push(this.#take());
    return Buffer.concat(out);
  }

  #take(): Buffer {
    if (!this.#isIdentified) {
      this.#isIdentified = true;
      const line = this.#cut(this.#buffered.indexOf('\n') + 1);
      return this.#layer === 'identification' ? makeInput(this.#random, [line]) : line;
    }
    if (this.#isSealed) {
      const sealed = this.#cut(this.#buffered.length);
      return this.#layer === 'sealed' && this.#random.below(4) === 0 ? makeInput(this.#random, [sealed]) : sealed;
    }
    const packet = this.#cut(4 + this.#buffered.readUInt32BE(0));
    const payload = packet.subarray(5, packet.length - (packet[4] as number));
    if (payload[0] === 21) this.#isSealed = true;
    if (this.#layer !== 'plain' || this.#patience-- > 0) return packet;
    switch (this.#random.below(6)) {
      case 0:
        return makeInput(this.#random, [packet]);
      case 1:
        return Buffer.concat([packet, packet]);
      case 2:
        return Buffer.concat([plainPacket(Buffer.from([this.#random.byte(), 0, 0, 0, 0])), packet]);
      default:
        return plainPacket(makeInput(this.#random, [payload]));
    }
  }

  #cut(length: number): Buffer {
    const piece = this.#buffered.subarray(0, length);
    this.#buffered = this.#buffered.subarray(length);
    return piece;
  }
}

/** RFC 4253 §6 without a cipher. */
function plainPacket(payload: Buffer): Buffer {
  let padding = 8 - ((5 + payload.length) % 8);
  if (padding < 4) padding += 8;
  const packet = Buffer.concat([Buffer.alloc(5), payload, Buffer.alloc(padding)]);
  packet.writeUInt32BE(packet.length - 4, 0);
  packet[4] = padding;
  return packet;
}
