/** Turns what connect() or a session failed with into the lines that OpenSSH prints. */
import { SshError } from '@nacre/ssh/errors';
import { FatalError } from './end.ts';

/** What is known of the connection when it fails. */
export interface FailureFacts {
  readonly originalHost: string;
  readonly host: string;
  readonly port: number;
  readonly user: string;
  /** Undefined before TCP is connected. */
  readonly address: string | undefined;
}

/** A failure before login is done. */
export function describeConnectFailure(error: unknown, facts: FailureFacts): string[] {
  // What a callback of ours ended it with.
  if (error instanceof SshError && error.cause instanceof FatalError) return [error.cause.message];
  if (!(error instanceof SshError)) return [`ssh: ${error instanceof Error ? (error.stack ?? error.message) : error}`];
  const peer = `${facts.address ?? 'UNKNOWN'} port ${facts.port}`;
  switch (error.code) {
    case 'dns-failed':
    case 'connect-failed':
      return [`ssh: ${error.message}`];
    case 'timeout':
      return facts.address === undefined
        ? [`ssh: ${error.message}`]
        : ['Connection timed out during banner exchange', `Connection to ${peer} timed out`];
    case 'connection-lost':
      return describeLoss(error, peer);
    case 'disconnected':
      return describeDisconnect(error, peer);
    case 'no-common-algorithm':
      return [
        `Unable to negotiate with ${peer}: ${error.message.replace(/(?:client to server|server to client) /, '')}`,
      ];
    case 'auth-failed':
      return [`${facts.user}@${facts.originalHost}: ${error.message}`];
    case 'host-key-unknown':
    case 'host-key-changed':
    case 'host-key-revoked':
      // The question or the warning said why.
      return ['Host key verification failed.'];
    case 'host-key-refused':
    case 'bad-certificate':
      return [error.message, 'Host key verification failed.'];
    case 'misuse':
      return [`ssh: ${error.message}`];
    default:
      break;
  }
  if (error.stage === 'trust') return [error.message, 'Host key verification failed.'];
  if (error.stage === 'identification') return [`kex_exchange_identification: ${error.message}`];
  return [`ssh_dispatch_run_fatal: Connection to ${peer}: ${error.message}`];
}

/** The connection ended under a session. */
export function describeLostSession(error: SshError, facts: FailureFacts): string[] {
  const peer = `${facts.address ?? 'UNKNOWN'} port ${facts.port}`;
  switch (error.code) {
    case 'disconnected':
      return describeDisconnect(error, peer);
    case 'timeout':
      return [`Timeout, server ${facts.host} not responding.`];
    case 'connection-lost': {
      const code = causeCode(error);
      if (code === undefined) return [`Connection to ${facts.host} closed by remote host.`];
      if (code === 'EPIPE') return ['client_loop: send disconnect: Broken pipe'];
      return [`Read from remote host ${facts.host}: ${systemText(code, error)}`];
    }
    default:
      return [`ssh_dispatch_run_fatal: Connection to ${peer}: ${error.message}`];
  }
}

function describeLoss(error: SshError, peer: string): string[] {
  const code = causeCode(error);
  const isEarly = error.stage === 'identification';
  if (code === undefined) {
    const closed = `Connection closed by ${peer}`;
    return isEarly ? ['kex_exchange_identification: Connection closed by remote host', closed] : [closed];
  }
  const text = systemText(code, error);
  const reset = code === 'ECONNRESET' ? `Connection reset by ${peer}` : `Connection to ${peer}: ${text}`;
  return isEarly ? [`kex_exchange_identification: read: ${text}`, reset] : [reset];
}

function describeDisconnect(error: SshError, peer: string): string[] {
  const [, reason = '2', text = error.message] = /^Received disconnect: (\d+): ([\s\S]*)$/.exec(error.message) ?? [];
  // One line, whatever the server sends: a second one would look like a message of ours.
  const line = text.trimEnd().replaceAll('\n', '\\012');
  return [`Received disconnect from ${peer}:${reason}: ${line}`, `Disconnected from ${peer}`];
}

function causeCode(error: SshError): string | undefined {
  return error.cause instanceof Error
    ? ((error.cause as NodeJS.ErrnoException).code ?? error.cause.message)
    : undefined;
}

const systemTexts: Readonly<Record<string, string>> = {
  ECONNRESET: 'Connection reset by peer',
  ETIMEDOUT: 'Connection timed out',
  EHOSTUNREACH: 'No route to host',
  ENETUNREACH: 'Network is unreachable',
  EPIPE: 'Broken pipe',
};

function systemText(code: string, error: SshError): string {
  return systemTexts[code] ?? (error.cause instanceof Error ? error.cause.message : code);
}
