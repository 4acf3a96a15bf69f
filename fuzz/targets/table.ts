/** Every fuzz target. */
import type { FuzzTarget } from '../target.ts';
import { certificateChecks, privateKeyFile, publicKeyBlob, publicKeyFile, signatureBlob } from './keys.ts';
import { transportLogin, transportMessages, transportPlain, transportSealed } from './transport.ts';
import { wireMessage, wireReader } from './wire.ts';

export const targets: readonly FuzzTarget[] = [
  wireReader,
  wireMessage,
  transportPlain,
  transportSealed,
  transportMessages,
  transportLogin,
  publicKeyBlob,
  certificateChecks,
  signatureBlob,
  publicKeyFile,
  privateKeyFile,
];
