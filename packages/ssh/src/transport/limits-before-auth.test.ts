import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxBytesBeforeAuth, maxPacketsBeforeAuth } from '../limits.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

const roles = ['client', 'server'] as const;

test('more packets than allowed before login, wherever they come (OpenSSH CVE-2016-8858)', async () => {
  for (const tested of roles) {
    for (const phase of ['first-kexinit', 'first-kex', 'service', 'auth'] as const) {
      const raw = await (await RawPeer.create({ tested, strict: false })).reach(phase);
      let sent = 0;
      while (raw.ends.length === 0 && sent <= maxPacketsBeforeAuth) {
        raw.send([2, 0, 0, 0, 0]);
        sent++;
      }
      const told = await raw.disconnect();
      assert.equal(raw.end.code, 'limit-exceeded', `${tested} ${phase}`);
      assert.match(raw.end.message, /packets before login/);
      assert.ok(sent > maxPacketsBeforeAuth - 10);
      assert.equal(told?.reason, 2);
    }
  }
});

test('unknown messages count as well, and so do login messages', async () => {
  for (const number of [199, 50]) {
    const raw = await (await RawPeer.create({ tested: 'server' })).reach('auth');
    for (let sent = 0; raw.ends.length === 0 && sent <= maxPacketsBeforeAuth; sent++) {
      raw.send([number]);
      if (number === 50) await Promise.resolve();
      if (sent % 64 === 0) await settle(1);
    }
    assert.equal(raw.end.code, 'limit-exceeded');
  }
});

test('more bytes than allowed before login, in a few large packets', async () => {
  for (const tested of roles) {
    for (const phase of ['service', 'auth'] as const) {
      const raw = await (await RawPeer.create({ tested })).reach(phase);
      const large = Buffer.concat([Buffer.from([2]), Buffer.alloc(200 * 1024)]);
      let sent = 0;
      while (raw.ends.length === 0 && sent < 2 * maxBytesBeforeAuth) {
        raw.send(large);
        sent += large.length;
      }
      assert.equal(raw.end.code, 'limit-exceeded');
      assert.match(raw.end.message, new RegExp(`more than ${maxBytesBeforeAuth} bytes before login`));
      assert.ok(sent <= maxBytesBeforeAuth + large.length);
    }
  }
});

test('one huge read before login is refused whole', async () => {
  const raw = await RawPeer.create({ tested: 'server' });
  raw.start();
  raw.sendBytes(Buffer.alloc(maxBytesBeforeAuth + 1, 0x61));
  assert.equal(raw.end.code, 'limit-exceeded');
  assert.equal(await raw.handshake, raw.end);
});

test('bytes that come before the handshake began count as well', async () => {
  const raw = await RawPeer.create({ tested: 'server' });
  raw.sendBytes(Buffer.from('SSH-2.0-eager\r\n'));
  for (let sent = 0; raw.ends.length === 0 && sent < 2 * maxBytesBeforeAuth; sent += 65536)
    raw.sendBytes(Buffer.alloc(65536));
  assert.equal(raw.end.code, 'limit-exceeded');
  assert.equal(raw.sink.isReading, false);
  raw.start();
  assert.equal(await raw.handshake, raw.end);
});

test('after login neither limit counts', async () => {
  for (const tested of roles) {
    const raw = await (await RawPeer.create({ tested })).reach('connection');
    for (let count = 0; count < maxPacketsBeforeAuth + 100; count++) raw.send([2, 0, 0, 0, 0]);
    for (let count = 0; count < 12; count++) raw.send(Buffer.concat([Buffer.from([2]), Buffer.alloc(100 * 1024)]));
    assert.deepEqual(raw.ends, []);
  }
});
