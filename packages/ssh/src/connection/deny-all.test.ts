import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { channelTypes } from './channels/table.ts';
import { allFeatures, allRows, forwardingFeatures, isPermitted } from './deny-all.ts';
import type { Feature } from './feature.ts';
import { globalRequests } from './global-requests/table.ts';
import { channelRequests } from './requests/table.ts';

test('every channel type but session needs a feature that the deny-all list holds', () => {
  for (const row of channelTypes) {
    if (row.name === 'session') assert.equal(row.feature, undefined);
    else assert.ok(row.feature !== undefined && forwardingFeatures.has(row.feature), row.name);
  }
});

test('the list is what authorized_keys and sshd_config can forbid', () => {
  const expected = ['X11-forwarding', 'agent-forwarding', 'port-forwarding', 'pty', 'streamlocal-forwarding', 'tunnel'];
  assert.deepEqual([...allFeatures].sort(), expected);
  assert.equal(forwardingFeatures.has('pty'), false);
});

test('with nothing granted only what needs no grant is permitted, in the right direction', () => {
  const nothing = new Set<Feature>();
  assert.equal(isPermitted('channel', 'session', 'client', nothing), true);
  assert.equal(isPermitted('channel', 'session', 'server', nothing), false);
  for (const name of ['direct-tcpip', 'tun@openssh.com', 'direct-streamlocal@openssh.com', 'nonsense', 'constructor']) {
    assert.equal(isPermitted('channel', name, 'client', nothing), false, name);
  }
  assert.equal(isPermitted('channel', 'direct-tcpip', 'client', allFeatures), true);
  assert.equal(isPermitted('channel', 'x11', 'client', allFeatures), false);
  assert.equal(isPermitted('request', 'auth-agent-req@openssh.com', 'client', nothing), false);
  assert.equal(isPermitted('request', 'agent-req', 'client', nothing), false);
  assert.equal(isPermitted('request', 'exec', 'client', nothing), true);
  assert.equal(isPermitted('global-request', 'tcpip-forward', 'client', nothing), false);
  assert.equal(isPermitted('global-request', 'keepalive@openssh.com', 'server', nothing), true);
});

test('a file a row, and no name twice', () => {
  const tables = { channels: channelTypes, requests: channelRequests, 'global-requests': globalRequests };
  const notRows = new Set(['table', 'terminal-modes']);
  for (const [folder, rows] of Object.entries(tables)) {
    const files = readdirSync(new URL(`./${folder}/`, import.meta.url))
      .filter((file) => /^[a-z0-9-]+\.[tj]s$/.test(file))
      .map((file) => file.replace(/\.[tj]s$/, ''))
      .filter((name) => !notRows.has(name));
    // hostkeys-openssh holds a pair of requests that make no sense apart.
    const expected = rows.length - (folder === 'global-requests' ? 1 : 0);
    assert.equal(files.length, expected, folder);
    assert.equal(new Set(rows.map((row) => row.name)).size, rows.length);
  }
  assert.equal(allRows.length, channelTypes.length + channelRequests.length + globalRequests.length);
});
