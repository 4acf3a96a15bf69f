import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { printable } from '../wire/index.ts';
import * as messages from './messages.ts';

const samples: [
  messages: { name: string; number: number; encode(v: never): Buffer; decode(b: Buffer): unknown },
  value: unknown,
][] = [
  [messages.userauthRequest, { user: 'zoë', service: 'ssh-connection', method: 'none', rest: Buffer.from('ab') }],
  [messages.userauthFailure, { methods: ['publickey', 'password'], partialSuccess: true }],
  [messages.userauthSuccess, {}],
  [messages.userauthBanner, { text: Buffer.from('hello\n'), language: 'en' }],
  [messages.userauthPkOk, { algorithm: 'ssh-ed25519', blob: Buffer.from([1, 2, 3]) }],
  [messages.userauthPasswdChangereq, { prompt: Buffer.from('new one?'), language: '' }],
  [
    messages.userauthInfoRequest,
    {
      name: Buffer.from('n'),
      instruction: Buffer.from('i'),
      language: Buffer.alloc(0),
      prompts: [
        { text: 'Password: ', echo: false },
        { text: 'Code: ', echo: true },
      ],
    },
  ],
  [messages.userauthInfoResponse, { responses: ['secret', ''] }],
];

test('every message of login is read back as it was written', () => {
  for (const [message, value] of samples) {
    const payload = message.encode(value as never);
    assert.equal(payload[0], message.number, message.name);
    assert.deepEqual(message.decode(payload), value, message.name);
  }
});

test('a message cut at any byte is a bad message, never another exception', () => {
  // The language tag may be missing, and a request's rest is the method's affair.
  const mayEnd: Record<string, number> = { USERAUTH_REQUEST: 2, USERAUTH_BANNER: 6, USERAUTH_PASSWD_CHANGEREQ: 4 };
  for (const [message, value] of samples) {
    const payload = message.encode(value as never);
    const whole: number[] = [];
    for (let length = 0; length < payload.length; length++) {
      try {
        message.decode(payload.subarray(0, length));
        whole.push(payload.length - length);
      } catch (error) {
        assert.ok(error instanceof SshError && error.code === 'bad-message', `${message.name} cut to ${length}`);
      }
    }
    assert.ok(
      whole.every((missing) => missing <= (mayEnd[message.name] ?? 0)),
      `${message.name} was read with ${whole} bytes missing`,
    );
  }
});

test('counts are checked before anything is read or reserved', () => {
  const many = Buffer.from([61, 0xff, 0xff, 0xff, 0xff]);
  assert.throws(() => messages.userauthInfoResponse.decode(many), /at most 64/);
  const asked = Buffer.concat([Buffer.from([60]), Buffer.alloc(12), Buffer.from([0xff, 0xff, 0xff, 0xff])]);
  assert.throws(() => messages.userauthInfoRequest.decode(asked), /at most 64/);
});

test('control characters are written out', () => {
  assert.equal(printable('a\x1b[2J\x07b', 'one'), 'a\\033[2J\\007b');
  assert.equal(printable('one\r\ntwo\tx', 'many'), 'one\ntwo\tx');
  assert.equal(printable('one\ntwo\r', 'one'), 'one\\012two\\015');
  assert.equal(printable('\u009b31m \u202egnp.exe\u2066 é ✓', 'many'), '\\u{9b}31m \\u{202e}gnp.exe\\u{2066} é ✓');
});
