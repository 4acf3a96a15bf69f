import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import { canonicalizeHostName } from './canonicalize.ts';
import { type ClientKeyword, type ClientSettings, clientKeywords } from './keywords.ts';

const zone: Readonly<Record<string, string>> = {
  'db1.b.example.': 'db1.b.example.',
  'www.a.example.': 'web7.hosting.example.',
  'full.example.': 'full.example.',
};
const asked: string[] = [];
const lookup = async (name: string) => {
  asked.push(name);
  return zone[name];
};

function settings(changes: Partial<ClientSettings>): ClientSettings {
  const initial = Object.fromEntries(
    (Object.keys(clientKeywords) as ClientKeyword[]).map((key) => [key, clientKeywords[key].initial]),
  );
  const domains = { canonicalizeHostname: 'yes', canonicalDomains: ['a.example', 'b.example'] };
  return { ...initial, ...domains, ...changes } as unknown as ClientSettings;
}

test('domains are tried in order; the first that has the name counts', async () => {
  asked.length = 0;
  assert.equal(await canonicalizeHostName('db1', settings({}), lookup), 'db1.b.example');
  assert.deepEqual(asked, ['db1.a.example.', 'db1.b.example.']);
  assert.equal(await canonicalizeHostName('full.example.', settings({}), lookup), 'full.example');
});

test('addresses and names with enough dots stay as they are', async () => {
  asked.length = 0;
  for (const name of ['192.0.2.7', '2001:db8::1', 'x.y.z']) {
    assert.equal(await canonicalizeHostName(name, settings({}), lookup), undefined, name);
  }
  assert.deepEqual(asked, []);
});

test('aliases are followed only as a rule says', async () => {
  const follow = (source: string, target: string) =>
    canonicalizeHostName('www', settings({ canonicalizePermittedCnames: [{ source, target }] }), lookup);
  assert.equal(await canonicalizeHostName('www', settings({}), lookup), 'www.a.example');
  assert.equal(await follow('*.a.example', '*.hosting.example'), 'web7.hosting.example');
  assert.equal(await follow('*.b.example', '*.hosting.example'), 'www.a.example');
  assert.equal(await follow('*.a.example', '*.other.example'), 'www.a.example');
});

test('a name that no domain has is left to the resolver, or is an error', async () => {
  assert.equal(await canonicalizeHostName('nobody', settings({}), lookup), undefined);
  await assert.rejects(
    canonicalizeHostName('nobody', settings({ canonicalizeFallbackLocal: false }), lookup),
    (error: unknown) => error instanceof SshError && error.code === 'dns-failed',
  );
});

test('a name that stays as it is may be an alias that a rule follows', async () => {
  const aliases = async (name: string) => ({ short: 'real.example', 'a.b.c': 'real.example.' })[name];
  const follow = (name: string, source: string) =>
    canonicalizeHostName(name, settings({ canonicalizePermittedCnames: [{ source, target: '*.example' }] }), aliases);
  assert.equal(await follow('short', 'short'), 'real.example');
  assert.equal(await follow('a.b.c', '*'), 'real.example');
  assert.equal(await follow('short', 'other'), undefined);
  assert.equal(await follow('nobody', '*'), undefined);
});
