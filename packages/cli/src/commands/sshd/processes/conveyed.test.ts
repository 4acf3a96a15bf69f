import assert from 'node:assert/strict';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { SshError } from '@nacre/ssh/errors';
import type { Peer } from '@nacre/ssh/server';
import { Conveyed, Served } from './conveyed.ts';

const peer: Peer = {
  address: '127.0.0.1',
  port: 50_022,
  localAddress: '127.0.0.1',
  localPort: 22,
  identification: '',
};
const traffic = { bytesReceived: 0, bytesSent: 0, rekeys: 0 };
const hungUp = new SshError('the client has gone', { code: 'connection-lost', stage: 'transport' });

/** A connection that a process serves, and what that process was told. */
function served(): { connection: Conveyed; process: Served; told: string[] } {
  const told: string[] = [];
  const connection = new Conveyed(new Socket(), peer, [], () => {});
  const process = new Served();
  process.add(connection, { tell: (name: string) => void told.push(name) } as never);
  return { connection, process, told };
}

test("the server's own end is what it was, though the client hangs up before its process has heard of it", async () => {
  const { connection, process, told } = served();
  const ours = new SshError('health check', { code: 'closed', stage: 'transport' });
  connection.close(ours);
  assert.deepEqual(told, ['fail']);
  void process.answers.ended({ id: connection.id, error: hungUp, traffic }, undefined);
  assert.equal(await connection.ended, ours);
});

test('a client that hangs up by itself has hung up', async () => {
  const { connection, process } = served();
  void process.answers.ended({ id: connection.id, error: hungUp, traffic }, undefined);
  connection.close(new SshError('too late', { code: 'closed', stage: 'transport' }));
  assert.equal(await connection.ended, hungUp);
});
