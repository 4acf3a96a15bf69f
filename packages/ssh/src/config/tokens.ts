/** The %-tokens of configuration values, `~` and `${VARIABLE}`. */
import { SshError } from '../errors.ts';

/** A token's letter and what it stands for; worked out only where it is used. */
export type TokenValues = Readonly<Record<string, () => string>>;

/**
 * Replaces tokens; `%%` is a percent sign.
 *
 * @param keyword - for the error text.
 * @throws SshError `bad-file` for a token that is not known there: a value with a hole in it would mean something else.
 */
export function expandTokens(text: string, values: TokenValues, keyword: string): string {
  return text.replace(/%(.?)/gsu, (_whole, letter: string) => {
    if (letter === '%') return '%';
    if (letter !== '' && Object.hasOwn(values, letter)) return (values[letter] as () => string)();
    throw tokenError(`${keyword}: unknown key %${letter}`, `Write %% for a percent sign; known are ${known(values)}.`);
  });
}

/** `${NAME}` of the environment; a name without a value is an error, as in OpenSSH. */
export function expandVariables(
  text: string,
  environment: Readonly<Record<string, string | undefined>>,
  keyword: string,
): string {
  return text.replace(/\$\{([^}]*)(\}?)/g, (_whole, name: string, end: string) => {
    if (end === '') throw tokenError(`${keyword}: environment variable '\${${name}' missing closing '}'`);
    const value = environment[name];
    if (value !== undefined) return value;
    throw tokenError(`${keyword}: env var \${${name}} has no value`, `Set ${name}, or write the value itself.`);
  });
}

/** `~` and `~/x`: below the home folder. */
export function expandHome(path: string, home: string): string {
  return path === '~' || path.startsWith('~/') ? `${home}${path.slice(1)}` : path;
}

function known(values: TokenValues): string {
  return ['%', ...Object.keys(values)].map((letter) => `%${letter}`).join(' ');
}

function tokenError(message: string, remedy?: string): SshError {
  return new SshError(message, { code: 'bad-file', stage: 'config', ...(remedy !== undefined && { remedy }) });
}
