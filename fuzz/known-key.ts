/** A key that is the same in every run, so that what it signs is too: an input has to be the same when it is made again. */
import { readFileSync } from 'node:fs';
import { parsePrivateKey } from '@nacre/ssh/keys';

/** The built file lies in build/fuzz. */
const file = new URL('../../test/vectors/keys/ed25519', import.meta.url);

export const knownKey = await parsePrivateKey(readFileSync(file));
