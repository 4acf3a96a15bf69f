/** Tests of the log lines of logins and endings, word for word as OpenSSH has them. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import { fingerprint, generateKey } from '@nacre/ssh/keys';
import type { Peer } from '@nacre/ssh/server';
import { Admission } from './admission.ts';
import { readConfig } from './config/config.ts';
import { buildEvents } from './events.ts';
import type { Log } from './log.ts';
import { SourceLimits } from './source-limits.ts';

function setUp() {
  const lines: string[] = [];
  const log = Object.assign((level: string, text: string) => void lines.push(`${level} ${text}`), {
    level: 'DEBUG3',
    format: 'text',
    close: () => {},
  }) as Log;
  const config = readConfig(['PerSourcePenalties=no'], undefined);
  const events = buildEvents(new Admission(config, log), log, new SourceLimits(config.settings));
  const peer: Peer = { address: '192.0.2.1', port: 5, localAddress: '192.0.2.2', localPort: 22, identification: '' };
  return { lines, events, peer };
}

test('attempts of a name that is nobody’s', async () => {
  const { lines, events, peer } = setUp();
  const key = (await generateKey('ssh-ed25519')).publicKey;
  events.onAttempt({ user: 'no such\nuser', method: 'none', result: 'failed' }, peer);
  events.onAttempt({ user: 'no such\nuser', method: 'publickey', result: 'failed', key }, peer);
  events.onDisconnect(ended('connection-lost', 'the peer closed the connection without a word'), peer);
  assert.deepEqual(lines, [
    String.raw`INFO Invalid user no\040such\012user from 192.0.2.1 port 5`,
    String.raw`INFO Failed publickey for invalid user no\040such\012user from 192.0.2.1 port 5 ssh2: ED25519 ${fingerprint(key)}`,
    String.raw`INFO Connection closed by invalid user no\040such\012user 192.0.2.1 port 5 [preauth]`,
  ]);
});

test('endings before anybody named a user', () => {
  const { lines, events, peer } = setUp();
  events.onDisconnect(ended('connection-lost', 'x'), peer);
  events.onDisconnect(ended('connection-lost', 'x', Object.assign(new Error('x'), { code: 'ECONNRESET' })), peer);
  events.onDisconnect(ended('no-common-algorithm', 'no matching cipher found. Their offer: 3des-cbc'), peer);
  events.onDisconnect(ended('timeout', 'x'), peer);
  events.onDisconnect(ended('disconnected', 'Received disconnect: 11: Bye Bye'), peer);
  assert.deepEqual(lines, [
    'INFO Connection closed by 192.0.2.1 port 5 [preauth]',
    'INFO Connection reset by 192.0.2.1 port 5 [preauth]',
    'INFO Unable to negotiate with 192.0.2.1 port 5: no matching cipher found. Their offer: 3des-cbc [preauth]',
    'INFO Timeout before authentication for 192.0.2.1 port 5 [preauth]',
    'INFO Received disconnect from 192.0.2.1 port 5:11: Bye Bye [preauth]',
    'INFO Disconnected from 192.0.2.1 port 5 [preauth]',
  ]);
});

test('too many failures', () => {
  const { lines, events, peer } = setUp();
  events.onAttempt({ user: 'nobody-here', method: 'password', result: 'failed' }, peer);
  lines.length = 0;
  events.onDisconnect(ended('auth-failed', 'Too many authentication failures'), peer);
  assert.deepEqual(lines, [
    'ERROR maximum authentication attempts exceeded for invalid user nobody-here from 192.0.2.1 port 5 ssh2 [preauth]',
    'INFO Disconnecting invalid user nobody-here 192.0.2.1 port 5: Too many authentication failures [preauth]',
  ]);
});

function ended(code: SshError['code'], message: string, cause?: unknown): SshError {
  return new SshError(message, { code, stage: 'auth', side: 'peer', cause });
}
