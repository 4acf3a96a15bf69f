/** Which of ssh's processes this is: Node cannot fork, so what goes to the background is a process of its own. */

/** The one that was called, the one that -f leaves behind, or the one that holds a shared connection (ControlPersist). */
export type Role = 'foreground' | 'background' | 'master';

/** Tells a new process what it is for, and where it is to report. */
export const roleVariable = 'NACRE_SSH_ROLE';
export const readyFd = 3;

const given = process.env[roleVariable];
// What it starts in turn (an askpass program, say) is nobody's background process.
delete process.env[roleVariable];

/** A master whose connection others go over: with no place to listen at it is of no use. */
export const isJumpMaster = given === 'jump-master';

export const role: Role = isJumpMaster ? 'master' : given === 'background' || given === 'master' ? given : 'foreground';
