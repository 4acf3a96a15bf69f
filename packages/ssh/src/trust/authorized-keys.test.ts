/** authorized_keys: options, keys, certificates, and the flaws that others had. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SshError } from '../errors.ts';
import { parsePublicKey } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { findAuthorizedKey, parseAuthorizedKeys } from './authorized-keys.ts';
import { allFeatures } from './features.ts';
import { certificateTexts, publicKeyTexts } from './fixtures.test.data.ts';
import { type KeyOptions, parseKeyOptions } from './key-options.ts';
import { fullPermissions } from './permissions.ts';
import { parseTimeSpec } from './time-spec.ts';
import { certificateRefusal } from './user-certificate.ts';

const { alice, bob, ca, otherCa, rsa } = publicKeyTexts;
const keyOf = (text: string): PublicKey => parsePublicKey(text).key;
const context = { address: '192.0.2.1', now: Date.UTC(2026, 0, 1), user: 'alice', file: 'authorized_keys' };
const find = (text: string, keyText: string, more: Partial<typeof context> = {}) =>
  findAuthorizedKey(text, keyOf(keyText), { ...context, ...more });
const options = (field: string): KeyOptions => {
  const parsed = parseKeyOptions(field);
  assert.ok(typeof parsed === 'object', `${field}: ${JSON.stringify(parsed)}`);
  return parsed;
};

test('every option of sshd(8) is read', () => {
  const all = options(
    'agent-forwarding,cert-authority,command="echo \\"a, b\\" \\n",environment="A=1=2",expiry-time="20300101Z",' +
      'from="*.example.com,192.0.2.0/24",no-agent-forwarding,no-port-forwarding,no-pty,no-user-rc,no-X11-forwarding,' +
      'permitlisten="8080",permitlisten="localhost:*",permitopen="[2001:db8::1]:80",permitopen="db:5432",' +
      'principals="alice,bob",tunnel="3",no-touch-required,verify-required',
  );
  assert.equal(all.certAuthority, true);
  assert.deepEqual(all.principals, ['alice', 'bob']);
  assert.deepEqual(all.permissions, {
    forceCommand: 'echo "a, b" \\n',
    environment: new Map([['A', '1=2']]),
    allow: { ...allFeatures(false), tunnel: true },
    from: ['*.example.com,192.0.2.0/24'],
    sourceAddresses: [],
    permitOpen: [
      [
        { host: '2001:db8::1', port: 80 },
        { host: 'db', port: 5432 },
      ],
    ],
    permitListen: [
      [
        { host: '*', port: 8080 },
        { host: 'localhost', port: 'any' },
      ],
    ],
    tunnelDevice: 3,
    expiresAt: Date.UTC(2030, 0, 1) / 1000,
    requireUserPresence: false,
    requireUserVerification: true,
  });
  assert.deepEqual(options('RESTRICT,Pty').permissions.allow, { ...allFeatures(false), pty: true });
  assert.deepEqual(options(',restrict,,pty,').permissions.allow, { ...allFeatures(false), pty: true });
  const opposites = options('no-touch-required,touch-required,verify-required,no-verify-required').permissions;
  assert.deepEqual([opposites.requireUserPresence, opposites.requireUserVerification], [true, false]);
});

test('restrict switches off every feature; later options give back what they name', () => {
  assert.deepEqual(options('restrict').permissions.allow, allFeatures(false));
  assert.deepEqual(options('pty,restrict').permissions.allow, allFeatures(false));
  assert.deepEqual(options('restrict,port-forwarding,user-rc').permissions.allow, {
    ...allFeatures(false),
    'port-forwarding': true,
    'user-rc': true,
  });
  assert.deepEqual(options('restrict,agent-forwarding,X11-forwarding,pty').permissions.allow.tunnel, false);
  assert.deepEqual(options('restrict,tunnel="1"').permissions.allow, { ...allFeatures(false), tunnel: true });
  assert.equal(options('no-port-forwarding').permissions.allow.tunnel, false);
});

test('what is not understood wholly is refused', () => {
  const bad = ['bogus', 'no-bogus', 'pty="x"', 'no-restrict', 'tunnel', 'command'];
  bad.push(
    'command=date',
    'command="date',
    'command="a",command="b"',
    'command="a"x',
    'from=""',
    'from="192.0.2.1/24"',
  );
  bad.push('from="a",from="b"', 'principals="a"', 'cert-authority,principals=""', 'cert-authority,principals="a,,b"');
  bad.push('cert-authority,principals="a",principals="b"', 'permitopen="db"', 'permitopen="80"', 'permitopen="db:0"');
  bad.push(
    'permitopen="db:65536"',
    'permitopen="2001:db8::1:80"',
    'permitlisten="x"',
    'expiry-time="2030"',
    'environment="1"',
  );
  bad.push('expiry-time="20300231"', 'tunnel="-1"', 'tunnel="1",tunnel="2"', 'environment="A-B=1"', 'environment="=1"');
  bad.push('toString', '__proto__', 'constructor="x"', 'no-tunnel', 'verify-required=""', 'restrict pty');
  // The quote behind the backslashes is escaped, so the value goes on, as OpenSSH reads it.
  bad.push('command="a\\\\",environment="A=1"');
  for (const field of bad) assert.equal(typeof parseKeyOptions(field), 'string', field);
});

test('time specifications', () => {
  assert.equal(parseTimeSpec('20300102Z'), Date.UTC(2030, 0, 2) / 1000);
  assert.equal(parseTimeSpec('203001020304Z'), Date.UTC(2030, 0, 2, 3, 4) / 1000);
  assert.equal(parseTimeSpec('20300102030405z'), Date.UTC(2030, 0, 2, 3, 4, 5) / 1000);
  assert.equal(parseTimeSpec('20300102'), new Date(2030, 0, 2).getTime() / 1000);
  for (const text of [
    '',
    '2030',
    '20301301Z',
    '20300100Z',
    '203001022400Z',
    '203001020360Z',
    '20300102030460Z',
    '00000101Z',
  ]) {
    assert.equal(parseTimeSpec(text), undefined, text);
  }
});

test('a file is read line by line, bad lines reported', () => {
  const text = [
    '# keys',
    '',
    `  ${alice} alice at home`,
    `command="a \\" ssh-rsa AAAA",no-pty\t${bob}`,
    `bogus ${alice}`,
    'no key here',
    `ssh-rsa ${alice.split(' ')[1]}`,
    certificateTexts.user,
    `restrict ${alice}\0`,
  ].join('\r\n');
  const file = parseAuthorizedKeys(text, { name: 'keys' });
  assert.deepEqual(
    file.entries.map(({ line, comment, permissions }) => [line, comment, permissions.forceCommand]),
    [
      [3, 'alice at home', undefined],
      [4, '', 'a " ssh-rsa AAAA'],
    ],
  );
  assert.deepEqual(
    file.problems.map(({ line }) => line),
    [5, 6, 7, 8, 9],
  );
});

test('a plain key is found by its bytes', () => {
  const found = find(`${bob}\nrestrict ${alice} me\n`, alice);
  assert.ok(found.status === 'authorized');
  assert.equal(found.line.line, 2);
  assert.deepEqual(found.permissions, { ...fullPermissions, allow: allFeatures(false) });
  assert.deepEqual(find(`${bob}\n${rsa}\n`, alice), { status: 'refused', reasons: [] });
  assert.equal(find(`# ${alice}\n`, alice).status, 'refused');
  assert.equal(find(`${bob} ${alice}\n`, alice).status, 'refused');
  assert.equal(find(`command="${alice}" ${bob}\n`, alice).status, 'refused');
});

test('a line that refuses does not hide a later one, and says why', () => {
  const text = `bogus ${alice}\nfrom="198.51.100.1" ${alice}\nexpiry-time="20200101Z" ${alice}\ncert-authority ${alice}\n`;
  const refused = find(text, alice);
  assert.ok(refused.status === 'refused');
  assert.deepEqual(
    refused.reasons.map(({ line }) => line),
    [1, 2, 3, 4],
  );
  assert.equal(find(`${text}${alice}\n`, alice).status, 'authorized');
});

test('an authority line lets in certificates, never the key itself, and the other way round', () => {
  assert.equal(find(`cert-authority ${ca}\n`, certificateTexts.user).status, 'authorized');
  assert.equal(find(`cert-authority ${ca}\n`, ca).status, 'refused');
  assert.equal(find(`${ca}\n`, certificateTexts.user).status, 'refused');
  assert.equal(find(`${alice}\n`, certificateTexts.user).status, 'refused');
  assert.equal(find(`cert-authority ${otherCa}\n`, certificateTexts.user).status, 'refused');
});

test('a certificate must name the user, or a principal of the line', () => {
  assert.equal(find(`cert-authority ${ca}\n`, certificateTexts.user, { user: 'carol' }).status, 'authorized');
  assert.equal(find(`cert-authority ${ca}\n`, certificateTexts.user, { user: 'root' }).status, 'refused');
  const line = `cert-authority,principals="carol,dave" ${ca}\n`;
  assert.equal(find(line, certificateTexts.user, { user: 'root' }).status, 'authorized');
  assert.equal(find(`cert-authority,principals="alice2" ${ca}\n`, certificateTexts.user).status, 'refused');
  assert.equal(find(`cert-authority,principals="*" ${ca}\n`, certificateTexts.user).status, 'refused');
  assert.equal(find(`cert-authority ${ca}\n`, certificateTexts.nobody).status, 'refused');
  assert.equal(find(`cert-authority ${ca}\n`, certificateTexts.user, { user: '' }).status, 'refused');
});

test('a certificate is refused out of time, of the wrong kind, tampered with, or with names that hold commas', () => {
  const good = keyOf(certificateTexts.user).certificate;
  assert.ok(good !== undefined);
  const question = { principals: ['alice'], now: context.now };
  assert.equal(certificateRefusal(good, question), undefined);
  assert.match(certificateRefusal(good, { ...question, now: Date.UTC(2019, 0, 1) }) ?? '', /not yet valid/);
  assert.match(certificateRefusal(good, { ...question, now: Date.UTC(2031, 0, 1) }) ?? '', /expired/);
  const host = keyOf(certificateTexts.hostCertificate).certificate;
  assert.ok(host !== undefined);
  assert.equal(typeof certificateRefusal(host, { ...question, principals: ['example.com'] }), 'string');
  assert.equal(typeof certificateRefusal({ ...good, principals: ['alice,root'] }, question), 'string');
  assert.equal(typeof certificateRefusal({ ...good, principals: ['alice,root', 'alice'] }, question), 'string');
  assert.equal(typeof certificateRefusal({ ...good, principals: [] }, question), 'string');
  assert.equal(typeof certificateRefusal({ ...good, signatureKey: keyOf(certificateTexts.user) }, question), 'string');
  assert.equal(typeof certificateRefusal({ ...good, signatureKey: keyOf(otherCa) }, question), 'string');
  assert.equal(typeof certificateRefusal({ ...good, signature: Buffer.alloc(0) }, question), 'string');
  assert.equal(typeof certificateRefusal(good, { ...question, caSignatureAlgorithms: ['rsa-sha2-512'] }), 'string');
});

test('limits of line and certificate add up', () => {
  const found = find(`cert-authority,no-port-forwarding ${ca}\n`, certificateTexts.forced);
  assert.ok(found.status === 'authorized');
  assert.equal(found.permissions.forceCommand, '/bin/date');
  assert.deepEqual(found.permissions.allow, { ...allFeatures(false), 'agent-forwarding': true, 'user-rc': true });
  assert.equal(find(`cert-authority ${ca}\n`, certificateTexts.forced, { address: '198.51.100.1' }).status, 'refused');
  assert.equal(find(`cert-authority,command="/bin/date" ${ca}\n`, certificateTexts.forced).status, 'authorized');
  assert.equal(find(`cert-authority,command="/bin/sh" ${ca}\n`, certificateTexts.forced).status, 'refused');
  assert.equal(find(`cert-authority ${ca}\n`, certificateTexts.unknown).status, 'refused');
  const touch = find(`cert-authority ${ca}\n`, certificateTexts.noTouch);
  assert.ok(touch.status === 'authorized' && touch.permissions.requireUserPresence);
  const noTouch = find(`cert-authority,no-touch-required ${ca}\n`, certificateTexts.noTouch);
  assert.ok(noTouch.status === 'authorized' && !noTouch.permissions.requireUserPresence);
});

test('any text parses without another kind of error', () => {
  const piece = fc.constantFrom(
    'restrict',
    ',',
    '"',
    '\\',
    '=',
    'command=',
    'from=',
    ' ',
    '\t',
    '\n',
    '#',
    alice,
    ca,
    'cert-authority',
    '\0',
  );
  fc.assert(
    fc.property(fc.string({ unit: piece, maxLength: 20 }), (text) => {
      for (const run of [
        () => parseAuthorizedKeys(text, { name: 'x' }),
        () => find(text, alice),
        () => find(text, certificateTexts.user),
      ]) {
        try {
          run();
        } catch (error) {
          assert.ok(error instanceof SshError, String(error));
        }
      }
    }),
  );
});

test('long lines of quotes and backslashes stay cheap', () => {
  const started = performance.now();
  for (const filler of ['\\"', '"', '\\', 'a="', ','])
    parseAuthorizedKeys(`command="${filler.repeat(30_000)} ${alice}`, { name: 'x' });
  assert.ok(performance.now() - started < 1000);
});
