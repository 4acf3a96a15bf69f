/** Keys that are limited to destinations: who sees them, and what they sign, over every way a connection can be bound. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { decodePublicKey, generateKey, signCertificate, withPrivateKeyDetails } from '../keys/index.ts';
import type { PrivateKey, PublicKey } from '../keys/types.ts';
import { maxAgentDestinationKeys, maxAgentDestinations } from '../limits.ts';
import { WireReader, WireWriter } from '../wire/index.ts';
import { createAgentClient } from './client.ts';
import { decodeConstraints, encodeConstraints } from './constraints.ts';
import type { DestinationConstraint } from './destinations.ts';
import { Keyring, type KeyringOptions } from './keyring.ts';
import { serveAgent } from './server.ts';
import { MemoryStream } from './testing.test.data.ts';

const refused = (error: unknown) => error instanceof SshError && error.code === 'agent-refused';
const badMessage = (error: unknown) => error instanceof SshError && error.code === 'bad-message';
const key = await generateKey('ssh-ed25519', { comment: 'mine' });
const [hostA, hostB, hostC, ca] = (await Promise.all([1, 2, 3, 4].map(() => generateKey('ssh-ed25519')))) as [
  PrivateKey,
  PrivateKey,
  PrivateKey,
  PrivateKey,
];
const plain = (host: PrivateKey) => [{ key: host.publicKey, isCertAuthority: false }];
const toA: DestinationConstraint = { from: undefined, to: { host: 'a', keys: plain(hostA) } };
const fromAToB: DestinationConstraint = {
  from: { host: 'a', keys: plain(hostA) },
  to: { host: 'b', keys: plain(hostB), user: 'al*' },
};

let nextSession = 0;

async function connect(destinations: readonly DestinationConstraint[], options: Partial<KeyringOptions> = {}) {
  const keyring = new Keyring({ now: () => 0, unixTime: () => 1_000n, ...options });
  keyring.add(key, 'mine', { destinations });
  return { keyring, ...open(keyring) };
}

/** A connection of its own to the keyring, and ways to bind it and to log in over it. */
function open(keyring: Keyring) {
  const near = new MemoryStream();
  const far = new MemoryStream();
  near.onWrite = (bytes) => far.emit('data', bytes);
  far.onWrite = (bytes) => near.emit('data', bytes);
  serveAgent(far, keyring);
  const client = createAgentClient(near);
  async function bind(host: PrivateKey, forwarding: boolean, shown: PublicKey = host.publicKey) {
    const sessionId = Buffer.alloc(32, ++nextSession);
    const signature = await host.sign(sessionId, 'ssh-ed25519');
    assert.equal(await client.bindSession({ hostKey: shown, sessionId, signature, forwarding }), true);
    return sessionId;
  }
  const list = async () => (await client.list()).length;
  const sign = (data: Uint8Array) => client.sign(key.publicKey, data, 'ssh-ed25519');
  return { client, bind, list, sign };
}

interface Login {
  user?: string;
  hostKey?: PublicKey | undefined;
  method?: string;
  service?: string;
  hasSignature?: number;
  algorithm?: string;
  for?: PublicKey;
  number?: number;
}

function login(sessionId: Uint8Array, request: Login = {}): Buffer {
  const { user = 'alice', hostKey, service = 'ssh-connection', hasSignature = 1, algorithm = 'ssh-ed25519' } = request;
  const method = request.method ?? (hostKey === undefined ? 'publickey' : 'publickey-hostbound-v00@openssh.com');
  const writer = new WireWriter()
    .string(sessionId)
    .uint8(request.number ?? 50)
    .string(user)
    .string(service)
    .string(method)
    .uint8(hasSignature)
    .string(algorithm)
    .string((request.for ?? key.publicKey).blob);
  if (hostKey !== undefined) writer.string(hostKey.blob);
  return writer.finish();
}

test('constraints with names come out as they went in', () => {
  const constraints = {
    lifetimeSeconds: 5,
    confirm: true,
    securityKeyProvider: 'internal',
    destinations: [toA, fromAToB, { ...toA, to: { ...toA.to, keys: [{ key: ca.publicKey, isCertAuthority: true }] } }],
  };
  const decoded = decodeConstraints(encodeConstraints(constraints));
  assert.deepEqual(encodeConstraints(decoded), encodeConstraints(constraints));
  assert.equal(decoded.destinations?.[0]?.from, undefined);
  assert.equal(decoded.destinations?.[1]?.from?.host, 'a');
  assert.equal(decoded.destinations?.[1]?.to.user, 'al*');
  assert.equal(decoded.destinations?.[2]?.to.keys[0]?.isCertAuthority, true);
  const token = { associatedCertificates: { certificatesOnly: true, certificates: [key.publicKey] } };
  const certificates = decodeConstraints(encodeConstraints(token, 'smartcard'), 'smartcard').associatedCertificates;
  assert.equal(certificates?.certificatesOnly, true);
  assert.ok(certificates?.certificates[0]?.equals(key.publicKey));
});

test('the bytes are those of PROTOCOL.agent', () => {
  const bytes = encodeConstraints({ destinations: [fromAToB] });
  const outer = new WireReader(bytes);
  assert.equal(outer.uint8(), 255);
  assert.equal(outer.ascii(), 'restrict-destination-v00@openssh.com');
  const list = new WireReader(outer.string());
  outer.finish();
  const constraint = new WireReader(list.string());
  list.finish();
  for (const [user, host, hostKey] of [
    ['', 'a', hostA],
    ['al*', 'b', hostB],
  ] as const) {
    const hop = new WireReader(constraint.string());
    assert.deepEqual([hop.text(), hop.text(), hop.string().length], [user, host, 0]);
    assert.deepEqual(hop.string(), hostKey.publicKey.blob);
    assert.equal(hop.uint8(), 0);
    hop.finish();
  }
  assert.equal(constraint.string().length, 0);
  constraint.finish();
});

test('named constraints are refused cut, twice, on the wrong thing, beyond the limits and with unknown parts', () => {
  const whole = encodeConstraints({ destinations: [fromAToB], securityKeyProvider: 'internal' });
  const provider = encodeConstraints({ securityKeyProvider: 'internal' }).length;
  for (let end = 1; end < whole.length; end++) {
    if (end !== provider) assert.throws(() => decodeConstraints(whole.subarray(0, end)), badOrKey, `cut at ${end}`);
  }
  const destination = encodeConstraints({ destinations: [toA] });
  assert.throws(() => decodeConstraints(Buffer.concat([destination, destination])), badMessage);
  const associated = { associatedCertificates: { certificatesOnly: false, certificates: [] } };
  assert.throws(() => encodeConstraints(associated), { code: 'misuse' });
  assert.throws(() => decodeConstraints(encodeConstraints(associated, 'smartcard')), badMessage);
  assert.throws(() => encodeConstraints({ securityKeyProvider: 'x' }, 'smartcard'), { code: 'misuse' });
  assert.throws(() => encodeConstraints({ destinations: [{ from: undefined, to: { host: '', keys: [] } }] }), {
    code: 'misuse',
  });
  const hop = (user: string, host: string, reserved: string, ...keys: Uint8Array[]) =>
    keys
      .reduce<WireWriter>(
        (w, blob) => w.string(blob).uint8(0),
        new WireWriter().string(user).string(host).string(reserved),
      )
      .finish();
  const blob = hostA.publicKey.blob;
  const here = hop('', '', '');
  const a = hop('', 'a', '', blob);
  const wrong: [from: Uint8Array, to: Uint8Array, reserved: string][] = [
    [here, a, 'x'],
    [here, hop('', 'a', 'x', blob), ''],
    [hop('', '', 'x'), a, ''],
    [hop('root', 'a', '', blob), a, ''],
    [hop('', 'a', ''), a, ''],
    [hop('', '', '', blob), a, ''],
    [here, hop('', 'a', ''), ''],
    [here, hop('', '', '', blob), ''],
    [here, hop('', 'a\0b', '', blob), ''],
    [here, hop('', 'a', '', Buffer.from('junk')), ''],
    [here, hop('', 'a', '', ...Array<Buffer>(maxAgentDestinationKeys + 1).fill(blob)), ''],
  ];
  const wrap = (...constraints: Uint8Array[]) => {
    const list = constraints.reduce<WireWriter>((w, each) => w.string(each), new WireWriter()).finish();
    return new WireWriter().uint8(255).string('restrict-destination-v00@openssh.com').string(list).finish();
  };
  const one = (from: Uint8Array, to: Uint8Array, reserved: string) =>
    new WireWriter().string(from).string(to).string(reserved).finish();
  assert.equal(decodeConstraints(wrap(one(here, a, ''))).destinations?.length, 1);
  for (const [at, parts] of wrong.entries())
    assert.throws(() => decodeConstraints(wrap(one(...parts))), badOrKey, `${at}`);
  assert.throws(() => decodeConstraints(wrap()), badMessage);
  const many = Array<Buffer>(maxAgentDestinations + 1).fill(one(here, a, ''));
  assert.throws(() => decodeConstraints(wrap(...many)), badMessage);
});

const badOrKey = (error: unknown) =>
  error instanceof SshError && ['bad-message', 'bad-key', 'unsupported'].includes(error.code);

test('on this machine a limited key is seen, and signs nothing', async () => {
  const { list, sign, keyring } = await connect([toA]);
  assert.equal(await list(), 1);
  await assert.rejects(sign(login(Buffer.alloc(32, 200))), refused);
  await assert.rejects(sign(Buffer.from('anything')), refused);
  keyring.add(key, 'free');
  await sign(Buffer.from('anything'));
});

test('a login at a permitted host is signed, and nothing beside it', async () => {
  const { bind, list, sign } = await connect([toA]);
  const sessionId = await bind(hostA, false);
  assert.equal(await list(), 1);
  const signature = await sign(login(sessionId));
  assert.ok(key.publicKey.verify(login(sessionId), signature, 'ssh-ed25519'));
  await sign(login(sessionId, { hostKey: hostA.publicKey }));
  const wrong: Buffer[] = [
    login(Buffer.alloc(32, 201)),
    login(Buffer.alloc(0)),
    login(sessionId, { hostKey: hostB.publicKey }),
    login(sessionId, { method: 'password' }),
    login(sessionId, { service: 'ssh-userauth' }),
    login(sessionId, { hasSignature: 0 }),
    login(sessionId, { hasSignature: 2 }),
    login(sessionId, { algorithm: 'rsa-sha2-256' }),
    login(sessionId, { algorithm: 'ssh-ed25519-cert-v01@openssh.com' }),
    login(sessionId, { for: hostA.publicKey }),
    login(sessionId, { number: 51 }),
    login(sessionId, { user: 'a\0b' }),
    Buffer.concat([login(sessionId), Buffer.of(0)]),
    login(sessionId).subarray(0, -1),
    Buffer.from('anything'),
  ];
  for (const [at, data] of wrong.entries()) await assert.rejects(sign(data), refused, `${at}`);
});

test('at another host the key is neither seen nor removed nor replaced, and signs nothing', async () => {
  const { bind, list, sign, client, keyring } = await connect([toA]);
  const sessionId = await bind(hostB, false);
  assert.equal(await list(), 0);
  await assert.rejects(sign(login(sessionId)), refused);
  await assert.rejects(client.remove(key.publicKey), refused);
  await assert.rejects(client.add(key), refused);
  // Each connection has bindings of its own.
  const { list: listHere } = open(keyring);
  assert.equal(await listHere(), 1);
  const other = open(keyring);
  await other.sign(login(await other.bind(hostA, false)));
});

test('users are matched by their pattern', async () => {
  const { bind, sign } = await connect([{ from: undefined, to: { ...toA.to, user: 'al*' } }]);
  const sessionId = await bind(hostA, false);
  await sign(login(sessionId, { user: 'alice' }));
  for (const user of ['root', 'Alice', '', 'xalice'])
    await assert.rejects(sign(login(sessionId, { user })), refused, user);
  await assert.rejects(sign(login(sessionId, { user: `al${'x'.repeat(2000)}` })), refused);
});

test('two hops: the way that is permitted works, and no other', async () => {
  const through = async (hops: PrivateKey[], last: PrivateKey, destinations = [toA, fromAToB]) => {
    const connection = await connect(destinations);
    for (const host of hops) await connection.bind(host, true);
    const seenOnTheWay = await connection.list();
    const sessionId = await connection.bind(last, false);
    return { ...connection, sessionId, seenOnTheWay };
  };
  const good = await through([hostA], hostB);
  assert.equal(good.seenOnTheWay, 1);
  assert.equal(await good.list(), 1);
  await good.sign(login(good.sessionId, { hostKey: hostB.publicKey }));
  // Without the host key in it, the login could belong to any server that A relays it to.
  await assert.rejects(good.sign(login(good.sessionId)), refused);
  await assert.rejects(good.sign(login(good.sessionId, { hostKey: hostA.publicKey })), refused);
  await assert.rejects(good.sign(login(good.sessionId, { hostKey: hostB.publicKey, user: 'root' })), refused);

  const bad: [string, PrivateKey[], PrivateKey, DestinationConstraint[]?][] = [
    ['to a third host', [hostA], hostC],
    ['back to A', [hostA], hostA],
    ['to B at once', [], hostB],
    ['through another host', [hostC], hostB],
    ['a hop too many', [hostA, hostB], hostC],
    ['only the second hop is allowed', [hostA], hostB, [fromAToB]],
    ['only the first hop is allowed', [hostA], hostB, [toA]],
  ];
  for (const [name, hops, last, destinations] of bad) {
    const { list, sign, sessionId } = await through(hops, last, destinations);
    assert.equal(await list(), 0, name);
    await assert.rejects(sign(login(sessionId, { hostKey: last.publicKey })), refused, name);
  }
});

test('a host where the way ends does not see the key, and cannot sign on a forwarding hop', async () => {
  const { bind, list } = await connect([toA]);
  await bind(hostA, true);
  assert.equal(await list(), 0);
  const onward = await connect([toA, fromAToB]);
  const sessionId = await onward.bind(hostA, true);
  await assert.rejects(onward.sign(login(sessionId, { hostKey: hostA.publicKey })), refused);
});

test('a connection whose binding failed is nobody known', async () => {
  const { client, list, sign } = await connect([toA]);
  const sessionId = Buffer.alloc(32, 250);
  const signature = await hostB.sign(sessionId, 'ssh-ed25519');
  assert.equal(await client.bindSession({ hostKey: hostA.publicKey, sessionId, signature, forwarding: false }), false);
  assert.equal(await list(), 0);
  await assert.rejects(sign(login(sessionId)), refused);
});

test('hosts are known by certificates of a CA that name them', async () => {
  const byAuthority: DestinationConstraint = {
    from: undefined,
    to: { host: 'a.example', keys: [{ key: ca.publicKey, isCertAuthority: true }] },
  };
  const certify = async (principals: string[], signer = ca, validBefore = 2_000n) =>
    decodePublicKey(
      (
        await signCertificate(
          { subject: hostA.publicKey, kind: 'host', keyId: 'a', principals, validAfter: 0n, validBefore, serial: 1n },
          signer,
        )
      ).blob,
    );
  const reach = async (shown: PublicKey, destination = byAuthority, options: Partial<KeyringOptions> = {}) => {
    const { bind, list } = await connect([destination], options);
    await bind(hostA, false, shown);
    return list();
  };
  const good = await certify(['b.example', 'a.example']);
  assert.equal(await reach(good), 1);
  assert.equal(await reach(await certify(['*.example'])), 1);
  assert.equal(await reach(await certify(['b.example'])), 0);
  assert.equal(await reach(await certify(['a.example'], hostB)), 0);
  assert.equal(await reach(await certify(['a.example'], ca, 999n)), 0);
  assert.equal(await reach(hostA.publicKey), 0);
  assert.equal(await reach(good, byAuthority, { unixTime: undefined }), 0);
  // A CA is a CA, and a host a host.
  assert.equal(await reach(good, { from: undefined, to: { host: 'a.example', keys: plain(ca) } }), 0);
  assert.equal(await reach(good, { from: undefined, to: { host: 'a.example', keys: plain(hostA) } }), 0);
});

test('a person is told who is to be logged in', async () => {
  const asked: (string | undefined)[] = [];
  const confirm: KeyringOptions['confirm'] = async ({ user, comment }) => {
    asked.push(user, comment);
    return true;
  };
  const keyring = new Keyring({ now: () => 0, confirm });
  keyring.add(key, 'mine', { confirm: true, destinations: [toA] });
  const { bind, sign } = open(keyring);
  const sessionId = await bind(hostA, false);
  await sign(login(sessionId, { user: 'bob' }));
  await assert.rejects(sign(Buffer.from('junk')), refused);
  assert.deepEqual(asked, ['bob', 'mine']);
});

test('a key and its certificate are two identities, limited each by itself', async () => {
  const certificate = decodePublicKey(
    (
      await signCertificate(
        {
          subject: key.publicKey,
          kind: 'user',
          keyId: 'k',
          principals: ['alice'],
          validAfter: 0n,
          validBefore: 9n,
          serial: 1n,
        },
        ca,
      )
    ).blob,
  );
  const keyring = new Keyring({ now: () => 0 });
  const { client, bind, list } = open(keyring);
  await client.add(withPrivateKeyDetails(key, { certificate }), { constraints: { destinations: [toA] } });
  await client.add(key, {
    constraints: { destinations: [{ from: undefined, to: { host: 'b', keys: plain(hostB) } }] },
  });
  assert.equal(await list(), 2);
  const sessionId = await bind(hostA, false);
  assert.deepEqual(
    (await client.list()).map(({ type }) => type),
    ['ssh-ed25519-cert-v01@openssh.com'],
  );
  const data = login(sessionId, { for: certificate, algorithm: 'ssh-ed25519-cert-v01@openssh.com' });
  assert.ok(key.publicKey.verify(data, await client.sign(certificate, data, 'ssh-ed25519'), 'ssh-ed25519'));
  await assert.rejects(client.sign(key.publicKey, login(sessionId), 'ssh-ed25519'), refused);
});

test('a keyring that could not be listed any more takes no further key', async () => {
  const keyring = new Keyring({ now: () => 0 });
  const { client } = open(keyring);
  await client.add(key, { comment: 'x'.repeat(150_000) });
  const second = await generateKey('ssh-ed25519');
  await assert.rejects(client.add(second, { comment: 'x'.repeat(150_000) }), refused);
  assert.equal((await client.list()).length, 1);
});
