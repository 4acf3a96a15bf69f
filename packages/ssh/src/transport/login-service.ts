/** Agreement on the login service (RFC 4253 §10), after the first key exchange. */
import { disconnectReasons, protocolError } from '../errors.ts';
import { serviceAccept, serviceRequest } from './messages.ts';

const loginService = 'ssh-userauth';

/** The client's request. */
export const loginServiceRequest = serviceRequest.encode({ service: loginService });

/** The server's answer to a request; it throws for any service but login. */
export function answerServiceRequest(payload: Buffer): Buffer {
  const { service } = serviceRequest.decode(payload);
  if (service !== loginService) {
    throw protocolError('auth', `the client asks for the service "${service}" where ${loginService} comes first`, {
      disconnect: disconnectReasons.serviceNotAvailable,
    });
  }
  return serviceAccept.encode({ service: loginService });
}

/** Holds the server to what was asked for. */
export function requireLoginService(payload: Buffer): void {
  const { service } = serviceAccept.decode(payload);
  if (service === loginService) return;
  throw protocolError('auth', `asked for the service ${loginService}, was given "${service}"`);
}
