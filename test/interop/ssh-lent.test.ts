/** bin/ssh lends its agent and its display, with OpenSSH's words for what cannot be lent. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { before, describe, type TestContext, test } from 'node:test';
import {
  type KeyPair,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  type ProgramResult,
  requireSuccess,
  runSsh,
  sshCommand,
  startAgent,
  startOpenSshServer,
  startProgram,
  type TestServer,
} from '../harness/index.ts';

const skip = missing('nacre:ssh', 'ssh', 'sshd', 'ssh-agent', 'ssh-add');
const program = nacreProgram('ssh');
const folder = makeFolder('lent');
let made = 0;
const newPath = (name: string) => join(folder, `${name}-${++made}`);

interface Given {
  readonly flags?: readonly string[];
  readonly options?: readonly string[];
  readonly env?: Record<string, string | undefined>;
}

const run = (server: TestServer, command: string, given: Given = {}): Promise<ProgramResult> =>
  runSsh(server, [command], { ...given, program, env: { DISPLAY: undefined, ...given.env } });

describe('the agent', { skip }, () => {
  let server: TestServer;
  let closed: TestServer;
  let key: KeyPair;
  let socket: string;

  before(async () => {
    server = await startOpenSshServer();
    closed = await startOpenSshServer({ config: ['AllowAgentForwarding no', 'X11Forwarding no'] });
    socket = await startAgent();
    key = await makeKey({ comment: 'lent key' });
    await requireSuccess(['ssh-add', '-q', key.file], { env: { SSH_AUTH_SOCK: socket } });
  });

  const list = 'ssh-add -l 2>&1 || true; echo "socket:$SSH_AUTH_SOCK"';

  test('is lent where -A, ForwardAgent, its path or a variable says so, and not otherwise', async () => {
    const env = { SSH_AUTH_SOCK: socket, OTHER_AGENT: socket };
    for (const given of [
      { flags: ['-A'], env },
      { options: ['ForwardAgent=yes'], env },
      { options: [`ForwardAgent=${socket}`], env: {} },
      { options: ['ForwardAgent=$OTHER_AGENT'], env: { OTHER_AGENT: socket } },
      { flags: ['-A'], options: [`IdentityAgent=${socket}`], env: {} },
    ] satisfies Given[]) {
      const { stdout, stderr } = await run(server, list, given);
      assert.match(stdout.toString(), /lent key/, `${JSON.stringify(given)}: ${stderr}`);
      assert.equal(stderr, '');
    }
    for (const given of [
      { env },
      { flags: ['-a'], options: ['ForwardAgent=yes'], env },
      { options: ['ForwardAgent=no'], flags: [], env },
      // Without an agent here there is nothing to lend, and nothing is said of it.
      { flags: ['-A'], env: {} },
      { flags: ['-A'], env: { SSH_AUTH_SOCK: newPath('nobody') } },
    ] satisfies Given[]) {
      const { status, stdout, stderr } = await run(server, list, given);
      assert.match(stdout.toString(), /socket:\n$/, `${JSON.stringify(given)}: ${stderr}`);
      assert.deepEqual([status, stderr], [0, '']);
    }
  });

  test('a socket that is not there is told of, and ends ssh where a forward must not fail', async () => {
    const text = /^Cannot forward agent socket path "\S+": No such file or directory\r\n$/;
    const options = [`ForwardAgent=${newPath('nobody')}`];
    const { status, stderr } = await run(server, 'exit 3', { options });
    assert.equal(status, 3);
    assert.match(stderr, text);
    const strict = await run(server, 'exit 3', { options: [...options, 'ExitOnForwardFailure=yes'] });
    assert.equal(strict.status, 255);
    assert.match(strict.stderr, text);
  });

  test('a server that forbids it runs the program all the same', async () => {
    const { status, stdout, stderr } = await run(closed, list, { flags: ['-A'], env: { SSH_AUTH_SOCK: socket } });
    assert.match(stdout.toString(), /socket:\n$/);
    assert.deepEqual([status, stderr], [0, 'agent forwarding request failed on channel 0\r\n']);
  });

  test('a key that is limited to a destination goes there and no further', async () => {
    const own = await startAgent();
    const limited = await makeKey({ comment: 'limited' });
    const there = await startOpenSshServer({ identity: limited, hostKeyTypes: ['ed25519'] });
    const beyond = await startOpenSshServer({ identity: limited, hostKeyTypes: ['ecdsa-256'] });
    const known = newPath('known_hosts');
    const line = (name: string, { hostKeys }: TestServer) =>
      `${name} ${hostKeys[0]?.publicLine.split(' ').slice(0, 2).join(' ')}\n`;
    writeFileSync(known, line('there', there) + line('beyond', beyond));
    const onward = [
      `ssh -F /dev/null -o IdentityFile=none -o BatchMode=yes -o HostKeyAlias=beyond -o UserKnownHostsFile=${known}`,
      `-o GlobalKnownHostsFile=/dev/null -p ${beyond.port} ${beyond.user}@127.0.0.1 echo reached`,
    ].join(' ');
    const attempt = async (...limits: string[]): Promise<string> => {
      const env = { SSH_AUTH_SOCK: own };
      await requireSuccess(['ssh-add', '-q', '-D'], { env });
      await requireSuccess(['ssh-add', '-q', '-H', known, ...limits.flatMap((each) => ['-h', each]), limited.file], {
        env,
      });
      const { stdout, stderr } = await run(there, `${onward} 2>&1 || true`, { flags: ['-A'], env });
      assert.equal(stderr, '');
      return stdout.toString();
    };
    assert.equal(await attempt('there', 'there>beyond'), 'reached\n');
    assert.match(await attempt('there'), /Permission denied/);
  });
});

describe('the display', { skip: skip || missing('xauth', 'xdpyinfo') }, () => {
  let closed: TestServer;

  before(async () => {
    closed = await startOpenSshServer({ config: ['X11Forwarding no'] });
  });

  /** An X server that only knows its cookie: it notes who came with which, and says its name to all of them. */
  async function startDisplay(t: TestContext): Promise<{ path: string; cookie: string; seen: string[] }> {
    const path = `${newPath('screen')}:0`;
    const seen: string[] = [];
    const server = createServer((stream) => {
      stream.on('error', () => {});
      let message = Buffer.alloc(0);
      stream.on('data', (chunk) => {
        message = Buffer.concat([message, chunk]);
        if (message.length < 48) return;
        seen.push(message.subarray(32, 48).toString('hex'));
        const reason = Buffer.from('no screen here, but hello.  ');
        stream.end(Buffer.concat([Buffer.from([0, reason.length, 11, 0, 0, 0, reason.length / 4, 0]), reason]));
      });
    });
    t.after(() => server.close());
    await new Promise<void>((resolve) => server.listen(path, resolve));
    return { path, cookie: '0123456789abcdef0123456789abcdef', seen };
  }

  /** xauth of this side: its cookie is in the answer, and how it was called in a file. */
  function scriptedXauth(answer: string): string {
    const path = newPath('xauth');
    writeFileSync(path, `#!/bin/sh\necho "$*" >>${path}.calls\ncase "$*" in *list*) ${answer};; esac\n`, {
      mode: 0o755,
    });
    return path;
  }

  async function startServer(authority: string): Promise<TestServer> {
    const xauth = newPath('xauth');
    // A file that is not there yet is told of, on the program's stderr.
    writeFileSync(authority, '');
    writeFileSync(xauth, `#!/bin/sh\nexec xauth -f ${authority} "$@"\n`, { mode: 0o755 });
    return startOpenSshServer({ config: ['X11Forwarding yes', 'X11DisplayOffset 60', `XAuthLocation ${xauth}`] });
  }

  test('is lent by -X and -Y: the program there brings a fake cookie, the X server here sees its own', async (t) => {
    const authority = newPath('Xauthority');
    const server = await startServer(authority);
    const ask = `echo $DISPLAY; XAUTHORITY=${authority} xdpyinfo 2>&1`;
    const ways: Given[] = [
      { flags: ['-Y'] },
      { flags: ['-X'] },
      { options: ['ForwardX11=yes', 'ForwardX11Trusted=yes'] },
      { options: ['ForwardX11=yes', 'ForwardX11Timeout=0'] },
    ];
    for (const given of ways) {
      const display = await startDisplay(t);
      const xauth = scriptedXauth(`echo "x MIT-MAGIC-COOKIE-1 ${display.cookie}"`);
      const options = [...(given.options ?? []), `XAuthLocation=${xauth}`];
      const { stdout, stderr } = await run(server, ask, { ...given, options, env: { DISPLAY: display.path } });
      assert.match(stdout.toString(), /^localhost:\d+\.0\n/, stderr);
      assert.match(stdout.toString(), /no screen here, but hello/);
      assert.deepEqual(display.seen, [display.cookie]);
      assert.equal(stderr, '');
    }
    const display = await startDisplay(t);
    for (const given of [{ flags: ['-x'], options: ['ForwardX11=yes'] }, {}] satisfies Given[]) {
      const { stdout } = await run(server, 'echo "d:$DISPLAY"', { ...given, env: { DISPLAY: display.path } });
      assert.equal(stdout.toString(), 'd:\n');
    }
  });

  test('several over one connection: each program reaches the screen of its own session', async (t) => {
    const authority = newPath('Xauthority');
    const server = await startServer(authority);
    const control = newPath('control');
    const go = newPath('go');
    const screens = await Promise.all([1, 2, 3].map(() => startDisplay(t)));
    // One file of cookies for all, as it is at a login: the last one for a display counts, and every session has another display.
    const ask = `echo asked; until test -e ${go}; do sleep 0.1; done; XAUTHORITY=${authority} xdpyinfo 2>&1`;
    const start = (at: number, ...flags: readonly string[]) => {
      const { path = '', cookie = '' } = screens[at] ?? {};
      const options = [`XAuthLocation=${scriptedXauth(`echo "x MIT-MAGIC-COOKIE-1 ${cookie}"`)}`];
      const argv = sshCommand(server, [ask], { program, flags: ['-Y', '-S', control, ...flags], options });
      const ssh = startProgram(argv, { env: { DISPLAY: path, SSH_AUTH_SOCK: undefined } });
      t.after(() => ssh.stop());
      return ssh;
    };
    const sessions = [start(0, '-M')];
    await sessions[0]?.waitForLog(/^asked$/m);
    for (const at of [1, 2]) sessions.push(start(at));
    for (const ssh of sessions) await ssh.waitForLog(/^asked$/m);
    writeFileSync(go, '');
    for (const ssh of sessions) await ssh.waitForLog(/no screen here, but hello/);
    assert.deepEqual(
      screens.map(({ seen }) => seen.length),
      [1, 1, 1],
    );
  });

  test('without a cookie of its own: trusted programs get a random one with a warning, untrusted ones nothing', async (t) => {
    const server = await startServer(newPath('Xauthority'));
    const display = await startDisplay(t);
    const options = [`XAuthLocation=${scriptedXauth('true')}`];
    const env = { DISPLAY: display.path };
    const trusted = await run(server, 'echo "d:$DISPLAY"', { flags: ['-Y'], options, env });
    assert.match(trusted.stdout.toString(), /^d:localhost:\d+\.0\n$/);
    assert.equal(trusted.stderr, 'Warning: No xauth data; using fake authentication data for X11 forwarding.\r\n');
    const untrusted = await run(server, 'echo "d:$DISPLAY"', { flags: ['-X'], options, env });
    assert.equal(untrusted.stdout.toString(), 'd:\n');
    assert.match(
      untrusted.stderr,
      /^Warning: untrusted X11 forwarding setup failed: xauth key data not generated\r\n$/,
    );
    const none = await run(server, 'exit 3', { flags: ['-X', '-v'] });
    assert.match(none.stderr, /^debug1: X11 forwarding requested but DISPLAY not set\r$/m);
    assert.equal(none.status, 3);
  });

  test('a server that forbids it is named, and the program runs', async (t) => {
    const display = await startDisplay(t);
    const xauth = scriptedXauth(`echo "x MIT-MAGIC-COOKIE-1 ${display.cookie}"`);
    const given = { flags: ['-Y'], options: [`XAuthLocation=${xauth}`], env: { DISPLAY: display.path } };
    const { status, stderr } = await run(closed, 'exit 3', given);
    assert.deepEqual([status, stderr], [3, 'X11 forwarding request failed on channel 0\r\n']);
  });
});
