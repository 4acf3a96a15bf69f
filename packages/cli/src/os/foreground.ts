/** Whether this program is in the foreground of the terminal it writes to: one in the background leaves the screen alone. */
import { fstatSync, readFileSync } from 'node:fs';
import { isatty } from 'node:tty';

/**
 * Whether a descriptor is the controlling terminal and this process group is the one in its foreground. Where the system does
 * not tell without native code, any terminal counts.
 */
export function isForegroundTerminal(fd: number): boolean {
  if (!isatty(fd)) return false;
  if (process.platform !== 'linux') return true;
  try {
    return matches(readFileSync('/proc/self/stat', 'latin1'), fstatSync(fd).rdev);
  } catch {
    // A system without /proc.
    return true;
  }
}

/**
 * The rule on its own: group, terminal and its foreground group are fields 5, 7 and 8 of proc_pid_stat(5), behind a name that
 * may hold anything.
 */
export function matches(stat: string, device: number): boolean {
  const [, , group, , terminal, foregroundGroup] = stat
    .slice(stat.lastIndexOf(')') + 2)
    .split(' ')
    .map(Number);
  return group === foregroundGroup && terminal === kernelDevice(device);
}

/** The C library's numbering of devices in the kernel's own. */
function kernelDevice(device: number): number {
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return (minor & 0xff) | (major << 8) | ((minor & ~0xff) << 12);
}
