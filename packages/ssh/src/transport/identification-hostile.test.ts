import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { SshError } from '../errors.ts';
import { maxIdentificationBytes, maxLinesBeforeIdentification, maxPreIdentificationLineBytes } from '../limits.ts';
import { formatIdentification, IdentificationReader } from './identification.ts';
import { RawPeer, settle } from './raw-peer.test.ts';

type Found = ReturnType<IdentificationReader['read']>;

function read(role: 'client' | 'server', text: string | Buffer, lines: string[] = []): Found {
  const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text;
  return new IdentificationReader(role, (line) => void lines.push(line)).read(bytes);
}

function refusal(role: 'client' | 'server', text: string): SshError {
  try {
    read(role, text);
  } catch (error) {
    return error as SshError;
  }
  throw new Error(`"${text.slice(0, 50)}" was taken`);
}

const taken: [string, string][] = [
  ['SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n', 'SSH-2.0-OpenSSH_9.2p1 Debian-2'],
  ['SSH-2.0-x\n', 'SSH-2.0-x'],
  ['SSH-1.99-Cisco-1.25\n', 'SSH-1.99-Cisco-1.25'],
  ['SSH-2.0-with-dashes-and spaces \r\n', 'SSH-2.0-with-dashes-and spaces '],
  ['SSH-2.0-\u00e9\r\n', 'SSH-2.0-\u00e9'],
  [`SSH-2.0-${'x'.repeat(maxIdentificationBytes - 10)}\r\n`, `SSH-2.0-${'x'.repeat(maxIdentificationBytes - 10)}`],
];

test('lines that identify a peer, with CR LF or LF, split at every byte', () => {
  for (const role of ['client', 'server'] as const) {
    for (const [text, expected] of taken) {
      const bytes = Buffer.from(`${text}\0\0\0\x0c`, 'latin1');
      const end = bytes.length - 4;
      for (let cut = 0; cut <= bytes.length; cut++) {
        const reader = new IdentificationReader(role);
        const first = reader.read(bytes.subarray(0, cut));
        if (cut >= end) assert.deepEqual(first, { identification: expected, consumed: end });
        else {
          assert.equal(first, undefined);
          assert.deepEqual(reader.read(bytes.subarray(cut)), { identification: expected, consumed: end - cut });
        }
      }
      const slow = new IdentificationReader(role);
      let found: Found;
      for (const byte of bytes.subarray(0, end)) {
        assert.equal(found, undefined);
        found = slow.read(Buffer.from([byte]));
      }
      assert.deepEqual(found, { identification: expected, consumed: 1 });
    }
  }
});

test('versions that are not SSH 2 are refused as such', () => {
  for (const line of [
    'SSH-1.5-old',
    'SSH-1.3-x',
    'SSH-2.1-x',
    'SSH-3.0-x',
    'SSH-2.0',
    'SSH-2.0-',
    'SSH-',
    'SSH-2.00-x',
    'SSH-1.990-x',
  ]) {
    for (const role of ['client', 'server'] as const) {
      const error = refusal(role, `${line}\r\n`);
      assert.equal(error.code, 'protocol-error', line);
      assert.equal(error.stage, 'identification');
      assert.equal(error.disconnect, 8);
      assert.match(error.message, /only SSH protocol 2.0 is spoken here/);
    }
  }
});

test('a server may send lines first; a client hands them on, without control characters', () => {
  const lines: string[] = [];
  const found = read('client', 'Welcome\r\n\r\n\u001b[2Jcleared\nssh-2.0-lower\r\nSSH\r\nSSH-2.0-x\r\n', lines);
  assert.equal(found?.identification, 'SSH-2.0-x');
  assert.deepEqual(lines, ['Welcome', '', '\\033[2Jcleared', 'ssh-2.0-lower', 'SSH']);
});

test('a client that sends anything else first is refused', () => {
  for (const text of [
    'GET / HTTP/1.1\r\n',
    '\r\n',
    '\n',
    'EHLO example.com\r\n',
    'ssh-2.0-x\r\n',
    ' SSH-2.0-x\r\n',
    '\u0016\u0003\u0001\n',
  ]) {
    const error = refusal('server', text);
    assert.equal(error.code, 'protocol-error');
    assert.match(error.message, /instead of an identification line/);
    assert.doesNotMatch(error.message, /[\u0000-\u001f]/);
  }
});

test('NUL bytes, lines that are too long, and too many lines', () => {
  for (const role of ['client', 'server'] as const) {
    assert.match(refusal(role, 'SSH-2.0-a\0b\r\n').message, /a NUL byte/);
    assert.match(refusal(role, '\0').message, /a NUL byte/);
    assert.match(refusal(role, `SSH-2.0-${'x'.repeat(maxIdentificationBytes)}`).message, /more than 254 bytes/);
    assert.match(refusal(role, 'x'.repeat(maxPreIdentificationLineBytes + 1)).message, /more than 8192 bytes/);
  }
  const many = 'line\n'.repeat(maxLinesBeforeIdentification);
  assert.equal(read('client', `${many}SSH-2.0-x\n`)?.identification, 'SSH-2.0-x');
  assert.match(refusal('client', `${many}line\n`).message, /more than 1024 lines/);
});

test('live: what is no SSH ends both roles, and nothing but our own line is ever said to it', async () => {
  for (const tested of ['client', 'server'] as const) {
    const texts = ['SSH-1.5-old\r\n', 'SSH-2.0-a\0b\r\n', `SSH-2.0-${'x'.repeat(300)}`];
    texts.push(tested === 'server' ? 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n' : 'x'.repeat(9000));
    for (const text of texts) {
      const raw = await RawPeer.create({ tested });
      raw.start();
      await settle(2);
      // The client's KEXINIT goes out together with its identification.
      const before = Buffer.concat(raw.sink.bytes).length;
      raw.sendBytes(Buffer.from(text, 'latin1'));
      await settle(2);
      assert.equal(raw.end.stage, 'identification');
      assert.equal(Buffer.concat(raw.sink.bytes).length, before);
      assert.equal(raw.sink.isEnded, true);
      assert.equal(await raw.handshake, raw.end);
    }
  }
});

test('live: an HTTP answer reaches a client as lines, until the end', async () => {
  const raw = await RawPeer.create({ tested: 'client' });
  raw.start();
  raw.sendBytes(Buffer.from('HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n<html>'));
  assert.deepEqual(raw.notices, ['HTTP/1.1 400 Bad Request', 'Server: x', '']);
  raw.transport.receiveEnd();
  assert.equal(await raw.handshake, raw.end);
  assert.equal(raw.end.code, 'connection-lost');
  assert.equal(raw.end.stage, 'identification');
});

test('live: identifications with bytes beyond ASCII and escape sequences work, and stay out of the log', async () => {
  for (const tested of ['client', 'server'] as const) {
    const identification = 'SSH-2.0-caf\u00e9 \u001b[31m\u0085';
    const raw = await (await RawPeer.create({ tested, identification })).reach('connection');
    assert.deepEqual(raw.ends, []);
    assert.equal(raw.transport.peerIdentification, identification);
    assert.doesNotMatch(raw.logs.join(''), /[\u0000-\u001f\u007f-\u009f]/);
  }
});

test('live: identification, KEXINIT and all that follows in pieces of one byte', async () => {
  for (const tested of ['client', 'server'] as const) {
    const raw = await RawPeer.create({ tested });
    const send = raw.sendBytes.bind(raw);
    raw.sendBytes = (bytes) => {
      for (const byte of bytes) send(Buffer.from([byte]));
    };
    await raw.reach('connection');
    assert.deepEqual(raw.ends, []);
  }
});

test('our own line is checked as well', () => {
  assert.equal(formatIdentification('1.0'), 'SSH-2.0-nacre_1.0');
  assert.equal(formatIdentification('1.0', 'with text'), 'SSH-2.0-nacre_1.0 with text');
  for (const addendum of ['a\r\nb', 'a\nb', '\0', '\u00e9', 'x'.repeat(250)]) {
    assert.throws(() => formatIdentification('1.0', addendum), { code: 'misuse' });
  }
});
