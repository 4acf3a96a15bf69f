import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireWriter } from '../wire/index.ts';
import { serviceAccept, serviceRequest } from './messages.ts';
import type { Phase } from './phase.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

function extInfo(...extensions: [string, string][]): Buffer {
  const writer = new WireWriter().uint8(7).uint32(extensions.length);
  for (const [name, value] of extensions) writer.string(name).string(value);
  return writer.finish();
}

const sigAlgs = extInfo(['server-sig-algs', 'ssh-ed25519']);

test('EXT_INFO right after the first NEWKEYS is taken, in either role', async () => {
  for (const tested of ['client', 'server'] as const) {
    const raw = await (await RawPeer.create({ tested })).reach('service');
    raw.send(extInfo(['a@example.com', 'first'], ['ping@openssh.com', '0']));
    assert.equal(raw.transport.peerExtensions.get('a@example.com')?.toString(), 'first');
    assert.equal(raw.transport.peerExtensions.size, 2);
    assert.deepEqual(raw.ends, []);
  }
});

test('EXT_INFO one packet late is refused before login (asyncssh CVE-2023-46445)', async () => {
  for (const tested of ['client', 'server'] as const) {
    for (const first of [[2, 0, 0, 0, 0], [199], sigAlgs]) {
      const raw = await (await RawPeer.create({ tested })).reach('service');
      raw.send(first);
      assert.deepEqual(raw.ends, []);
      raw.send(sigAlgs);
      await raw.disconnect();
      assert.match(raw.end.message, /EXT_INFO may come right after the first NEWKEYS/);
      assert.equal(raw.end.code, 'protocol-error');
    }
  }
});

test('a server may send it once more before login ends, a client may not', async () => {
  for (const early of [true, false]) {
    const raw = await (await RawPeer.create({ tested: 'client' })).reach('service');
    if (early) raw.send(extInfo(['a', '1'], ['b', '1']));
    raw.send(serviceAccept.encode({ service: 'ssh-userauth' }));
    await raw.handshake;
    const next = raw.transport.next().catch(() => {});
    await settle(1);
    raw.send(extInfo(['b', '2'], ['c', '2']));
    assert.deepEqual(raw.ends, []);
    assert.equal(raw.transport.peerExtensions.get('b')?.toString(), '2');
    raw.send(extInfo(['b', '3']));
    assert.match(raw.end.message, /EXT_INFO may come right after/, `early ${early}`);
    await next;
  }
  const server = await (await RawPeer.create({ tested: 'server' })).reach('auth');
  server.send(sigAlgs);
  await server.disconnect();
  assert.match(server.end.message, /EXT_INFO \(message 7\) may not come before login/);
});

test('EXT_INFO before NEWKEYS, after login and in a rekey is refused', async () => {
  for (const tested of ['client', 'server'] as const) {
    for (const phase of ['first-kexinit', 'first-kex', 'connection', 'rekey'] as const) {
      const raw = await (await RawPeer.create({ tested })).reach(phase);
      raw.send(sigAlgs);
      await raw.disconnect();
      assert.match(raw.end.message, /EXT_INFO \(message 7\) may not come/, `${tested} ${phase}`);
      assert.equal(raw.transport.peerExtensions.size, 0);
    }
    const raw = await (await RawPeer.create({ tested })).reach('connection');
    await raw.exchangeKeys();
    await settle(1);
    raw.send(sigAlgs);
    await raw.disconnect();
    assert.match(raw.end.message, /EXT_INFO \(message 7\) may not come after login/);
  }
});

test('repeated names, too many extensions and counts that lie are refused', async () => {
  const many = Array.from({ length: 65 }, (_, index): [string, string] => [`x${index}@example.com`, '']);
  const bad: [string, Buffer][] = [
    ['a name twice', extInfo(['a', '1'], ['a', '2'])],
    ['65 of them', extInfo(...many)],
    ['a count of 2^32-1', Buffer.concat([Buffer.from([7, 255, 255, 255, 255]), sigAlgs.subarray(5)])],
    ['a count of 2', Buffer.concat([Buffer.from([7, 0, 0, 0, 2]), sigAlgs.subarray(5)])],
    ['a count of 0', Buffer.concat([Buffer.from([7, 0, 0, 0, 0]), sigAlgs.subarray(5)])],
    ['a name with a space', extInfo(['server sig algs', ''])],
    ['a name with a NUL', extInfo(['a\0', ''])],
  ];
  for (const tested of ['client', 'server'] as const) {
    for (const [what, payload] of bad) {
      const raw = await (await RawPeer.create({ tested })).reach('service');
      raw.send(payload);
      const told = await raw.disconnect();
      assert.equal(raw.end.code, 'bad-message', what);
      assert.equal(told?.reason, 2, what);
      assert.equal(raw.transport.peerExtensions.size, 0, what);
    }
    const raw = await (await RawPeer.create({ tested })).reach('service');
    raw.send(extInfo(...many.slice(1)));
    assert.equal(raw.transport.peerExtensions.size, 64);
  }
});

test('extension values are kept as copies and reach the log without control characters', async () => {
  const raw = await (await RawPeer.create({ tested: 'client' })).reach('service');
  raw.send(extInfo(['server-sig-algs', 'ssh-ed25519'], ['x@example.com', '\u001b[2J']));
  for (let count = 0; count < 4; count++) raw.send(Buffer.concat([Buffer.from([2]), Buffer.alloc(100, 0xff)]));
  assert.equal(raw.transport.peerExtensions.get('server-sig-algs')?.toString(), 'ssh-ed25519');
  assert.ok(raw.logs.some((line) => line.includes('\\033[2J')));
  assert.ok(raw.logs.every((line) => !line.includes('\u001b')));
});

const phases: Phase[] = ['first-kexinit', 'first-kex', 'service', 'auth', 'connection', 'rekey'];

test('USERAUTH_SUCCESS, _FAILURE and _BANNER to a server are refused in every phase (libssh CVE-2018-10933)', async () => {
  for (const phase of phases) {
    for (const number of [51, 52, 53]) {
      const raw = await (await RawPeer.create({ tested: 'server' })).reach(phase);
      raw.send([number]);
      await raw.disconnect();
      assert.match(raw.end.message, new RegExp(`\\(message ${number}\\) may not come`), phase);
      if (phase !== 'connection' && phase !== 'rekey') {
        assert.notEqual(raw.transport.phase, 'connection');
        assert.throws(() => raw.transport.exportState(), { code: 'misuse' });
      }
    }
  }
});

test('USERAUTH_SUCCESS to a client before it asked for anything is refused', async () => {
  for (const phase of ['first-kexinit', 'first-kex', 'service', 'connection', 'rekey'] as const) {
    const raw = await (await RawPeer.create({ tested: 'client' })).reach(phase);
    raw.send([52]);
    await raw.disconnect();
    assert.match(raw.end.message, /\(message 52\) may not come/, phase);
  }
});

test('messages of the connection protocol before login are refused unread (Erlang CVE-2025-32433)', async () => {
  for (const tested of ['client', 'server'] as const) {
    for (const phase of phases.filter((name) => name !== 'connection')) {
      for (const number of [80, 81, 82, 90, 91, 93, 94, 98, 100]) {
        const raw = await (await RawPeer.create({ tested })).reach(phase);
        raw.send([number, 255, 255, 255, 255]);
        await raw.disconnect();
        assert.match(raw.end.message, new RegExp(`\\(message ${number}\\) may not come`), `${tested} ${phase}`);
        assert.deepEqual(raw.connection.payloads, []);
      }
    }
  }
});

test('messages sent in one burst with the handshake do not overtake it', async () => {
  // All that a client could know beforehand, behind its own NEWKEYS.
  const raw = await RawPeer.create({ tested: 'server' });
  await raw.identify();
  raw.sendKexInit();
  await raw.readKexInit();
  await raw.agree();
  raw.sendNewKeys();
  raw.send(serviceRequest.encode({ service: 'ssh-userauth' }), [50, 1], [90, 1, 2, 3]);
  await raw.readNewKeys();
  assert.equal(await raw.handshake, 'done');
  assert.equal(raw.transport.phase, 'auth');
  const first = await raw.transport.next();
  assert.deepEqual([...first], [50, 1]);
  assert.deepEqual(raw.ends, []);
  // The login layer lets it in: what waited is of the connection protocol.
  raw.transport.send(Buffer.from([52]));
  raw.transport.attach(raw.connection);
  await settle(1);
  assert.deepEqual(
    raw.connection.payloads.map(([number]) => number),
    [90],
  );

  const refused = await RawPeer.create({ tested: 'server' });
  await refused.reach('auth');
  refused.send([90, 1, 2, 3]);
  assert.match(refused.end.message, /channel message \(message 90\) may not come before login/);
});

test('while login thinks about a message, nothing behind it is read', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('service');
  raw.send(serviceRequest.encode({ service: 'ssh-userauth' }));
  await raw.handshake;
  raw.send([50, 1], [90, 1], [52]);
  await settle(4);
  assert.deepEqual(raw.ends, []);
  assert.deepEqual([...(await raw.transport.next())], [50, 1]);
  await settle(4);
  assert.deepEqual(raw.ends, [], 'the second message was looked at before login asked for it');
  await assert.rejects(raw.transport.next(), { code: 'protocol-error' });
});

test('a rekey before login is refused, in either role (OpenSSH ca313fef2)', async () => {
  for (const tested of ['client', 'server'] as const) {
    for (const phase of ['first-kex', 'service', 'auth'] as const) {
      const raw = await (await RawPeer.create({ tested })).reach(phase);
      raw.send(raw.makeKexInit());
      await raw.disconnect();
      assert.match(raw.end.message, /KEXINIT \(message 20\) may not come/, `${tested} ${phase}`);
    }
  }
});

test('and we ask for none before login, whatever is due', async () => {
  for (const tested of ['client', 'server'] as const) {
    const rekey = { rekey: { bytes: 1, packets: 1, ms: 1 } };
    const raw = await (await RawPeer.create({ tested, client: rekey, server: rekey })).reach('auth');
    raw.clock.advance(10_000);
    await raw.transport.rekey();
    raw.send([2, 0, 0, 0, 0]);
    assert.deepEqual(await raw.drain(), []);
    assert.equal(raw.transport.phase, 'auth');
  }
});

test('late login requests are ignored without an answer (RFC 4252 §5.1)', async () => {
  const raw = await (await RawPeer.create({ tested: 'server' })).reach('connection');
  raw.send([50, 1, 2, 3], [50]);
  assert.deepEqual(await raw.drain(), []);
  assert.deepEqual(raw.authReceived, []);
  assert.deepEqual(raw.ends, []);
});
