/** What a master needs to run the sessions of OpenSSH's ssh, which hands its standard streams over. */
import type { ClientConnection, PassengerPolicy } from '@nacre/ssh/client';
import { tryPlatform } from '../../../os/native.ts';
import type { Request } from '../request.ts';

/** Undefined where this system's calls cannot be made: such clients connect by themselves then. */
export function passengerPolicy(connection: ClientConnection, request: Request): PassengerPolicy | undefined {
  const system = tryPlatform();
  if (system === undefined) return undefined;
  return {
    receiveDescriptors: system.receiveDescriptors,
    async openSession(session, descriptors) {
      const { openPassengerSession } = await import('./passenger-session.ts');
      return openPassengerSession({ connection, request }, session, descriptors);
    },
    async openStdioForward(forward, descriptors) {
      const { openPassengerForward } = await import('./passenger-forward.ts');
      return openPassengerForward(connection, forward, descriptors);
    },
  };
}
