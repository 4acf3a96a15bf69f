/** Host key rotation: hostkeys-00@openssh.com and hostkeys-prove-00@openssh.com (OpenSSH PROTOCOL §2.5). */

import { declareStructure, type Field } from '../../wire/index.ts';
import type { FeatureRow } from '../feature.ts';

/** Strings to the end of the message. Each takes at least four bytes, so the message bounds their number. */
const strings: Field<readonly Buffer[]> = {
  read: (reader, name) => {
    const list: Buffer[] = [];
    while (reader.remaining > 0) list.push(reader.string(name));
    return list;
  },
  write: (writer, list) => {
    for (const bytes of list) writer.string(bytes);
  },
};

/** The server tells all its host keys after login. */
export const hostkeysOpenssh = {
  name: 'hostkeys-00@openssh.com',
  feature: undefined,
  sentBy: 'server',
  data: declareStructure('hostkeys-00@openssh.com', { hostKeys: strings }),
} as const satisfies FeatureRow & { data: object };

/** The client asks for proof that the server holds keys it does not know yet. */
export const hostkeysProveOpenssh = {
  name: 'hostkeys-prove-00@openssh.com',
  feature: undefined,
  sentBy: 'client',
  data: declareStructure('hostkeys-prove-00@openssh.com', { hostKeys: strings }),
} as const satisfies FeatureRow & { data: object };

/** The data of the answer to hostkeys-prove-00: a signature for each key, in the order asked. */
export const hostKeyProofs = declareStructure('hostkeys-prove-00@openssh.com reply', { signatures: strings });
