/** Every fuzz target. */
import type { FuzzTarget } from '../target.ts';
import { agentClient, agentConstraints, agentLimitedKey, agentServer } from './agent.ts';
import { authClient, authMessages, authServer } from './auth.ts';
import { certificateLines, certificateWords, validity } from './certificates.ts';
import { connectionClient, connectionData, connectionServer } from './connection.ts';
import { controlRequest } from './control.ts';
import { dnsAnswer, resolvConf } from './dns.ts';
import { hostKeyRotation } from './host-key-rotation.ts';
import { expiryTime, jwkFile, moduliLine, securityKeySignature, sshcomFile, sshfpLine } from './key-formats.ts';
import { keyInventory } from './key-inventory.ts';
import { certificateChecks, privateKeyFile, publicKeyBlob, publicKeyFile, signatureBlob } from './keys.ts';
import { knownHostsEdit } from './known-hosts-edit.ts';
import { krl } from './krl.ts';
import { muxClient, muxMaster, muxMessage } from './mux.ts';
import { proxyHeader } from './proxy-protocol.ts';
import { namePattern, scpSink, scpSource } from './scp.ts';
import { sshdConfig } from './server-config.ts';
import { sftpClient, sftpMessage } from './sftp.ts';
import { sftpServer } from './sftp-server.ts';
import { allowedSigners, messageSignature } from './sshsig.ts';
import { commandLine, scpPlace, sshConfig } from './tools.ts';
import { transferNames } from './transfer.ts';
import { transportLogin, transportMessages, transportPlain, transportSealed } from './transport.ts';
import { authorizedKeys, knownHosts, patterns } from './trust.ts';
import { tunnelPacket } from './tunnel.ts';
import { tunnelQuota, tunnelRules } from './tunnel-policy.ts';
import { wireMessage, wireReader } from './wire.ts';
import { x11Display, x11Setup } from './x11.ts';

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
  sshcomFile,
  jwkFile,
  sshfpLine,
  moduliLine,
  expiryTime,
  securityKeySignature,
  knownHosts,
  knownHostsEdit,
  hostKeyRotation,
  controlRequest,
  dnsAnswer,
  resolvConf,
  authorizedKeys,
  patterns,
  krl,
  messageSignature,
  allowedSigners,
  agentClient,
  agentServer,
  agentLimitedKey,
  agentConstraints,
  authMessages,
  authServer,
  authClient,
  connectionServer,
  connectionClient,
  connectionData,
  tunnelPacket,
  tunnelRules,
  proxyHeader,
  tunnelQuota,
  muxMaster,
  muxClient,
  muxMessage,
  sftpClient,
  sftpMessage,
  scpSink,
  scpSource,
  namePattern,
  sftpServer,
  transferNames,
  sshConfig,
  sshdConfig,
  commandLine,
  scpPlace,
  keyInventory,
  x11Setup,
  x11Display,
];
