/** sshd_config: a file with an Include and Match blocks, settled for a connection, printed and read back. */
import {
  dumpServerConfig,
  parseConnectionSpec,
  readServerConfig,
  resolveServerConfig,
  type ServerConfigSystem,
} from '@nacre/ssh/config/server';
import { SshError } from '@nacre/ssh/errors';
import type { FuzzTarget } from '../target.ts';

const connection = 'user=ada,host=db1.example.com,addr=10.1.2.3,laddr=::1,lport=22,rdomain=vrf';

/** An Include finds the file itself for a while, so that circles come up as well; nothing is read from the disk. */
function systemWith(text: string): ServerConfigSystem {
  let left = 40;
  return {
    readFile: () => text,
    expandGlob: (pattern) => (pattern.includes('*') || left-- <= 0 ? [] : [pattern]),
    includeFolder: () => '/etc/ssh',
    absolute: (path) => (path.startsWith('/') ? path : `/cwd/${path}`),
  };
}

/** A file; what stands before the first NUL is the connection, where it is one. */
export const sshdConfig: FuzzTarget = {
  name: 'sshd-config',
  seeds: [
    '# comment\nPort 2222\nListenAddress [::1]:22\nHostKey /etc/ssh/key\nMaxStartups 10:30:100\nLoginGraceTime 2m\n',
    'AllowUsers a b@192.0.2.0/24 "c d"\nDenyGroups x*\nAuthenticationMethods publickey,password publickey\n',
    'AcceptEnv LANG LC_*\nSetEnv A="b c"\nPermitOpen host:80 *:*\nRekeyLimit default none\nPermitRootLogin no\n',
    'Ciphers +aes128-ctr\nSubsystem sftp internal-sftp\nClientAliveInterval 30\nForceCommand echo "hi" # no\nBanner none\n',
    'Match User ada,!bob Group * Address 10.0.0.0/8\n X11Forwarding yes\nMatch all\n PermitListen 22 *:80\n AcceptEnv X\n',
    'user=bob,invalid-user\0Match LocalPort 22 LocalAddress ::/0\nMaxAuthTries 2\nMatch Invalid-User\nRefuseConnection yes\n',
    'PerSourcePenalties crash:2m overflow:deny-all\nPerSourceNetBlockSize 24:64\nChannelTimeout session=5m\nIPQoS ef none\n',
    'TunnelPolicy allow any 10.0.0.0/8:22 "/a b"\nTunnelQuota connections=5 bytes=1M\nProxyProtocolFrom 10.0.0.1 ::1\n',
    'Match user=x\nInclude part*\nSubsystem a /b "c d"\nPubkeyAuthOptions verify-required\nUnusedConnectionTimeout 5m\n',
  ].map((text) => Buffer.from(text)),
  run(input) {
    const parts = input.toString('utf8').split('\0');
    const text = parts.length > 1 ? parts.slice(1).join('\0') : (parts[0] as string);
    const facts = parseConnectionSpec(parts.length > 1 ? (parts[0] as string) : connection);
    const parsed = readServerConfig({ file: 'main', acceptUnserved: true }, systemWith(text));
    const { settings } = resolveServerConfig(parsed, { ...facts, groups: () => ['staff'] });
    const printed = dumpServerConfig(settings).join('\n');
    try {
      const again = readServerConfig({ file: 'main', acceptUnserved: true }, systemWith(printed));
      if (dumpServerConfig(again.settings).join('\n') !== printed) throw new Error(`no fixed point: ${printed}`);
    } catch (error) {
      throw error instanceof SshError ? new Error(`what is printed is not read: ${error.message}`) : error;
    }
  },
};
