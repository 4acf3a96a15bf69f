/** bin/sshd beside OpenSSH's: PubkeyAuthOptions, FingerprintHash, ExposeAuthInfo and PermitUserRC, by the same configuration. */
import assert from 'node:assert/strict';
import { chmodSync, chownSync, existsSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { formatPublicKey } from '@nacre/ssh/keys';
import {
  createSystemUser,
  makeFolder,
  missing,
  requireSuccess,
  runProgram,
  runSsh,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
  userKey,
} from '../harness/index.ts';
import { until } from './_sshd.ts';
import { createToken, serveToken } from './_tokens.ts';

const asRoot = { skip: missing('ssh', 'sshd', 'nacre:sshd', 'root', 'useradd') };

type Start = NonNullable<Parameters<typeof startNacreServer>[0]>;

/** Does the same with both servers on the same lines. */
async function withBoth(options: Start, action: (server: TestServer, kind: string) => Promise<void>) {
  for (const [kind, start] of Object.entries({ OpenSSH: startOpenSshServer, nacre: startNacreServer })) {
    const server = await start({ hostKeyTypes: ['ed25519'], ...options });
    try {
      await action(server, kind);
    } finally {
      await server.stop();
    }
  }
}

test('PubkeyAuthOptions: what a signature of a security key must show', asRoot, async () => {
  for (const flags of [0, 1, 4, 5]) {
    const token = await createToken(flags);
    const path = join(makeFolder('agent'), 'agent');
    const agent = await new Promise<Server>((resolve) => {
      const listener: Server = createServer((socket) => {
        socket.on('error', () => {});
        serveToken(socket, token);
      }).listen(path, () => resolve(listener));
    });
    try {
      for (const word of ['none', 'touch-required', 'verify-required', 'touch-required verify-required']) {
        const authorizedKeys = [`no-touch-required ${formatPublicKey(token.publicKey)}`];
        const config = [`PubkeyAuthOptions ${word}`];
        await withBoth({ identity: false, authorizedKeys, config }, async (server, kind) => {
          const result = await runSsh(server, ['true'], {
            options: [`IdentityAgent=${path}`, 'IdentityFile=none', 'IdentitiesOnly=no'],
          });
          const wanted = (!word.includes('touch') || flags % 2 === 1) && (!word.includes('verify') || flags >= 4);
          assert.equal(result.status, wanted ? 0 : 255, `${kind}, ${word}, flags ${flags}: ${server.log()}`);
        });
      }
    } finally {
      agent.close();
    }
  }
});

test('FingerprintHash in the log', asRoot, async () => {
  await withBoth({ config: ['FingerprintHash md5'] }, async (server) => {
    assert.equal((await runSsh(server, ['true'])).status, 0);
    await server.waitForLog(
      /Accepted publickey for \S+ from \S+ port \d+ ssh2: ED25519 MD5:([0-9a-f]{2}:){15}[0-9a-f]{2}/,
    );
  });
});

test('ExposeAuthInfo: a file of the user’s own, as long as the session', asRoot, async () => {
  const user = await createSystemUser({ shell: '/bin/bash' });
  const key = await userKey();
  await user.authorize(key.publicLine);
  const config = ['ExposeAuthInfo yes', 'AuthorizedKeysFile .ssh/authorized_keys'];
  const seen: string[] = [];
  await withBoth({ config }, async (server, kind) => {
    const command = 'echo "$SSH_USER_AUTH"; stat -c "%a %U %s" "$SSH_USER_AUTH"; cat "$SSH_USER_AUTH"';
    const result = await runSsh({ ...server, user: user.name }, [command]);
    const [path = '', ...rest] = result.stdout.toString().split('\n');
    assert.match(path, /^\/tmp\/sshauth\.\w{15}$/, `${kind}: ${result.stderr}`);
    await until(() => !existsSync(path), `${kind}: ${path} is removed`);
    seen.push(rest.join('\n'));
  });
  assert.equal(seen[1], seen[0]);
  assert.equal(seen[1]?.split('\n')[1], `publickey ${key.publicLine.split(' ').slice(0, 2).join(' ')}`);
  await withBoth({ config: config.slice(1) }, async (server) => {
    const result = await runSsh({ ...server, user: user.name }, ['echo "[$SSH_USER_AUTH]"']);
    assert.equal(result.stdout.toString(), '[]\n');
  });
});

test('PermitUserRC: ~/.ssh/rc before the program, /etc/ssh/sshrc without one', asRoot, async (t) => {
  const user = await createSystemUser({ shell: '/bin/bash' });
  const key = await userKey();
  await user.authorize(key.publicLine);
  const rc = join(user.home, '.ssh', 'rc');
  // Only these servers see it: to every other session on this machine it would be in the way.
  const folder = makeFolder('etc-ssh');
  chmodSync(folder, 0o755);
  const system = join(folder, 'sshrc');
  const prefix = ['unshare', '-m', 'sh', '-c', 'mount --bind "$0" /etc/ssh && exec "$@"', folder];
  if ((await runProgram([...prefix, 'true'])).status !== 0) return t.skip('this machine lets us mount nothing');
  const write = (path: string, text: string) => {
    writeFileSync(path, text, { mode: 0o644 });
    if (path === rc) chownSync(path, user.uid, user.gid);
  };
  const base = ['AuthorizedKeysFile .ssh/authorized_keys', 'Subsystem echo echo subsystem'];
  /** What a session prints, which must be the same with both. */
  const compare = async (
    command: readonly string[],
    { config = [], flags = [] }: { config?: string[]; flags?: string[] } = {},
  ): Promise<string> => {
    const seen: string[] = [];
    await withBoth({ prefix, config: [...config, ...base] }, async (server) => {
      const result = await runSsh({ ...server, user: user.name }, [...command], { flags });
      seen.push(`${result.status}:${result.stdout.toString()}`);
    });
    assert.equal(seen[1], seen[0]);
    return seen[1] as string;
  };
  write(system, 'echo system; cat\n');

  await t.test('the machine’s where the user has none', async () => {
    assert.equal(await compare(['echo command']), '0:system\ncommand\n');
    assert.equal(await compare(['echo'], { flags: ['-s'] }), '0:system\nsubsystem\n');
  });
  await t.test('the machine’s before internal-sftp, whose errors nobody hears', async () => {
    write(system, 'echo system; echo error >&2\n');
    const config = ['Subsystem files internal-sftp'];
    assert.match(await compare(['files'], { config, flags: ['-s'] }), /^0:system\n$/);
    const forced = ['ForceCommand internal-sftp'];
    const only = 'system\nThis service allows sftp connections only.\n';
    assert.equal(await compare(['echo command'], { config: forced }), `1:${only}`);
    write(system, 'echo system; cat\n');
  });
  write(
    rc,
    'echo "own $(id -un) $PWD $0 $SSH_CONNECTION" | sed "s/ [0-9]* 127/ X 127/;s/[0-9]*$//"; readlink /proc/$$/fd/3; cat\n',
  );
  await t.test('the user’s: account, folder, environment, empty input', async () => {
    const printed = await compare(['echo command; cat'], {});
    assert.match(printed, new RegExp(`^0:own ${user.name} ${user.home} ${rc} 127`));
    assert.match(printed, /\ncommand\n$/);
  });
  await t.test('in a terminal', async () => {
    assert.match(await compare(['tty >/dev/null && echo terminal'], { flags: ['-tt'] }), /own .*\r\nterminal\r\n$/s);
  });
  await t.test('who may not', async () => {
    assert.equal(await compare(['echo command'], { config: ['PermitUserRC no'] }), '0:system\ncommand\n');
    assert.equal(await compare(['x'], { config: ['ForceCommand echo forced'] }), '0:system\nforced\n');
    assert.equal(await compare(['echo'], { flags: ['-s'] }), '0:system\nsubsystem\n');
    await user.authorize(`no-user-rc ${key.publicLine}`);
    assert.equal(await compare(['echo command']), '0:system\ncommand\n');
    await user.authorize(`command="echo by the key" ${key.publicLine}`);
    assert.match(await compare(['x']), /^0:own .*\nby the key\n$/s);
    await user.authorize(key.publicLine);
  });
  await t.test('one that fails keeps nobody out, and a shell that refuses runs none', async () => {
    write(rc, 'echo own; exit 3\n');
    assert.equal(await compare(['echo command']), '0:own\ncommand\n');
    const refusing = join(makeFolder('shell'), 'shell');
    await requireSuccess(['chmod', '755', join(refusing, '..')]);
    writeFileSync(refusing, '#!/bin/bash\n[ "$2" = "echo allowed" ] && exec echo allowed\nexit 7\n', { mode: 0o755 });
    await requireSuccess(['usermod', '-s', refusing, user.name]);
    assert.equal(await compare(['echo allowed']), '0:allowed\n');
  });
});
