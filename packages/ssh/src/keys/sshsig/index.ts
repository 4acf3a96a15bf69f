/** Signatures over files and messages: PROTOCOL.sshsig, ssh-keygen -Y, git's gpg.format=ssh. */

export { digestMessage, type MessageSource } from './digest.ts';
export {
  decodeMessageSignature,
  encodeMessageSignature,
  formatMessageSignature,
  type MessageHash,
  type MessageSignature,
  messageHashes,
  parseMessageSignature,
} from './format.ts';
export { type MessageOrDigest, type SignMessageOptions, signMessage } from './sign.ts';
export { type VerifiedMessage, type VerifyMessageOptions, verifyMessage } from './verify.ts';
