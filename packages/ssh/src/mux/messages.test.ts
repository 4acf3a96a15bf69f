import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import type { Message } from '../wire/index.ts';
import { decodeMuxForward, describeForward, encodeMuxForward, type MuxForward } from './forward.ts';
import * as messages from './messages.ts';

const tcp = { kind: 'tcp', host: 'web', port: 80 } as const;

test('every message: its number in front, whole and no longer', () => {
  const samples: readonly [Message<unknown>, unknown][] = [
    [messages.hello, { version: 4, extensions: [Buffer.from('info'), Buffer.from('0')] }],
    [
      messages.newSession,
      {
        requestId: 7,
        reserved: Buffer.alloc(0),
        wantsTerminal: true,
        wantsX11: false,
        wantsAgent: true,
        isSubsystem: false,
        escapeCharacter: 126,
        terminalType: Buffer.from('xterm'),
        command: Buffer.from('ls'),
        environment: [Buffer.from('LANG=C')],
      },
    ],
    [messages.openForward, { requestId: 1, ...encodeMuxForward(forward({})) }],
    [messages.failure, { requestId: 2, reason: Buffer.from('no') }],
    [messages.extInfoReply, { requestId: 2, information: Buffer.from('text') }],
  ];
  for (const [message, value] of samples) {
    const bytes = message.encode(value);
    assert.equal(bytes.readUInt32BE(0), message.number, message.name);
    assert.deepEqual(message.encode(message.decode(bytes)), bytes, message.name);
    for (let cut = 0; cut < 8; cut++) {
      assert.throws(() => message.decode(bytes.subarray(0, cut)), SshError, `${message.name} cut at ${cut}`);
    }
  }
  const numbers = messages.muxMessages.map(({ number }) => number);
  assert.equal(new Set(numbers).size, numbers.length);
});

test('bytes as OpenSSH writes them', () => {
  assert.equal(messages.aliveCheck.encode({ requestId: 0 }).toString('hex'), '1000000400000000');
  const request = encodeMuxForward(forward({ listen: { kind: 'tcp', host: undefined, port: 8080 } }));
  assert.equal(
    messages.openForward.encode({ requestId: 1, ...request }).toString('hex'),
    '1000000600000001' + '00000001' + '00000000' + '00001f90' + '00000003776562' + '00000050',
  );
  const hello = messages.hello.decode(Buffer.from('0000000100000004', 'hex'));
  assert.deepEqual(hello, { version: 4, extensions: [] });
});

test('forwards: paths, all addresses, SOCKS, the chosen port', () => {
  const all: MuxForward[] = [
    forward({}),
    forward({ listen: { kind: 'unix', path: '/tmp/a' }, target: { kind: 'unix', path: '/tmp/b' } }),
    forward({ kind: 'remote', listen: { kind: 'tcp', host: '*', port: 0 } }),
    forward({ kind: 'remote', target: { kind: 'socks' } }),
    forward({ kind: 'dynamic', target: { kind: 'socks' } }),
  ];
  for (const each of all) assert.deepEqual(decodeMuxForward(encodeMuxForward(each)), each);
  const everywhere = forward({ listen: { kind: 'tcp', host: '', port: 1 } });
  assert.equal(encodeMuxForward(everywhere).listenHost, '*');
  assert.equal(describeForward(forward({})), 'local forward LOCALHOST:8080 -> web:80');
});

test('forwards that are none are refused', () => {
  const good = encodeMuxForward(forward({}));
  const bad = [
    { ...good, kind: 0 },
    { ...good, kind: 4 },
    { ...good, listenPort: 65_536 },
    { ...good, connectPort: 0 },
    { ...good, connectPort: 65_536 },
    { ...good, connectHost: '' },
    { ...good, listenPort: 0xffff_fffe },
    { ...good, kind: 3, listenHost: '/tmp/a', listenPort: 0xffff_fffe },
  ];
  for (const each of bad) assert.throws(() => decodeMuxForward(each), SshError, JSON.stringify(each));
});

function forward(changes: Partial<MuxForward>): MuxForward {
  return { kind: 'local', listen: { kind: 'tcp', host: undefined, port: 8080 }, target: tcp, ...changes };
}
