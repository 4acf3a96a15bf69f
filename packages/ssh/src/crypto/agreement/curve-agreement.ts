/** Key agreement on a curve alone (RFC 5656 §4, RFC 8731): both send a point, K is the shared number as an mpint. */
import type { HashName, KeyAgreement } from '../key-agreement.ts';
import type { Curve } from './curve.ts';
import { encodeMpintBody } from './mpint.ts';

export function curveAgreement(name: string, hash: HashName, curve: Curve): KeyAgreement {
  return {
    name,
    hash,
    start() {
      const keyPair = curve.generateKeyPair();
      return {
        value: keyPair.publicKey,
        finish: (responderValue) => encodeMpintBody(keyPair.agree(responderValue)),
      };
    },
    respond(initiatorValue) {
      const keyPair = curve.generateKeyPair();
      return { value: keyPair.publicKey, secret: encodeMpintBody(keyPair.agree(initiatorValue)) };
    },
  };
}
