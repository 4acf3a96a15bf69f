/** ssh-agent's flags. */
import type { FlagTable } from '../../flags/table.ts';

const rows = [
  { letter: 'a', name: 'address', value: 'bind_address', help: 'Listen at this path.' },
  { letter: 'c', name: 'csh', help: 'Print commands for the C shell.' },
  { letter: 'D', name: 'foreground', repeatable: true, help: 'Stay in the foreground.' },
  { letter: 'd', name: 'debug', repeatable: true, help: 'Stay in the foreground, and say what happens.' },
  {
    letter: 'E',
    name: 'fingerprintHash',
    value: 'fingerprint_hash',
    help: 'md5 or sha256, for fingerprints in questions.',
  },
  { letter: 'k', name: 'kill', help: 'End the agent that SSH_AGENT_PID names.' },
  {
    letter: 'O',
    name: 'options',
    value: 'option',
    repeatable: true,
    help: 'allow-remote-pkcs11, no-restrict-websafe or websafe-allow=LIST.',
  },
  {
    letter: 'P',
    name: 'allowedProviders',
    value: 'allowed_providers',
    repeatable: true,
    help: 'Taken as OpenSSH takes it; this agent loads no providers.',
  },
  { letter: 's', name: 'sh', help: 'Print commands for the Bourne shell.' },
  { letter: 'T', name: 'temporary', help: 'Listen in a new folder under TMPDIR.' },
  { letter: 't', name: 'lifetime', value: 'life', help: 'How long keys are held that come without a lifetime.' },
  { letter: 'U', name: 'keepStale', help: 'Leave the sockets of agents that are gone.' },
  {
    letter: 'u',
    name: 'cleanStale',
    repeatable: true,
    help: 'Only remove the sockets of agents that are gone; twice: of any host.',
  },
  { letter: 'V', name: 'version', help: 'Print the version.' },
] as const;

export const table: FlagTable<typeof rows> = {
  tool: 'ssh-agent',
  rows,
  usage: `usage: ssh-agent [-c | -s] [-DdTU] [-a bind_address] [-E fingerprint_hash]
                 [-O option] [-P allowed_providers] [-t life]
       ssh-agent [-TU] [-a bind_address] [-E fingerprint_hash] [-O option]
                 [-P allowed_providers] [-t life] command [arg ...]
       ssh-agent [-c | -s] -k
       ssh-agent -u
       ssh-agent -V`,
};
