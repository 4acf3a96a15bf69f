/** Keys limited to destinations, over two hops: Debian's ssh -A through one sshd to another, with our agent and with theirs. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { before, describe, test } from 'node:test';
import { type AgentClient, createAgentClient, type DestinationConstraint } from '@nacre/ssh/agent';
import { generateKey, type PrivateKey } from '@nacre/ssh/keys';
import { WireWriter } from '@nacre/ssh/wire';
import {
  currentUser,
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  startAgent,
  startOpenSshServer,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('ssh-add', 'ssh', 'sshd', 'ssh-keygen', 'ssh-agent');
const user = currentUser();
const folder = makeFolder('destinations');
const knownHosts = join(folder, 'known_hosts');
let key: KeyPair;
let ca: KeyPair;
let hopA: TestServer;
let hopB: TestServer;

before(async () => {
  if (skip !== false) return;
  [key, ca] = await Promise.all([makeKey({ comment: 'limited' }), makeKey()]);
  hopA = await startOpenSshServer({ identity: key, hostKeyTypes: ['ed25519'] });
  hopB = await startOpenSshServer({
    identity: key,
    hostKeyTypes: ['ecdsa-256'],
    config: ['ListenAddress 127.0.0.2', 'AllowUsers *'],
  });
  const line = (name: string, { hostKeys }: TestServer) =>
    `${name} ${hostKeys[0]?.publicLine.split(' ').slice(0, 2).join(' ')}`;
  writeFileSync(knownHosts, `${line('hopa', hopA)}\n${line('hopb', hopB)}\n`);
});

/** What ssh is told: nothing but the agent may log in, and hosts go by names of their own. */
function sshTo(name: string, address: string, port: number, ...flags: string[]): string[] {
  const options = [
    'IdentityFile=none',
    'BatchMode=yes',
    `HostKeyAlias=${name}`,
    `UserKnownHostsFile=${knownHosts}`,
    'GlobalKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=yes',
    'PreferredAuthentications=publickey',
  ];
  return [
    'ssh',
    ...flags,
    '-F',
    '/dev/null',
    '-p',
    String(port),
    ...options.flatMap((option) => ['-o', option]),
    address,
  ];
}

interface Reached {
  readonly a: boolean;
  readonly b: boolean;
  readonly bThroughA: boolean;
}

async function reach(socket: string): Promise<Reached> {
  const env = { SSH_AUTH_SOCK: socket };
  const says = async (argv: string[]) => (await runProgram(argv, { env })).stdout.toString().includes('reached');
  const toA = sshTo('hopa', '127.0.0.1', hopA.port);
  const toB = sshTo('hopb', '127.0.0.2', hopB.port);
  const onward = [...toB, 'echo', 'reached'].join(' ');
  return {
    a: await says([...toA, 'echo', 'reached']),
    b: await says([...toB, 'echo', 'reached']),
    bThroughA: await says([...sshTo('hopa', '127.0.0.1', hopA.port, '-A'), onward]),
  };
}

const agents = [
  ['our agent', () => nacreProgram('ssh-agent')],
  ["Debian's agent", () => openSshProgram('ssh-agent')],
] as const;

const cases: [name: string, limits: string[], expected: Reached][] = [
  ['no limit', [], { a: true, b: true, bThroughA: true }],
  ['to A and on to B', ['hopa', 'hopa>hopb'], { a: true, b: false, bThroughA: true }],
  ['to A and on to B as this user', ['hopa', `hopa>${user}@hopb`], { a: true, b: false, bThroughA: true }],
  ['to A and on to B as another user', ['hopa', 'hopa>somebody@hopb'], { a: true, b: false, bThroughA: false }],
  ['to A alone', ['hopa'], { a: true, b: false, bThroughA: false }],
  ['to A as another user', ['somebody@hopa'], { a: false, b: false, bThroughA: false }],
  ['to B alone', ['hopb'], { a: false, b: true, bThroughA: false }],
  ['on to A from B', ['hopb', 'hopb>hopa'], { a: false, b: true, bThroughA: false }],
];

for (const [who, program] of agents) {
  describe(`${who}, ssh-add -h`, { skip }, () => {
    for (const [name, limits, expected] of cases) {
      test(`${name}`, async () => {
        const socket = await startAgent(program());
        const flags = limits.flatMap((limit) => ['-h', limit]);
        await requireSuccess(['ssh-add', '-q', '-H', knownHosts, ...flags, key.file], {
          env: { SSH_AUTH_SOCK: socket },
        });
        assert.deepEqual(await reach(socket), expected);
      });
    }
  });
}

/** Our client at an agent: binds as ssh would, and asks for the signature of a login. */
class Connection {
  readonly client: AgentClient;
  #session = 0;

  constructor(client: AgentClient) {
    this.client = client;
  }

  static async open(socket: string): Promise<Connection> {
    const stream = connect(socket);
    await new Promise((resolve, reject) => stream.once('connect', resolve).once('error', reject));
    return new Connection(createAgentClient(stream));
  }

  async bind(host: PrivateKey, forwarding: boolean): Promise<Buffer> {
    const sessionId = Buffer.alloc(32, ++this.#session);
    const signature = await host.sign(sessionId, 'ssh-ed25519');
    assert.equal(await this.client.bindSession({ hostKey: host.publicKey, sessionId, signature, forwarding }), true);
    return sessionId;
  }

  async logIn(limited: PrivateKey, host: PrivateKey, sessionId: Buffer, as = 'alice'): Promise<boolean> {
    const data = new WireWriter()
      .string(sessionId)
      .uint8(50)
      .string(as)
      .string('ssh-connection')
      .string('publickey-hostbound-v00@openssh.com')
      .uint8(1)
      .string('ssh-ed25519')
      .string(limited.publicKey.blob)
      .string(host.publicKey.blob)
      .finish();
    return this.client.sign(limited.publicKey, data, 'ssh-ed25519').then(
      (signature) => limited.publicKey.verify(data, signature, 'ssh-ed25519'),
      () => false,
    );
  }
}

for (const [who, program] of agents) {
  test(`our client at ${who}: limits are sent, kept, and show in what is listed and signed`, { skip }, async () => {
    const [limited, a, b, c] = (await Promise.all([1, 2, 3, 4].map(() => generateKey('ssh-ed25519')))) as [
      PrivateKey,
      PrivateKey,
      PrivateKey,
      PrivateKey,
    ];
    const host = (name: string, hostKey: PrivateKey, isCertAuthority = false) => ({
      host: name,
      keys: [{ key: hostKey.publicKey, isCertAuthority }],
    });
    const destinations: DestinationConstraint[] = [
      { from: undefined, to: host('a', a) },
      { from: host('a', a), to: { ...host('b', b), user: 'al*' } },
      { from: undefined, to: host('named', c, true) },
    ];
    const socket = await startAgent(program());
    const direct = await Connection.open(socket);
    await direct.client.add(limited, { comment: 'limited', constraints: { destinations, lifetimeSeconds: 60 } });
    assert.equal((await direct.client.list()).length, 1);
    const toA = await direct.bind(a, false);
    assert.equal(await direct.logIn(limited, a, toA), true);
    assert.equal(await direct.logIn(limited, a, Buffer.alloc(32, 99)), false);

    const elsewhere = await Connection.open(socket);
    const toB = await elsewhere.bind(b, false);
    assert.equal((await elsewhere.client.list()).length, 0);
    assert.equal(await elsewhere.logIn(limited, b, toB), false);

    const forwarded = await Connection.open(socket);
    await forwarded.bind(a, true);
    assert.equal((await forwarded.client.list()).length, 1);
    const onward = await forwarded.bind(b, false);
    assert.equal(await forwarded.logIn(limited, b, onward), true);
    assert.equal(await forwarded.logIn(limited, b, onward, 'root'), false);
    assert.equal(await forwarded.logIn(limited, a, onward), false);
    for (const { client } of [direct, elsewhere, forwarded]) client.close();
  });
}

test('a host is known by its certificate: ssh-add reads the CA, the agent checks what the host shows', {
  skip,
}, async () => {
  const hostFile = (hopA.hostKeys[0] as KeyPair).file;
  const files = join(folder, 'ca_known_hosts');
  writeFileSync(files, `@cert-authority *.example ${ca.publicLine}\n`);
  for (const [principal, reaches] of [
    ['one.example', true],
    ['two.example', false],
  ] as const) {
    await requireSuccess([
      ...['ssh-keygen', '-q', '-s', ca.file, '-h', '-I', 'host', '-n', principal],
      ...['-V', '-1h:+1h', `${hostFile}.pub`],
    ]);
    const server = await startOpenSshServer({
      identity: key,
      hostKeyTypes: ['ed25519'],
      config: [`HostCertificate ${hostFile}-cert.pub`],
    });
    const socket = await startAgent(nacreProgram('ssh-agent'));
    const env = { SSH_AUTH_SOCK: socket };
    await requireSuccess(['ssh-add', '-q', '-H', files, '-h', 'one.example', key.file], { env });
    const argv = sshTo(principal, '127.0.0.1', server.port).map((word) =>
      word === `UserKnownHostsFile=${knownHosts}` ? `UserKnownHostsFile=${files}` : word,
    );
    const { stdout, stderr } = await runProgram([...argv, 'echo', 'reached'], { env });
    assert.equal(stdout.toString().includes('reached'), reaches, stderr);
    await server.stop();
  }
});
