/** `--expires`: times as the option has them, and the servers that read it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { parseKeyOptions } from '@nacre/ssh/trust';
import { expiryOption, requireExpirySupport } from './expiry.ts';

const now = Date.UTC(2030, 0, 1) / 1000;

test('times from now on and absolute ones become the option in UTC', () => {
  const cases: [string, string][] = [
    ['+90d', '20300401000000Z'],
    ['+1w2d', '20300110000000Z'],
    ['+30', '20300101000030Z'],
    ['+12h', '20300101120000Z'],
    ['20301231235959Z', '20301231235959Z'],
    ['20310101Z', '20310101000000Z'],
    ['203101011530Z', '20310101153000Z'],
  ];
  for (const [text, stamp] of cases) {
    assert.equal(expiryOption(text, now + 0.5), `expiry-time="${stamp}"`);
    const options = parseKeyOptions(expiryOption(text, now));
    assert.ok(typeof options === 'object' && (options.permissions.expiresAt ?? 0) > now, text);
  }
});

test('anything else is refused, and so is the past', () => {
  for (const text of [
    '',
    '90d',
    '+',
    '+1y',
    '+1d;x',
    '2030',
    '20300230Z',
    '+99999999999w',
    'forever',
    'always',
    '-1d',
    '0xff',
  ]) {
    assert.throws(() => expiryOption(text, now), /^SshError: the expiry time ".*" is neither/, text);
  }
  for (const text of ['20291231235959Z', '+0', '20300101000000Z']) {
    assert.throws(() => expiryOption(text, now), /has passed already/, text);
  }
});

test('a server that would take the whole line for faulty gets none', () => {
  const fine = [
    'OpenSSH_9.1',
    'OpenSSH_9.2p1 Debian-2+deb12u3',
    'OpenSSH_10.0p2',
    'OpenSSH_for_Windows_9.5',
    'nacre_0.1.0',
    'Go',
  ];
  for (const software of fine) requireExpirySupport(`SSH-2.0-${software}`);
  for (const software of [
    'OpenSSH_9.0',
    'OpenSSH_7.9p1',
    'OpenSSH_for_Windows_8.1',
    'dropbear_2022.83',
    'dropbear',
    'NetScreen',
  ]) {
    assert.throws(
      () => requireExpirySupport(`SSH-2.0-${software}`),
      (error) => error instanceof SshError && error.code === 'unsupported' && error.message.includes(software),
    );
  }
});
