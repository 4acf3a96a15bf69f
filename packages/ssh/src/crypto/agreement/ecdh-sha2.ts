/** `ecdh-sha2-nistp256`, `-nistp384` and `-nistp521` (RFC 5656 §4), each with the hash of its curve (§6.2.1). */
import { curveAgreement } from './curve-agreement.ts';
import { nistp256, nistp384, nistp521 } from './nist-curve.ts';

export const ecdhSha2Nistp256 = curveAgreement('ecdh-sha2-nistp256', 'sha256', nistp256);
export const ecdhSha2Nistp384 = curveAgreement('ecdh-sha2-nistp384', 'sha384', nistp384);
export const ecdhSha2Nistp521 = curveAgreement('ecdh-sha2-nistp521', 'sha512', nistp521);
