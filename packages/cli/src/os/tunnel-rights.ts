/** Whose a tunnel device is: the kernel's rule, for a process that may more than the person it acts for. */
import { readFileSync, statSync } from 'node:fs';
import { findGroups } from './accounts.ts';
import type { Account } from './platform.ts';

/** linux/if_tun.h: a device that stays when nobody has it open, so that somebody made it for others. */
const IFF_PERSIST = 0x0800;
const nobodyInParticular = -1;

/**
 * Whether a user could open a device without being root: it exists, is made to stay, belongs to the user or nobody, and
 * /dev/net/tun is open to the user.
 */
export function mayUseTunnel(name: string, account: Account): boolean {
  if (!/^(?:tun|tap)\d+$/.test(name)) return false;
  try {
    const read = (field: string) => Number(readFileSync(`/sys/class/net/${name}/${field}`, 'latin1'));
    const groups = findGroups(account.name, account.gid);
    const [flags, owner, group] = [read('tun_flags'), read('owner'), read('group')];
    const isPersistent = (flags & IFF_PERSIST) !== 0;
    const isOwner = owner === nobodyInParticular || owner === account.uid;
    const isMember = group === nobodyInParticular || groups.includes(group);
    return isPersistent && isOwner && isMember && mayOpenControl(account, groups);
  } catch {
    // There is no such device, or nobody can say whose it is.
    return false;
  }
}

function mayOpenControl({ uid }: Account, groups: readonly number[]): boolean {
  const { mode, uid: owner, gid } = statSync('/dev/net/tun');
  const bits = owner === uid ? mode >> 6 : groups.includes(gid) ? mode >> 3 : mode;
  return (bits & 0o6) === 0o6;
}
