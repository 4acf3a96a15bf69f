/** Where internal-sftp is served: in the process that is the user's already, or in one of its own. */
import { readFileSync, statSync } from 'node:fs';
import { isForcedOff } from '../../os/fast-paths.ts';
import type { Account } from '../../os/index.ts';
import { readSettings, type SftpServerSettings } from '../sftp-server/settings.ts';

/**
 * Whether a session host may serve it itself, beside the user's other sessions. It hides its memory as sftp-server does, and has
 * the user's rights and no others; a start of Node and two pipes are saved, and each request two switches between processes.
 *
 * Not where a session asks for what a whole process has one of (the mask of -u), nor where a file system is mounted whose calls may
 * never return: it would keep the user's other sessions waiting.
 *
 * @param words - what stands behind "internal-sftp".
 */
export function canServeInHost(words: readonly string[], account: Account, mounts = readMounts()): boolean {
  if (isForcedOff('NACRE_INTERNAL_SFTP')) return false;
  let settings: SftpServerSettings;
  try {
    settings = readSettings(words, { ...account, homeOf: () => undefined }, 'internal-sftp');
  } catch {
    // `~name` is looked up there, and what is wrong is told there.
    return false;
  }
  if (settings.umask !== undefined || settings.query !== undefined) return false;
  return isFolder(account.home) && areQuick(mounts);
}

/** Kinds of file systems that lie on this machine's own disks or in its memory, and what the kernel makes up itself. */
const quickKinds = new Set(
  (
    'ext2 ext3 ext4 xfs btrfs f2fs zfs bcachefs jfs reiserfs ufs vfat exfat ntfs3 hfsplus iso9660 udf erofs squashfs overlay ' +
    'tmpfs ramfs devtmpfs rootfs hugetlbfs proc sysfs cgroup cgroup2 devpts mqueue securityfs selinuxfs smackfs debugfs tracefs ' +
    'pstore bpf configfs efivarfs fusectl binfmt_misc nsfs rpc_pipefs nfsd'
  ).split(' '),
);

/** Stands for the kernel's own binfmt_misc, on every machine with systemd. */
const harmlessAutomount = '/proc/sys/fs/binfmt_misc';

/** @param mounts - /proc/self/mountinfo (proc(5)); undefined where it cannot be read. */
export function areQuick(mounts: string | undefined): boolean {
  if (mounts === undefined) return false;
  return mounts.split('\n').every((line) => {
    if (line === '') return true;
    const [front = '', kind = ''] = line.split(' - ');
    const [name = ''] = kind.split(' ');
    return quickKinds.has(name) || (name === 'autofs' && front.split(' ')[4] === harmlessAutomount);
  });
}

function readMounts(): string | undefined {
  try {
    return readFileSync('/proc/self/mountinfo', 'latin1');
  } catch {
    return undefined;
  }
}

function isFolder(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
