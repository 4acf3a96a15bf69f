/** Terrapin (CVE-2023-48795) as it was published, by a man in the middle between real programs: bin/ssh and bin/sshd with OpenSSH's and with each other. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { before, test } from 'node:test';
import {
  atEnd,
  missing,
  nacreProgram,
  openSshProgram,
  runSsh,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';
import { until } from './_sshd.ts';

const skip = missing('ssh', 'sshd', 'nacre:ssh', 'nacre:sshd');
const newKeys = 21;
const kexInit = 20;

/** What the man in the middle does. */
interface Attack {
  /** Puts SSH_MSG_IGNORE in before NEWKEYS on the way to this side. */
  readonly injectTo?: Side;
  /** Drops what the server says behind its NEWKEYS before the client has spoken: EXT_INFO. */
  readonly cut?: boolean;
  /** Takes the announcement of strict key exchange out of what this side sends. */
  readonly strip?: Side;
}

type Side = 'client' | 'server';

/** The plain packets of one direction, up to and including NEWKEYS. */
class PlainPackets {
  #bytes = Buffer.alloc(0);
  #isIdentified = false;
  isSealed = false;

  /** @returns whole pieces in order; what is sealed is one. */
  take(bytes: Buffer): { readonly piece: Buffer; readonly number: number | undefined }[] {
    this.#bytes = Buffer.concat([this.#bytes, bytes]);
    const pieces: { piece: Buffer; number: number | undefined }[] = [];
    for (let length = this.#next(); length > 0; length = this.#next()) {
      const piece = Buffer.from(this.#bytes.subarray(0, length));
      this.#bytes = this.#bytes.subarray(length);
      const isPacket = this.#isIdentified && !this.isSealed;
      const number = isPacket ? piece[5] : undefined;
      this.#isIdentified = true;
      pieces.push({ piece, number });
      if (number === newKeys) this.isSealed = true;
    }
    return pieces;
  }

  #next(): number {
    if (this.isSealed) return this.#bytes.length;
    if (!this.#isIdentified) return this.#bytes.indexOf('\n') + 1;
    if (this.#bytes.length < 4) return 0;
    const length = 4 + this.#bytes.readUInt32BE(0);
    return length <= this.#bytes.length ? length : 0;
  }
}

/** RFC 4253 §6: 12 bytes behind the length, of which 6 are padding. */
const ignorePacket = Buffer.from([0, 0, 0, 12, 6, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

interface Middle {
  readonly port: number;
  /** What was done, to tell an attack that failed from one that never was. */
  readonly done: Set<'injected' | 'cut' | 'stripped'>;
}

async function startMiddle(target: TestServer, attack: Attack): Promise<Middle> {
  const done: Middle['done'] = new Set();
  const middle = createServer((client) => {
    const server = connect(target.port, target.host);
    const [fromClient, fromServer] = [new PlainPackets(), new PlainPackets()];
    const tamper = (packets: PlainPackets, from: Side, bytes: Buffer): Buffer => {
      const out: Buffer[] = [];
      for (const { piece, number } of packets.take(bytes)) {
        if (number === newKeys && attack.injectTo !== undefined && attack.injectTo !== from) {
          out.push(ignorePacket);
          done.add('injected');
        }
        if (number === kexInit && attack.strip === from && strip(piece, from)) done.add('stripped');
        const isExtInfo = from === 'server' && packets.isSealed && number === undefined && !fromClient.isSealed;
        if (attack.cut === true && isExtInfo) done.add('cut');
        else out.push(piece);
      }
      return Buffer.concat(out);
    };
    client.on('data', (bytes: Buffer) => server.write(tamper(fromClient, 'client', bytes)));
    server.on('data', (bytes: Buffer) => client.write(tamper(fromServer, 'server', bytes)));
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => other.destroy());
      one.on('end', () => other.end());
    }
  });
  middle.listen(0, '127.0.0.1');
  await once(middle, 'listening');
  atEnd(() => void middle.close());
  return { port: (middle.address() as { port: number }).port, done };
}

/** Another name of the same length, so that nothing else changes. */
function strip(packet: Buffer, from: Side): boolean {
  const at = packet.indexOf(`kex-strict-${from[0]}-v00@openssh.com`);
  if (at >= 0) packet.write('kex-strixt', at);
  return at >= 0;
}

const pairs: readonly (readonly [client: 'nacre' | 'OpenSSH', server: 'nacre' | 'OpenSSH'])[] = [
  ['nacre', 'nacre'],
  ['nacre', 'OpenSSH'],
  ['OpenSSH', 'nacre'],
];
const servers = new Map<string, TestServer>();
before(async () => {
  if (skip) return;
  // MaxAuthTries and penalties are not what is tested.
  servers.set('nacre', await startNacreServer({ hostKeyTypes: ['ed25519'] }));
  servers.set('OpenSSH', await startOpenSshServer({ hostKeyTypes: ['ed25519'] }));
});

async function attempt(client: string, serverName: string, attack: Attack) {
  const server = servers.get(serverName) as TestServer;
  const { port, done } = await startMiddle(server, attack);
  const before = server.log().length;
  const result = await runSsh({ ...server, port }, ['echo in'], {
    program: client === 'nacre' ? nacreProgram('ssh') : openSshProgram('ssh'),
    flags: ['-v'],
    options: [
      `HostKeyAlias=[127.0.0.1]:${server.port}`,
      // The cipher that the attack was made for: the sequence number is its nonce.
      'Ciphers=chacha20-poly1305@openssh.com',
      'KexAlgorithms=curve25519-sha256',
      'ConnectTimeout=20',
    ],
  });
  return { ...result, done, log: () => server.log().slice(before) };
}

for (const [client, server] of pairs) {
  const victims: readonly Side[] = ['client', 'server'];
  test(`${client}'s ssh and ${server}'s sshd`, { skip }, async (t) => {
    await t.test('the man in the middle by himself does no harm', async () => {
      const { status, stdout, stderr } = await attempt(client, server, {});
      assert.deepEqual([status, stdout.toString()], [0, 'in\n'], stderr);
      assert.match(stderr, /chacha20-poly1305@openssh\.com/);
    });
    for (const victim of victims) {
      await t.test(
        `SSH_MSG_IGNORE before NEWKEYS on the way to the ${victim}, EXT_INFO cut off behind it`,
        async () => {
          const { status, stdout, stderr, done, log } = await attempt(client, server, { injectTo: victim, cut: true });
          assert.ok(done.has('injected'));
          assert.deepEqual([status, stdout.toString()], [255, ''], stderr);
          assert.doesNotMatch(log(), /Accepted publickey/);
          if ((victim === 'client' ? client : server) !== 'nacre') return;
          const sign = /IGNORE \(message 2\) may not come during the first key exchange/;
          if (victim === 'client') assert.match(stderr, sign);
          // The client may have ended before the server's line is here.
          else await until(() => sign.test(log()), String(sign));
        },
      );
      await t.test(`the ${victim}'s announcement of strict key exchange taken away, then the attack`, async () => {
        const other = victim === 'client' ? 'server' : 'client';
        const attack: Attack = { strip: victim, injectTo: other, cut: true };
        const { status, stdout, done, stderr, log } = await attempt(client, server, attack);
        assert.ok(done.has('stripped'));
        // The two have not seen the same KEXINIT, and the host key's signature is over both.
        assert.deepEqual([status, stdout.toString()], [255, ''], stderr);
        assert.doesNotMatch(log(), /Accepted publickey/);
      });
    }
    await t.test('EXT_INFO cut off, and nothing put in', async () => {
      const { status, stdout, done, stderr, log } = await attempt(client, server, { cut: true });
      assert.ok(done.has('cut'));
      assert.deepEqual([status, stdout.toString()], [255, ''], stderr);
      assert.doesNotMatch(log(), /Accepted publickey/);
    });
  });
}
