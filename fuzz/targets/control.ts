/** What is asked at sshd's control socket. */
import { parseControlRequest } from 'nacre/dist/commands/sshd/control/protocol.js';
import type { FuzzTarget } from '../target.ts';

/** One line of JSON; what is read means the same when it is written and read again. */
export const controlRequest: FuzzTarget = {
  name: 'control-request',
  seeds: [
    { ask: 'status' },
    { ask: 'kick', selectors: [{ kind: 'user', user: 'ada' }], reason: 'moving' },
    { ask: 'kick', selectors: [{ kind: 'address', address: '192.0.2.0/24' }], reason: 'x' },
    { ask: 'kick', selectors: [{ kind: 'connection', id: 17 }], reason: 'x' },
    { ask: 'health', address: '::1', port: 50022 },
  ].map((value) => Buffer.from(JSON.stringify(value))),
  run(input) {
    const request = parseControlRequest(input.toString('utf8'));
    const again = JSON.stringify(parseControlRequest(JSON.stringify(request)));
    if (again !== JSON.stringify(request)) throw new Error(`read anew it is ${again}`);
  },
};
