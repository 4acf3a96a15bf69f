/** What the tools use of the operating system. Importing this loads no native code; the first call that needs it does. */
export { findAccount, findGroupNames, findGroups, groupsOf } from './accounts.ts';
export { baseEnvironment, parseEnvironmentFile } from './environment.ts';
export { runHelper } from './helper-program.ts';
export { platform, tryPlatform } from './native.ts';
export {
  canBecomeRoot,
  daemonize,
  dropPrivileges,
  isDaemon,
  reportFailure,
  reportReady,
  setUmask,
  writePidFile,
} from './own-process.ts';
export type { AccountStatus } from './passwords.ts';
export { accountStatus, verifyPassword } from './passwords.ts';
export { type Account, bulkPipeBytes, type Platform, type ShadowEntry, type WindowSize } from './platform.ts';
export type { Pty, PtyOptions } from './pty.ts';
export { giveTerminal, openPty, requireTerminal } from './pty.ts';
export { asAccount, hasIdentityOf, type StartUpFile, withoutNewPrivileges } from './session-command.ts';
export type { BareSession, SessionExit, SessionProcess, SessionRequest } from './session-process.ts';
export { startBareSession, startSession } from './session-process.ts';
export type { TerminalMode } from './terminal-modes.ts';
export { makeRaw, readTerminalModes, writeTerminalModes } from './termios.ts';
export { type ThreadRights, threadRights } from './thread-rights.ts';
export { TunnelDevice, tunnelName } from './tunnel-device.ts';
export { mayUseTunnel } from './tunnel-rights.ts';
