/** Listens in on a session before its program starts, where the settings ask for it; loads what that needs only then. */
import type { ServerSession } from '@nacre/ssh/connection';
import type { Recorded, RecordedParties } from './recording/begin.ts';

/** What a client is told whose session must be recorded and no longer can be. */
const unrecorded = Buffer.from('This session ends: it can no longer be recorded.\r\n');
const unrecordedStatus = 255;

/**
 * @param hangUp - ends the program.
 * @throws SshError where the session must be recorded and cannot be.
 */
export async function recordSession(
  parties: RecordedParties,
  plan: { readonly command: string | undefined; readonly isSubsystem: boolean; readonly hasTerminal: boolean },
  session: ServerSession,
  hangUp: () => void,
): Promise<Recorded | undefined> {
  if (parties.settings.recordSessions === 'no') return undefined;
  const { beginRecording } = await import('./recording/begin.ts');
  const { command, isSubsystem, hasTerminal } = plan;
  const end = (): void => {
    session.channel.write(unrecorded, hasTerminal ? 'data' : 'stderr');
    hangUp();
    void session.exit(unrecordedStatus);
  };
  const pty = hasTerminal ? session.pty : undefined;
  return beginRecording({ ...parties, id: session.channel.id, command, isSubsystem, pty, end });
}
