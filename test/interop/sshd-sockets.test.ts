/** Unix sockets through bin/sshd, beside Debian's: made, connected to and removed with the user's rights. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  currentUser,
  freePort,
  makeFolder,
  missing,
  runProgram,
  runSsh,
  startNacreServer,
  startProgram,
  type TestServer,
} from '../harness/index.ts';
import { ask, startEcho, whileForwarding } from './_forwarding.ts';
import { asRoot, until, withSsh } from './_sshd.ts';
import { accounts, onBoth, otherAccount } from './_sshd-both.ts';

let echoPort = 0;
before(async () => {
  echoPort = await startEcho(0);
});

/** A folder that a user may write to. */
async function folderOf(user: string): Promise<string> {
  const folder = makeFolder('sockets');
  if (user !== currentUser()) {
    const { uid, gid } = await otherAccount();
    chownSync(folder, uid, gid);
  }
  return folder;
}

const idOf = async (user: string) => (user === currentUser() ? process.getuid?.() : (await otherAccount()).uid);

test('-R to a socket: made with the user’s rights, with its mode, and what lies in the way', withSsh, async (t) => {
  for (const user of await accounts()) {
    const listen = (server: TestServer, path: string) =>
      whileForwarding(server, ['-R', `${path}:127.0.0.1:${echoPort}`], 1, async (said) => {
        if (!said.includes('remote forward success')) return 'refused';
        const { uid, mode } = statSync(path);
        assert.equal(uid, await idOf(user));
        return `${(mode & 0o777).toString(8)} ${await ask({ path })}`;
      });
    for (const [config, wanted] of [
      ['StreamLocalBindMask 0177', '600 ping'],
      ['StreamLocalBindMask 0111', '666 ping'],
      ['AllowStreamLocalForwarding no', 'refused'],
      ['AllowStreamLocalForwarding local', 'refused'],
      ['AllowStreamLocalForwarding remote', '600 ping'],
      ['AllowTcpForwarding no', 'refused'],
      ['DisableForwarding yes', 'refused'],
    ] as const) {
      await t.test(`${user}: ${config}`, async () => {
        const folder = await folderOf(user);
        const result = await onBoth({ user, config: [config] }, (server, name) => listen(server, join(folder, name)));
        assert.equal(result, wanted);
      });
    }
    await t.test(`${user}: StreamLocalBindUnlink`, async () => {
      for (const [unlink, wanted] of [
        ['no', 'refused'],
        ['yes', '600 ping'],
      ] as const) {
        const result = await onBoth({ user, config: [`StreamLocalBindUnlink ${unlink}`] }, async (server, name) => {
          const path = join(await folderOf(user), name);
          await leaveSocket(path, await idOf(user));
          return listen(server, path);
        });
        assert.equal(result, wanted);
      }
    });
    await t.test(`${user}: the socket goes with the connection`, async () => {
      const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: userConfig(user) });
      const path = join(await folderOf(user), 'gone');
      assert.equal(await listen({ ...server, user }, path), '600 ping');
      await until(() => !existsSync(path), 'the socket is gone');
      await server.stop();
    });
  }
});

/** What others than the server's own account need. */
function userConfig(user: string): string[] {
  return user === currentUser() ? [] : ['AuthorizedKeysFile .ssh/authorized_keys'];
}

/** A socket that nobody listens at any more. */
async function leaveSocket(path: string, uid: number | undefined): Promise<void> {
  await runProgram(['python3', '-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', path]);
  assert.ok(statSync(path).isSocket());
  chownSync(path, uid ?? 0, uid ?? 0);
}

test('as root, sockets of other users are out of a user’s reach', asRoot, async (t) => {
  const user = (await otherAccount()).name;
  await t.test('-R into a folder of root’s', async () => {
    const folder = makeFolder('roots');
    chmodSync(folder, 0o755);
    const result = await onBoth({ user }, (server, name) =>
      whileForwarding(
        server,
        ['-R', `${join(folder, name)}:127.0.0.1:${echoPort}`],
        1,
        async (said) => /remote forward (success|failure)/.exec(said)?.[1],
      ),
    );
    assert.equal(result, 'failure');
  });
  await t.test('-L to a socket of root’s alone, and to one for everybody', async () => {
    const folder = makeFolder('roots');
    chmodSync(folder, 0o755);
    for (const [mode, wanted] of [
      [0o600, 'cut'],
      [0o666, 'ping'],
    ] as const) {
      const path = join(folder, `echo-${mode}`);
      await startEcho(path);
      chmodSync(path, mode);
      const result = await onBoth({ user }, async (server) => {
        const port = await freePort();
        return whileForwarding(server, ['-L', `${port}:${path}`], 0, () => ask({ port }));
      });
      assert.equal(result, wanted);
    }
  });
  await t.test('whoever is connected to sees the user, and not root', { skip: missing('python3') }, async () => {
    const path = join(makeFolder('peers'), 'peers');
    chmodSync(join(path, '..'), 0o755);
    const script = join(makeFolder(), 'peers.py');
    writeFileSync(script, peerServer);
    const server = startProgram(['python3', script, path]);
    await server.waitForLog(/ready/);
    const seen = await onBoth({ user }, async (sshd) => {
      const port = await freePort();
      return whileForwarding(sshd, ['-L', `${port}:${path}`], 0, () => ask({ port }));
    });
    const { uid, gid } = await otherAccount();
    assert.equal(seen, `${uid} ${gid}`);
  });
  await t.test('a folder that the user swaps for a link leads nobody to remove another’s file', async () => {
    const server = await startNacreServer({ hostKeyTypes: ['ed25519'], config: userConfig(user) });
    const [own, roots] = [await folderOf(user), makeFolder('roots')];
    const { uid, gid } = await otherAccount();
    mkdirSync(join(own, 'a'));
    chownSync(join(own, 'a'), uid, gid);
    writeFileSync(join(roots, 'precious'), 'data');
    const path = join(own, 'a', 'precious');
    await whileForwarding({ ...server, user }, ['-R', `${path}:127.0.0.1:${echoPort}`], 1, async () => {
      assert.ok(existsSync(path));
      const swap = `cd ${own} && mv a b && ln -s ${roots} a`;
      assert.equal((await runSsh({ ...server, user }, [swap])).status, 0);
    });
    await server.waitForLog(/Disconnected from|Connection closed by/);
    await server.stop();
    assert.ok(existsSync(join(roots, 'precious')));
  });
});

const peerServer = `
import socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
import os
os.chmod(sys.argv[1], 0o666)
s.listen(5)
print('ready', flush=True)
while True:
    c, _ = s.accept()
    pid, uid, gid = struct.unpack('3i', c.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    while c.recv(100): pass
    c.sendall(('%d %d' % (uid, gid)).encode())
    c.close()
`;
