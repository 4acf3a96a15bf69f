/** DrainTimeout: what SIGTERM leaves of bin/sshd's connections, and for how long. */
import assert from 'node:assert/strict';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { makeFolder, runSsh, startNacreServer } from '../harness/index.ts';
import { until, withSsh } from './_sshd.ts';

const start = (limit: string) =>
  startNacreServer({ hostKeyTypes: ['ed25519'], config: [`DrainTimeout ${limit}`, 'LogLevel VERBOSE'] });

test('SIGTERM closes the port and lets a session come to its end', withSsh, async () => {
  const server = await start('10m');
  const [begun, go] = ['begun', 'go'].map((name) => join(makeFolder('drain'), name)) as [string, string];
  const running = runSsh(server, [`touch ${begun}; while ! test -e ${go}; do sleep 0.1; done; echo whole`]);
  await until(() => existsSync(begun), 'the session runs');
  process.kill(server.pid as number, 'SIGTERM');
  await server.waitForLog(/Draining: 1 connections may go on for 600 seconds/);
  assert.match((await runSsh(server, ['true'])).stderr, /Connection refused/);
  writeFileSync(go, '');
  assert.equal((await running).stdout.toString(), 'whole\n');
  await server.waitForLog(/Drained: 0 of 1 connections are left/);
});

for (const [how, limit] of [
  ['the time', '1'],
  ['a second signal', '10m'],
] as const) {
  test(`${how} ends what is left`, withSsh, async () => {
    const server = await start(limit);
    const running = runSsh(server, ['sleep 25']);
    await server.waitForLog(/Starting session/);
    process.kill(server.pid as number, 'SIGTERM');
    await server.waitForLog(/Draining: 1/);
    if (limit === '10m') process.kill(server.pid as number, 'SIGTERM');
    await server.waitForLog(/Drained: 1 of 1 connections are left/);
    assert.equal((await running).status, 255);
  });
}
