/** MetricsListen of bin/sshd: what Prometheus' own parser reads there, and the health that balancers ask for. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  freePort,
  makeFolder,
  makeKey,
  missing,
  runProgram,
  runSsh,
  sshCommand,
  startNacreServer,
  startProgram,
} from '../harness/index.ts';
import { until, withSsh } from './_sshd.ts';

type Place = { readonly host: string; readonly port: number } | { readonly socketPath: string };

function ask(place: Place, path: string, method = 'GET'): Promise<{ status: number; type: string; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ ...place, path, method, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => {
        text += chunk.toString();
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, type: response.headers['content-type'] ?? '', text }),
      );
    });
    asked.on('error', reject);
    asked.end();
  });
}

/** What the reference parser makes of a text: a value for each sample. */
const script = `
import json, sys
from prometheus_client.parser import text_string_to_metric_families
print(json.dumps([[s.name, s.labels, s.value, f.type] for f in text_string_to_metric_families(sys.stdin.read()) for s in f.samples]))
`;

type Samples = readonly [name: string, labels: Readonly<Record<string, string>>, value: number, type: string][];

async function parse(text: string): Promise<Samples> {
  const { stdout, stderr, status } = await runProgram(['/usr/bin/python3', '-c', script], { input: text });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout.toString()) as Samples;
}

test('logins, failures, sessions and bytes are counted, and the reference parser reads it', {
  skip: missing('ssh', 'nacre:sshd', 'python3:prometheus_client'),
}, async () => {
  const place = { host: '127.0.0.1', port: await freePort() };
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: [`MetricsListen 127.0.0.1:${place.port}`],
  });
  await server.waitForLog(/Metrics at 127\.0\.0\.1 port/);
  assert.equal((await runSsh(server, ['head -c 100000 /dev/zero'])).stdout.length, 100_000);
  assert.equal((await runSsh({ ...server, identity: await makeKey() }, ['true'])).status, 255);
  const open = startProgram(sshCommand(server, ['echo ready; exec sleep 60']));
  await open.waitForLog(/ready/);
  const { status, type, text } = await ask(place, '/metrics');
  assert.deepEqual([status, type], [200, 'text/plain; version=0.0.4; charset=utf-8']);
  const samples = await parse(text);
  const value = (name: string, labels: Readonly<Record<string, string>> = {}) =>
    samples.find(
      ([found, had]) => found === name && Object.entries(labels).every(([label, wanted]) => had[label] === wanted),
    )?.[2];
  assert.equal(value('nacre_sshd_connections_total'), 3);
  assert.equal(value('nacre_sshd_logins_total', { method: 'publickey' }), 2);
  assert.ok((value('nacre_sshd_auth_attempts_total', { method: 'publickey', result: 'failed' }) ?? 0) >= 1);
  assert.equal(value('nacre_sshd_open_connections', { state: 'authenticated' }), 1);
  assert.equal(value('nacre_sshd_open_sessions', { kind: 'exec' }), 1);
  assert.equal(value('nacre_sshd_open_channels', { type: 'session' }), 1);
  assert.ok((value('nacre_sshd_bytes_total', { direction: 'sent' }) ?? 0) > 100_000);
  assert.equal(value('nacre_sshd_login_duration_seconds_count'), 2);
  assert.ok((value('nacre_sshd_handshake_duration_seconds_count') ?? 0) >= 2);
  assert.ok((value('process_resident_memory_bytes') ?? 0) > 1e7);
  for (const [name, , , kind] of samples) {
    if (kind === 'counter') assert.match(name, /_total$/);
    assert.match(name, /^(?:nacre_sshd|process)_[a-z_]+$/);
  }
  assert.ok(!text.includes('127.0.0.1') && !text.includes(`"${server.user}"`), 'nobody is named');
  assert.equal((await ask(place, '/metrics', 'POST')).status, 405);
  assert.equal((await ask(place, '/else')).status, 404);
});

test('a Unix socket; health is 200, and 503 while the server drains', withSsh, async () => {
  const place = { socketPath: join(makeFolder('metrics'), 'socket') };
  const server = await startNacreServer({
    hostKeyTypes: ['ed25519'],
    config: [`MetricsListen ${place.socketPath}`, 'DrainTimeout 30'],
  });
  await server.waitForLog(/Metrics at /);
  assert.deepEqual((await ask(place, '/health')).status, 200);
  const open = startProgram(sshCommand(server, ['echo ready; exec sleep 60']));
  await open.waitForLog(/ready/);
  process.kill(server.pid as number, 'SIGTERM');
  await server.waitForLog(/Draining: 1/);
  assert.deepEqual(await ask(place, '/health').then(({ status, text }) => [status, text]), [503, 'draining\n']);
  await open.stop();
  await server.waitForLog(/Drained: 0 of 1/);
  await until(() => server.log().includes('Drained'), 'the end');
});
