/** ECDH on the NIST curves (RFC 5656 §4), with uncompressed points. */
import { createECDH } from 'node:crypto';
import type { Curve, CurveKeyPair } from './curve.ts';
import { refusal, requireLength } from './refusal.ts';

/** First byte of an uncompressed point (SEC 1 §2.3.3). */
const uncompressed = 0x04;

export const nistp256 = nistCurve('P-256', 'prime256v1', 32);
export const nistp384 = nistCurve('P-384', 'secp384r1', 48);
export const nistp521 = nistCurve('P-521', 'secp521r1', 66);

function nistCurve(label: string, opensslName: string, fieldBytes: number): Curve {
  const publicKeyBytes = 1 + 2 * fieldBytes;
  return {
    label,
    publicKeyBytes,
    generateKeyPair(privateKey?: Uint8Array): CurveKeyPair {
      const ecdh = createECDH(opensslName);
      if (privateKey === undefined) ecdh.generateKeys();
      else ecdh.setPrivateKey(privateKey);
      const publicKey = ecdh.getPublicKey();
      return {
        publicKey,
        agree(peerPublicKey) {
          requireLength(peerPublicKey, publicKeyBytes, `a ${label} point`);
          // The length leaves the hybrid forms 06 and 07, which OpenSSL would take.
          if (peerPublicKey[0] !== uncompressed) throw refusal(`the ${label} point is not in uncompressed form`);
          try {
            // OpenSSL checks that the point is on the curve; these curves have no points of small order.
            return ecdh.computeSecret(peerPublicKey);
          } catch (error) {
            throw refusal(`the ${label} point is not on the curve`, error);
          }
        },
      };
    },
  };
}
