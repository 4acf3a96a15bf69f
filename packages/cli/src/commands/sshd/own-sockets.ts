/** Unix sockets for a user's forwards: what is asked for, and how this very process makes them. */
import type { Duplex } from 'node:stream';
import { type Closable, connectUnix, type ForwardedAgent, listenAgentSocket, listenOnSocket } from '@nacre/ssh/server';

/** The word behind `sshd` that makes the program the process which serves a user. */
export const helperWord = '--sockets-of-user';

export interface SocketRules {
  /** What is taken from the socket's mode. */
  readonly bindMask: number;
  /** A socket that lies in the way is removed. */
  readonly unlinkFirst: boolean;
}

type OnConnection = (stream: Duplex) => void;

export interface UserSockets {
  /** A socket for a lent agent, in a folder that is the user's alone. */
  listenAgent(onConnection: OnConnection): Promise<ForwardedAgent>;
  /** Undefined where the user may not, or the path is taken. */
  listen(path: string, rules: SocketRules, onConnection: OnConnection): Promise<Closable | undefined>;
  /** Rejects with the system's error. */
  connect(path: string): Promise<Duplex>;
}

/** With the rights of this very process. */
export const ownSockets: UserSockets = {
  listenAgent: (onConnection) => listenAgentSocket({ onConnection }, '/tmp'),
  listen: (path, rules, onConnection) => listenOnSocket({ path, onConnection }, rules),
  connect: (path) => connectUnix(path),
};
