/** What certificates say: rows for programs, ssh-keygen's lines for people, times beyond any calendar. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { WireWriter } from '../wire/index.ts';
import {
  type CertificateRequest,
  describeCertificate,
  formatAbsoluteTime,
  formatCertificate,
  formatValidity,
  generateKey,
  parsePublicKey,
  signCertificate,
} from './index.ts';

const ca = await generateKey('ssh-ed25519');
const subject = (await generateKey('ssh-ed25519')).publicKey;
const forever = 2n ** 64n - 1n;

const sign = (changes: Partial<CertificateRequest>) =>
  signCertificate({ subject, kind: 'user', keyId: 'id', principals: ['ada'], ...changes }, ca);

test('tells the state of the validity at a time', async () => {
  const certificate = await sign({ validAfter: 100n, validBefore: 200n });
  const states = [99, 100, 199.9, 200].map(
    (nowSeconds) => describeCertificate(certificate, { nowSeconds }).validity.state,
  );
  assert.deepEqual(states, ['not yet valid', 'valid', 'valid', 'expired']);
  assert.equal(describeCertificate(certificate).validity.state, 'expired');
  assert.equal(describeCertificate(await sign({})).validity.state, 'valid');
});

test('tells known options from unknown and malformed ones', async () => {
  const raw = (text: string) => new WireWriter().string(text).finish();
  const certificate = await sign({
    kind: 'host',
    criticalOptions: {
      'force-command': 'ls -l',
      'source-address': Buffer.of(0, 0, 0, 9, 1),
      'verify-required': true,
      'x@example': 'v',
    },
    extensions: { 'permit-pty': true, 'permit-user-rc': raw('x'), 'force-command': raw('ls'), 'y@example': true },
  });
  const described = describeCertificate(certificate);
  const short = ({ name, kind, text, data }: (typeof described.extensions)[number]) => [name, kind, text, data.length];
  assert.deepEqual(described.criticalOptions.map(short), [
    ['force-command', 'text', 'ls -l', 9],
    ['source-address', 'malformed', undefined, 5],
    ['verify-required', 'flag', undefined, 0],
    ['x@example', 'unknown', undefined, 5],
  ]);
  assert.deepEqual(described.extensions.map(short), [
    ['force-command', 'unknown', undefined, 6],
    ['permit-pty', 'flag', undefined, 0],
    ['permit-user-rc', 'malformed', undefined, 5],
    ['y@example', 'unknown', undefined, 0],
  ]);
  assert.throws(() => formatCertificate(certificate), { code: 'bad-certificate', message: /^Option corrupt/ });
});

test('prints the lines of ssh-keygen -L', () => {
  const folder = fileURLToPath(new URL('../../../../test/vectors/keys/', import.meta.url));
  const { key } = parsePublicKey(readFileSync(`${folder}ed25519.cert`, 'utf8'));
  const { publicKey, authority, validity } = describeCertificate(key);
  assert.equal(
    formatCertificate(key),
    `        Type: ssh-ed25519-cert-v01@openssh.com user certificate
        Public key: ED25519-CERT ${publicKey.fingerprint}
        Signing CA: ED25519 ${authority.fingerprint} (using ssh-ed25519)
        Key ID: "id ed25519"
        Serial: 7
        Valid: ${validity.text}
        Principals: 
                alice
                bob
        Critical Options: 
                force-command /bin/true
                source-address 10.0.0.0/8,::1/128
        Extensions: 
                permit-X11-forwarding
                permit-agent-forwarding
                permit-port-forwarding
                permit-user-rc
`,
  );
  assert.match(formatCertificate(key, { hash: 'md5' }), /Public key: ED25519-CERT MD5:/);
  assert.throws(() => describeCertificate(subject), { code: 'misuse' });
});

test('what a terminal would obey is written as octal, or as the caller says', async () => {
  const certificate = await sign({
    keyId: 'a\x1b[2J\u009b',
    principals: ['b\x07'],
    allowNoPrincipals: true,
    criticalOptions: { 'force-command': 'c\rd' },
    extensions: {},
  });
  const text = formatCertificate(certificate);
  assert.match(text, /Key ID: "a\\033\[2J\\302\\233"\n/);
  assert.match(text, /\n {16}b\\007\n/);
  assert.match(text, /force-command c\\015d\n/);
  assert.match(text, /Extensions: \(none\)\n$/);
  assert.match(formatCertificate(certificate, { printable: () => '?' }), /Key ID: "\?"\n/);
});

test('says validity as ssh-keygen does', () => {
  const time = (seconds: number) => formatAbsoluteTime(BigInt(seconds));
  const year = new Date(2030, 0, 2, 3, 4, 5).getTime() / 1000;
  assert.equal(time(year), '2030-01-02T03:04:05');
  const at = BigInt(year);
  assert.equal(formatValidity({ validAfter: 0n, validBefore: forever }), 'forever');
  assert.equal(formatValidity({ validAfter: 0n, validBefore: at }), 'before 2030-01-02T03:04:05');
  assert.equal(formatValidity({ validAfter: at, validBefore: forever }), 'after 2030-01-02T03:04:05');
  assert.equal(formatValidity({ validAfter: at, validBefore: at }), 'from 2030-01-02T03:04:05 to 2030-01-02T03:04:05');
});

test('times beyond what Date holds are told, without an error', () => {
  // Whole cycles of 400 years differ in nothing but the year.
  const cycle = 146_097n * 86_400n;
  const [near, far] = [formatAbsoluteTime(2n * cycle + 5n), formatAbsoluteTime(1000n * cycle + 5n)];
  const afterYear = (text: string) => text.slice(text.indexOf('-'));
  assert.equal(afterYear(near), afterYear(far));
  assert.equal(Number.parseInt(far, 10) - Number.parseInt(near, 10), 998 * 400);
  assert.match(formatAbsoluteTime(forever), /^219250468-01-00T\d\d:\d\d:07$/);
  assert.equal(formatAbsoluteTime(forever), formatAbsoluteTime(2n ** 63n - 1n));
});
