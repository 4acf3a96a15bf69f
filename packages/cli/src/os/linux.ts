/** Linux (x64 and arm64, glibc and musl): constants and structures behind the platform interface. */
import { bindLibc } from './libc.ts';
import { bindSockets } from './linux-sockets.ts';
import { bindTunnels } from './linux-tunnels.ts';
import { bindPassing } from './passed-descriptors.ts';
import type { Koffi, Platform, ShadowEntry } from './platform.ts';
import { linuxLayout } from './terminal-modes.ts';

/** asm-generic/ioctls.h: the kernel's own termios calls, which no version of the C library reshapes. */
const TCGETS = 0x5401;
const TCSETS = 0x5402;
const TCSETSW = 0x5403;

/** asm-generic/socket.h; the answer is a pid, a uid and a gid. */
const SOL_SOCKET = 1;
const SO_PEERCRED = 17;
const peerBytes = 12;

/** linux/prctl.h: no core file, and no ptrace but by root. */
const PR_SET_DUMPABLE = 4;

/** Days as spwd holds them: -1 is "not set". */
const unset = -1;

export function createLinux(koffi: Koffi): Platform {
  const libc = bindLibc(koffi, {
    passwd: {
      name: 'const char *',
      password: 'const char *',
      uid: 'uint32_t',
      gid: 'uint32_t',
      gecos: 'const char *',
      home: 'const char *',
      shell: 'const char *',
    },
    fdCloexec: 1,
    getFlags: 3,
    setFlags: 4,
    setFdFlags: 2,
    nonBlocking: 0o4000,
    pipeSize: { get: 1032, set: 1031 },
    getWindowSize: 0x5413,
    setWindowSize: 0x5414,
    typeOfService: 1,
    trafficClass: 67,
  });
  const spwd = koffi.struct('nacre_spwd', {
    name: 'const char *',
    password: 'const char *',
    lastChange: 'long',
    min: 'long',
    max: 'long',
    warn: 'long',
    inactive: 'long',
    expire: 'long',
    flag: 'unsigned long',
  });
  const getspnam = libc.lib.func('getspnam_r', 'int', [
    'str',
    koffi.out(koffi.pointer(spwd)),
    'void *',
    'size_t',
    koffi.out(koffi.pointer('void *')),
  ]);

  const getsockopt = libc.lib.func('int getsockopt(int fd, int level, int name, void *value, _Inout_ uint32_t *size)');
  const prctl = libc.lib.func('int prctl(int option, ...)');

  function readPeer(fd: number): Buffer {
    const peer = Buffer.alloc(peerBytes);
    const size: [number] = [peer.length];
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, peer, size) === -1) throw libc.systemError('getsockopt');
    return peer;
  }

  return {
    ...libc,
    ...bindPassing(koffi, libc, {
      dontWait: 0x40,
      closeOnExec: 0x4000_0000,
      truncated: 0x8,
      socketLevel: SOL_SOCKET,
      linger: 13,
      duplicateCloseOnExec: 1030,
      vectorLength: 'size_t',
      controlLength: 'size_t',
      lengthBytes: 8,
    }),
    layout: linuxLayout,
    getPeerUserId: (fd) => readPeer(fd).readUInt32LE(4),
    getPeerProcessId: (fd) => readPeer(fd).readUInt32LE(0),
    openTunnel: bindTunnels(libc),
    ...bindSockets(libc),
    trimMemory() {
      try {
        libc.lib.func('int malloc_trim(size_t left)')(0);
      } catch {
        // musl has no such call.
      }
    },
    hideMemory() {
      if (prctl(PR_SET_DUMPABLE, 'unsigned long', 0) === -1) throw libc.systemError('prctl');
    },
    getShadow(name): ShadowEntry | undefined {
      if (name === '' || name.includes('\0')) return undefined;
      const entry: Record<string, string | number | null> = {};
      const found: [unknown] = [null];
      const buffer = Buffer.alloc(64 * 1024);
      if (getspnam(name, entry, buffer, buffer.length, found) !== 0 || found[0] === null) return undefined;
      const day = (value: unknown): number | undefined => (Number(value) === unset ? undefined : Number(value));
      const shadow = {
        passwordField: String(entry.password ?? ''),
        lastChangeDay: day(entry.lastChange),
        maxDays: day(entry.max),
        inactiveDays: day(entry.inactive),
        expireDay: day(entry.expire),
      };
      buffer.fill(0);
      return shadow;
    },
    getTermios(fd) {
      const termios = Buffer.alloc(linuxLayout.byteLength);
      libc.control(fd, TCGETS, 'TCGETS', termios);
      return termios;
    },
    setTermios(fd, termios, when) {
      libc.control(fd, when === 'now' ? TCSETS : TCSETSW, 'TCSETS', termios);
    },
  };
}
