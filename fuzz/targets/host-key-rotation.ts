/** Host key rotation in known_hosts files of any content. */
import { parseKnownHosts, planRotation, rotateHostKeys } from '@nacre/ssh/trust';
import { knownKey } from '../known-key.ts';
import type { FuzzTarget } from '../target.ts';

const key = knownKey.publicKey;
const keyText = `${key.type} ${key.blob.toString('base64')}`;
const names = { host: { host: 'box', port: 22 }, address: { host: '192.0.2.1', port: 22 } };

/** Lines that are kept stay as they were, the key is known afterwards, and a second time changes nothing. */
export const hostKeyRotation: FuzzTarget = {
  name: 'host-key-rotation',
  seeds: [
    Buffer.from(`# c\nbox ${keyText} comment\nbox ssh-ed25519 ${'AAAAC3NzaC1lZDI1NTE5AAAAI'.padEnd(68, 'E')}\n`),
    Buffer.from(`box,192.0.2.1 ${keyText}\nother,box ${keyText}\n@revoked box ${keyText}\r\nb* ${keyText}`),
    Buffer.from(`|1|F1E1KeoE/eEWhi10WpGv4OdiO6Y=|3988QV0VE8wmZL7suNrYQLITLCg= ${keyText}\n192.0.2.1 ${keyText}\n`),
  ],
  run(input) {
    const text = input.toString('utf8');
    planRotation([parseKnownHosts(text, { name: 'file' })], names, [key]);
    const once = rotateHostKeys(text, names, [key], { name: 'file' });
    const removed = new Set(once.changes.flatMap(({ line }) => line ?? []));
    const kept = text.split('\n').filter((_, index) => !removed.has(index + 1));
    if (!once.text.startsWith(kept.join('\n'))) throw new Error('other lines changed');
    const entries = parseKnownHosts(once.text, { name: 'file' }).find('box');
    if (!entries.some((entry) => entry.blob.equals(key.blob))) throw new Error('the key is not known');
    if (rotateHostKeys(once.text, names, [key], { name: 'file' }).changes.length > 0) throw new Error('it goes on');
  },
};
