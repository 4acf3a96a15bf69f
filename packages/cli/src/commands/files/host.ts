/** What the tools for files need of the other end: a host that is reached as ssh reaches it, and programs that run there. */
import type { ScpStream } from '@nacre/ssh/scp';
import type { SftpStream } from '@nacre/ssh/sftp';

export interface HostWish {
  /** A host as ssh takes it, with its user: `[user@]host`. */
  readonly destination: string;
  /** ssh's arguments in front of the destination. */
  readonly sshFlags: readonly string[];
  /** -S: a program that is called as ssh would be, in place of our own client. */
  readonly program?: string | undefined;
}

/** What runs there: a subsystem of the server's, or a command for the shell. */
export type ProgramWish = { readonly subsystem: string } | { readonly command: Buffer };

export interface RemoteHost {
  /**
   * Starts a program. What it writes to stderr goes to ours.
   *
   * @param firstInput - is written to it at once, before it is known to have started: that saves a round trip.
   * @throws FatalError where the server does not start it.
   */
  open(wish: ProgramWish, firstInput?: Uint8Array): Promise<RemoteProgram>;
  /** Ends the connection, and what runs over it. */
  close(): Promise<void>;
}

export interface RemoteProgram {
  /** Its stdin and stdout. */
  readonly stream: SftpStream & ScpStream;
  /** Its exit status once it has ended, or ssh's: 255 where the connection was lost or nobody knows. Never rejects. */
  readonly exit: Promise<number>;
}
