import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError, type SshErrorInit } from '@nacre/ssh/errors';
import { describeConnectFailure, describeLostSession } from './failures.ts';

const facts = { originalHost: 'box', host: 'box.example', port: 2222, user: 'ada', address: '192.0.2.1' };
const peer = '192.0.2.1 port 2222';
const error = (message: string, init: SshErrorInit) => new SshError(message, init);
const reset = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });

test('before login', () => {
  const words: [SshError, string[]][] = [
    [
      error('Could not resolve hostname x: y', { code: 'dns-failed', stage: 'dns' }),
      ['ssh: Could not resolve hostname x: y'],
    ],
    [error('closed', { code: 'connection-lost', stage: 'transport' }), [`Connection closed by ${peer}`]],
    [
      error('lost', { code: 'connection-lost', stage: 'identification', cause: reset }),
      ['kex_exchange_identification: read: Connection reset by peer', `Connection reset by ${peer}`],
    ],
    [
      error('Received disconnect: 2: Too many authentication failures', { code: 'disconnected', stage: 'transport' }),
      [`Received disconnect from ${peer}:2: Too many authentication failures`, `Disconnected from ${peer}`],
    ],
    [
      error('no matching client to server MAC found. Their offer: x', { code: 'no-common-algorithm', stage: 'kex' }),
      [`Unable to negotiate with ${peer}: no matching MAC found. Their offer: x`],
    ],
    [
      error('Permission denied (publickey).', { code: 'auth-failed', stage: 'auth' }),
      ['ada@box: Permission denied (publickey).'],
    ],
    [error('changed', { code: 'host-key-changed', stage: 'host-key' }), ['Host key verification failed.']],
    [error('bits', { code: 'host-key-refused', stage: 'host-key' }), ['bits', 'Host key verification failed.']],
    [
      error('boom', { code: 'protocol-error', stage: 'transport' }),
      [`ssh_dispatch_run_fatal: Connection to ${peer}: boom`],
    ],
    [
      error('boom', { code: 'bad-mac', stage: 'transport' }),
      [
        'Corrupted MAC on input.',
        `ssh_dispatch_run_fatal: Connection to ${peer}: message authentication code incorrect`,
      ],
    ],
    [
      error('Bad packet length 7.', { code: 'bad-packet', stage: 'transport' }),
      ['Bad packet length 7.', `ssh_dispatch_run_fatal: Connection to ${peer}: Connection corrupted`],
    ],
  ];
  for (const [given, lines] of words) assert.deepEqual(describeConnectFailure(given, facts), lines);
});

test('under a session', () => {
  const lost = (cause?: unknown) => error('lost', { code: 'connection-lost', stage: 'transport', cause });
  assert.deepEqual(describeLostSession(lost(), facts), ['Connection to box.example closed by remote host.']);
  assert.deepEqual(describeLostSession(lost(reset), facts), [
    'Read from remote host box.example: Connection reset by peer',
  ]);
  const pipe = Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
  assert.deepEqual(describeLostSession(lost(pipe), facts), ['client_loop: send disconnect: Broken pipe']);
  const silent = error('x', { code: 'timeout', stage: 'transport' });
  assert.deepEqual(describeLostSession(silent, facts), ['Timeout, server box.example not responding.']);
});
