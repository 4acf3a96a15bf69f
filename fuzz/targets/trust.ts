/** Whom to trust: known_hosts, authorized_keys, patterns and address lists. */
import { readdirSync, readFileSync } from 'node:fs';
import { SshError } from '@nacre/ssh/errors';
import {
  addHost,
  checkHostKey,
  findAuthorizedKey,
  knownKeyTypes,
  matchAddressList,
  matchHostAndAddress,
  matchPattern,
  matchPatternList,
  parseAuthorizedKeys,
  parseKnownHosts,
  parseTimeSpec,
  removeHost,
} from '@nacre/ssh/trust';
import { knownKey } from '../known-key.ts';
import type { FuzzTarget } from '../target.ts';

/** The built target lies in build/fuzz/targets. */
const vectors = new URL('../../../test/vectors/keys/', import.meta.url);
const keyLines = readdirSync(vectors)
  .filter((name) => name.endsWith('.pub'))
  .sort((a, b) => (a < b ? -1 : 1))
  .map((name) => readFileSync(new URL(name, vectors), 'utf8').trim());
const key = knownKey.publicKey;
const keyText = `${key.type} ${key.blob.toString('base64')}`;
const hashed = '|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg=';

/** The verdict is `trusted` only where a line holds this very key; a host that is added is known, and gone once removed. */
export const knownHosts: FuzzTarget = {
  name: 'known-hosts',
  seeds: [
    Buffer.from(keyLines.map((line, index) => `host${index},192.0.2.${index} ${line}`).join('\n')),
    Buffer.from(`# comment\n[example.com]:2222,*.example.org,!no.example.org ${keyText} comment\n\n`),
    Buffer.from(`@revoked * ${keyLines[0]}\n@cert-authority *.example.com ${keyText}\nexample.com ${keyText}\n`),
    Buffer.from(`${hashed} ${keyText}\nexample.com ${keyText}\r\n`),
  ],
  run(input) {
    const text = input.toString('utf8');
    const file = parseKnownHosts(text, { name: 'file' });
    knownKeyTypes([file], 'example.com', 22);
    const verdict = judge(() => checkHostKey([file], { host: 'example.com', port: 22, address: '192.0.2.1', key }));
    if (verdict.status === 'trusted' && !text.includes(key.blob.toString('base64'))) {
      throw new Error('trusted a key that no line holds');
    }
    const longer = addHost(text, { host: 'new.example', port: 2222, key });
    if (!longer.startsWith(text)) throw new Error('adding a host changed other lines');
    const removed = removeHost(longer, '[new.example]:2222');
    if (removed.removed.length === 0) throw new Error('the added host was not found');
  },
};

/** Everything that fails there comes out as an SshError, with what failed inside of it. */
function judge<T>(ask: () => T): T {
  try {
    return ask();
  } catch (error) {
    if (error instanceof SshError && error.cause instanceof Error && !(error.cause instanceof SshError))
      throw error.cause;
    throw error;
  }
}

const options = [
  'restrict,pty,command="echo \\"hi\\"",from="192.0.2.0/24,!192.0.2.9,*.example.com"',
  'cert-authority,principals="alice,bob",expiry-time="20380101"',
  'permitopen="localhost:80",permitlisten="*:8080",environment="A=b",no-touch-required,verify-required,tunnel="1"',
];

/** A key gets in only by a line that holds it. */
export const authorizedKeys: FuzzTarget = {
  name: 'authorized-keys',
  seeds: [
    Buffer.from(`${keyLines.join('\n')}\n${keyText} comment\n`),
    ...options.map((option) => Buffer.from(`# comment\n${option} ${keyText} comment\n`)),
  ],
  run(input) {
    const text = input.toString('utf8');
    const { entries } = parseAuthorizedKeys(text, { name: 'file' });
    const context = { user: 'alice', file: 'file', address: '192.0.2.1', now: 1_800_000_000_000 };
    const verdict = findAuthorizedKey(text, key, context);
    if (verdict.status !== 'authorized') return;
    if (!entries.some((entry) => entry.blob.equals(key.blob) && !entry.certAuthority)) {
      throw new Error('a key got in that no line holds');
    }
  },
};

/** Far more than any name and list of these lengths takes, and far less than an exponential matcher would. */
const maxMatchMs = 2000;

/** A name, a line feed, a pattern or list. */
export const patterns: FuzzTarget = {
  name: 'patterns',
  seeds: [
    Buffer.from('www.example.com\n*.example.com,!*.example.org,db?'),
    Buffer.from(`${'a'.repeat(500)}b\n${'*a'.repeat(400)}`),
    Buffer.from(`${'a'.repeat(4000)}\n${'a*'.repeat(2000)}c`),
    Buffer.from('192.0.2.1\n192.0.2.0/24,!192.0.2.9,2001:db8::/32,::ffff:192.0.2.1'),
    Buffer.from('20260102030405Z\n20380101'),
  ],
  run(input) {
    const text = input.toString('latin1');
    const at = text.indexOf('\n');
    const [name, list] = [text.slice(0, Math.max(0, at)), text.slice(at + 1)];
    const start = performance.now();
    if (name.length < 1000 && list.length < 1000 && matchPattern(name, '*') === false) throw new Error('* is for all');
    const ask = [
      () => matchPattern(name, list),
      () => matchPatternList(name, list),
      () => matchAddressList(list, name),
      () => matchHostAndAddress(list, name, '192.0.2.1'),
      () => parseTimeSpec(name),
    ];
    for (const each of ask) {
      try {
        each();
      } catch (error) {
        if (!(error instanceof SshError)) throw error;
      }
    }
    const took = performance.now() - start;
    if (took > maxMatchMs) throw new Error(`${took} ms for ${name.length} and ${list.length} characters`);
  },
};
