/** Messages of the agent protocol (RFC 9987, OpenSSH's PROTOCOL.agent): numbers and fields, each declared once. */
import { declareMessage, declareStructure, fields } from '../wire/index.ts';

const { boolean, name, rest, string, uint32 } = fields;

// Answers.
export const failure = declareMessage('SSH_AGENT_FAILURE', 5, {});
export const success = declareMessage('SSH_AGENT_SUCCESS', 6, {});
/** `identities` holds `count` times a key blob and a comment. */
export const identitiesAnswer = declareMessage('SSH_AGENT_IDENTITIES_ANSWER', 12, { count: uint32, identities: rest });
export const signResponse = declareMessage('SSH_AGENT_SIGN_RESPONSE', 14, { signature: string });
export const extensionFailure = declareMessage('SSH_AGENT_EXTENSION_FAILURE', 28, {});
export const extensionResponse = declareMessage('SSH_AGENT_EXTENSION_RESPONSE', 29, {
  extension: name,
  contents: rest,
});

// Requests.
export const requestIdentities = declareMessage('SSH_AGENTC_REQUEST_IDENTITIES', 11, {});
export const signRequest = declareMessage('SSH_AGENTC_SIGN_REQUEST', 13, { key: string, data: string, flags: uint32 });
/** `identity` is the key's type, its private fields and the comment; how long it is only the type tells. */
export const addIdentity = declareMessage('SSH_AGENTC_ADD_IDENTITY', 17, { identity: rest });
export const removeIdentity = declareMessage('SSH_AGENTC_REMOVE_IDENTITY', 18, { key: string });
export const removeAllIdentities = declareMessage('SSH_AGENTC_REMOVE_ALL_IDENTITIES', 19, {});
export const addSmartcardKey = declareMessage('SSH_AGENTC_ADD_SMARTCARD_KEY', 20, { id: string, pin: string });
export const removeSmartcardKey = declareMessage('SSH_AGENTC_REMOVE_SMARTCARD_KEY', 21, { id: string, pin: string });
export const lock = declareMessage('SSH_AGENTC_LOCK', 22, { passphrase: string });
export const unlock = declareMessage('SSH_AGENTC_UNLOCK', 23, { passphrase: string });
/** As `addIdentity`, constraints after the comment. */
export const addIdConstrained = declareMessage('SSH_AGENTC_ADD_ID_CONSTRAINED', 25, { identity: rest });
export const addSmartcardKeyConstrained = declareMessage('SSH_AGENTC_ADD_SMARTCARD_KEY_CONSTRAINED', 26, {
  id: string,
  pin: string,
  constraints: rest,
});
export const extension = declareMessage('SSH_AGENTC_EXTENSION', 27, { extension: name, contents: rest });

/** Flags of a sign request (RFC 9987 §3.6.1): the hash of an RSA signature. */
export const signFlags = { rsaSha256: 2, rsaSha512: 4 } as const;

/** Contents of the extension session-bind@openssh.com (PROTOCOL.agent §1). */
export const sessionBindName = 'session-bind@openssh.com';
export const sessionBind = declareStructure(sessionBindName, {
  hostKey: string,
  sessionId: string,
  signature: string,
  forwarding: boolean,
});

/** The extension that lists extensions (RFC 9987 §3.8.1). */
export const queryName = 'query';

/** Constraint numbers (RFC 9987 §3.2.7 and PROTOCOL.agent). */
export const constraintNumbers = { lifetime: 1, confirm: 2, maxSignatures: 3, extension: 255 } as const;
