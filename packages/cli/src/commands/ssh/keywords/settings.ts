/** What ssh can be told, by file, by -o and by flags; what is undefined was not said. */
import type { LogLevel } from '../log.ts';
import type { AlgorithmSpec, RekeyLimit } from './values.ts';

export interface Settings {
  hostName: string;
  port: number;
  user: string;
  identityFiles: readonly string[];
  identitiesOnly: boolean;
  identityAgent: string;
  certificateFiles: readonly string[];
  userKnownHostsFiles: readonly string[];
  globalKnownHostsFiles: readonly string[];
  revokedHostKeys: readonly string[];
  strictHostKeyChecking: 'yes' | 'no' | 'ask' | 'accept-new';
  hashKnownHosts: boolean;
  hostKeyAlias: string;
  noHostAuthenticationForLocalhost: boolean;
  batchMode: boolean;
  connectTimeoutMs: number;
  connectionAttempts: number;
  ciphers: AlgorithmSpec;
  macs: AlgorithmSpec;
  kexAlgorithms: AlgorithmSpec;
  hostKeyAlgorithms: AlgorithmSpec;
  pubkeyAcceptedAlgorithms: AlgorithmSpec;
  compression: boolean;
  rekeyLimit: RekeyLimit;
  serverAliveIntervalMs: number;
  serverAliveCountMax: number;
  preferredAuthentications: readonly string[];
  pubkeyAuthentication: 'no' | 'yes' | 'unbound' | 'host-bound';
  passwordAuthentication: boolean;
  kbdInteractiveAuthentication: boolean;
  kbdInteractiveDevices: readonly string[];
  numberOfPasswordPrompts: number;
  requestTty: 'no' | 'auto' | 'yes' | 'force';
  remoteCommand: string;
  sendEnv: readonly string[];
  setEnv: readonly (readonly [string, string])[];
  logLevel: LogLevel;
  escapeChar: number | 'none';
  addressFamily: 'any' | 'inet' | 'inet6';
  bindAddress: string;
  requiredRsaSize: number;
  visualHostKey: boolean;
  fingerprintHash: 'sha256' | 'md5';
  sessionType: 'default' | 'none' | 'subsystem';
  stdinNull: boolean;
  refuseConnection: string;
  ignoreUnknown: readonly string[];
}

/** Settings while they are gathered. */
export type Draft = Partial<Settings>;
