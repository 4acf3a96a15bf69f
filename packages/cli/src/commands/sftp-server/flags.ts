/** The flags of sftp-server. */
import type { ParsedArguments } from '../../flags/flags.ts';
import type { FlagRow } from '../../flags/table.ts';

const rows = [
  { letter: 'c', name: 'ignored', help: 'Ignored, with everything behind it.' },
  { letter: 'e', name: 'stderr', help: 'Write the log to stderr in place of syslog.' },
  { letter: 'h', name: 'help', help: 'Show the usage.' },
  { letter: 'R', name: 'readOnly', help: 'Refuse whatever would change something.' },
  {
    letter: 'd',
    name: 'start',
    value: 'start_directory',
    help: 'Where the session begins; %d is the home, %u the user.',
  },
  {
    letter: 'f',
    name: 'facility',
    value: 'log_facility',
    help: 'Facility of syslog: DAEMON, USER, AUTH, LOCAL0 to LOCAL7.',
  },
  { letter: 'l', name: 'level', value: 'log_level', help: 'QUIET, FATAL, ERROR, INFO, VERBOSE, DEBUG1 to DEBUG3.' },
  { letter: 'P', name: 'deny', value: 'denied_requests', repeatable: true, help: 'Requests to refuse, by commas.' },
  {
    letter: 'p',
    name: 'allow',
    value: 'allowed_requests',
    repeatable: true,
    help: 'The only requests to serve, by commas.',
  },
  { letter: 'u', name: 'umask', value: 'umask', help: 'Permissions that new files never get, in octal.' },
  {
    letter: 'Q',
    name: 'query',
    value: 'protocol_feature',
    help: 'List the requests that -P and -p know: -Q requests.',
  },
] as const satisfies readonly FlagRow[];

export const table = {
  tool: 'sftp-server',
  rows,
  usage: `usage: sftp-server [-ehR] [-d start_directory] [-f log_facility] [-l log_level]
\t[-P denied_requests] [-p allowed_requests] [-u umask]
       sftp-server -Q protocol_feature`,
} as const;

export type SftpServerArguments = ParsedArguments<typeof table.rows>['ordered'];
