/** Why a login was refused, in words. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nodeConfigSystem } from '@nacre/ssh/client';
import { resolveClientConfig } from '@nacre/ssh/config';
import { type AuthFailure, SshError } from '@nacre/ssh/errors';
import { describeRefusal } from './login-report.ts';
import type { Request } from './request.ts';

async function describe(failure: Partial<AuthFailure>, lines: readonly string[] = []): Promise<string> {
  const config = await resolveClientConfig(
    { host: 'db', configFile: 'none', commandLine: lines },
    nodeConfigSystem({ environment: {} }),
  );
  const request = { user: 'ada', originalHost: 'db', settings: config.settings, config } as unknown as Request;
  return describeRefusal({ user: 'ada', keys: [], unusable: [], methods: [], ...failure }, request).join('\n');
}

const offered = { type: 'ssh-ed25519', fingerprint: 'SHA256:x', name: 'laptop', file: undefined } as const;

test('nothing to say is nothing said', async () => {
  assert.equal(await describe({}), '');
});

test('a method that was off names the setting and where it was said', async () => {
  const methods = [
    { name: 'password', outcome: 'off' },
    { name: 'publickey', outcome: 'off' },
  ] as const;
  const text = await describe({ methods }, ['PasswordAuthentication no', 'PubkeyAuthentication no']);
  assert.match(text, /password: .*PasswordAuthentication is off \(command-line\)/);
  assert.match(text, /publickey: .*PubkeyAuthentication is off \(command-line\)/);
  const preferred = await describe({ methods }, ['PreferredAuthentications keyboard-interactive']);
  assert.match(preferred, /PreferredAuthentications is keyboard-interactive \(command-line\)/);
});

test('the command that helps goes the way that was typed', async () => {
  const keys = [{ ...offered, source: 'file', file: '/k', outcome: 'refused' }] as const;
  const methods = [{ name: 'publickey', outcome: 'refused' }] as const;
  assert.match(await describe({ keys, methods }, ['ProxyJump gate']), /ssh-copy-id -i \/k -o ProxyJump=gate ada@db$/m);
  assert.match(await describe({ keys, methods }), /ssh-copy-id -i \/k ada@db$/m);
});

test('a key of the agent is named by its comment, and one that was taken tells what else is wanted', async () => {
  const text = await describe({
    keys: [
      { ...offered, source: 'agent', outcome: 'refused' },
      { ...offered, source: 'program', outcome: 'accepted' },
      { ...offered, source: 'program', outcome: 'signature-refused' },
    ],
    methods: [
      { name: 'password', outcome: 'refused' },
      { name: 'keyboard-interactive', outcome: 'not-proved' },
      { name: 'gssapi-with-mic', outcome: 'unknown' },
    ],
  });
  assert.match(text, /key laptop SHA256:x \(held by the agent\): offered, and the server does not take it/);
  assert.match(text, /accepted, and the server wants more than that/);
  assert.match(text, /and then refused its signature/);
  assert.match(text, /password: tried, and refused/);
  assert.match(text, /keyboard-interactive: given up, nobody answered/);
  assert.match(text, /gssapi-with-mic: the server would take it, and it is not known here/);
  assert.match(text, /Check the user name: it was "ada"\./);
});

test('without any key it says how to come by one; default files that are not there are no news', async () => {
  const error = new SshError('cannot read the key file', { code: 'bad-file', stage: 'key' });
  const text = await describe({
    unusable: [{ path: '/home/ada/.ssh/id_rsa', kind: 'key', isMissingDefault: true, error }],
    methods: [{ name: 'publickey', outcome: 'nothing-to-offer' }],
  });
  assert.doesNotMatch(text, /id_rsa/);
  assert.match(text, /there is no key to offer/);
  assert.match(text, /ssh-keygen/);
});

test('a server that names methods without end fills no screen', async () => {
  const methods = Array.from({ length: 5000 }, (_, index) => ({ name: `m${index}`, outcome: 'unknown' as const }));
  assert.ok((await describe({ methods })).split('\n').length < 20);
});
