/** Host key rotation both ways: OpenSSH's client learns bin/sshd's new keys, and ours those of OpenSSH's sshd. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { connect, type HostKeyAnnouncement, pinnedHostKeys } from '@nacre/ssh/client';
import { parsePublicKey } from '@nacre/ssh/keys';
import {
  hostKey,
  makeFolder,
  missing,
  runSsh,
  startNacreServer,
  startOpenSshServer,
  type TestServer,
  userKey,
} from '../harness/index.ts';

const skip = missing('ssh', 'sshd', 'nacre:sshd');
const types = ['ed25519', 'rsa', 'ecdsa-256'] as const;

test("OpenSSH's client has bin/sshd prove the keys it does not know, and remembers them", { skip }, async (t) => {
  const server = await startNacreServer({ hostKeyTypes: types });
  t.after(() => server.stop());
  const known = knowOnly(server, await hostKey('ed25519'));
  // The client does not wait for the proof: it goes with its session.
  const result = await runSsh(server, ['sleep 1'], {
    options: ['UpdateHostKeys=yes', `UserKnownHostsFile=${known}`, 'HashKnownHosts=no', 'LogLevel=DEBUG1'],
  });
  assert.equal(result.status, 0, result.stderr);
  const written = readFileSync(known, 'utf8');
  for (const type of types) assert.ok(written.includes(blobOf(await hostKey(type))), `${type}:\n${result.stderr}`);
});

for (const [name, start] of [
  ["OpenSSH's sshd", () => startOpenSshServer({ hostKeyTypes: types })],
  ['bin/sshd', () => startNacreServer({ hostKeyTypes: types })],
] as const) {
  test(`our client has ${name} prove its keys`, { skip }, async (t) => {
    const server = await start();
    t.after(() => server.stop());
    const announcement = await announced(t, server);
    assert.deepEqual(
      announcement.keys.map((key) => key.blob.toString('base64')).sort(),
      (await Promise.all(types.map(async (type) => blobOf(await hostKey(type))))).sort(),
    );
    assert.deepEqual(await announcement.prove(announcement.keys), announcement.keys);
    const foreign = parsePublicKey((await userKey()).publicLine).key;
    assert.equal(await announcement.prove([foreign]), undefined);
  });
}

async function announced(t: TestContext, server: TestServer): Promise<HostKeyAnnouncement> {
  const known = parsePublicKey((await hostKey('ed25519')).publicLine).key;
  let take: (announcement: HostKeyAnnouncement) => void = () => {};
  const announcement = new Promise<HostKeyAnnouncement>((resolve) => {
    take = resolve;
  });
  const connection = await connect(`${server.user}@127.0.0.1:${server.port}`, {
    hostKeys: pinnedHostKeys(known),
    identities: [(await userKey()).file],
    onHostKeys: (found) => take(found),
  });
  t.after(() => connection.close());
  return announcement;
}

function knowOnly(server: TestServer, { publicLine }: { publicLine: string }): string {
  const file = join(makeFolder('rotation'), 'known_hosts');
  writeFileSync(file, `[127.0.0.1]:${server.port} ${publicLine}\n`);
  return file;
}

function blobOf({ publicLine }: { publicLine: string }): string {
  return publicLine.split(' ')[1] as string;
}
