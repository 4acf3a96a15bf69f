/** The real programs that the interop tests talk to: installs what is missing where that is possible, says what is not. */
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram, isMain, root, run } from './process.mjs';

/**
 * @typedef {object} Peer
 * @property {string} name
 * @property {string} package - the Debian package that holds it
 * @property {string} [program] - what to look for in PATH and the sbin folders; the name if absent
 * @property {string} [module] - the module of the system's python3 to look for instead
 *
 * @typedef {object} MissingPeer
 * @property {string} name
 * @property {string} reason
 */

/** @type {Peer[]} */
const peers = [
  { name: 'ssh', package: 'openssh-client' },
  { name: 'sshd', package: 'openssh-server' },
  { name: 'dropbear', package: 'dropbear-bin' },
  { name: 'dbclient', package: 'dropbear-bin' },
  { name: 'plink', package: 'putty-tools' },
  { name: 'puttygen', package: 'putty-tools' },
  { name: 'python3', package: 'python3' },
  { name: 'paramiko', package: 'python3-paramiko', module: 'paramiko' },
  { name: 'asyncssh', package: 'python3-asyncssh', module: 'asyncssh' },
  { name: 'ssh-audit', package: 'ssh-audit' },
  { name: 'fail2ban-regex', package: 'fail2ban' },
  { name: 'vi', package: 'vim' },
  { name: 'vim', package: 'vim' },
  { name: 'ps', package: 'procps' },
  { name: 'expect', package: 'expect' },
  { name: 'tmux', package: 'tmux' },
  { name: 'screen', package: 'screen' },
  { name: 'mosh', package: 'mosh' },
  { name: 'strace', package: 'strace' },
  { name: 'sftp', package: 'openssh-client' },
  { name: 'git', package: 'git' },
  { name: 'rsync', package: 'rsync' },
  { name: 'sshfs', package: 'sshfs' },
  { name: 'fusermount3', package: 'fuse3' },
  { name: 'lftp', package: 'lftp' },
  { name: 'curl', package: 'curl' },
  { name: 'rclone', package: 'rclone' },
  { name: 'psftp', package: 'putty-tools' },
  { name: 'pscp', package: 'putty-tools' },
  { name: 'ansible', package: 'ansible-core' },
  { name: 'autossh', package: 'autossh' },
  { name: 'haproxy', package: 'haproxy' },
  { name: 'asciinema', package: 'asciinema' },
  { name: 'prometheus-client', package: 'python3-prometheus-client', module: 'prometheus_client' },
  { name: 'xauth', package: 'xauth' },
  { name: 'xdpyinfo', package: 'x11-utils' },
];

/** OpenSSH 10 (post-quantum ML-KEM) from the distribution's backports, unpacked beside the system's own 9.2. */
export const openSsh10Folder = join(root, '.peers', 'openssh-10');

/** Names, not addresses: which mirror serves them is the machine's own setting. */
const backportPackages = ['openssh-client', 'openssh-server', 'openssh-sftp-server'];

/**
 * Installs what is missing: as root on a Debian, without starting any service. Elsewhere, or with NACRE_PEERS=keep in the
 * environment, it only looks.
 *
 * @param {{ log?: (line: string) => void }} [options]
 * @returns {Promise<MissingPeer[]>} what is not here in the end; the tests that need it skip themselves
 */
export async function ensurePeers({ log = console.log } = {}) {
  let missing = await missingPeers();
  let reason = whyNotInstall();
  if (missing.length > 0 && reason === undefined) {
    const packages = [...new Set(missing.map((peer) => peer.package))];
    log(`installing ${packages.join(' ')}`);
    reason = await installPackages(packages);
    missing = await missingPeers();
  }
  const report = missing.map((peer) => ({
    name: peer.name,
    reason: `${reason ?? 'it did not appear'}; it is in Debian's package ${peer.package}`,
  }));
  const without10 = await ensureOpenSsh10(log);
  return without10 === undefined ? report : [...report, { name: 'OpenSSH 10', reason: without10 }];
}

/** @returns {Promise<Peer[]>} */
async function missingPeers() {
  const found = await Promise.all(peers.map(isHere));
  return peers.filter((_, i) => !found[i]);
}

/**
 * @param {Peer} peer
 * @returns {Promise<boolean>}
 */
async function isHere(peer) {
  if (peer.module === undefined) return findProgram(peer.program ?? peer.name) !== undefined;
  // Debian's modules belong to the system's python3, not to another one that PATH may name first.
  return (await run(['/usr/bin/python3', '-c', `import ${peer.module}`])).status === 0;
}

/** @returns {string | undefined} why nothing can be installed */
function whyNotInstall() {
  if (process.env.NACRE_PEERS === 'keep') return 'NACRE_PEERS=keep forbids installing';
  if (findProgram('apt-get') === undefined || !existsSync('/etc/debian_version')) return 'this is no Debian';
  if (process.getuid?.() !== 0) return 'only root may install packages';
  return undefined;
}

/**
 * @param {string[]} packages
 * @returns {Promise<string | undefined>} why it failed
 */
async function installPackages(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const guard = forbidServices();
  try {
    const install = ['apt-get', 'install', '-y', '-q', '--no-install-recommends', ...packages];
    let result = await run(install, { env, timeoutMs: 8 * 60_000 });
    if (result.status !== 0) {
      // Most often the package lists are missing or old.
      await run(['apt-get', 'update', '-q'], { env, timeoutMs: 4 * 60_000 });
      result = await run(install, { env, timeoutMs: 8 * 60_000 });
    }
    if (result.status === 0) return undefined;
    return `apt-get failed: ${lastLine(result.output)}`;
  } finally {
    guard.remove();
  }
}

/** Debian's packages start their daemons once installed unless policy-rc.d says no (101). */
function forbidServices() {
  const path = '/usr/sbin/policy-rc.d';
  if (existsSync(path)) return { remove() {} };
  writeFileSync(path, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  return { remove: () => rmSync(path, { force: true }) };
}

/**
 * @param {(line: string) => void} log
 * @returns {Promise<string | undefined>} why it is not here
 */
async function ensureOpenSsh10(log) {
  if (existsSync(join(openSsh10Folder, 'usr', 'sbin', 'sshd'))) return undefined;
  if (process.env.NACRE_PEERS === 'keep') return 'NACRE_PEERS=keep forbids fetching';
  if (process.platform !== 'linux' || findProgram('dpkg') === undefined) return 'this is no Debian';
  const codename = /^VERSION_CODENAME=(.*)$/m.exec(readIfThere('/etc/os-release'))?.[1];
  if (codename !== 'bookworm') return `its package is taken from bookworm-backports, this is ${codename ?? 'unknown'}`;
  log('fetching OpenSSH 10 from bookworm-backports');
  mkdirSync(dirname(openSsh10Folder), { recursive: true });
  // Made elsewhere and moved in one step: two test runs may be at it at once.
  const work = mkdtempSync(join(dirname(openSsh10Folder), 'fetch-'));
  try {
    const failure = await fetchBackports(work);
    if (failure !== undefined) return failure;
    if (!existsSync(openSsh10Folder)) renameSync(join(work, 'root'), openSsh10Folder);
    return undefined;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/**
 * Downloads and unpacks the packages with a sources file and list folder of their own, so that the machine's apt keeps
 * knowing nothing of backports.
 *
 * @param {string} work
 * @returns {Promise<string | undefined>} why it failed
 */
async function fetchBackports(work) {
  for (const folder of ['sources', 'lists/partial', 'cache/archives/partial', 'packages', 'root']) {
    mkdirSync(join(work, folder), { recursive: true });
  }
  writeFileSync(
    join(work, 'sources', 'backports.sources'),
    `Types: deb\nURIs: ${debianMirror()}\nSuites: bookworm-backports\nComponents: main\n` +
      'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n',
  );
  const own = [
    'Dir::Etc::sourcelist=/dev/null',
    `Dir::Etc::sourceparts=${join(work, 'sources')}`,
    `Dir::State::Lists=${join(work, 'lists')}`,
    `Dir::Cache=${join(work, 'cache')}`,
    // Root's downloads go through the user _apt, who cannot enter a private folder.
    'APT::Sandbox::User=root',
  ].flatMap((setting) => ['-o', setting]);
  const packages = join(work, 'packages');
  for (const argv of [
    ['apt-get', ...own, 'update', '-q'],
    ['apt-get', ...own, '-t', 'bookworm-backports', 'download', '-q', ...backportPackages],
  ]) {
    const { status, output } = await run(argv, { cwd: packages, timeoutMs: 3 * 60_000 });
    if (status !== 0) return `apt-get failed: ${lastLine(output)}`;
  }
  for (const file of readdirSync(packages)) {
    const { status, output } = await run(['dpkg', '-x', join(packages, file), join(work, 'root')]);
    if (status !== 0) return `dpkg -x ${file} failed: ${lastLine(output)}`;
  }
  const { status, output } = await run([join(work, 'root', 'usr', 'bin', 'ssh'), '-V']);
  if (status !== 0 || !output.startsWith('OpenSSH_10')) return `it does not run here: ${lastLine(output)}`;
  return undefined;
}

/** The mirror that this machine's apt is set up for. */
function debianMirror() {
  const folder = '/etc/apt/sources.list.d';
  const files = existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
  for (const file of [...files, '/etc/apt/sources.list']) {
    if (!/\.(list|sources)$/.test(file) || !existsSync(file) || !statSync(file).isFile()) continue;
    const address = /^(?:URIs:|deb )\s*(?:\[[^\]]*\]\s*)?(\S+\/debian\/?)(?:\s|$)/m.exec(
      readFileSync(file, 'utf8'),
    )?.[1];
    if (address !== undefined) return address;
  }
  return 'http://deb.debian.org/debian';
}

/** @param {string} path */
function readIfThere(path) {
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

/** @param {string} output */
function lastLine(output) {
  return output.trim().split('\n').at(-1) ?? '';
}

if (isMain(import.meta.url)) {
  const missing = await ensurePeers();
  for (const { name, reason } of missing) console.log(`not here: ${name}: ${reason}`);
  if (missing.length === 0) console.log('every peer is here');
}
