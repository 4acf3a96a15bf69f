import assert from 'node:assert/strict';
import { createPrivateKey, createPublicKey } from 'node:crypto';
import { test } from 'node:test';
import { SshError } from '../../errors.ts';
import {
  formatPrivateKey,
  formatPublicKey,
  isEncrypted,
  parsePrivateKey,
  parsePublicKey,
  peekPublicKey,
} from '../key-file.ts';
import { generateKey } from '../private-key.ts';
import type { PrivateKey } from '../types.ts';

const types = ['ssh-ed25519', 'ecdsa-sha2-nistp256', 'ecdsa-sha2-nistp384', 'ecdsa-sha2-nistp521', 'ssh-rsa'];
const keys: PrivateKey[] = [];
for (const type of types) {
  keys.push(await generateKey(type, { comment: 'kid é', ...(type === 'ssh-rsa' && { bits: 1024 }) }));
}
const [ed25519, p256, p384, , rsa] = keys as [PrivateKey, PrivateKey, PrivateKey, PrivateKey, PrivateKey];

async function members(key: PrivateKey): Promise<Record<string, unknown>> {
  return JSON.parse(await formatPrivateKey(key, 'jwk')) as Record<string, unknown>;
}

async function refusePrivate(value: unknown): Promise<SshError> {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  const error = await parsePrivateKey(Buffer.from(text)).then(
    () => assert.fail(`taken: ${text}`),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof SshError, String(error));
  return error;
}

test('every type comes back, private and public, and node:crypto reads the same', async () => {
  for (const key of keys) {
    const text = await formatPrivateKey(key, 'jwk');
    const again = await parsePrivateKey(Buffer.from(text));
    assert.ok(again.publicKey.equals(key.publicKey));
    assert.equal(again.comment, 'kid é');
    assert.equal(isEncrypted(Buffer.from(text)), false);
    assert.ok(peekPublicKey(Buffer.from(text))?.equals(key.publicKey));
    createPrivateKey({ key: JSON.parse(text), format: 'jwk' });
    const shown = formatPublicKey(key.publicKey, 'kid é', 'jwk');
    const parsed = parsePublicKey(shown);
    assert.ok(parsed.key.equals(key.publicKey));
    assert.equal(parsed.comment, 'kid é');
    assert.ok(!shown.includes('"d"'));
    createPublicKey({ key: JSON.parse(shown), format: 'jwk' });
  }
});

test('reads the keys of RFC 8037 appendix A and RFC 7517 appendix A', () => {
  const okp = '{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}';
  assert.equal(parsePublicKey(okp).key.type, 'ssh-ed25519');
  const ec =
    '{"kty":"EC","crv":"P-256","x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",' +
    '"y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM","use":"sig","kid":"1"}';
  const { key, comment } = parsePublicKey(ec);
  assert.equal(key.type, 'ecdsa-sha2-nistp256');
  assert.equal(comment, '1');
});

test('fields of another kind, wrong curves and lengths are refused', async () => {
  const okp = await members(ed25519);
  const ec = await members(p256);
  const wide = await members(p384);
  const numbers = await members(rsa);
  const wrong: [unknown, RegExp][] = [
    [{ ...okp, kty: 'oct' }, /kty "oct"/],
    [{ ...okp, kty: undefined }, /kty nothing/],
    [{ ...okp, y: okp.x }, /no field "y"/],
    [{ ...okp, n: 'AQAB' }, /no field "n"/],
    [{ ...okp, crv: 'X25519' }, /crv "X25519"/],
    [{ ...okp, crv: 'Ed448' }, /crv "Ed448"/],
    [{ ...okp, crv: 'P-256' }, /crv "P-256"/],
    [{ ...okp, x: ec.x }, /do(es)? not belong/],
    [{ ...okp, d: undefined }, /holds a public key/],
    [{ ...ec, crv: 'P-384' }, /32 bytes, 48 were expected/],
    [{ ...ec, crv: 'secp256k1' }, /crv "secp256k1"/],
    [{ ...ec, y: ec.x }, /not a point on P-256|not belong/],
    [{ ...ec, d: okp.d }, /not belong|zero or not below/],
    [{ ...ec, d: wide.d }, /48 bytes, 32 were expected/],
    [{ ...ec, e: 'AQAB' }, /no field "e"/],
    [{ ...ec, alg: 'ES384' }, /alg ES256/],
    [{ ...ec, alg: 'RS256' }, /cannot have alg/],
    [{ ...numbers, crv: 'P-256' }, /no field "crv"/],
    [{ ...numbers, oth: [] }, /more than two primes/],
    [{ ...numbers, p: undefined }, /no text "p"/],
    [{ ...numbers, dp: numbers.dq }, /dp and dq/],
    [{ ...numbers, q: numbers.p }, /not belong/],
    [{ ...numbers, use: 'enc' }, /use "enc"/],
    [{ ...numbers, alg: 'RSA-OAEP' }, /cannot have alg/],
    [{ keys: [okp] }, /JWK set/],
    ['{"kty":', /no JSON/],
    ['{}', /kty nothing/],
  ];
  for (const [value, message] of wrong) assert.match((await refusePrivate(value)).message, message);
});

test('base64url has one form', async () => {
  const okp = await members(ed25519);
  const x = String(okp.x);
  const numbers = await members(rsa);
  const last = x.at(-1) as string;
  // Two bits of the last character count for nothing; another one with the same four would say the same.
  const stray =
    x.slice(0, -1) +
    'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[
      'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.indexOf(last) + 1
    ];
  for (const bad of [`${x}=`, ` ${x}`, `${x.slice(0, 20)}\n${x.slice(20)}`, `${x}!`, stray, 7, null, ['AA']]) {
    assert.equal((await refusePrivate({ ...okp, x: bad })).code, 'bad-key', String(bad));
  }
  const padded = Buffer.concat([Buffer.of(0), Buffer.from(String(numbers.n), 'base64url')]).toString('base64url');
  assert.match((await refusePrivate({ ...numbers, n: padded })).message, /zero byte/);
});

test('a private JWK is no public key, and names with control characters are no comments', async () => {
  const okp = await members(ed25519);
  assert.throws(() => parsePublicKey(JSON.stringify(okp)), /holds a private key/);
  assert.match((await refusePrivate({ ...okp, kid: 'a\nssh-ed25519 AAAA' })).message, /control character/);
  assert.match((await refusePrivate({ ...okp, kid: 7 })).message, /no text/);
  assert.equal(
    (await parsePrivateKey(Buffer.from(JSON.stringify({ ...okp, __proto__x: 1, ext: true })))).comment,
    'kid é',
  );
});

test('a passphrase is refused rather than dropped', async () => {
  await assert.rejects(formatPrivateKey(ed25519, 'jwk', { passphrase: 'secret' }), { code: 'unsupported' });
});

test('every cut gives an SshError', async () => {
  const text = await formatPrivateKey(rsa, 'jwk');
  for (let length = 0; length < text.length - 2; length += 13) await refusePrivate(text.slice(0, length));
});
