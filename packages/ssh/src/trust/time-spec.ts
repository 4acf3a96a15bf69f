/** Absolute times as OpenSSH writes them in expiry-time= and valid-after=; keys has them for certificates too. */
export { parseTimeSpec } from '../keys/index.ts';
