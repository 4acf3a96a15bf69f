/** bin/ssh at a server that breaks the rules after login: it ends with a clear error and status 255, or goes on as if nothing was. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer as createNetServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { channelTypes } from '@nacre/ssh/connection';
import { parsePrivateKey, parsePublicKey } from '@nacre/ssh/keys';
import { createServer, listenOnLoopback, type ServerConnection } from '@nacre/ssh/server';
import {
  clientOptions,
  currentUser,
  hostKey,
  makeFolder,
  missing,
  nacreProgram,
  startProgram,
  type TestServer,
  userKey,
  writeKnownHosts,
} from '../harness/index.ts';

const skip = missing('nacre:ssh');

const number32 = (value: number) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
};
const string = (value: string | Buffer) => {
  const bytes = Buffer.from(value);
  return Buffer.concat([number32(bytes.length), bytes]);
};
const message = (type: number, ...parts: readonly Buffer[]) => Buffer.concat([Buffer.from([type]), ...parts]);
const no = Buffer.from([0]);

/** What a case does, with the client's number of its session. */
interface Hostile {
  readonly connection: ServerConnection;
  /** Sends the bytes of one message as they are. */
  send(bytes: Buffer): void;
  readonly session: Buffer;
}

interface Case {
  readonly flags?: readonly string[];
  readonly does: (hostile: Hostile) => Promise<void> | void;
  /** What it says when it ends with 255; absent where it goes on and is served to the end. */
  readonly says?: RegExp;
  /** The exit status where it goes on; default 0. */
  readonly status?: number;
}

async function refuses(opening: Promise<unknown>): Promise<void> {
  await assert.rejects(opening, /refused/);
}

const forwarded = (port: number) => Buffer.concat([string('localhost'), number32(port), string('x'), number32(1)]);

const cases: Readonly<Record<string, Case>> = {
  'channels of every type that nobody asked for': {
    flags: ['-R', '0:127.0.0.1:9'],
    does: async ({ connection }) => {
      for (const { name } of channelTypes) {
        const data = name.includes('streamlocal') ? Buffer.concat([string('/tmp/x'), string('')]) : forwarded(4);
        await refuses(connection.connection.openChannel(name, data));
      }
      await refuses(connection.connection.openChannel('made-up@example.com', Buffer.alloc(0)));
    },
  },
  'two thousand channels at once': {
    does: async ({ connection }) => {
      for (let round = 0; round < 20; round++) {
        const opens = Array.from({ length: 100 }, () => connection.connection.openChannel('x11', forwarded(4)));
        await Promise.all(opens.map(refuses));
      }
    },
  },
  'forwarded connections to ports and sockets that were not asked for': {
    flags: ['-R', '0:127.0.0.1:9'],
    does: async ({ connection }) => {
      for (const port of [0, 1, 22, 65_535]) {
        await refuses(connection.connection.openChannel('forwarded-tcpip', forwarded(port)));
      }
      const socket = Buffer.concat([string('/tmp/x'), string('')]);
      await refuses(connection.connection.openChannel('forwarded-streamlocal@openssh.com', socket));
    },
  },
  'ten thousand global requests': {
    does: async ({ connection }) => {
      for (let round = 0; round < 100; round++) {
        const asked = Array.from({ length: 100 }, () => connection.connection.globalRequest('made-up@example.com'));
        assert.ok((await Promise.all(asked)).every((answer) => answer === undefined));
      }
    },
  },
  'requests of the session that no server makes': {
    does: ({ connection }) => {
      const [channel] = connection.connection.channels;
      for (const type of ['shell', 'exec', 'pty-req', 'x11-req', 'made-up', 'x'.repeat(30_000)]) {
        channel?.notify(type, Buffer.from(string('x')));
      }
    },
  },
  'host keys that are none, a thousand times': {
    does: ({ send }) => {
      const junk = Buffer.concat(Array.from({ length: 2000 }, () => string('no key at all')));
      for (let round = 0; round < 1000; round++) send(message(80, string('hostkeys-00@openssh.com'), no, junk));
    },
  },
  'host keys cut off in the middle': {
    does: ({ send }) => send(message(80, string('hostkeys-00@openssh.com'), no, number32(0x7fff_ffff))),
  },
  'EOF twice, and data behind it': {
    does: ({ send, session }) => {
      for (let round = 0; round < 3; round++) send(message(96, session));
      send(message(94, session, string('behind the end')));
      send(message(98, session, string('exit-status'), no, number32(0)));
      send(message(97, session));
    },
    status: 0,
  },
  'two exit statuses': {
    does: ({ send, session }) => {
      for (const status of [3, 5]) send(message(98, session, string('exit-status'), no, number32(status)));
      send(message(97, session));
    },
    status: 3,
  },
  'CLOSE twice': {
    does: ({ send, session }) => {
      for (let round = 0; round < 2; round++) send(message(97, session));
    },
    says: /message 97 came for channel \d+, which is not open|^$/,
  },
  'a REQUEST_SUCCESS that answers nothing': {
    does: ({ send }) => send(message(81)),
    says: /REQUEST_SUCCESS came, but no request waits for a reply/,
  },
  'a REQUEST_FAILURE that answers nothing': {
    does: ({ send }) => send(message(82)),
    says: /REQUEST_FAILURE came, but no request waits for a reply/,
  },
  'a CHANNEL_SUCCESS that answers nothing': {
    does: ({ send, session }) => send(message(99, session)),
    says: /CHANNEL_SUCCESS came, but no request waits for a reply/,
  },
  'a CHANNEL_FAILURE that answers nothing': {
    does: ({ send, session }) => send(message(100, session)),
    says: /CHANNEL_FAILURE came, but no request waits for a reply/,
  },
  'an OPEN_CONFIRMATION that answers nothing': {
    does: ({ send }) => send(message(91, number32(77), number32(1), number32(1000), number32(1000))),
    says: /CHANNEL_OPEN_CONFIRMATION came for channel 77, which nobody is opening/,
  },
  'a window raised past 2^32': {
    does: ({ send, session }) => {
      for (let round = 0; round < 3; round++) send(message(93, session, number32(0xffff_ffff)));
    },
    says: /raised a window of \d+ by 4294967295, past 2\^32-1/,
  },
  'a packet larger than was allowed': {
    does: ({ send, session }) => send(message(94, session, string(Buffer.alloc(200_000)))),
    says: /sent 200000 bytes in one packet, at most \d+ fit/,
  },
  'data beyond the window': {
    does: ({ send, session }) => {
      for (let round = 0; round < 3000; round++) send(message(94, session, string(Buffer.alloc(32_000))));
    },
    says: /sent 32000 bytes into a window of \d+/,
  },
  'data for a channel that there is not': {
    does: ({ send }) => send(message(94, number32(4242), string('data'))),
    says: /message 94 came for channel 4242, which is not open/,
  },
  'a string longer than its message': {
    does: ({ send }) => send(message(90, number32(0xffff_ffff), Buffer.from('session'))),
    says: /ssh_dispatch_run_fatal: Connection to 127\.0\.0\.1 port \d+: .*(?:string|bytes)/,
  },
  'a message that is none': {
    // Answered with UNIMPLEMENTED, as RFC 4253 §11.4 has it.
    does: ({ send }) => send(message(127, Buffer.alloc(100))),
  },
  'a giant request that wants an answer, again and again': {
    does: async ({ connection }) => {
      for (let round = 0; round < 100; round++) {
        assert.equal(await connection.connection.globalRequest('x', Buffer.alloc(200_000)), undefined);
      }
    },
  },
  'words that steer a terminal': {
    does: ({ send }) => send(message(1, number32(2), string('\x1b]0;owned\x07\x1b[2J gone\r\nfake: line'), string(''))),
    says: /^Received disconnect from 127\.0\.0\.1 port \d+:2: [ -~]*gone[ -~]*\r?\n/,
  },
};

for (const [name, { flags = [], does, says, status = 0 }] of Object.entries(cases)) {
  test(`a server that sends: ${name}`, { skip }, async (t) => {
    const failure: unknown[] = [];
    const server = await startHostile(t, async (hostile) => {
      try {
        await does(hostile);
      } catch (error) {
        if (says === undefined) failure.push(error);
      }
    });
    const ssh = startProgram([nacreProgram('ssh'), ...clientOptions(server), ...flags, server.host, 'wait'], {
      env: { SSH_AUTH_SOCK: undefined },
    });
    t.after(() => ssh.stop());
    const memory = watchMemory(ssh.pid);
    const [ended] = (await once(ssh.child, 'close')) as [number];
    const largest = memory.stop();
    const said = ssh.log().replace(/^Allocated port .*\n/, '');
    assert.deepEqual(failure, []);
    if (says === undefined) assert.equal(ended, status, said);
    else {
      assert.equal(ended, 255, said);
      assert.match(said.replaceAll('\0', ''), says);
    }
    assert.doesNotMatch(said, /[\x1b\x07]/);
    assert.ok(largest < 400_000_000, `${largest} bytes of memory`);
  });
}

/** A server that lets everybody with the test's key in, and does its mischief once a command was asked for. */
async function startHostile(t: TestContext, mischief: (hostile: Hostile) => Promise<void>): Promise<TestServer> {
  const [key, user] = [await hostKey('ed25519'), await userKey()];
  const allowed = parsePublicKey(user.publicLine).key;
  const logins: ServerConnection[] = [];
  const server = createServer({
    hostKeys: [await parsePrivateKey(readFileSync(key.file))],
    authenticate: { publicKey: async ({ key: offered }) => offered.equals(allowed) },
    announceHostKeys: false,
    listen: listenOnLoopback,
    exec: async () => {
      const connection = logins.at(-1) as ServerConnection;
      const [channel] = connection.connection.channels;
      await new Promise(setImmediate);
      await mischief({
        connection,
        send: (bytes) => connection.connection.link.send(bytes),
        session: number32(channel?.remoteId ?? 0),
      });
      return 0;
    },
  });
  t.after(() => server.close());
  const listener = createNetServer((socket) => {
    socket.on('error', () => {});
    void server.handle(socket, { address: '127.0.0.1' }).then((connection) => {
      if (connection !== undefined) logins.push(connection);
    });
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  t.after(() => listener.close());
  const { port } = listener.address() as { port: number };
  return {
    host: '127.0.0.1',
    port,
    user: currentUser(),
    identity: user,
    hostKeys: [key],
    knownHostsFile: writeKnownHosts(makeFolder('hostile'), port, [key]),
    pid: undefined,
    log: () => '',
    waitForLog: () => Promise.reject(new Error('this server writes no log')),
    stop: () => server.close(),
  };
}

/** The most memory that a process has had, as far as it is seen. */
function watchMemory(pid: number): { stop(): number } {
  let most = 0;
  const look = () => {
    try {
      const [, kib = '0'] = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
      most = Math.max(most, Number(kib) * 1024);
    } catch {
      // It has ended.
    }
  };
  const timer = setInterval(look, 20);
  return {
    stop: () => {
      clearInterval(timer);
      return most;
    },
  };
}
