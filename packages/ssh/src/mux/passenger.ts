/** Sessions that a master runs over file descriptors which its clients pass it: what is asked for, and what comes of it. */

/** A session that a client wants run over its own standard streams. */
export interface PassengerSession {
  readonly wantsTerminal: boolean;
  readonly wantsX11: boolean;
  readonly wantsAgent: boolean;
  readonly isSubsystem: boolean;
  /** A character's code, or undefined for none. */
  readonly escapeCharacter: number | undefined;
  readonly terminalType: string;
  readonly command: Buffer;
  /** `NAME=value` each, as the client has them; which may be sent is for the master's SendEnv to say. */
  readonly environment: readonly Buffer[];
}

export interface PassengerForward {
  readonly host: string;
  /** Undefined where `host` is the path of a Unix socket. */
  readonly port: number | undefined;
}

/** Descriptors that a client passed, stdin first. */
export interface PassedDescriptors {
  readonly fds: readonly number[];
  /** Closes them all. */
  close(): void;
}

/** A passenger on its way, and its end. */
export interface Passenger {
  /** The exit status, or undefined for a stdio forward and for a session that ended without one. */
  readonly exit: Promise<number | undefined>;
  /** The server gives no terminal; settles at once or never. */
  readonly terminalFailed?: Promise<void>;
  /** The client has gone. */
  close(): void;
}

/** How a master takes passengers. */
export interface PassengerHandlers {
  /**
   * The descriptors that follow a request in the socket. Rejects where something else came, or nothing: nobody knows then
   * where the next message begins.
   */
  takeDescriptors(count: number): Promise<PassedDescriptors>;
  /** Whoever is called has the descriptors, and closes them whatever comes of it. */
  openSession(session: PassengerSession, descriptors: PassedDescriptors): Promise<Passenger>;
  openStdioForward(forward: PassengerForward, descriptors: PassedDescriptors): Promise<Passenger>;
}
