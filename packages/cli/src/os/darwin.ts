/** macOS: constants and structures behind the platform interface. */
import { SshError } from '@nacre/ssh/errors';
import { bindLibc } from './libc.ts';
import { bindPassing } from './passed-descriptors.ts';
import type { Koffi, Platform } from './platform.ts';
import { darwinLayout } from './terminal-modes.ts';

/** sys/ttycom.h, with the size of struct termios (72) in the middle bits. */
const TIOCGETA = 0x40487413;
const TIOCSETA = 0x80487414;
const TIOCSETAW = 0x80487415;

/** sys/un.h. */
const SOL_LOCAL = 0;
const LOCAL_PEERPID = 2;

/** sys/ptrace.h. */
const PT_DENY_ATTACH = 31;

export function createDarwin(koffi: Koffi): Platform {
  const libc = bindLibc(koffi, {
    passwd: {
      name: 'const char *',
      password: 'const char *',
      uid: 'uint32_t',
      gid: 'uint32_t',
      change: 'long',
      class: 'const char *',
      gecos: 'const char *',
      home: 'const char *',
      shell: 'const char *',
      expire: 'long',
    },
    fdCloexec: 1,
    getFlags: 3,
    setFlags: 4,
    setFdFlags: 2,
    nonBlocking: 0x4,
    getWindowSize: 0x40087468,
    setWindowSize: 0x80087467,
    typeOfService: 3,
    trafficClass: 36,
  });
  const getpeereid = libc.lib.func('int getpeereid(int fd, _Out_ uint32_t *uid, _Out_ uint32_t *gid)');
  const getsockopt = libc.lib.func('int getsockopt(int fd, int level, int name, void *value, _Inout_ uint32_t *size)');
  const ptrace = libc.lib.func('int ptrace(int request, int pid, void *address, int data)');

  return {
    ...libc,
    ...bindPassing(koffi, libc, {
      dontWait: 0x80,
      closeOnExec: 0,
      truncated: 0x20,
      socketLevel: 0xffff,
      linger: 0x80,
      duplicateCloseOnExec: 67,
      vectorLength: 'int',
      controlLength: 'uint32_t',
      lengthBytes: 4,
    }),
    layout: darwinLayout,
    getPeerUserId(fd) {
      const [uid, gid]: [[number], [number]] = [[0], [0]];
      if (getpeereid(fd, uid, gid) === -1) throw libc.systemError('getpeereid');
      return uid[0];
    },
    getPeerProcessId(fd) {
      const peer = Buffer.alloc(4);
      const size: [number] = [peer.length];
      if (getsockopt(fd, SOL_LOCAL, LOCAL_PEERPID, peer, size) === -1) throw libc.systemError('getsockopt');
      return peer.readInt32LE(0);
    },
    openTunnel() {
      throw new SshError('macOS has no tun or tap devices', {
        code: 'unsupported',
        stage: 'usage',
        remedy: 'use -L, -R or -D, or a Linux machine',
      });
    },
    acknowledge() {},
    listenOnDevice: onlyOnLinux,
    getBoundDevice: onlyOnLinux,
    isListening: onlyOnLinux,
    sendDatagram: onlyOnLinux,
    // Its C library gives memory back by itself.
    trimMemory() {},
    hideMemory() {
      if (ptrace(PT_DENY_ATTACH, 0, null, 0) === -1) throw libc.systemError('ptrace');
    },
    // macOS keeps no shadow file: its directory service judges passwords and accounts itself.
    getShadow: () => undefined,
    getTermios(fd) {
      const termios = Buffer.alloc(darwinLayout.byteLength);
      libc.control(fd, TIOCGETA, 'TIOCGETA', termios);
      return termios;
    },
    setTermios(fd, termios, when) {
      libc.control(fd, when === 'now' ? TIOCSETA : TIOCSETAW, 'TIOCSETA', termios);
    },
  };
}

function onlyOnLinux(): never {
  throw new SshError('macOS binds sockets to no device and has no socket activation by descriptors', {
    code: 'unsupported',
    stage: 'usage',
    remedy: 'listen on an address without rdomain, or use a Linux machine',
  });
}
