import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { SshError } from '../errors.ts';
import { generateKey, signCertificate, sshfpRecord } from '../keys/index.ts';
import type { PublicKey } from '../keys/types.ts';
import type { HostKeyVerdict } from '../trust/index.ts';
import type { SshfpAnswer } from './dns/look-up-sshfp.ts';
import type { KnownHostsQuestion } from './known-hosts-command.ts';
import type { DnsFinding, KnownHostsOptions, UnknownHostQuestion } from './known-hosts-options.ts';
import { knownHosts } from './known-hosts-policy.ts';
import { hostKey, isError, otherKey } from './live.test.kit.ts';

const folder = mkdtempSync(join(tmpdir(), 'nacre-trust-'));
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
const key = hostKey.publicKey;
const other = otherKey.publicKey;
const authority = await generateKey('ssh-ed25519');
const address = '192.0.2.1';
let made = 0;

function file(text: string | Buffer): string {
  const path = join(folder, `known_hosts-${++made}`);
  writeFileSync(path, text);
  return path;
}

const line = (hosts: string, of: PublicKey) => `${hosts} ${of.type} ${of.blob.toString('base64')}\n`;

async function ask(
  text: string,
  options: KnownHostsOptions = {},
  more: { shown?: PublicKey; host?: string; port?: number; address?: string | undefined } = {},
) {
  const path = file(text);
  const notices: string[] = [];
  const events: string[] = [];
  const verdicts: HostKeyVerdict[] = [];
  const policy = knownHosts({
    userFiles: [path],
    globalFiles: [],
    onNotice: (notice) => notices.push(notice),
    onEvent: ({ level, text: words }) => events.push(`${level}: ${words}`),
    onVerdict: (verdict) => verdicts.push(verdict),
    ...options,
  });
  const { shown = key, host = 'box', port = 22 } = more;
  let error: SshError | undefined;
  try {
    await policy.verify({ host, port, address: 'address' in more ? more.address : address, key: shown });
  } catch (thrown) {
    if (!(thrown instanceof SshError)) throw thrown;
    error = thrown;
  }
  return { code: error?.code, error, notices, events, verdicts, after: readFileSync(path, 'utf8'), before: text };
}

test('an address is remembered with its host, and looked up only where that was asked for', async () => {
  const check: KnownHostsOptions = { checkAddress: true, onUnknown: 'accept-new' };
  const fresh = await ask('', check, { port: 2222 });
  assert.equal(fresh.after, line(`[box]:2222,[${address}]:2222`, key));
  assert.deepEqual(fresh.notices, [
    `Warning: Permanently added '[box]:2222,[${address}]:2222' (ED25519) to the list of known hosts.`,
  ]);
  const known = await ask(line('box', key), check);
  assert.equal(known.after, line('box', key) + line(address, key));
  for (const [options, more] of [
    [{}, {}],
    [{ checkAddress: true }, { address: undefined }],
    [{ checkAddress: true }, { address: '127.0.0.2' }],
    [{ checkAddress: true }, { address: '::1' }],
  ] as const) {
    assert.equal((await ask(line('box', key), options, more)).after, line('box', key));
  }
  assert.equal((await ask(line(address, key), check, { host: address })).after, line(address, key));
});

test('an address of another key refuses, unless a person says yes or nobody cares; nothing is written before', async () => {
  const text = line('box', key) + line(address, other);
  const refused = await ask(text, { checkAddress: true });
  assert.equal(refused.code, 'host-key-changed');
  assert.match(
    refused.notices[0] ?? '',
    /^Warning: the ED25519 host key for 'box' differs from the key for the IP address/,
  );
  assert.ok(refused.events.includes('error: Exiting, you have requested strict checking.'));
  assert.equal((await ask(text, { checkAddress: true, onAddressMismatch: 'go-on' })).code, undefined);
  for (const answer of [false, undefined, 'yes']) {
    const onAddressMismatch = async () => answer as boolean;
    assert.equal((await ask(text, { checkAddress: true, onAddressMismatch })).code, 'host-key-changed');
  }
  const seen: string[] = [];
  const yes = await ask(text, {
    checkAddress: true,
    onAddressMismatch: async (mismatch) => {
      seen.push(`${mismatch.addressLine.line} ${mismatch.hostLine?.line}`);
      return true;
    },
  });
  assert.deepEqual([yes.code, seen], [undefined, ['2 1']]);
  const unknown = await ask(line(address, other), { checkAddress: true, onUnknown: 'accept-new' });
  assert.deepEqual([unknown.code, unknown.after], ['host-key-changed', unknown.before]);
  // The address never makes a key trusted.
  assert.equal((await ask(line(address, key), { checkAddress: true })).code, 'host-key-unknown');
  const [changed] = (await ask(line('box', other) + line(address, key), { checkAddress: true })).verdicts;
  assert.ok(changed?.status === 'changed' && changed.address === 'known' && changed.addressLine?.line === 2);
});

test('a command’s lines count for the name they were asked for, behind the files', async () => {
  const asked: KnownHostsQuestion[] = [];
  const answers: Record<string, string> = {
    HOSTNAME: line('[box]:2222', key),
    ADDRESS: line(`[${address}]:2222`, key),
  };
  const command = async (question: KnownHostsQuestion) => {
    asked.push(question);
    return answers[question.invocation] ?? '';
  };
  const options = { command, checkAddress: true };
  assert.equal((await ask('', options, { port: 2222 })).code, undefined);
  assert.deepEqual(
    asked.map(({ invocation, name }) => `${invocation} ${name}`),
    ['HOSTNAME [box]:2222', `ADDRESS [${address}]:2222`],
  );
  delete answers.ADDRESS;
  const unheard = await ask('', options, { port: 2222 });
  assert.equal(unheard.after, '', 'what a command knows is not written down');
  assert.match(unheard.notices[0] ?? '', /not in list of known hosts/);
  answers.HOSTNAME = line('box', key);
  assert.equal((await ask('', options, { port: 2222 })).code, 'host-key-unknown', 'not without the port');
  answers.HOSTNAME = line('[box]:2222', other);
  assert.equal((await ask('', options, { port: 2222 })).code, 'host-key-changed');
  assert.equal((await ask(line('[box]:2222', key), options, { port: 2222 })).code, undefined);
  answers.HOSTNAME = `@revoked ${line('*', key)}`;
  assert.equal((await ask(line('[box]:2222', key), options, { port: 2222 })).code, 'host-key-revoked');
  const failing = {
    command: () => Promise.reject(new SshError('no', { code: 'host-key-refused', stage: 'host-key' })),
  };
  assert.equal((await ask(line('box', key), failing)).code, 'host-key-refused');
});

test('a command decides on the order of algorithms too', async () => {
  const command = async ({ invocation, name }: KnownHostsQuestion) => line(invocation === 'ORDER' ? name : 'x', key);
  const algorithms = ['ecdsa-sha2-nistp256', 'ssh-ed25519'];
  const policy = knownHosts({ userFiles: [], globalFiles: [], command, algorithms });
  assert.deepEqual(await policy.preferredAlgorithms?.('box', 2222), ['ssh-ed25519', 'ecdsa-sha2-nistp256']);
});

test('the list stays as it is where the first type is known: its order would tell what we know', async () => {
  const ecdsa = (await generateKey('ecdsa-sha2-nistp256')).publicKey;
  const path = file(line('box', ecdsa) + line('box', key));
  const order = (algorithms: string[]) =>
    knownHosts({ userFiles: [path], globalFiles: [], algorithms }).preferredAlgorithms?.('box', 22);
  assert.deepEqual(await order(['ssh-ed25519', 'rsa-sha2-512', 'ecdsa-sha2-nistp256']), [
    'ssh-ed25519',
    'rsa-sha2-512',
    'ecdsa-sha2-nistp256',
  ]);
  assert.deepEqual(await order(['rsa-sha2-512', 'ssh-ed25519']), ['ssh-ed25519', 'rsa-sha2-512']);
});

const answer = (of: PublicKey, secure: boolean): SshfpAnswer => ({ records: [sshfpRecord(of, 'sha256')], secure });

test('DNS decides only where DNSSEC proved it and that was asked for; otherwise it informs', async () => {
  const findings: DnsFinding[] = [];
  const questions: UnknownHostQuestion[] = [];
  const run = (
    text: string,
    found: SshfpAnswer | Error,
    trustSecure: boolean,
    more: KnownHostsOptions = {},
    host = 'box',
  ) => {
    const lookUp = async () => {
      if (found instanceof Error) throw found;
      return found;
    };
    const onUnknown = async (question: UnknownHostQuestion) => {
      questions.push(question);
      return false;
    };
    const onDns = (finding: DnsFinding) => findings.push(finding);
    return ask(text, { dns: { trustSecure, lookUp }, onDns, onUnknown, ...more }, { host });
  };
  assert.equal((await run('', answer(key, true), true)).code, undefined);
  assert.equal((await run(line('box', other), answer(key, true), true)).code, undefined);
  assert.equal((await run(`@revoked ${line('*', key)}`, answer(key, true), true)).code, 'host-key-revoked');
  assert.equal(
    (await run('', answer(key, true), true, { revokedFiles: [file(line('', key).trim())] })).code,
    'host-key-revoked',
  );
  for (const [found, trustSecure, isInDns] of [
    [answer(key, false), true, true],
    [answer(key, true), false, true],
    [answer(other, true), true, false],
    [answer(other, false), true, false],
    [{ records: [{ ...sshfpRecord(key, 'sha256'), algorithm: 1 }], secure: true }, true, false],
    [{ records: [], secure: true }, true, false],
    [new SshError('DNS lookup error: general failure', { code: 'dns-failed', stage: 'dns' }), true, false],
    [new TypeError('a bug'), true, false],
  ] as const) {
    const { code } = await run('', found, trustSecure);
    assert.deepEqual([code, questions.at(-1)?.isInDns], ['host-key-unknown', isInDns]);
  }
  assert.deepEqual(findings.slice(-3), [
    { result: 'mismatch', secure: true },
    { result: 'mismatch', secure: false },
    { result: 'mismatch', secure: true },
  ]);
  // What DNS says does not stand in the way of what is known.
  assert.equal((await run(line('box', key), answer(other, true), true)).code, undefined);
  for (const host of ['192.0.2.7', '::1', '2130706433', '0x7f.1']) {
    assert.equal((await run('', answer(key, true), true, {}, host)).code, 'host-key-unknown', host);
  }
  assert.equal((await ask('', { onUnknown: async (question) => question.isInDns === undefined })).code, undefined);
});

test('a certificate that does not hold leaves its plain key, where plain keys are wanted', async () => {
  const now = BigInt(Math.floor(Date.now() / 1000));
  const certify = (principals: string[], validBefore = now + 3600n) =>
    signCertificate({ subject: key, kind: 'host', keyId: 'h', principals, validAfter: 0n, validBefore }, authority);
  const trusted = `@cert-authority ${line('*', authority.publicKey)}`;
  const expired = await certify(['box'], now - 1n);
  const foreign = await certify(['elsewhere']);
  for (const shown of [expired, foreign]) {
    const known = await ask(trusted + line('box', key), {}, { shown });
    assert.deepEqual([known.code, known.verdicts.map(({ status }) => status)], [undefined, ['trusted']]);
    assert.match(known.events[0] ?? '', /^error: Certificate invalid: /);
    assert.equal(known.events[1], 'debug1: No matching CA found. Retry with plain key');
    assert.equal((await ask(trusted + line('box', other), {}, { shown })).code, 'host-key-changed');
    assert.equal((await ask(trusted, {}, { shown })).code, 'bad-certificate');
    assert.equal((await ask(trusted, { onUnknown: async () => false }, { shown })).code, 'host-key-unknown');
    const onlyCertificates = { algorithms: ['ssh-ed25519-cert-v01@openssh.com'] };
    assert.equal((await ask(trusted + line('box', key), onlyCertificates, { shown })).code, 'bad-certificate');
  }
  const good = await certify(['box']);
  assert.equal((await ask(trusted, {}, { shown: good })).code, undefined);
  assert.equal(
    (await ask(trusted, { checkAddress: true }, { shown: good })).after,
    trusted,
    'a certificate is for a name',
  );
  assert.equal(
    (await ask(trusted, { authorityAlgorithms: ['rsa-sha2-512'] }, { shown: good })).code,
    'bad-certificate',
  );
  assert.equal((await ask(trusted, { alias: 'elsewhere' }, { shown: foreign })).code, undefined);
  const noPlain = { algorithms: ['ssh-ed25519-cert-v01@openssh.com'] };
  assert.equal((await ask(line('box', key), noPlain, { shown: good })).code, 'host-key-refused');
  assert.equal(
    (await ask(`${trusted}@revoked ${line('*', authority.publicKey)}${line('box', key)}`, {}, { shown: good })).code,
    'host-key-revoked',
  );
});

test('localhost is exempt only by its address, without an alias, and never from revocation files', async () => {
  const exempt: KnownHostsOptions = { acceptLocalhostWithoutVerification: true };
  for (const loopback of ['127.0.0.1', '127.8.9.1', '::1', '::ffff:127.0.0.1']) {
    assert.equal((await ask(line('box', other), exempt, { address: loopback })).code, undefined, loopback);
  }
  for (const elsewhere of ['192.0.2.1', '128.0.0.1', '::2', undefined]) {
    const { code } = await ask(line('box', other), exempt, { host: 'box', address: elsewhere });
    assert.equal(code, 'host-key-changed', elsewhere);
  }
  const local = { address: '127.0.0.1' };
  assert.equal((await ask('', { ...exempt, alias: 'name' }, local)).code, 'host-key-unknown');
  const revokedFiles = [file(line('', key).trim())];
  assert.equal((await ask('', { ...exempt, revokedFiles }, local)).code, 'host-key-revoked');
});

test('files of revoked keys come first, and a policy made with them still learns and orders', async () => {
  const revokedFiles = [file(line('', other).trim())];
  const policy = knownHosts({ userFiles: [], globalFiles: [], revokedFiles, learn: true });
  assert.equal(typeof policy.learn, 'function');
  assert.equal(typeof policy.preferredAlgorithms, 'function');
  const onUnknown = 'accept-new';
  assert.equal((await ask(line('box', other), { revokedFiles, onUnknown }, { shown: other })).code, 'host-key-revoked');
  const missing = await ask(line('box', key), { revokedFiles: [join(folder, 'missing')], onUnknown });
  assert.ok(missing.error && isError('host-key-revoked')(missing.error));
  assert.match(missing.events[0] ?? '', /^error: Error checking host key/);
});
