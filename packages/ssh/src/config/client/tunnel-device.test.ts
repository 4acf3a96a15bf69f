import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatTunnelDevice, parseTunnelDevice } from './tunnel-device.ts';

test('one device or two, each a number or any, as OpenSSH reads and prints them', () => {
  const read: Record<string, string | undefined> = {};
  for (const text of ['0', '3:5', 'any', 'ANY:7', '7:any', 'any:any', '2147483645:2147483645', '007']) {
    const units = parseTunnelDevice(text);
    read[text] = units && formatTunnelDevice(units);
  }
  assert.deepEqual(read, {
    '0': '0:any',
    '3:5': '3:5',
    any: 'any:any',
    'ANY:7': 'any:7',
    '7:any': '7:any',
    'any:any': 'any:any',
    '2147483645:2147483645': '2147483645:2147483645',
    '007': '7:any',
  });
  const none = [
    '',
    ':',
    '1:',
    ':1',
    '-1',
    '+1',
    '1.5',
    'x',
    '1:x',
    '1:2:3',
    ' 1',
    '0x1',
    '2147483646',
    '0:99999999999',
  ];
  for (const text of none) assert.equal(parseTunnelDevice(text), undefined, text);
});
