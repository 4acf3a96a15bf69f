/** What bin/sshd is given by a bad world: clients that fill its memory before login, logs that take nothing, files that others own or may write. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  lchownSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { systemClock } from '@nacre/ssh/client';
import { Transport } from '@nacre/ssh/transport';
import {
  freePort,
  hasProcessTree,
  makeFolder,
  makeKey,
  missing,
  nacreProgram,
  openSshProgram,
  requireSuccess,
  runProgram,
  runSsh,
  startNacreServer,
  startProgram,
  treeMemory,
  userKey,
  waitForPort,
} from '../harness/index.ts';
import { asRoot, until, withSsh } from './_sshd.ts';
import { onBoth, otherAccount } from './_sshd-both.ts';

/** What a peer may have us hold before login: limits.ts, maxBytesBeforeAuth. */
const budgetBytes = 1024 * 1024;
/** The longest packet that is taken, less its last bytes: it is never whole. */
const packetBytes = 256 * 1024 - 64;

/** Sends the beginning of the longest packet there is, in place of KEXINIT. */
async function fillPlain(socket: Socket): Promise<void> {
  const packet = Buffer.alloc(packetBytes);
  packet.writeUInt32BE(packetBytes + 32, 0);
  packet.set([8, 20], 4);
  socket.write(Buffer.concat([Buffer.from('SSH-2.0-full\r\n'), packet]));
}

/** The same after key exchange, behind a login that was refused. */
async function fillSealed(socket: Socket): Promise<void> {
  let isWhole = true;
  const transport = new Transport({
    role: 'client',
    version: 'full',
    clock: systemClock,
    algorithms: { kex: ['curve25519-sha256'], cipher: ['aes128-gcm@openssh.com'] },
    verifyHostKey: async () => {},
    sink: {
      write: (chunks) => {
        const bytes = Buffer.concat(chunks);
        socket.write(isWhole ? bytes : bytes.subarray(0, bytes.length - 48));
      },
      queuedBytes: () => 0,
      setReading: () => {},
      end: () => void socket.end(),
      defer: (callback) => void setImmediate(callback),
    },
  });
  socket.on('data', (chunk: Buffer) => transport.receive(chunk));
  socket.on('close', () => transport.receiveEnd());
  await transport.handshake();
  const text = (word: string) => [0, 0, 0, word.length, ...Buffer.from(word)];
  transport.send(Buffer.from([50, ...text('somebody'), ...text('ssh-connection'), ...text('none')]));
  assert.equal((await transport.next())[0], 51);
  isWhole = false;
  transport.send(Buffer.concat([Buffer.from([50]), Buffer.alloc(packetBytes)]));
  await new Promise(setImmediate);
}

for (const [name, fill] of [
  ['the beginning of a packet before key exchange', fillPlain],
  ['the beginning of one after it, behind a refused login', fillSealed],
] as const) {
  test(`a connection that has not logged in holds no more than its budget: ${name}`, {
    skip: withSsh.skip || (!hasProcessTree && 'needs /proc'),
  }, async (t) => {
    const server = await startNacreServer({
      hostKeyTypes: ['ed25519'],
      config: ['MaxStartups 1000', 'LoginGraceTime 600'],
    });
    const wave = async (count: number) => {
      const sockets = Array.from({ length: count }, () => connect(server.port, server.host));
      for (const socket of sockets) {
        socket.on('error', () => {});
        t.after(() => socket.destroy());
      }
      await Promise.all(sockets.map((socket) => once(socket, 'connect').then(() => fill(socket))));
      await until(() => sockets.every((socket) => socket.writableLength === 0), 'all was sent');
      return sockets;
    };
    // What is loaded, and what the heap takes in the beginning.
    for (const socket of await wave(20)) socket.destroy();
    const before = treeMemory(server.pid as number).anonymousBytes;
    const sockets = await wave(100);
    // What the system holds for the server is read by and by.
    await delay(500);
    const each = (treeMemory(server.pid as number).anonymousBytes - before) / sockets.length;
    t.diagnostic(`${Math.round(each / 1024)} KiB each`);
    assert.equal(sockets.filter((socket) => socket.destroyed || socket.readableEnded).length, 0, 'all of them stand');
    assert.ok(each <= budgetBytes, `${each} bytes each`);
    const result = await runSsh(server, ['echo in']);
    assert.equal(result.stdout.toString(), 'in\n', result.stderr);
  });
}

/** A folder of devices like this machine's, with another log socket, or none, or a full disk, in a world of mounts of its own. */
const otherWorld = `
set -e
kind=$1 dev=$2; shift 2
mount --make-rprivate /
mount -t tmpfs -o size=64k none "$dev"
if [ "$kind" = disk ]; then
  head -c 200000 /dev/zero > "$dev/filler" 2>/dev/null || true
  exec "$@" -E "$dev/log"
fi
for name in null zero full random urandom tty; do touch "$dev/$name"; mount --bind "/dev/$name" "$dev/$name"; done
mkdir "$dev/pts"
mount --rbind /dev/pts "$dev/pts"
ln -s pts/ptmx "$dev/ptmx"
ln -s /proc/self/fd "$dev/fd"
mount --move "$dev" /dev
bind='import socket, sys, time; s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); s.bind("/dev/log"); time.sleep(float(sys.argv[1]))'
case $kind in
  dead) python3 -c "$bind" 0 ;;
  silent) python3 -c "$bind" 20 >/dev/null 2>&1 & while [ ! -S /dev/log ]; do sleep 0.05; done ;;
esac
exec "$@"
`;

test('log targets that take nothing stop no login', {
  skip: asRoot.skip || missing('unshare', 'python3') || (await whyNoMounts()),
}, async (t) => {
  const key = await userKey();
  const hostKey = await makeKey();
  for (const [kind, name] of [
    ['disk', 'a file on a full disk'],
    ['none', 'no syslog at all'],
    ['dead', 'the socket of a syslog that has died'],
    ['silent', 'a syslog that reads nothing'],
  ] as const) {
    await t.test(name, async (inner: TestContext) => {
      const port = await freePort();
      const options = [
        ...['StrictModes=no', 'PermitRootLogin=yes', 'PidFile=none', 'LogLevel=DEBUG3', 'SetEnv=SHLVL=5'],
        ...['ListenAddress=127.0.0.1', `AuthorizedKeysFile=${key.file}.pub`],
      ].flatMap((option) => ['-o', option]);
      const sshd = [nacreProgram('sshd'), '-D', '-f', 'none', '-p', String(port), '-h', hostKey.file, ...options];
      const program = startProgram(['unshare', '-m', 'sh', '-c', otherWorld, 'sh', kind, makeFolder('dev'), ...sshd]);
      inner.after(() => program.stop());
      await waitForPort(port);
      const server = { host: '127.0.0.1', port, user: 'root', identity: key, knownHostsFile: '/dev/null' } as const;
      for (let i = 0; i < (kind === 'silent' ? 8 : 2); i++) {
        const result = await runSsh(server as never, ['echo in'], { options: ['StrictHostKeyChecking=no'] });
        assert.equal(result.stdout.toString(), 'in\n', `${result.stderr}${program.log()}`);
      }
    });
  }
});

async function whyNoMounts(): Promise<string | false> {
  const { status } = await runProgram(['unshare', '-m', 'mount', '-t', 'tmpfs', 'none', '/mnt']).catch(() => ({
    status: 1,
  }));
  return status === 0 ? false : 'nothing can be mounted here';
}

test('owners and modes of what lets somebody in: as OpenSSH judges them', asRoot, async (t) => {
  const user = await otherAccount();
  const { home, uid, gid } = user;
  const folder = join(home, '.ssh');
  const file = join(folder, 'authorized_keys');
  const nobody = 65534;
  const shared = Number((await requireSuccess(['getent', 'group', 'games'])).split(':')[2]);
  const restore = async () => {
    rmSync(folder, { recursive: true, force: true });
    await user.authorize((await userKey()).publicLine);
    for (const [path, mode] of [
      [home, 0o755],
      [folder, 0o700],
      [file, 0o600],
    ] as const) {
      chownSync(path, uid, gid);
      chmodSync(path, mode);
    }
  };
  const cases: Readonly<Record<string, () => void>> = {
    'as they should be': () => {},
    // Of a group that others are in: Debian's OpenSSH lets that of the user alone write, upstream's and we do not.
    'home, group may write': () => {
      chownSync(home, uid, shared);
      chmodSync(home, 0o775);
    },
    'home, all may write': () => chmodSync(home, 0o757),
    'home is root’s': () => chownSync(home, 0, 0),
    'home is somebody else’s': () => chownSync(home, nobody, gid),
    '.ssh, group may write': () => {
      chownSync(folder, uid, shared);
      chmodSync(folder, 0o770);
    },
    '.ssh, all may write': () => chmodSync(folder, 0o777),
    '.ssh is somebody else’s': () => {
      chownSync(folder, nobody, gid);
      chmodSync(folder, 0o755);
    },
    'the file, group may write': () => {
      chownSync(file, uid, shared);
      chmodSync(file, 0o660);
    },
    'the file, all may write': () => chmodSync(file, 0o666),
    'the file, all may read': () => chmodSync(file, 0o644),
    'the file is root’s': () => {
      chownSync(file, 0, 0);
      chmodSync(file, 0o644);
    },
    'the file is somebody else’s': () => {
      chownSync(file, nobody, gid);
      chmodSync(file, 0o644);
    },
    'the file is root’s, and nobody else reads it': () => chownSync(file, 0, 0),
    'a link to a file where all may write': () => {
      const open = makeFolder('open');
      copyFileSync(file, join(open, 'keys'));
      chownSync(join(open, 'keys'), uid, gid);
      chmodSync(open, 0o777);
      rmSync(file);
      symlinkSync(join(open, 'keys'), file);
      lchownSync(file, uid, gid);
    },
  };
  t.after(restore);
  for (const strict of ['yes', 'no']) {
    await t.test(`StrictModes ${strict}`, async (inner) => {
      const outcome = await onBoth({ user: user.name, config: [`StrictModes ${strict}`] }, async (server) => {
        const comesIn: Record<string, boolean> = {};
        for (const [name, change] of Object.entries(cases)) {
          // Without StrictModes all is well; a few show it.
          if (strict === 'no' && !/all may write|as they/.test(name)) continue;
          await restore();
          change();
          comesIn[name] = (await runSsh(server, ['true'])).status === 0;
        }
        return comesIn;
      });
      inner.diagnostic(JSON.stringify(outcome));
      assert.equal(outcome['as they should be'], true);
      assert.equal(outcome['the file, all may write'], strict === 'no');
    });
  }
});

test('owners and modes of host keys: as OpenSSH judges them', asRoot, async () => {
  const { uid } = await otherAccount();
  const { file } = await makeKey();
  const config = join(makeFolder('config'), 'sshd_config');
  writeFileSync(config, '');
  if (!existsSync('/run/sshd')) await runProgram(['mkdir', '-p', '/run/sshd']);
  for (const [owner, mode] of [
    [0, 0o600],
    [0, 0o400],
    [0, 0o640],
    [0, 0o604],
    [0, 0o644],
    [uid, 0o600],
    [uid, 0o644],
  ] as const) {
    chownSync(file, owner, owner);
    chmodSync(file, mode);
    const [theirs, ours] = await Promise.all(
      [openSshProgram('sshd'), nacreProgram('sshd')].map(async (sshd) => {
        const { status, stderr } = await runProgram([sshd, '-t', '-f', config, '-h', file]);
        return { isTaken: status === 0, tells: /Permissions 0\d+ for .* are too open/.test(stderr) };
      }),
    );
    assert.deepEqual(ours, theirs, `owner ${owner}, mode ${mode.toString(8)}`);
  }
});
