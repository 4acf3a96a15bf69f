/** @nacre/ssh/auth: login (RFC 4252, RFC 4256, publickey-hostbound-v00@openssh.com) in both roles. */

export { authenticateClient, ClientLogin } from './client.ts';
export type {
  ClientAuthOptions,
  ClientAuthResult,
  HostBasedIdentity,
  KeyboardInteractiveRequest,
  PasswordChangeAnswer,
  PasswordChangeRequest,
  PasswordRequest,
} from './client-options.ts';
export type { Prompt } from './messages.ts';
export * as messages from './messages.ts';
export { authMethods } from './methods/table.ts';
export type { AuthMethod } from './methods/types.ts';
export { authenticateServer } from './server.ts';
export type {
  Ask,
  AskTexts,
  AuthAttempt,
  HostBasedAuthRequest,
  KeyboardInteractiveAuthRequest,
  LoginSummary,
  PasswordAuthRequest,
  PasswordChangeNeeded,
  PublicKeyAuthRequest,
  ServerAuthOptions,
  ServerAuthResult,
  UserAuthRules,
} from './server-options.ts';
export { LoginEnd } from './server-options.ts';
export { defaultSignatureAlgorithms } from './signature-algorithms.ts';
