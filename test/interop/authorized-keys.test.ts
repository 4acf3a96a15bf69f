/** authorized_keys as Debian's sshd reads it and as we do: whom a line lets in, and what it then allows. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { formatPublicKey, type PublicKey, parsePublicKey } from '@nacre/ssh/keys';
import { findAuthorizedKey, mayListen, mayOpen, type Permissions } from '@nacre/ssh/trust';
import {
  currentUser,
  findProgram,
  freePort,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  type ProgramResult,
  requireSuccess,
  runSsh,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';
import { createToken, serveToken } from './_tokens.ts';

const skip = missing('sshd', 'ssh', 'ssh-keygen');
const folder = makeFolder('authorized-keys');
const file = join(folder, 'authorized_keys');
const user = currentUser();

let server: TestServer;
let key: KeyPair;
let authority: KeyPair;
let other: KeyPair;

before(async () => {
  if (skip !== false) return;
  [key, authority, other] = (await Promise.all([makeKey(), makeKey(), makeKey()])) as [KeyPair, KeyPair, KeyPair];
  server = await startOpenSshServer({
    hostKeyTypes: ['ed25519'],
    config: [`AuthorizedKeysFile ${file}`, 'LogLevel DEBUG1', 'PermitUserEnvironment yes', 'MaxAuthTries 20'],
  });
});

after(() => server?.stop());

const textOf = (pair: KeyPair) => pair.publicLine.split(' ').slice(0, 2).join(' ');
const load = (path: string): PublicKey => parsePublicKey(readFileSync(path, 'utf8')).key;

interface Login {
  readonly result: ProgramResult;
  /** What sshd wrote meanwhile. */
  readonly log: string;
}

async function login(
  lines: string,
  options: { command?: string[]; flags?: string[]; certificate?: string; agent?: string; options?: string[] } = {},
): Promise<Login> {
  writeFileSync(file, lines, { mode: 0o600 });
  const start = server.log().length;
  const { command = ['true'], flags = [], certificate, agent } = options;
  const own = certificate === undefined ? [] : [`CertificateFile=${certificate}`];
  const keys = agent === undefined ? own : [`IdentityAgent=${agent}`, 'IdentitiesOnly=no', 'IdentityFile=none'];
  const result = await runSsh({ ...server, identity: key }, command, {
    flags,
    options: [...keys, ...(options.options ?? [])],
  });
  // What sshd says last may come after its client has gone.
  const ended = /(Connection (closed|reset)|Disconnected from|Received disconnect)[^\n]*\n/;
  const end = Date.now() + 5000;
  while (!ended.test(server.log().slice(start)) && Date.now() < end) await delay(10);
  return { result, log: server.log().slice(start).replaceAll('\r\n', '\n') };
}

/** Our answer for the first of these keys that the file lets in, as ssh offers them. */
function judge(lines: string, keys: readonly PublicKey[]): Permissions | undefined {
  for (const each of keys) {
    const verdict = findAuthorizedKey(lines, each, { user, file, address: '127.0.0.1', now: Date.now() });
    if (verdict.status === 'authorized') return verdict.permissions;
  }
  return undefined;
}

/** The words in which sshd tells what a login may do. */
function wordsOf(permissions: Permissions): string[] {
  const { allow, environment, permitOpen, permitListen, tunnelDevice } = permissions;
  const words: [string, boolean][] = [
    ['agent-forwarding', allow['agent-forwarding']],
    ['command', permissions.forceCommand !== undefined],
    ['environment', environment.size > 0],
    ['permitopen', permitOpen.length > 0],
    ['permitlisten', permitListen.length > 0],
    ['port-forwarding', allow['port-forwarding']],
    ['pty', allow.pty],
    ['uv', permissions.requireUserVerification],
    [`tun=${tunnelDevice}`, tunnelDevice !== undefined],
    ['user-rc', allow['user-rc']],
    ['x11-forwarding', allow['X11-forwarding']],
  ];
  return words.filter(([, isOn]) => isOn).map(([word]) => word);
}

function toldWords(log: string): string[] {
  const told = [...log.matchAll(/active: key options:(.*)/g)].at(-1)?.[1] ?? assert.fail(`no options in ${log}`);
  // The last is the number that stands for any tunnel device.
  const others = ['', 'principals', 'expires', `tun=${2 ** 31 - 1}`];
  return told.split(' ').filter((word) => !others.includes(word));
}

/** What follows a phrase in the log, each once; the log doubles backslashes. */
function told(log: string, phrase: string): string[] {
  return [
    ...new Set(
      [...log.matchAll(new RegExp(`: ${phrase}: (.*)`, 'g'))].map((match) =>
        (match[1] as string).replaceAll('\\\\', '\\'),
      ),
    ),
  ].sort();
}

async function assertAgreement(lines: string, certificate?: string): Promise<boolean> {
  const plain = load(`${key.file}.pub`);
  const keys = certificate === undefined ? [plain] : [load(certificate), plain];
  const permissions = judge(lines, keys);
  const { result, log } = await login(lines, certificate === undefined ? {} : { certificate });
  const isIn = /^Accepted publickey for /m.test(log);
  assert.equal(permissions !== undefined, isIn, `${lines}\nsshd: ${log}${result.stderr}`);
  if (permissions === undefined) return false;
  assert.deepEqual(wordsOf(permissions).sort(), toldWords(log).sort(), lines);
  const { forceCommand } = permissions;
  if (certificate === undefined) {
    assert.deepEqual(told(log, 'forced command'), forceCommand === undefined ? [] : [`"${forceCommand}"`], lines);
  }
  const rules = (lists: Permissions['permitOpen']) =>
    lists.flat().map(({ host, port }) => `${host.includes(':') ? `[${host}]` : host}:${port === 'any' ? '*' : port}`);
  assert.deepEqual(rules(permissions.permitOpen).sort(), told(log, 'permitted open'), lines);
  assert.deepEqual(rules(permissions.permitListen).sort(), told(log, 'permitted listen'), lines);
  const variables = [...permissions.environment].map(([name, value]) => `${name}=${value}`);
  assert.deepEqual(variables.sort(), told(log, 'environment'), lines);
  return true;
}

/** Options, and whether the line lets the key in. */
const cases: readonly (readonly [options: string, isIn: boolean])[] = [
  ['', true],
  ['restrict', true],
  ['restrict,pty,user-rc', true],
  ['RESTRICT,Agent-Forwarding,x11-forwarding,port-forwarding', true],
  ['pty,restrict', true],
  ['no-pty,no-user-rc', true],
  ['no-port-forwarding,no-agent-forwarding,no-X11-forwarding', true],
  ['no-pty,pty', true],
  ['command="echo hi"', true],
  ['command="echo \\"quoted, with commas\\" \\\\x",no-pty', true],
  ['command=""', true],
  ['command="a",command="b"', false],
  ['command=unquoted', false],
  ['command="open', false],
  ['environment="A=b",environment="A=c",environment="LONG_1=x y=z"', true],
  ['environment="A B=c"', false],
  ['environment="A"', false],
  ['from="127.0.0.1"', true],
  ['from="127.0.0.0/8,!127.0.0.2"', true],
  ['from="127.*"', true],
  ['from="!127.0.0.1,*"', false],
  ['from="!127.0.0.0/8,*"', false],
  ['from="192.0.2.1,2001:db8::/32"', false],
  ['from="*.example.com"', false],
  ['from="127.0.0.1/8"', false],
  ['from="*",from="*"', false],
  ['expiry-time="20380101"', true],
  ['expiry-time="203801011200Z"', true],
  ['expiry-time="20380101120000UTC",expiry-time="20370101"', true],
  ['expiry-time="20200101"', false],
  ['expiry-time="20380101",expiry-time="20200101Z"', false],
  ['expiry-time="tomorrow"', false],
  ['permitopen="localhost:80",permitopen="[2001:db8::1]:443",permitopen="*:22",permitopen="db:*"', true],
  ['permitopen="80"', false],
  ['permitopen="localhost"', false],
  ['permitopen="localhost:0"', false],
  ['permitopen="localhost:70000"', false],
  ['permitlisten="8080",permitlisten="localhost:*",permitlisten="*.example.com:1"', true],
  ['permitlisten="localhost"', false],
  ['principals="root"', false],
  ['cert-authority', false],
  ['tunnel="3"', true],
  ['restrict,tunnel="any"', true],
  ['tunnel="x"', false],
  ['no-touch-required', true],
  ['verify-required', true],
  ['touch-required,no-verify-required', true],
  ['no-restrict', false],
  ['no-cert-authority', false],
  ['no-such-option', false],
  ['pty no-such-thing', false],
  ['pty,', true],
  [',restrict,,pty', true],
];

for (const [options, isIn] of cases) {
  test(`${options || 'no options'}: sshd and we agree`, { skip }, async () => {
    const line = `${options}${options === '' ? '' : ' '}${key.publicLine}\n`;
    assert.equal(await assertAgreement(line), isIn);
  });
}

test('files: other keys, comments, bad lines, several lines for a key', { skip }, async () => {
  const own = textOf(key);
  for (const [lines, isIn] of [
    [`# ${own}\n\n \t\n`, false],
    [`${textOf(other)} mine\n`, false],
    [`${textOf(other)}\n  \t${own}   with a comment\r\n`, true],
    [`${own}`, true],
    [`no-such-option ${own}\nrestrict ${own}\n${own}\n`, true],
    [`from="192.0.2.1" ${own}\nexpiry-time="20200101" ${own}\nno-pty ${own}\n`, true],
    [`${own.replace('ssh-ed25519', 'ssh-rsa')}\n`, false],
    [`${own.slice(0, -8)}\n`, false],
    [`ssh-ed25519\n${own.split(' ')[1]}\n`, false],
  ] as const) {
    assert.equal(await assertAgreement(lines), isIn, lines);
  }
});

test('certificates: authority, principals, both sets of limits', { skip }, async () => {
  const certify = async (name: string, ...flags: string[]) => {
    const copy = join(folder, `${name}.pub`);
    writeFileSync(copy, `${key.publicLine}\n`);
    await requireSuccess([findProgram('ssh-keygen') as string, '-q', '-s', authority.file, '-I', name, ...flags, copy]);
    return join(folder, `${name}-cert.pub`);
  };
  const [mine, theirs, limited, elsewhere, expired] = await Promise.all([
    certify('mine', '-n', `${user},role`),
    certify('theirs', '-n', 'someone,else'),
    certify('limited', '-n', user, '-O', 'clear', '-O', 'permit-pty', '-O', 'force-command=echo certificate'),
    certify('elsewhere', '-n', user, '-O', 'source-address=192.0.2.0/24'),
    certify('expired', '-n', user, '-V', '20200101:20210101'),
  ]);
  const ca = textOf(authority);
  for (const [lines, certificate, isIn] of [
    [`cert-authority ${ca}\n`, mine, true],
    [`cert-authority ${ca}\n`, theirs, false],
    [`cert-authority ${ca}\n`, expired, false],
    [`cert-authority ${ca}\n`, elsewhere, false],
    [`${ca}\n`, mine, false],
    [`${textOf(key)}\n`, mine, true],
    [`cert-authority,principals="else,other" ${ca}\n`, theirs, true],
    [`cert-authority,principals="other" ${ca}\n`, theirs, false],
    [`cert-authority,principals="role" ${ca}\n`, mine, true],
    [`cert-authority,principals="other" ${ca}\n`, mine, false],
    [`cert-authority ${ca}\n`, limited, true],
    [`cert-authority,no-pty ${ca}\n`, limited, true],
    [`cert-authority,restrict,agent-forwarding ${ca}\n`, mine, true],
    [`cert-authority,from="192.0.2.1" ${ca}\n`, mine, false],
    [`cert-authority,expiry-time="20200101" ${ca}\n`, mine, false],
    [`cert-authority,command="echo line" ${ca}\n`, mine, true],
    [`cert-authority,command="echo line" ${ca}\n`, limited, false],
    [`cert-authority,command="echo certificate" ${ca}\n`, limited, true],
  ] as const) {
    assert.equal(await assertAgreement(lines, certificate), isIn, `${certificate}: ${lines}`);
  }
});

test('what is allowed is allowed: command, environment, terminal, forwarding', { skip }, async () => {
  const echo = await listen((socket) => socket.end('reached\n'));
  const busy = (echo.address() as { port: number }).port;
  const [wanted, unwanted] = [await freePort(), await freePort()];
  const destinations = [
    ['127.0.0.1', busy],
    ['localhost', busy],
  ] as const;
  const listeners = [
    ['127.0.0.1', wanted],
    ['localhost', wanted],
    ['127.0.0.1', unwanted],
  ] as const;
  try {
    for (const options of [
      '',
      'restrict',
      'restrict,port-forwarding',
      `permitopen="127.0.0.1:${busy}",permitlisten="127.0.0.1:${wanted}"`,
      `permitopen="localhost:*",permitlisten="${wanted}"`,
      `permitopen="*:${busy}",permitlisten="local*:*"`,
      'permitopen="127.0.0.1:1",permitlisten="1"',
    ]) {
      const lines = `${options}${options === '' ? '' : ' '}${key.publicLine}\n`;
      const permissions = judge(lines, [load(`${key.file}.pub`)]) ?? assert.fail(options);
      for (const [host, port] of destinations) {
        const { result } = await login(lines, { flags: ['-W', `${host}:${port}`], command: [] });
        assert.equal(result.stdout.toString() === 'reached\n', mayOpen(permissions, host, port), `${options}: ${host}`);
      }
      for (const [host, port] of listeners) {
        const flags = ['-o', 'ExitOnForwardFailure=yes', '-R', `${host}:${port}:127.0.0.1:1`];
        const { result } = await login(lines, { flags });
        assert.equal(result.status === 0, mayListen(permissions, host, port), `${options}: ${host}:${port}`);
      }
      const { result } = await login(lines, { flags: ['-tt'], command: ['tty'] });
      assert.equal(
        result.stdout.includes('/dev/'),
        permissions.allow.pty,
        `${options}: ${result.stdout}${result.stderr}`,
      );
    }
    const forced = `command="echo \\"$A|$SSH_ORIGINAL_COMMAND\\"",environment="A=from the line" ${key.publicLine}\n`;
    const permissions = judge(forced, [load(`${key.file}.pub`)]);
    assert.equal(permissions?.forceCommand, 'echo "$A|$SSH_ORIGINAL_COMMAND"');
    assert.equal(permissions.environment.get('A'), 'from the line');
    const { result } = await login(forced, { command: ['something', 'else'] });
    assert.equal(result.stdout.toString(), 'from the line|something else\n');
  } finally {
    echo.close();
  }
});

test('security keys: touch and verification, as the line and the certificate ask', { skip }, async () => {
  for (const flags of [0, 1, 5]) {
    const token = await createToken(flags);
    const agent = await listen((socket) => serveToken(socket, token), join(folder, `token-${flags}.sock`));
    try {
      for (const options of ['', 'no-touch-required', 'verify-required', 'no-touch-required,verify-required']) {
        const lines = `${options}${options === '' ? '' : ' '}${formatPublicKey(token.publicKey)}\n`;
        const permissions = judge(lines, [token.publicKey]) ?? assert.fail(options);
        const { log } = await login(lines, { agent: agent.address() as string });
        const isTouched = !permissions.requireUserPresence || (flags & 1) !== 0;
        const isVerified = !permissions.requireUserVerification || (flags & 4) !== 0;
        const isIn = /^Accepted publickey for /m.test(log);
        assert.equal(isIn, isTouched && isVerified, `${options} with flags ${flags}: ${log}`);
      }
    } finally {
      agent.close();
    }
  }
});

function listen(serve: (socket: Socket) => void, path?: string): Promise<Server> {
  const listener = createServer((socket) => {
    // A client that goes away is its own affair.
    socket.on('error', () => {});
    serve(socket);
  });
  return new Promise((resolve) => {
    const ready = () => resolve(listener);
    if (path === undefined) listener.listen(0, '127.0.0.1', ready);
    else listener.listen(path, ready);
  });
}
