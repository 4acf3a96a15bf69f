/** `~&`: gives the shell its prompt back while this process goes on in the background. */
import { spawn } from 'node:child_process';
import { closeSync } from 'node:fs';

/**
 * Node cannot fork, so the process that the shell waits for cannot leave a copy behind. It stops instead, as Ctrl-Z does, until
 * the shell has taken the terminal back, and is then continued: the shell shows it as a job that runs. Where no shell with job
 * control waits for it, it goes on after two seconds, and whoever waits goes on waiting.
 */
export async function leaveTerminal(): Promise<void> {
  // A job of the shell's is told when the terminal goes; what OpenSSH leaves behind is not.
  process.removeAllListeners('SIGHUP');
  process.on('SIGHUP', () => {});
  process.once('exit', forgetTerminal);
  spawn('/bin/sh', ['-c', continueScript, 'sh', String(process.pid)], { stdio: 'ignore', detached: true }).unref();
  process.kill(process.pid, 'SIGTSTP');
}

/** Continues a process once it is stopped and another process group has the terminal. Fields as proc(5) and ps(1) have them. */
const continueScript = `
pid=$1 tries=0
while [ $tries -lt 40 ]; do
  if [ -r "/proc/$pid/stat" ]; then
    read -r line <"/proc/$pid/stat"
    set -- \${line##*) }
    set -- "$1" "$3" "$6"
  else
    set -- $(ps -o stat= -o pgid= -o tpgid= -p "$pid")
  fi
  case $1 in T*) [ "$2" != "$3" ] && break ;; esac
  tries=$((tries + 1))
  sleep 0.05
done
kill -CONT "$pid"
`;

/** At its exit Node sets every terminal back to what it was at the start, which by then is another program's affair. */
function forgetTerminal(): void {
  for (const fd of [0, 1, 2]) {
    try {
      closeSync(fd);
    } catch {
      // Closed already.
    }
  }
}
