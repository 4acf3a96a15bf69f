/** What the fuzz targets of the transport share: a transport with a host of its own, keys that both sides know, packets framed by hand. */
import { ciphers, findMac, type PacketSealer } from '@nacre/ssh/crypto';
import { SshError } from '@nacre/ssh/errors';
import { generateKey } from '@nacre/ssh/keys';
import {
  type ByteSink,
  type Clock,
  defaultAlgorithms,
  type Role,
  Transport,
  type TransportState,
} from '@nacre/ssh/transport';
import { WireReader, WireWriter } from '@nacre/ssh/wire';

const hostKey = await generateKey('ssh-ed25519');
const algorithms = {
  kex: ['curve25519-sha256'],
  cipher: ['aes128-gcm@openssh.com'],
  compression: ['zlib@openssh.com', 'none'],
};

export type Payload = Uint8Array | readonly number[];

/** A transport under test with everything a host gives it, and what it promises whatever comes. */
export class Subject implements ByteSink {
  readonly transport: Transport;
  peer: Subject | undefined;
  readonly #ends: SshError[] = [];
  readonly #timers = new Set<() => void>();
  readonly #handshake: Promise<unknown>;
  #isEnded = false;

  /** @param sealedBy - twice the row of the cipher, plus one for the second MAC: logged in under known keys. */
  constructor(role: Role, sealedBy?: number) {
    const clock: Clock = {
      now: () => 0,
      setTimer: (_ms, callback) => {
        this.#timers.add(callback);
        return () => void this.#timers.delete(callback);
      },
    };
    const common = {
      sink: this,
      clock,
      version: 'fuzz',
      algorithms,
      onEnd: (error: SshError) => void this.#ends.push(error),
      log: () => {},
      onNotice: () => {},
    };
    const options =
      role === 'client'
        ? { ...common, role, verifyHostKey: async () => {} }
        : { ...common, role, hostKeys: [{ signer: hostKey }], signatureAlgorithms: ['ssh-ed25519'] };
    if (sealedBy === undefined) {
      this.transport = new Transport(options);
      this.#handshake = this.transport.handshake().catch((error: unknown) => error);
      return;
    }
    this.transport = Transport.restore(options, stateOf(role, sealedBy >> 1, sealedBy & 1));
    this.transport.attach({ receive: () => {}, onLinkReady: () => {}, end: () => {} });
    this.#handshake = Promise.resolve();
  }

  /** Hands bytes in, in reads of a size; 0 for one read. */
  async feed(bytes: Buffer, readBytes: number): Promise<void> {
    const size = readBytes === 0 ? Math.max(1, bytes.length) : readBytes;
    for (let at = 0; at < bytes.length; at += size) {
      const read = Buffer.from(bytes.subarray(at, at + size));
      this.transport.receive(read);
      read.fill(0xaa);
    }
    await nextTurn();
  }

  /** Closes, and checks what must hold at the end. Throws what ended it, unless that was the close. */
  async finish(): Promise<void> {
    await nextTurn();
    this.transport.receiveEnd();
    await this.#handshake;
    // A key exchange that runs takes a few more steps to notice.
    await nextTurn();
    const [end, ...more] = this.#ends;
    if (end === undefined || more.length > 0) throw new Error(`onEnd was called ${this.#ends.length} times`);
    if (!(end instanceof SshError)) throw new Error('it ended with something else than an SshError');
    if (this.#timers.size > 0) throw new Error(`${this.#timers.size} timers are left`);
    if (end.code !== 'connection-lost') throw end;
  }

  pullLogin(): void {
    const pull = async (): Promise<void> => {
      while ((await this.transport.next())[0] !== 52);
      this.transport.attach({ receive: () => {}, onLinkReady: () => {}, end: () => {} });
    };
    pull().catch((error: unknown) => {
      if (error !== this.transport.ended) throw error;
    });
  }

  write(chunks: Buffer[]): void {
    if (this.#isEnded) throw new Error('it writes after its end');
    const bytes = Buffer.concat(chunks);
    setImmediate(() => this.peer?.transport.receive(bytes));
  }

  queuedBytes(): number {
    return 0;
  }

  setReading(): void {}

  end(): void {
    this.#isEnded = true;
    setImmediate(() => this.peer?.transport.receiveEnd());
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}

const macNames = ['hmac-sha2-256-etm@openssh.com', 'hmac-sha2-256'];

function namesOf(row: number, mac: number) {
  const cipher = ciphers[row % ciphers.length] ?? (ciphers[0] as (typeof ciphers)[number]);
  return { cipher, macName: cipher.aead ? undefined : (macNames[mac] as string) };
}

function stateOf(role: Role, row: number, mac: number): TransportState {
  const { cipher, macName } = namesOf(row, mac);
  const protection = { cipher: cipher.name, ...(macName && { mac: macName }), ...keysOf(row, mac) };
  const direction = { protection, sequence: 0, packetsSinceKeys: 0, bytesSinceKeys: 0 };
  const names = { cipher: cipher.name, mac: macName, compression: 'none' };
  return {
    format: 1,
    role,
    ownIdentification: 'SSH-2.0-nacre_fuzz',
    peerIdentification: 'SSH-2.0-fuzz',
    sessionId: Buffer.alloc(32, 1),
    hostKeySignature: Buffer.alloc(0),
    hostKeyBlob: hostKey.publicKey.blob,
    roundTripMs: undefined,
    strict: true,
    negotiated: {
      kex: 'curve25519-sha256',
      hostKey: 'ssh-ed25519',
      clientToServer: names,
      serverToClient: names,
    },
    peerExtensions: [['ping@openssh.com', Buffer.from('0')]],
    sending: direction,
    receiving: direction,
    buffered: Buffer.alloc(0),
  };
}

function keysOf(row: number, mac: number): { key: Buffer; iv: Buffer; macKey: Buffer } {
  const { cipher, macName } = namesOf(row, mac);
  const macKeyBytes = macName === undefined ? 0 : (findMac(macName)?.keyBytes ?? 0);
  // Three different thirds, so that 3DES is no single DES.
  const key = Buffer.from(Array.from({ length: cipher.keyBytes }, (_, index) => index * 7 + 1));
  return { key, iv: Buffer.alloc(cipher.ivBytes, 3), macKey: Buffer.alloc(macKeyBytes, 4) };
}

export function createSealer(row: number, mac: number): PacketSealer {
  const { cipher, macName } = namesOf(row, mac);
  return cipher.createSealer(keysOf(row, mac), macName === undefined ? null : (findMac(macName) ?? null));
}

export const plainSealer: Pick<PacketSealer, 'blockBytes' | 'lengthCountsForPadding' | 'seal'> = {
  blockBytes: 8,
  lengthCountsForPadding: true,
  seal: (_sequence, packet, out) => void out.push(packet),
};

/** packet_length | padding_length | payload | padding, the padding zeros so that seeds stay the same. */
export function frame(payload: Payload, sealer: Pick<PacketSealer, 'blockBytes' | 'lengthCountsForPadding'>): Buffer {
  const unpadded = (sealer.lengthCountsForPadding ? 5 : 1) + payload.length;
  let padding = sealer.blockBytes - (unpadded % sealer.blockBytes);
  if (padding < 4) padding += sealer.blockBytes;
  const packet = Buffer.alloc(5 + payload.length + padding);
  packet.writeUInt32BE(packet.length - 4, 0);
  packet[4] = padding;
  packet.set(payload, 5);
  return packet;
}

export function listed(head: number[], payloads: readonly Payload[]): Buffer {
  const parts: Buffer[] = [Buffer.from(head)];
  for (const payload of payloads) {
    const length = Buffer.alloc(2);
    length.writeUInt16BE(payload.length);
    parts.push(length, Buffer.from(payload));
  }
  return Buffer.concat(parts);
}

export function payloadsOf(bytes: Buffer): Buffer[] {
  const reader = new WireReader(bytes);
  const payloads: Buffer[] = [];
  while (reader.remaining > 2 && payloads.length < 40) {
    const length = (reader.uint8() << 8) | reader.uint8();
    payloads.push(reader.fixed(Math.min(length, reader.remaining)));
  }
  return payloads.filter((payload) => payload.length > 0);
}

export function kexInit(role: Role): Buffer {
  const lists = defaultAlgorithms(role);
  const letter = role === 'client' ? 'c' : 's';
  const kex = ['curve25519-sha256', `ext-info-${letter}`, `kex-strict-${letter}-v00@openssh.com`];
  const cipher = ['aes128-gcm@openssh.com', 'aes256-ctr'];
  const writer = new WireWriter().uint8(20).fixed(Buffer.alloc(16, 5)).nameList(kex).nameList(['ssh-ed25519']);
  writer.nameList(cipher).nameList(cipher).nameList(lists.mac).nameList(lists.mac);
  return writer.nameList(['none']).nameList(['none']).nameList([]).nameList([]).boolean(false).uint32(0).finish();
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
