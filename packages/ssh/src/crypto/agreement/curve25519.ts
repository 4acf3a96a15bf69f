/** `curve25519-sha256` (RFC 8731), also under the name it had before. */
import { curveAgreement } from './curve-agreement.ts';
import { x25519 } from './x25519.ts';

export const curve25519Sha256 = curveAgreement('curve25519-sha256', 'sha256', x25519);
export const curve25519Sha256Libssh = curveAgreement('curve25519-sha256@libssh.org', 'sha256', x25519);
