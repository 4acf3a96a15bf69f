/** sshd's flags: OpenSSH's letters, those that are not served yet among them. */
import type { FlagTable } from '../../flags/index.ts';

export const flagTable = {
  tool: 'sshd',
  usage: `usage: sshd [-46DdeGiqTtV] [-C connection_spec] [-c host_cert_file]
            [-E log_file] [-f config_file] [-g login_grace_time]
            [-h host_key_file] [-o option] [-p port] [-u len]`,
  rows: [
    { letter: '4', name: 'ipv4', help: 'Listen on IPv4 addresses only.' },
    { letter: '6', name: 'ipv6', help: 'Listen on IPv6 addresses only.' },
    {
      letter: 'C',
      name: 'connectionSpec',
      value: 'connection_spec',
      repeatable: true,
      help: 'The connection whose Match blocks -T and -G apply: user=,host=,addr=,laddr=,lport=,rdomain=,invalid-user.',
    },
    { letter: 'c', name: 'certificates', value: 'host_cert_file', repeatable: true, help: 'A host certificate.' },
    { letter: 'D', name: 'foreground', help: 'Do not go to the background.' },
    {
      letter: 'd',
      name: 'debug',
      repeatable: true,
      help: 'Serve one connection in the foreground and tell all of it.',
    },
    { letter: 'E', name: 'logFile', value: 'log_file', help: 'Append the log to a file.' },
    { letter: 'e', name: 'logToStderr', help: 'Write the log to standard error.' },
    { letter: 'f', name: 'config', value: 'config_file', help: 'The configuration file.' },
    { letter: 'G', name: 'show', help: 'Print the configuration and exit.' },
    { letter: 'g', name: 'graceTime', value: 'login_grace_time', help: 'Time for a client to log in.' },
    { letter: 'h', name: 'hostKeys', value: 'host_key_file', repeatable: true, help: 'A host key.' },
    { letter: 'i', name: 'inetd', help: 'Serve one connection on standard input and output.' },
    { letter: 'o', name: 'options', value: 'option', repeatable: true, help: 'A line of the configuration.' },
    { letter: 'p', name: 'ports', value: 'port', repeatable: true, help: 'The port to listen on.' },
    { letter: 'q', name: 'quiet', help: 'Write no log.' },
    { letter: 'T', name: 'extendedTest', help: 'Check the configuration and the keys, print them, and exit.' },
    { letter: 't', name: 'test', help: 'Check the configuration and the keys, and exit.' },
    { letter: 'u', name: 'nameLength', value: 'len', help: 'Ignored: there is no utmp record.' },
    { letter: 'V', name: 'version', help: 'Print the version.' },
    { letter: 'R', name: 'reexec', help: 'OpenSSH uses it among its own processes.' },
    { letter: 'r', name: 'noReexec', help: 'Ignored: this sshd never starts itself anew for a connection.' },
    { letter: 'b', name: 'serverKeyBits', value: 'bits', help: 'Ignored, as in OpenSSH: there is no protocol 1.' },
    { letter: 'k', name: 'keyLifetime', value: 'seconds', help: 'Ignored, as in OpenSSH: there is no protocol 1.' },
    { letter: 'Q', name: 'oldQuiet', help: 'Ignored, as in OpenSSH.' },
  ],
} as const satisfies FlagTable;
