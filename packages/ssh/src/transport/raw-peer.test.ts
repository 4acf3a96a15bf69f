/** A peer that is scripted by hand: it speaks packets with real keys and says whatever a test wants, whenever it wants. */
import assert from 'node:assert/strict';
import { findAgreement } from '../crypto/agreement/table.ts';
import { findCipher } from '../crypto/ciphers/table.ts';
import { findMac } from '../crypto/macs/table.ts';
import type { PacketSealer } from '../crypto/packet-protection.ts';
import type { SshError } from '../errors.ts';
import type { PrivateKey } from '../keys/types.ts';
import type { MessageOf } from '../wire/index.ts';
import { type KexInit, negotiate } from './algorithms.ts';
import { computeExchangeHash, deriveDirectionKeys, type ExchangeResult } from './kex/exchange.ts';
import { Collector, ManualClock, testHostKey } from './memory-pair.test.ts';
import { disconnect, kexEcdhInit, kexEcdhReply, kexInit, serviceAccept, serviceRequest } from './messages.ts';
import type { ByteSink, ClientTransportOptions, ServerTransportOptions } from './options.ts';
import { PacketReader } from './packet-reader.ts';
import { PacketWriter } from './packet-writer.ts';
import type { Phase, Role } from './phase.ts';
import { plainSealer } from './plain.ts';
import { Transport } from './transport.ts';

export interface RawOptions {
  /** The role of the transport under test; the scripted side has the other one. */
  readonly tested: Role;
  readonly client?: Partial<ClientTransportOptions>;
  readonly server?: Partial<ServerTransportOptions>;
  /** What the scripted side announces. */
  readonly strict?: boolean;
  readonly extInfo?: boolean;
  readonly kex?: string;
  readonly cipher?: string;
  readonly mac?: string;
  readonly compression?: string;
  readonly hostKey?: PrivateKey;
  readonly identification?: string;
}

/** Lets everything that is ready run. */
export async function settle(turns = 4): Promise<void> {
  for (let turn = 0; turn < turns; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Keeps what a transport sends; tells nothing unless asked. */
export class RawSink implements ByteSink {
  bytes: Buffer[] = [];
  isEnded = false;
  isReading = true;
  queued = 0;
  writesAfterEnd = 0;

  write(chunks: Buffer[]): void {
    if (this.isEnded) this.writesAfterEnd++;
    this.bytes.push(...chunks);
  }

  queuedBytes(): number {
    return this.queued;
  }

  setReading(reading: boolean): void {
    this.isReading = reading;
  }

  end(): void {
    this.isEnded = true;
  }

  defer(callback: () => void): void {
    setImmediate(callback);
  }
}

/** One transport under test and its scripted peer. */
export class RawPeer {
  readonly transport: Transport;
  readonly role: Role;
  readonly sink = new RawSink();
  readonly clock = new ManualClock();
  readonly reader = new PacketReader();
  readonly writer = new PacketWriter();
  readonly ends: SshError[] = [];
  readonly logs: string[] = [];
  readonly notices: string[] = [];
  /** What the layers above the transport were given. */
  readonly authReceived: Buffer[] = [];
  readonly connection = new Collector();
  handshake: Promise<unknown> = Promise.resolve();
  ownIdentification: string;
  testedIdentification = '';
  ownInit: Buffer = Buffer.alloc(0);
  testedInit: Buffer = Buffer.alloc(0);
  result: ExchangeResult | undefined;
  sessionId: Buffer | undefined;
  strict = false;
  hostKey: PrivateKey;
  /** Seals what the scripted side sends, under the keys of its last NEWKEYS. */
  sealer: PacketSealer = plainSealer;
  readonly #options: RawOptions;
  #negotiated: ReturnType<typeof negotiate> | undefined;

  constructor(options: RawOptions, hostKey: PrivateKey) {
    this.#options = options;
    this.hostKey = options.hostKey ?? hostKey;
    this.role = options.tested === 'client' ? 'server' : 'client';
    this.ownIdentification = options.identification ?? 'SSH-2.0-scripted';
    const common = {
      sink: this.sink,
      clock: this.clock,
      version: 'test',
      algorithms: {
        kex: [options.kex ?? 'curve25519-sha256'],
        cipher: [options.cipher ?? 'aes128-gcm@openssh.com'],
        ...(options.mac && { mac: [options.mac] }),
        ...(options.compression && { compression: [options.compression] }),
      },
      onEnd: (error: SshError) => void this.ends.push(error),
      log: (_level: number, text: string) => void this.logs.push(text),
      onNotice: (text: string) => void this.notices.push(text),
    };
    this.transport = new Transport(
      options.tested === 'client'
        ? { ...common, role: 'client', verifyHostKey: async () => {}, ...options.client }
        : {
            ...common,
            role: 'server',
            hostKeys: [{ signer: this.hostKey }],
            signatureAlgorithms: ['ssh-ed25519'],
            ...options.server,
          },
    );
  }

  static async create(options: RawOptions): Promise<RawPeer> {
    return new RawPeer(options, await testHostKey());
  }

  /** Why the transport under test ended; fails where it has not, or not exactly once. */
  get end(): SshError {
    assert.equal(this.ends.length, 1, `ended ${this.ends.length} times`);
    return this.ends[0] as SshError;
  }

  // Bytes and packets.

  sendBytes(bytes: Uint8Array): void {
    const copy = Buffer.from(bytes);
    this.transport.receive(copy);
    copy.fill(0xaa);
  }

  /** The sealed packets of these payloads; each moves the sequence number on. */
  seal(...payloads: (Uint8Array | number[])[]): Buffer {
    for (const payload of payloads) this.writer.write(Buffer.from(payload));
    return Buffer.concat(this.writer.take());
  }

  send(...payloads: (Uint8Array | number[])[]): void {
    this.sendBytes(this.seal(...payloads));
  }

  /** The next payload that the transport has sent, or undefined if there is none. */
  poll(): Buffer | undefined {
    if (this.sink.bytes.length > 0) {
      this.reader.feed(Buffer.concat(this.sink.bytes.splice(0)));
      this.reader.settle();
    }
    return this.reader.next();
  }

  async next(): Promise<Buffer> {
    for (let turn = 0; turn < 3000; turn++) {
      const payload = this.poll();
      if (payload !== undefined) return payload;
      if (this.sink.isEnded) break;
      await settle(1);
    }
    throw new Error(`nothing came; the transport ${this.ends[0] ? `ended: ${this.ends[0].message}` : 'still lives'}`);
  }

  /** All that the transport has sent and will send of itself. */
  async drain(): Promise<Buffer[]> {
    const payloads: Buffer[] = [];
    for (let idle = 0; idle < 4; idle++) {
      for (let payload = this.poll(); payload !== undefined; payload = this.poll()) {
        payloads.push(payload);
        idle = 0;
      }
      await settle(1);
    }
    return payloads;
  }

  /** Waits for the end and gives the DISCONNECT that was sent with it. */
  async disconnect(): Promise<MessageOf<typeof disconnect> | undefined> {
    for (let turn = 0; turn < 3000 && !this.sink.isEnded; turn++) await settle(1);
    assert.ok(this.sink.isEnded, 'the transport did not end');
    const payloads = await this.drain();
    const last = payloads.at(-1);
    assert.ok(
      payloads.slice(0, -1).every((payload) => payload[0] !== disconnect.number),
      'more than one DISCONNECT, or something behind it',
    );
    return last?.[0] === disconnect.number ? disconnect.decode(last) : undefined;
  }

  // Conversations.

  /** The transport begins; both lines are exchanged. */
  async identify(): Promise<void> {
    this.start();
    this.sendBytes(Buffer.from(`${this.ownIdentification}\r\n`, 'latin1'));
    await this.readIdentification();
  }

  start(): void {
    this.handshake = this.transport.handshake().then(
      () => 'done',
      (error: unknown) => error,
    );
  }

  async readIdentification(): Promise<void> {
    for (let turn = 0; turn < 100 && this.sink.bytes.length === 0; turn++) await settle(1);
    const bytes = Buffer.concat(this.sink.bytes.splice(0));
    const end = bytes.indexOf('\r\n');
    assert.notEqual(end, -1);
    this.testedIdentification = bytes.toString('latin1', 0, end);
    if (bytes.length > end + 2) this.sink.bytes.push(bytes.subarray(end + 2));
  }

  /** The scripted side's KEXINIT, with the same single names as the transport's. */
  makeKexInit(changes: Partial<KexInit> = {}): Buffer {
    const { kex = 'curve25519-sha256', cipher = 'aes128-gcm@openssh.com', mac = 'hmac-sha2-256' } = this.#options;
    const { compression = 'none', strict = true, extInfo = true } = this.#options;
    const letter = this.role === 'client' ? 'c' : 's';
    const announcements =
      this.sessionId === undefined
        ? [...(extInfo ? [`ext-info-${letter}`] : []), ...(strict ? [`kex-strict-${letter}-v00@openssh.com`] : [])]
        : [];
    return kexInit.encode({
      cookie: Buffer.alloc(16, 7),
      kex: [kex, ...announcements],
      hostKey: [this.hostKey.type === 'ssh-rsa' ? 'rsa-sha2-512' : this.hostKey.type],
      cipherClientToServer: [cipher],
      cipherServerToClient: [cipher],
      macClientToServer: [mac],
      macServerToClient: [mac],
      compressionClientToServer: [compression],
      compressionServerToClient: [compression],
      languageClientToServer: [],
      languageServerToClient: [],
      firstKexPacketFollows: false,
      reserved: 0,
      ...changes,
    });
  }

  sendKexInit(changes?: Partial<KexInit>): void {
    this.ownInit = this.makeKexInit(changes);
    this.send(this.ownInit);
  }

  async readKexInit(): Promise<KexInit> {
    this.testedInit = Buffer.from(await this.next());
    return kexInit.decode(this.testedInit);
  }

  /** Settles the algorithms, once both KEXINITs are known. */
  negotiate(): void {
    const [own, tested] = [kexInit.decode(this.ownInit), kexInit.decode(this.testedInit)];
    const [client, server] = this.role === 'client' ? [own, tested] : [tested, own];
    this.#negotiated = negotiate(client, server, this.role);
    if (this.sessionId === undefined) {
      this.strict =
        client.kex.includes('kex-strict-c-v00@openssh.com') && server.kex.includes('kex-strict-s-v00@openssh.com');
    }
  }

  /** KEX_ECDH_INIT and KEX_ECDH_REPLY, whichever side is which; `forge` may change the reply before it goes. */
  async agree(
    forge: (reply: MessageOf<typeof kexEcdhReply>) => MessageOf<typeof kexEcdhReply> = (reply) => reply,
  ): Promise<void> {
    this.negotiate();
    const agreement = findAgreement(this.#negotiated?.kex ?? '');
    assert.ok(agreement);
    if (this.role === 'client') {
      const initiator = await agreement.start();
      this.send(kexEcdhInit.encode({ value: initiator.value }));
      const reply = kexEcdhReply.decode(await this.next());
      const secret = await initiator.finish(reply.value);
      this.#conclude(agreement.hash, reply.hostKey, initiator.value, reply.value, secret);
      assert.ok(
        this.hostKey.publicKey.verify(
          this.result?.exchangeHash ?? Buffer.alloc(0),
          reply.signature,
          this.#signatureName(),
        ),
        'the signature of the transport under test is wrong',
      );
    } else {
      const init = kexEcdhInit.decode(await this.next());
      const { value, secret } = await agreement.respond(init.value);
      const { blob } = this.hostKey.publicKey;
      const exchangeHash = this.#conclude(agreement.hash, blob, init.value, value, secret);
      const signature = await this.hostKey.sign(exchangeHash, this.#signatureName());
      this.send(kexEcdhReply.encode(forge({ hostKey: blob, value, signature })));
    }
  }

  sendNewKeys(): void {
    this.send([21]);
    const { parts, keys } = this.#directionKeys(this.role);
    this.sealer = parts.cipher.createSealer(keys, parts.mac);
    this.writer.setProtection(this.sealer, this.strict);
  }

  /** A packet as its bytes stand before sealing, whatever they say: sealed, but not sent. */
  sealPacket(packet: Buffer): Buffer {
    const out: Buffer[] = [];
    this.sealer.seal(this.writer.sequence, packet, out);
    this.writer.sequence = (this.writer.sequence + 1) >>> 0;
    return Buffer.concat(out);
  }

  async readNewKeys(): Promise<void> {
    assert.deepEqual([...(await this.next())], [21]);
    this.switchReader();
  }

  switchReader(): void {
    const { parts, keys } = this.#directionKeys(this.role === 'client' ? 'server' : 'client');
    this.reader.setProtection(parts.cipher.createOpener(keys, parts.mac), this.strict);
  }

  /** From KEXINIT to NEWKEYS, for a first or a later exchange that the scripted side begins. */
  async exchangeKeys(): Promise<void> {
    this.sendKexInit();
    await this.readKexInit();
    await this.agree();
    this.sendNewKeys();
    await this.readNewKeys();
  }

  /** Leads the transport under test into a phase by the shortest way; the EXT_INFO it sends is read and dropped. */
  async reach(phase: Phase): Promise<this> {
    await this.identify();
    if (phase === 'first-kexinit') {
      await this.drain();
      return this;
    }
    if (phase === 'first-kex') {
      this.sendKexInit();
      await this.readKexInit();
      this.negotiate();
      // A client goes on at once with its first value.
      await settle();
      return this;
    }
    await this.exchangeKeys();
    const tested = this.#options.tested;
    const first = tested === 'server' && this.#options.extInfo === false ? undefined : await this.#dropExtInfo();
    if (tested === 'client') {
      assert.equal(serviceRequest.decode(first ?? (await this.next())).service, 'ssh-userauth');
    }
    await settle(1);
    if (phase === 'service') return this;
    if (tested === 'client') this.send(serviceAccept.encode({ service: 'ssh-userauth' }));
    else {
      this.send(serviceRequest.encode({ service: 'ssh-userauth' }));
      assert.equal(serviceAccept.decode(await this.next()).service, 'ssh-userauth');
    }
    assert.equal(await this.handshake, 'done');
    void this.#pullAuth();
    if (phase === 'auth') return this;
    if (tested === 'client') {
      this.send([52]);
      await settle(1);
    } else {
      this.transport.send(Buffer.from([52]));
      assert.deepEqual([...(await this.next())], [52]);
    }
    if (this.#options.compression === 'zlib@openssh.com') {
      this.writer.setCompression(true);
      this.reader.setCompression(true);
    }
    this.authReceived.length = 0;
    this.transport.attach(this.connection);
    await settle(1);
    if (phase === 'connection') return this;
    this.sendKexInit();
    await this.readKexInit();
    this.negotiate();
    await settle();
    return this;
  }

  #signatureName(): string {
    return this.hostKey.type === 'ssh-rsa' ? 'rsa-sha2-512' : this.hostKey.type;
  }

  async #dropExtInfo(): Promise<Buffer | undefined> {
    const payload = await this.next();
    return payload[0] === 7 ? undefined : payload;
  }

  /** Plays the login layer: takes one message after the other until the connection ends or login is done. */
  async #pullAuth(): Promise<void> {
    try {
      for (;;) {
        const payload = await this.transport.next();
        this.authReceived.push(payload);
        if (payload[0] === 52) return;
      }
    } catch (error) {
      assert.equal(error, this.transport.ended);
    }
  }

  #conclude(
    hash: ExchangeResult['hash'],
    blob: Buffer,
    clientValue: Buffer,
    serverValue: Buffer,
    secret: Buffer,
  ): Buffer {
    assert.ok(this.#negotiated);
    const isClient = this.role === 'client';
    const exchange = {
      negotiated: this.#negotiated,
      clientIdentification: isClient ? this.ownIdentification : this.testedIdentification,
      serverIdentification: isClient ? this.testedIdentification : this.ownIdentification,
      clientInit: isClient ? this.ownInit : this.testedInit,
      serverInit: isClient ? this.testedInit : this.ownInit,
      send: () => {},
      next: () => Promise.reject(new Error('unused')),
      log: () => {},
    };
    const exchangeHash = computeExchangeHash(
      exchange,
      hash,
      blob,
      (writer) => void writer.string(clientValue).string(serverValue),
      secret,
    );
    this.result = { hash, secret, exchangeHash, hostKey: this.hostKey.publicKey, signature: Buffer.alloc(0) };
    this.sessionId ??= exchangeHash;
    return exchangeHash;
  }

  #directionKeys(from: Role) {
    assert.ok(this.#negotiated && this.result && this.sessionId);
    const direction = from === 'client' ? 'clientToServer' : 'serverToClient';
    const names = this.#negotiated[direction];
    const cipher = findCipher(names.cipher);
    assert.ok(cipher);
    const mac = names.mac === undefined ? null : (findMac(names.mac) ?? null);
    const keys = deriveDirectionKeys(this.result, this.sessionId, direction, {
      ivBytes: cipher.ivBytes,
      keyBytes: cipher.keyBytes,
      macKeyBytes: mac?.keyBytes ?? 0,
    });
    return { parts: { cipher, mac }, keys };
  }
}
