/** Whether a file system keeps times of access: without them nobody can say when a key was last used. */
import { readFileSync, realpathSync } from 'node:fs';

interface Mount {
  readonly point: string;
  readonly keepsAccessTimes: boolean;
}

/** Answers for paths by /proc/self/mountinfo; false where there is no such file to ask. */
export class AccessTimes {
  readonly #mounts: readonly Mount[];

  constructor(mountInfo: string = readMountInfo()) {
    this.#mounts = mountInfo.split('\n').flatMap(parseMount);
  }

  /** @param path - of a file that exists. */
  areKept(path: string): boolean {
    const real = tryRealPath(path);
    // The last mount on a point covers the ones before it.
    const covering = this.#mounts.filter(
      ({ point }) => point === '/' || real === point || real.startsWith(`${point}/`),
    );
    const longest = covering.reduce<Mount | undefined>(
      (best, mount) => (best === undefined || mount.point.length >= best.point.length ? mount : best),
      undefined,
    );
    return longest?.keepsAccessTimes ?? false;
  }
}

/** `36 35 98:0 /root /point rw,noatime shared:1 - ext4 /dev/sda rw`; blanks in a path are `\040` (proc(5)). */
function parseMount(line: string): Mount[] {
  const [, , , , point, options] = line.split(' ');
  if (point === undefined || options === undefined) return [];
  const words = options.split(',');
  return [
    {
      point: point.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8))),
      // What is mounted read-only keeps nothing either.
      keepsAccessTimes: !words.includes('noatime') && !words.includes('ro'),
    },
  ];
}

function readMountInfo(): string {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return '';
  }
}

function tryRealPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}
