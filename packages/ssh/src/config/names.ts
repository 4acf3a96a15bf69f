/** Names of hosts and users, which come from addresses, files and pages, and go into commands, files and logs. */

/** A name that a shell or another program might take for something else is none (CVE-2023-51385). */
export function isHostName(host: string): boolean {
  return host !== '' && !host.startsWith('-') && !hasShellMeaning(host);
}

/** Names of Windows domains have backslashes and dollar signs; a backslash at the end would escape what follows. */
export function isUserName(user: string): boolean {
  return user !== '' && !user.startsWith('-') && !hasShellMeaning(withoutInnerBackslashes(user).replaceAll('$', ''));
}

/** Whether a shell takes it for anything but letters: blanks, control characters, quotes and operators. */
export function hasShellMeaning(text: string): boolean {
  return /[\s\p{Cc}"'`$\\;&<>|(){}]/u.test(text);
}

/** The name without what stands between a domain and its user. */
export function withoutInnerBackslashes(name: string): string {
  return name.replace(/\\(?=.)/gsu, '');
}
