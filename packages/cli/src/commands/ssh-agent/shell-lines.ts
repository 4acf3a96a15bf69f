/** What ssh-agent prints for a shell to evaluate. */

export interface ShellLines {
  set(name: string, value: string | number): string;
  unset(name: string): string;
}

const bourne: ShellLines = {
  set: (name, value) => `${name}=${value}; export ${name};\n`,
  unset: (name) => `unset ${name};\n`,
};

const cShell: ShellLines = {
  set: (name, value) => `setenv ${name} ${value};\n`,
  unset: (name) => `unsetenv ${name};\n`,
};

/** The shell that -c or -s names, or else the one that SHELL ends in. */
export function chooseShell(flags: { readonly csh: boolean; readonly sh: boolean }, shell = ''): ShellLines {
  return flags.csh || (!flags.sh && shell.endsWith('csh')) ? cShell : bourne;
}

export const socketVariable = 'SSH_AUTH_SOCK';
export const pidVariable = 'SSH_AGENT_PID';
