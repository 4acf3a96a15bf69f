/** Every fuzz target. */
import type { FuzzTarget } from '../target.ts';
import { agentClient, agentServer } from './agent.ts';
import { authClient, authMessages, authServer } from './auth.ts';
import { certificateLines, certificateWords, validity } from './certificates.ts';
import { connectionClient, connectionData, connectionServer } from './connection.ts';
import { certificateChecks, privateKeyFile, publicKeyBlob, publicKeyFile, signatureBlob } from './keys.ts';
import { sftpClient, sftpMessage } from './sftp.ts';
import { commandLine, sshConfig, sshdConfig } from './tools.ts';
import { transportLogin, transportMessages, transportPlain, transportSealed } from './transport.ts';
import { authorizedKeys, knownHosts, patterns } from './trust.ts';
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
  certificateLines,
  certificateWords,
  validity,
  signatureBlob,
  publicKeyFile,
  privateKeyFile,
  knownHosts,
  authorizedKeys,
  patterns,
  agentClient,
  agentServer,
  authMessages,
  authServer,
  authClient,
  connectionServer,
  connectionClient,
  connectionData,
  sftpClient,
  sftpMessage,
  sshConfig,
  sshdConfig,
  commandLine,
];
