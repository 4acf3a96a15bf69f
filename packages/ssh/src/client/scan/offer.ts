/** What a scan offers a server besides host key algorithms: everything known here, the cheapest first. */
import { ciphers } from '../../crypto/ciphers/table.ts';
import { macs } from '../../crypto/macs/table.ts';
import { type AlgorithmOptions, kexNames } from '../../transport/algorithms.ts';

/**
 * No secret ever goes over a scanner's connection, and none of its keys is used: what counts is that the server signs the
 * exchange, and that costs the same under every method. So the cheap methods come first rather than the strongest, and what
 * is kept for old equipment is offered at the end.
 */
const cheapestFirst = [
  'curve25519-sha256',
  'curve25519-sha256@libssh.org',
  'ecdh-sha2-nistp256',
  'mlkem768x25519-sha256',
  'ecdh-sha2-nistp384',
  'ecdh-sha2-nistp521',
  'diffie-hellman-group14-sha256',
  'diffie-hellman-group-exchange-sha256',
];

const isLegacyKex = (name: string) => name.endsWith('-sha1');

export const scanOffer: Omit<AlgorithmOptions, 'hostKey'> = {
  kex: [
    ...cheapestFirst,
    ...kexNames.filter((name) => !cheapestFirst.includes(name) && !isLegacyKex(name)),
    ...kexNames.filter(isLegacyKex),
  ],
  // A group exchange asks for a group as strong as the cipher: 128 bits keep it within reason.
  cipher: ['aes128-ctr', ...ciphers.map(({ name }) => name).filter((name) => name !== 'aes128-ctr')],
  mac: macs.map(({ name }) => name),
};
