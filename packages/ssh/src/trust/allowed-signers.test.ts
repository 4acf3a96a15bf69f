/** allowed_signers: lines, whom they allow, and what must not be taken for a yes. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { generateKey, parsePublicKey, signCertificate } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import { checkSigner, findSignerPrincipals, matchSignerPrincipals, parseAllowedSigners } from './allowed-signers.ts';
import { certificateTexts, publicKeyTexts } from './fixtures.test.data.ts';

const { alice, bob, ca, rsa } = publicKeyTexts;
const keyOf = (text: string): PublicKey => parsePublicKey(text).key;
const now = Date.UTC(2026, 0, 1);
const name = 'allowed_signers';
const parse = (text: string) => parseAllowedSigners(text, { name });
interface Changes {
  principal?: string;
  namespace?: string;
  now?: number;
}
const check = (text: string, keyText: string, more: Changes = {}) =>
  checkSigner(parse(text), { key: keyOf(keyText), principal: 'alice@example.com', namespace: 'git', now, ...more });
const isAllowed = (...args: Parameters<typeof check>) => check(...args).status === 'allowed';
const reasons = (...args: Parameters<typeof check>) => check(...args).notes.map(({ reason }) => reason);

test('lines are read with principals, options, key and comment', () => {
  const file = parse(
    `# comment\n\n \t\r\nalice@example.com,*@example.org ${alice} a comment\n"bob smith" CERT-AUTHORITY,Namespaces="git,fi\\"le",` +
      `valid-after="20200101Z",valid-before="20300101120000UTC" ${rsa}\r\n`,
  );
  assert.deepEqual(file.problems, []);
  const [first, second] = file.entries;
  assert.equal(first?.line, 4);
  assert.equal(first.principals, 'alice@example.com,*@example.org');
  assert.equal(first.comment, 'a comment');
  assert.ok(first.key.equals(keyOf(alice)));
  assert.equal(first.certAuthority, false);
  assert.equal(first.namespaces, undefined);
  assert.equal(second?.principals, 'bob smith');
  assert.equal(second.certAuthority, true);
  assert.equal(second.namespaces, 'git,fi"le');
  assert.equal(second.validAfter, Date.UTC(2020, 0, 1) / 1000);
  assert.equal(second.validBefore, Date.UTC(2030, 0, 1, 12) / 1000);
});

test('what is not understood wholly is a problem with its line, and allows nobody', () => {
  for (const [line, reason] of [
    ['alice@example.com', /^missing key/],
    ['"alice@example.com', /^invalid line/],
    [`"alice@example.com ${alice}`, /^invalid line/],
    ['alice@example.com ssh-ed25519 AAAA', /^invalid key/],
    [`alice@example.com ${alice.replace('ssh-ed25519', 'ssh-rsa')}`, /^invalid key/],
    [`alice@example.com ${alice}AAAA`, /^invalid key/],
    [`alice@example.com no-such-option ${alice}`, /^bad options: unknown key option/],
    [`alice@example.com cert-authorityx ${alice}`, /^bad options: unknown key option/],
    [`alice@example.com namespaces=git ${alice}`, /^bad options: missing start quote/],
    [`alice@example.com namespaces="git ${alice}`, /^invalid options/],
    [`alice@example.com namespaces="git", ${alice}`, /^bad options: unexpected end-of-options/],
    [`alice@example.com namespaces="a",namespaces="b" ${alice}`, /^bad options: multiple "namespaces"/],
    [`alice@example.com valid-after="soon" ${alice}`, /^bad options: invalid "valid-after" time/],
    [`alice@example.com valid-before="19700101Z" ${alice}`, /^bad options: invalid "valid-before" time/],
    [`alice@example.com valid-after="2020",valid-before="20300101" ${alice}`, /^bad options: invalid "valid-after"/],
    [
      `alice@example.com valid-after="20300101",valid-before="20200101" ${alice}`,
      /^bad options: "valid-before" time is/,
    ],
    [`alice@example.com constructor="x" ${alice}`, /^bad options: unknown key option/],
    [`alice@example.com ${alice}\0`, /NUL/],
    [`alice@example.com,${'*'.repeat(9000)} ${alice}`, /too long/],
    [`alice@example.com ${alice} ${'x'.repeat(70_000)}`, /characters long/],
  ] as const) {
    const text = `\n${line}\nbob ${bob}\n`;
    const { problems, entries } = parse(text);
    assert.equal(problems.length, 1, line.slice(0, 100));
    assert.equal(problems[0]?.line, 2);
    assert.match(problems[0].reason, reason);
    assert.equal(entries.length, 1);
    assert.equal(isAllowed(text, alice), false);
    assert.deepEqual(reasons(text, alice), [problems[0].reason]);
  }
  assert.throws(() => parse('x'.repeat(64 * 1024 * 1024 + 1)), { code: 'limit-exceeded' });
});

test('a key is allowed for its principals, and negated patterns count', () => {
  assert.ok(isAllowed(`alice@example.com ${alice}`, alice));
  assert.ok(isAllowed(`bob,*@example.com ${alice}`, alice));
  assert.ok(!isAllowed(`*@example.com,!alice@* ${alice}`, alice));
  assert.ok(!isAllowed(`!bob ${alice}`, alice));
  assert.ok(!isAllowed(`Alice@example.com ${alice}`, alice));
  assert.ok(!isAllowed(`* ${bob}`, alice));
  assert.throws(() => isAllowed(`* ${alice}`, alice, { principal: 'x'.repeat(10_000) }), { code: 'limit-exceeded' });
});

test('the first good line decides, and what was wrong above it is told', () => {
  const text = `alice@example.com nonsense ${alice}\nalice@example.com namespaces="file" ${alice}\n* ${alice}\nbad`;
  const verdict = check(text, alice);
  assert.equal(verdict.status === 'allowed' && verdict.line.line, 3);
  assert.deepEqual(
    verdict.notes.map(({ line, reason }) => [line, reason]),
    [
      [1, 'bad options: unknown key option'],
      [2, 'key is not permitted for use in signature namespace "git"'],
    ],
  );
});

test('namespaces and times bind, each end included', () => {
  const file = `* namespaces="fi*,!file2,git",valid-after="20250101Z",valid-before="20270101Z" ${alice}`;
  assert.ok(isAllowed(file, alice));
  assert.ok(isAllowed(file, alice, { namespace: 'file' }));
  assert.ok(!isAllowed(file, alice, { namespace: 'file2' }));
  assert.ok(!isAllowed(file, alice, { namespace: 'GIT' }));
  assert.ok(!isAllowed(file, alice, { namespace: '' }));
  const [from, to] = [Date.UTC(2025, 0, 1), Date.UTC(2027, 0, 1)];
  for (const [time, expected] of [
    [from, true],
    [from - 1, false],
    [to + 999, true],
    [to + 1000, false],
    [Number.NaN, false],
  ] as const) {
    assert.equal(isAllowed(file, alice, { now: time }), expected, String(time));
  }
  assert.match(reasons(file, alice, { now: 0 })[0] as string, /^key is not yet valid: verify time \d{4}-\d\d-\d\dT/);
});

test('certificates count by a cert-authority line alone, and keys by the other lines alone', () => {
  const line = `*@example.com,alice cert-authority ${ca}`;
  const asAlice = { principal: 'alice' };
  assert.ok(isAllowed(line, certificateTexts.user, asAlice));
  assert.ok(!isAllowed(line, ca, asAlice));
  assert.ok(!isAllowed(line, alice, asAlice));
  assert.ok(!isAllowed(`alice ${alice}`, certificateTexts.user, asAlice));
  assert.ok(!isAllowed(`alice ${ca}`, certificateTexts.user, asAlice));
  assert.ok(!isAllowed(`alice cert-authority ${bob}`, certificateTexts.user, asAlice));
});

test('a certificate must be a good one for this principal at this time', () => {
  const line = `* cert-authority ${ca}`;
  const refuse = (text: string, more: Changes, reason: RegExp) => {
    assert.match(reasons(line, text, more)[0] as string, reason);
    assert.equal(isAllowed(line, text, more), false);
  };
  refuse(certificateTexts.user, { principal: 'bob' }, /certificate not authorized: .*not a listed principal/);
  refuse(certificateTexts.user, { principal: 'alice', now: 0 }, /not yet valid/);
  refuse(certificateTexts.user, { principal: 'alice', now: Date.UTC(2040, 0, 1) }, /expired/);
  refuse(certificateTexts.nobody, { principal: 'alice' }, /lacks principal list/);
  refuse(certificateTexts.unknown, { principal: 'alice' }, /unsupported critical option/);
  refuse(certificateTexts.hostCertificate, { principal: 'example.com' }, /not a user certificate/);
});

test('find: principals of the first line that holds; for a certificate its own names, each as a whole', async () => {
  const find = (text: string, key: PublicKey, at = now) => findSignerPrincipals(parse(text), { key, now: at });
  const file = `bad line\nbob valid-before="20200101Z" ${alice}\na,*@example.com ${alice}\nz ${alice}`;
  const found = find(file, keyOf(alice));
  assert.deepEqual(found.principals, ['a', '*@example.com']);
  assert.equal(found.line?.line, 3);
  assert.equal(found.notes.length, 2);
  assert.equal(find(file, keyOf(bob)).line, undefined);
  const line = `c*,bob cert-authority ${ca}`;
  assert.deepEqual(find(line, keyOf(certificateTexts.user)).principals, ['carol']);
  assert.deepEqual(
    find(`x* cert-authority ${ca}`, keyOf(certificateTexts.user)).notes[0]?.reason,
    'no valid principals found',
  );
  assert.equal(find(line, keyOf(certificateTexts.user), 0).line, undefined);
  assert.equal(find(`* cert-authority ${ca}`, keyOf(certificateTexts.nobody)).line, undefined);

  // OpenSSH CVE-2026-35414: one name with a comma is not two names. Our own signer refuses to make such a certificate.
  const authority = await generateKey('ssh-ed25519');
  const request = { kind: 'user', keyId: 'id', principals: ['alice;admin'] } as const;
  const certificate = await signCertificate({ ...request, subject: keyOf(alice) }, authority);
  const blob = Buffer.from(certificate.blob.toString('latin1').replace('alice;admin', 'alice,admin'), 'latin1');
  const { signedBytes } =
    parsePublicKey(`${certificate.type} ${blob.toString('base64')}`).key.certificate ?? assert.fail();
  const signature = await authority.sign(signedBytes, 'ssh-ed25519');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(signature.length);
  const forged = Buffer.concat([signedBytes, length, signature]);
  const key = parsePublicKey(`${certificate.type} ${forged.toString('base64')}`).key;
  const { type, blob: own } = authority.publicKey;
  const lines = `* cert-authority ${type} ${own.toString('base64')}`;
  assert.equal(find(lines, key).line, undefined);
  const verdict = checkSigner(parse(lines), { key, principal: 'admin', namespace: 'git', now });
  assert.equal(verdict.status, 'refused');
});

test('match: every line for a name, up to the first that cannot be read', () => {
  const match = (text: string, principal: string) => matchSignerPrincipals(parse(text), principal);
  const file = `a*,!ab ${alice}\nbob broken\nabc,x valid-before="20000101" ${bob}\nabc ssh-ed25519 broken\nabc ${rsa}\n`;
  assert.deepEqual(match(file, 'ax'), { principals: ['a*,!ab'], problem: undefined });
  assert.deepEqual(match(file, 'ab'), { principals: [], problem: undefined });
  const { principals, problem } = match(file, 'abc');
  assert.deepEqual(principals, ['a*,!ab', 'abc,x']);
  assert.equal(problem?.line, 4);
});

test('ten thousand lines and hostile ones are read in a moment', () => {
  const start = performance.now();
  const many = parse(`${`user@example.com namespaces="git" ${bob}\n`.repeat(10_000)}* ${alice}`);
  assert.equal(checkSigner(many, { key: keyOf(alice), principal: 'x', namespace: 'git', now }).status, 'allowed');
  parse(
    `${'"'.repeat(60_000)}\n${'a,'.repeat(30_000)}\nx ${'\\"'.repeat(30_000)}\nx namespaces="${'\\"'.repeat(30_000)}\n`,
  );
  parse(`x ${',cert-authority'.repeat(4000)} ${alice}`);
  assert.ok(performance.now() - start < 3000);
});
